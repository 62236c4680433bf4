import HillockCore

/// Some samples, ready to compute with.
public struct Batch: Sendable {
    /// What the model is given, samples along the first axis: `[B, …]`.
    public let inputs: Tensor
    /// What its outputs are compared with, samples along the first axis: class indices `[B]` of i64 for a classifier.
    public let targets: Tensor

    /// Inputs and targets of the same samples.
    public init(inputs: Tensor, targets: Tensor) {
        self.inputs = inputs
        self.targets = targets
    }

    /// Number of samples.
    public var count: Int { inputs.shape[0] }
}

extension Batch {
    /// The batch with its samples divided along the mesh's axis `data`, which must divide their number.
    public func sharded(on mesh: Mesh, file: StaticString = #fileID, line: UInt = #line) -> Batch {
        Batch(inputs: inputs.sharded(on: mesh, file: file, line: line), targets: targets.sharded(on: mesh, file: file, line: line))
    }

    /// The batch as the current device wants it: divided on a mesh, if that divides the number of samples.
    var placed: Batch {
        guard let mesh = Device.current.mesh, let parts = mesh.size(of: "data"), count % parts == 0 else { return self }
        return sharded(on: mesh)
    }
}

/// Where batches come from.
///
/// A batch is a function of the samples and the epoch alone: nothing is remembered between calls, which may come from any thread.
public protocol BatchSource: Sendable {
    /// Number of samples.
    var sampleCount: Int { get }

    /// Makes a batch of the samples at these indices. `epoch` is what random augmentation may depend on; `nil` asks for none.
    func batch(_ samples: ArraySlice<Int>, epoch: Int?) throws -> Batch
}
