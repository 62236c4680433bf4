/// Asks a training to stop after some steps, as Ctrl-C does.
public final class StepLimit: Callback {
    private let steps: Int
    private let stopRequest: StopRequest
    /// Steps done so far.
    public private(set) var stepsDone = 0

    /// Stops after `steps` steps; `stopRequest` is the trainer's.
    public init(_ steps: Int, stopRequest: StopRequest) {
        self.steps = steps
        self.stopRequest = stopRequest
    }

    /// Whether all steps were done.
    public var isReached: Bool { stepsDone >= steps }

    /// A step is done. Returns whether another is wanted.
    @discardableResult
    public func advance() -> Bool {
        stepsDone += 1
        if isReached { stopRequest.request() }
        return !isReached
    }

    /// Counts.
    public func stepEnded(_ progress: TrainingProgress) { advance() }
}
