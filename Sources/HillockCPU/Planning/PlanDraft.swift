import HillockCore

/// A program as steps over buffers, on its way to a plan: what the stages of ``Planner`` hand on.
package struct PlanDraft {
    /// A step, and the position of the instruction that it is made for, if it is for one.
    package struct Entry {
        package var step: any Step
        package var origin: Int?
    }

    /// The program after all passes.
    package let program: Program
    /// All pieces of memory, each with what it is and the layout of what is in it.
    package var buffers: [BufferInfo]
    /// What is done, in order.
    package var steps: [Entry]
    /// Where each of the program's outputs is.
    package var results: [(buffer: BufferID, type: TensorType)]
    /// Buffers that have no memory of their own but that of another, which is written over them: the other, by theirs.
    package var homes: [BufferID: BufferID] = [:]
    /// Results that may take the memory of arguments.
    package var donations: [Donation] = []
    /// The first steps, where they need not run every time.
    package var prologue: PrologueChoice?
    /// Where temporaries are.
    package var arena: MemoryPlan?
    /// What choosing among algorithms took.
    package let tuning: TuningSummary

    init(
        program: Program, buffers: [BufferInfo], steps: [Entry], results: [(buffer: BufferID, type: TensorType)],
        tuning: TuningSummary = .init()
    ) {
        (self.program, self.buffers, self.steps, self.results, self.tuning) = (program, buffers, steps, results, tuning)
    }

    /// The buffer in whose memory a buffer is: itself, or the last of those that are written over it.
    package func root(_ buffer: BufferID) -> BufferID {
        var root = buffer
        while let home = homes[root] { root = home }
        return root
    }

    /// What the memory is that a buffer is in.
    package func kind(_ buffer: BufferID) -> BufferInfo.Kind { buffers[root(buffer)].kind }

    /// Whether a buffer is in the arena.
    package func isTemporary(_ buffer: BufferID) -> Bool {
        if case .temporary = kind(buffer) { true } else { false }
    }

    /// The last step that reads a buffer, for each that is read.
    var lastReads: [BufferID: Int] {
        var last: [BufferID: Int] = [:]
        for (position, entry) in steps.enumerated() {
            for buffer in entry.step.reads { last[buffer] = position }
        }
        return last
    }
}

/// A result that may be written over an argument that is dead by then.
package struct Donation: Hashable {
    /// Position among the program's inputs.
    package let argument: Int
    /// Position among its outputs.
    package let result: Int

    package init(argument: Int, result: Int) { (self.argument, self.result) = (argument, result) }
}

/// Steps at the beginning that depend on parameters alone.
package struct PrologueChoice {
    /// How many steps.
    package let count: Int
    /// What they leave for the others, in memory of its own.
    package let kept: [BufferID]
    /// The arguments that they depend on.
    package let arguments: [Int]

    package init(count: Int, kept: [BufferID], arguments: [Int]) {
        (self.count, self.kept, self.arguments) = (count, kept, arguments)
    }
}
