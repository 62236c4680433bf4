import Synchronization

/// Asks a running training to stop after the step it is in; may be set from any thread, and from a signal handler.
public final class StopRequest: Sendable {
    private let flag = Atomic<Bool>(false)

    /// Not asked yet.
    public init() {}

    /// Whether training was asked to stop.
    public var isRequested: Bool { flag.load(ordering: .relaxed) }

    /// Asks training to stop.
    public func request() { flag.store(true, ordering: .relaxed) }
}
