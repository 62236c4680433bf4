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
        /// By the number of its notes, which go when its elements do, by death or by being overwritten.
        case buffer(notes: UInt64)
        case scalar(Scalar)
    }

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
            storages = try kept.map { try StoragePool.shared.allocate($0.byteCount) }
            for (entry, storage) in zip(kept, storages) { pointers[entry.buffer] = storage.pointer }
        }
        try steps.run(pointers, scratch: scratch, observer)
        seen = arguments.map { position in
            switch values[position] {
            case .buffer(let buffer):
                let notes = buffer.notes as? BufferNotes ?? BufferNotes()
                buffer.notes = notes
                return .buffer(notes: notes.number)
            case .scalar(let scalar): return .scalar(scalar)
            }
        }
    }

    private func isCurrent(_ values: [Argument]) -> Bool {
        guard seen.count == arguments.count else { return false }
        for (position, seen) in zip(arguments, seen) {
            switch (values[position], seen) {
            case (.buffer(let now), .buffer(let then)): if (now.notes as? BufferNotes)?.number != then { return false }
            case (.scalar(let now), .scalar(let then)): if now != then { return false }
            default: return false
            }
        }
        return true
    }
}
