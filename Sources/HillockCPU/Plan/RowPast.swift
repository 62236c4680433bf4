import CKernels
import HillockCore

/// Which rows of a table an optimizer has ever changed, as its slots say it: a step need not look at the others.
///
/// Kept with the slots that a step has left (``BufferNotes``), and believed by the next step only if it is given those. Marks are only
/// ever added, so that older slots of the same table may share them.
final class RowPast {
    let marks: Storage
    /// Whether the marks say it already.
    fileprivate(set) var isKnown = false

    /// - Parameter units: of rows, see `hk_optimizer_unit_rows`.
    init(units: Int) throws { marks = try StoragePool.shared.allocate(Swift.max(units, 1)) }
}

/// A table among the parameters of an optimizer's step whose gradient is rows: where its slots come from and where they go.
struct OptimizerTable {
    private let step: OptimizerStep
    /// Position among the step's parameters.
    private let parameter: Int
    /// The slots among the plan's arguments, and among its results.
    private let arguments: [Int]
    private let results: [Int]

    /// All of a plan, for whose slots a result may be written over an argument.
    static func all(in draft: PlanDraft) -> [OptimizerTable] {
        draft.steps.compactMap { $0.step as? OptimizerStep }.flatMap { step in
            step.tables.compactMap { table in
                var (arguments, results): ([Int], [Int]) = ([], [])
                for (source, target) in table.slots {
                    guard case .argument(let argument) = draft.kind(source), case .result(let result) = draft.kind(target) else {
                        return nil
                    }
                    arguments.append(argument)
                    results.append(result)
                }
                if arguments.isEmpty { return nil }
                return OptimizerTable(step: step, parameter: table.parameter, arguments: arguments, results: results)
            }
        }
    }

    /// Gives the step what is remembered of its slots.
    func recall(_ values: [Argument]) throws {
        func past(of position: Int) -> RowPast? {
            if case .buffer(let buffer) = values[position] { (buffer.notes as? BufferNotes)?.past } else { nil }
        }
        let first = past(of: arguments[0])
        let isSame = arguments.allSatisfy { past(of: $0) === first }
        try step.recall(isSame ? first : nil, ofParameter: parameter)
    }

    /// Keeps what the step knows with the slots that it left.
    func remember(with values: ArraySlice<DeviceBuffer>) {
        guard let past = step.past(ofParameter: parameter) else { return }
        past.isKnown = true
        for result in results {
            let notes = BufferNotes()
            notes.past = past
            values[values.startIndex + result].notes = notes
        }
    }
}
