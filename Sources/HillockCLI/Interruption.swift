import Glibc
import HillockTraining
import Synchronization

/// Ctrl-C, and what `kill` sends: the first asks training to stop after its step, the second ends the program at once.
enum Interruption {
    /// Set by the first signal.
    static let stopRequest = StopRequest()
    private static let count = Atomic<Int>(0)
    /// Whether there was a signal: a stop can be requested otherwise, too.
    static var isInterrupted: Bool { count.load(ordering: .relaxed) > 0 }

    static func install() {
        // Made now: a signal handler must not be the first to touch them.
        _ = stopRequest.isRequested
        _ = count.load(ordering: .relaxed)
        for number in [SIGINT, SIGTERM] {
            signal(number) { _ in
                if Interruption.count.add(1, ordering: .relaxed).oldValue > 0 { _exit(130) }
                Interruption.stopRequest.request()
            }
        }
    }
}
