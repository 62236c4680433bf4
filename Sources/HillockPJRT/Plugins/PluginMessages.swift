import Glibc

/// What plugins write to standard error for their developers.
///
/// Errors come to Hillock as values, so that nothing else need reach the user; one who sets `TF_CPP_MIN_LOG_LEVEL` gets what he asks for.
enum PluginMessages {
    /// Whether the user asked for them; known before Hillock sets the variable itself.
    private static let isWanted: Bool = {
        if Environment.variable("TF_CPP_MIN_LOG_LEVEL") != nil { return true }
        setenv("TF_CPP_MIN_LOG_LEVEL", "3", 1)
        return false
    }()

    /// Runs `body`, which starts a plugin. Until its log is set up the variable does not count there, and standard error leads nowhere meanwhile.
    static func withoutThose<Result>(_ body: () throws(PJRTError) -> Result) throws(PJRTError) -> Result {
        if isWanted { return try body() }
        fflush(nil)
        let kept = dup(STDERR_FILENO)
        let nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC)
        if kept >= 0, nowhere >= 0 { dup2(nowhere, STDERR_FILENO) }
        defer {
            if kept >= 0, nowhere >= 0 { dup2(kept, STDERR_FILENO) }
            for file in [kept, nowhere] where file >= 0 { close(file) }
        }
        return try body()
    }
}
