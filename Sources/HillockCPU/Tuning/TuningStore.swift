import CKernels
import COneDNN
import Glibc
import Synchronization

/// What was found fastest on this machine, kept in a file from process to process.
///
/// A line holds a question and its answer: the operation with its shapes, a tab, the name of the algorithm. The file's name holds the
/// instruction set and oneDNN's version. A decision, once written, stands, also one by rule where there was no time left for timing: the same
/// program gives the same bits in every later process, and a run that is resumed those of one that never stopped.
///
/// Without a place to write (`HILLOCK_TUNING=off`, no home folder, a full disk) nothing is timed and rules by shape decide instead.
package final class TuningStore: Sendable {
    /// The store that plans made in this task ask.
    @TaskLocal package static var current = TuningStore(path: TuningStore.defaultPath())

    /// Seconds that timing may take in each plan.
    let budget: Double
    private let path: String?
    private struct State {
        /// By question, those of the file first. Versions that know different algorithms may each have one.
        var answers: [String: [String]] = [:]
        var isRead = false
        var isWritable = true
    }
    private let state = Mutex(State())

    /// A store in a file; in none if `path` is `nil`.
    package init(path: String?, budget: Double = 0.25) { (self.path, self.budget) = (path, budget) }

    /// `$XDG_CACHE_HOME/hillock/tuning/…`, or under `~/.cache`; `HILLOCK_TUNING` names another folder, or is `off`.
    static func defaultPath() -> String? {
        func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 } }
        let chosen = variable("HILLOCK_TUNING")
        if chosen == "off" { return nil }
        guard let folder = chosen ?? (variable("XDG_CACHE_HOME") ?? variable("HOME").map { $0 + "/.cache" }).map({ $0 + "/hillock/tuning" })
        else {
            return nil
        }
        let version = String(cString: hd_version()).filter { $0.isLetter || $0.isNumber || $0 == "." }
        return "\(folder)/\(String(cString: hk_isa()))-\(version).txt"
    }

    /// Whether decisions can be kept, so that it is worth timing.
    package var isAvailable: Bool {
        state.withLock { state in
            read(&state)
            return path != nil && state.isWritable
        }
    }

    /// The answers to a question, the first that makes sense to who asks being the one that stands.
    package func answers(_ question: String) -> [String] {
        state.withLock { state in
            read(&state)
            return state.answers[question] ?? []
        }
    }

    /// Decides a question for good.
    package func decide(_ question: String, _ answer: String) {
        state.withLock { state in
            guard add(answer, to: question, &state), let path, state.isWritable else { return }
            state.isWritable = Self.append("\(question)\t\(answer)\n", to: path)
        }
    }

    /// Whether the answer is new.
    private func add(_ answer: String, to question: String, _ state: inout State) -> Bool {
        read(&state)
        guard state.answers[question]?.contains(answer) != true else { return false }
        state.answers[question, default: []].append(answer)
        return true
    }

    /// Reads the file once; lines that make no sense are passed over.
    private func read(_ state: inout State) {
        guard !state.isRead else { return }
        state.isRead = true
        guard let path else { return }
        state.isWritable = Self.makeFolder(of: path) && Self.append("", to: path)
        guard let file = fopen(path, "re") else { return }
        defer { fclose(file) }
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(line) }
        while getline(&line, &capacity, file) > 0 {
            guard let line else { break }
            let parts = String(cString: line).split(separator: "\t", maxSplits: 1)
            guard parts.count == 2, parts[1].last == "\n" else { continue }
            state.answers[String(parts[0]), default: []].append(String(parts[1].dropLast()))
        }
    }

    /// Appends in one write, so that lines of several processes do not mix.
    private static func append(_ text: String, to path: String) -> Bool {
        let file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard file >= 0 else { return false }
        defer { close(file) }
        return text.withCString { write(file, $0, strlen($0)) } == text.utf8.count
    }

    private static func makeFolder(of path: String) -> Bool {
        var folder = ""
        for part in path.split(separator: "/").dropLast() {
            folder += "/" + part
            if mkdir(folder, 0o755) != 0, errno != EEXIST { return false }
        }
        return true
    }
}
