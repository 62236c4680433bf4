import HillockCore
import HillockTraining

/// Profiles some steps of a loop after others that warm it up: plans are made and memory is touched for the first time in the first step.
///
/// As a callback it counts a trainer's steps and, when it has seen enough, asks it to stop:
///
///     let profiler = StepProfiler(warmUp: 5, steps: 20, stopRequest: trainer.stopRequest)
///     trainer.callbacks = [profiler]
///     print(try profiler.run { try trainer.train(on: batches) })
///
/// For a loop of your own there is ``profile(warmUp:steps:_:)``.
public final class StepProfiler: Callback {
    /// Steps before what is profiled.
    public let warmUp: Int
    /// Steps that are profiled.
    public let steps: Int
    /// Steps done so far, those that warm up included.
    public private(set) var stepsDone = 0
    private let stopRequest: StopRequest?
    private let recorder = Recorder()
    private var began: UInt64?
    private var firstStepSeconds: Double?

    /// A profiler of `steps` steps after `warmUp` others; `stopRequest` is what ends the loop.
    public init(warmUp: Int, steps: Int, stopRequest: StopRequest? = nil) {
        self.warmUp = max(0, warmUp)
        self.steps = max(1, steps)
        self.stopRequest = stopRequest
    }

    /// Whether all steps were done that were wanted.
    public var isComplete: Bool { stepsDone >= warmUp + steps }

    /// Runs the loop, and says where the time of the wanted steps went; of those that were done if they were fewer.
    public func run(_ loop: () throws -> Void) rethrows -> Profile {
        try Observation.$observer.withValue(recorder) {
            begin()
            try loop()
        }
        return Profile(recorder, steps: max(0, stepsDone - warmUp), firstStepSeconds: firstStepSeconds)
    }

    /// The first step begins.
    private func begin() {
        began = Observation.now
        if warmUp == 0 { recorder.start() }
    }

    /// A step is done. Returns whether another is wanted.
    @discardableResult
    public func advance() -> Bool {
        stepsDone += 1
        if stepsDone == 1, let began { firstStepSeconds = Double(Observation.now - began) * 1e-9 }
        if isComplete {
            recorder.stop()
            stopRequest?.request()
            return false
        }
        if stepsDone == warmUp { recorder.start() }
        return true
    }

    // MARK: Callback

    /// The trainer is ready: what it did to be so is no part of the first step.
    public func trainingBegan(_ progress: TrainingProgress) { begin() }

    /// Counts.
    public func stepEnded(_ progress: TrainingProgress) { advance() }
}

/// Runs `step` again and again, and says where the time went: kernel by kernel beside what the machine can do, and between kernels.
///
///     print(profile(warmUp: 3, steps: 20) { trainingStep() })
///
/// - Parameters:
///   - warmUp: how often it is run before; the first run makes the plans.
///   - steps: how often it is run and timed.
///   - step: must evaluate what it computes: an optimizer's update does, and so does reading a value.
public func profile(warmUp: Int = 1, steps: Int = 10, _ step: () throws -> Void) rethrows -> Profile {
    let profiler = StepProfiler(warmUp: warmUp, steps: steps)
    return try profiler.run {
        repeat { try phase("step") { try step() } } while profiler.advance()
    }
}
