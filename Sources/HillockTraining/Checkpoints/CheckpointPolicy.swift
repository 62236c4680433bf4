/// When and where a run's checkpoints are written. One is also written at the beginning, after every epoch, and when the run is stopped.
public struct CheckpointPolicy: Sendable, Hashable {
    /// The file, replaced each time.
    public var path: String
    /// Seconds of training after which another is written in the middle of an epoch; `nil` for never.
    public var everySeconds: Double?
    /// Steps after which another is written in the middle of an epoch; `nil` for never.
    public var everySteps: Int?

    /// To this file.
    public init(path: String, everySeconds: Double? = 30, everySteps: Int? = nil) {
        self.path = path
        self.everySeconds = everySeconds
        self.everySteps = everySteps
    }
}
