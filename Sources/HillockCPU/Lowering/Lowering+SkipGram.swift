import CKernels
import HillockCore

extension SkipGramStep: CompositeKernel {
    func hasKernel(for inputs: [TensorType]) -> Bool { inputs[0].dtype == .float32 && inputs[0].shape[0] <= 1 << 30 }

    func lower(_ call: CompositeCall, in lowering: inout Lowering) throws {
        let sources = try call.operands.prefix(4).map { try lowering.plainBuffer($0) }
        let rate = try lowering.cell(call.operands[4])
        let type = lowering.program.type(of: call.operands[0])
        let targets = call.results.map { $0.map { lowering.makeBuffer(for: $0) } ?? lowering.makeTemporary(byteCount: type.byteCount) }
        let slots = lowering.program.type(of: call.operands[3]).shape
        lowering.steps.append(SkipGramKernelStep(type.shape, slots, period: period, sources, rate, targets))
    }
}

/// Changes two tables of word vectors.
final class SkipGramKernelStep: InPlaceStep {
    private let table: Shape
    private let slots: Shape
    private let period: Int
    private let sources: [BufferID]
    private let rate: BufferID
    private let targets: [BufferID]

    init(_ table: Shape, _ slots: Shape, period: Int, _ sources: [BufferID], _ rate: BufferID, _ targets: [BufferID]) {
        self.table = table
        self.slots = slots
        self.period = period
        self.sources = sources
        self.rate = rate
        self.targets = targets
    }

    var reads: [BufferID] { sources + [rate] }
    var writes: [BufferID] { targets }
    var scratchByteCount: Int { 0 }
    var overlays: [(source: BufferID, target: BufferID)] { [(sources[0], targets[0]), (sources[1], targets[1])] }

    func run(_ pointers: UnsafePointer<UnsafeMutableRawPointer>, scratch: UnsafeMutableRawPointer) throws {
        for (source, target) in overlays where pointers[source] != pointers[target] {
            pointers[target].copyMemory(from: pointers[source], byteCount: table.count * 4)
        }
        var batch = hk_skip_gram_batch()
        (batch.vocabulary, batch.dimensions) = (Int64(table[0]), Int64(table[1]))
        (batch.count, batch.slots, batch.period) = (Int64(slots[0]), Int64(slots[1]), Int64(period))
        batch.centers = UnsafePointer(pointers[sources[2]].assumingMemoryBound(to: Int32.self))
        batch.targets = UnsafePointer(pointers[sources[3]].assumingMemoryBound(to: Int32.self))
        batch.rate = pointers[rate].load(as: Float.self)
        let bad = hk_skip_gram(
            &batch, pointers[targets[0]].assumingMemoryBound(to: Float.self), pointers[targets[1]].assumingMemoryBound(to: Float.self))
        if bad == -1 { return }
        let (name, word) = bad < -1 ? ("center \(-2 - bad)", batch.centers[Int(-2 - bad)]) : ("target \(bad)", batch.targets[Int(bad)])
        throw ShapeError(SkipGramStep.name, "\(name) is word \(word), which a vocabulary of \(table[0]) does not have")
    }

    var explanation: String { "skip-gram \(table), \(slots) targets" }
}
