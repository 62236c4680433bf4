/// Something that runs programs: the native CPU engine, an accelerator's, or the reference.
public protocol Engine: Sendable {
    /// Short name, such as `cpu`.
    var name: String { get }

    /// The grid of the devices that compute together; `nil` for a single one.
    var mesh: Mesh? { get }

    /// Makes a program ready to run; done once for each program and kept.
    /// - Throws: a typed error when the engine cannot run it.
    func plan(_ program: Program) throws -> any Plan
}

extension Engine {
    /// A single device.
    public var mesh: Mesh? { nil }
}

/// A program made ready to run by an engine. Runs of all plans are serialised by the caller.
public protocol Plan: AnyObject {
    /// Computes the program's outputs and appends them to `results`, in order.
    ///
    /// The buffers in `arguments` that the plan finds to be uniquely referenced are dead afterwards: the plan may reuse their memory. The
    /// arrays are the caller's, who keeps their memory for the next run.
    func run(_ arguments: inout [Argument], results: inout [DeviceBuffer]) throws

    /// The plan as text, for people: steps, layouts, memory.
    var explanation: String { get }

    /// What it does step by step; worked out when it is asked for.
    var details: PlanDetails { get }
}

extension Plan {
    /// One step that does it all.
    public var details: PlanDetails { PlanDetails(steps: [PlanDetails.Step(kernel: "program")]) }
}

/// A plan whose arguments and results may lie divided among devices.
package protocol DistributedPlan: Plan {
    /// Says how parameters lie in the next run, among the arguments and among the results; `nil` for what nobody placed.
    func place(arguments: [Sharding?], results: [Sharding?])
}

/// An engine that shows how it makes programs ready: what `explain` prints.
package protocol CompilingEngine: Engine {
    /// The passes of this engine, in order.
    var pipeline: Pipeline { get }

    /// How a program that the pipeline left becomes a plan, stage by stage.
    func planStages(of program: Program) throws -> [PlanDetails.Stage]

    /// The names of these stages.
    var planStageNames: [String] { get }
}

/// An engine that can say what the machine's best is: what `profile` compares kernels with.
package protocol RatedEngine: Engine {
    /// Floating-point operations and bytes in a second, measured now, which takes about 0.2 s.
    func measurePeak() -> (floatingPointOperations: Double, bytes: Double)
    /// What computes, in words: `avx512, 2 threads`.
    var machine: String { get }
}

/// A known value that a plan is run with.
public enum Argument: Sendable {
    /// Elements.
    case buffer(DeviceBuffer)
    /// A number.
    case scalar(Scalar)
}

/// An engine that other modules provide, found by its type's name when it is linked into the program.
public protocol LinkedEngine: Engine {
    /// The engine, ready to use.
    init()
}

/// An engine for one of several devices of several kinds, found by its type's name when its module is linked into the program.
public protocol LinkedAccelerator: Engine {
    /// The names of the kinds that it knows: `cuda`, `tpu` …
    static var kinds: [String] { get }

    /// The engine of the device of a kind with this number, from 0.
    /// - Throws: a typed error that says what is missing, and what to install.
    init(kind: String, ordinal: Int) throws
}

/// An engine for the devices of a mesh, found by its type's name when its module is linked into the program.
public protocol LinkedMeshEngine: Engine {
    /// The engine of the first devices of a kind, as many as the mesh has.
    /// - Throws: a typed error that says what is missing, and what to install.
    init(kind: String, mesh: Mesh) throws
}
