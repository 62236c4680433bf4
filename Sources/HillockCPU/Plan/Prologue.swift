import HillockCore

/// Steps that depend on parameters alone, such as folding and transforming weights: run once, for as long as the parameters stay the same.
final class Prologue {
    let steps: ArraySlice<any Step>
    /// What they leave for the other steps.
    private let kept: [(buffer: BufferID, byteCount: Int)]
    /// The arguments that they depend on.
    private let arguments: [Int]
    private var storages: [Storage] = []
    private var seen: [Seen] = []

    /// An argument as it was when the steps ran.
    private enum Seen {
        case buffer(Weak)
        case scalar(Scalar)
    }

    /// The notes of a buffer: they go when its elements do, by death or by being overwritten.
    private struct Weak { weak var notes: BufferNotes? }

    init(steps: ArraySlice<any Step>, kept: [(buffer: BufferID, byteCount: Int)], arguments: [Int]) {
        self.steps = steps
        self.kept = kept
        self.arguments = arguments
    }

    /// Runs the steps, unless all that they depend on is what it was.
    func run(
        _ values: inout [Argument], _ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>, scratch: UnsafeMutableRawPointer,
        _ observer: (any PlanObserver)?
    ) throws {
        if isCurrent(values) { return }
        seen = []
        if storages.isEmpty {
            storages = kept.map { StoragePool.shared.allocate($0.byteCount) }
            for (entry, storage) in zip(kept, storages) { pointers[entry.buffer] = storage.pointer }
        }
        try steps.run(pointers, scratch: scratch, observer)
        seen = arguments.map { position in
            switch values[position] {
            case .buffer(let buffer):
                let notes = buffer.notes as? BufferNotes ?? BufferNotes()
                buffer.notes = notes
                return .buffer(Weak(notes: notes))
            case .scalar(let scalar): return .scalar(scalar)
            }
        }
    }

    private func isCurrent(_ values: [Argument]) -> Bool {
        guard seen.count == arguments.count else { return false }
        for (position, seen) in zip(arguments, seen) {
            switch (values[position], seen) {
            case (.buffer(let now), .buffer(let then)): if then.notes == nil || now.notes !== then.notes { return false }
            case (.scalar(let now), .scalar(let then)): if now != then { return false }
            default: return false
            }
        }
        return true
    }

    /// For people.
    var explanation: String {
        let first =
            steps.count == 1 ? "step 0 needs parameters alone and runs" : "steps 0 to \(steps.count - 1) need parameters alone and run"
        let byteCount = kept.reduce(0) { $0 + $1.byteCount }
        return "prologue: \(first) once for the same parameters; what is left for the other steps is kept, \(ByteText.of(byteCount))"
    }
}

extension Lowering {
    /// Moves the steps that depend on parameters alone to the front; `nil` where there are none, or where the program updates a parameter.
    mutating func takePrologue(_ donations: [Donation]) -> Prologue? {
        guard PassSelection.current.includes("prologue"), !donations.contains(where: { program.inputs[$0.argument].isParameter }) else {
            return nil
        }
        var writers: [BufferID: Int] = [:]
        for step in steps { for buffer in step.writes { writers[buffer, default: 0] += 1 } }
        /// Arguments that a buffer was computed from; `nil` where something else than parameters and numbers is among them.
        var sources: [BufferID: Set<Int>] = [:]
        for (id, buffer) in buffers.enumerated() {
            switch buffer.kind {
            case .argument(let argument) where program.inputs[argument].isParameter: sources[id] = [argument]
            case .scalar(let argument): sources[id] = [argument]
            case .constant: sources[id] = []
            default: break
            }
        }
        func isParameterAmong(_ arguments: Set<Int>) -> Bool { arguments.contains { program.inputs[$0].isParameter } }
        var early: [any Step] = []
        var others: [any Step] = []
        var needed: Set<Int> = []
        for step in steps {
            let known = step.reads.compactMap { sources[$0] }
            let union = known.reduce(into: Set<Int>()) { $0.formUnion($1) }
            let isAlone = step.writes.allSatisfy { buffer in
                if case .temporary = buffers[buffer].kind { return writers[buffer] == 1 && !step.reads.contains(buffer) }
                return false
            }
            if known.count == step.reads.count, isAlone, isParameterAmong(union) {
                early.append(step)
                needed.formUnion(union)
                for buffer in step.writes { sources[buffer] = union }
            } else {
                others.append(step)
            }
        }
        if early.isEmpty { return nil }
        let written = Set(early.flatMap(\.writes))
        let kept = Set(others.flatMap(\.reads)).intersection(written).sorted()
        for buffer in kept { buffers[buffer].kind = .kept }
        steps = early + others
        return Prologue(steps: steps.prefix(early.count), kept: kept.map { ($0, buffers[$0].byteCount) }, arguments: needed.sorted())
    }
}
