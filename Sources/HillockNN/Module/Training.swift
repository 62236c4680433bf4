/// Whether modules are being trained: dropout drops and batch normalisation uses the batch's statistics.
///
/// Task-local: `withTraining { … }` around a training step; everywhere else modules evaluate.
public enum TrainingMode {
    /// Whether modules of this task are being trained.
    @TaskLocal public static var isActive = false
}

/// Runs `body` with modules in training mode (or out of it).
public func withTraining<Result>(_ isActive: Bool = true, _ body: () throws -> Result) rethrows -> Result {
    try TrainingMode.$isActive.withValue(isActive, operation: body)
}
