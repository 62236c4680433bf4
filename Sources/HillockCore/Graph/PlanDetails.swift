/// What a plan does, in words and numbers: for `explain`, `profile` and logs.
public struct PlanDetails: Sendable, Hashable {
    /// A call of a kernel.
    public struct Step: Sendable, Hashable {
        /// What is computed, with shapes and layouts, and by what: `conv [64, 1, 28, 28] ∗ [32, 1, 3, 3] + bias, relu: jit:avx512_core`.
        public var kernel: String
        /// The values read, each with its layout unless it is plain: `%3`, `%17 nChw16c`.
        public var reads: [String]
        /// The values written.
        public var writes: [String]
        /// Floating-point operations of matrix products and convolutions, 2 for each multiplication and addition; nothing else is counted.
        public var floatingPointOperations: Int
        /// Bytes that have to be moved at least: what is read and what is written, each once.
        public var byteCount: Int

        /// A step of these parts.
        public init(kernel: String, reads: [String] = [], writes: [String] = [], floatingPointOperations: Int = 0, byteCount: Int = 0) {
            self.kernel = kernel
            self.reads = reads
            self.writes = writes
            self.floatingPointOperations = floatingPointOperations
            self.byteCount = byteCount
        }
    }

    /// A decision on the way from a program to its plan.
    public struct Stage: Sendable, Hashable {
        /// The name that `explain --pass` takes and `HILLOCK_PASSES` switches.
        public var name: String
        /// What is decided, in a line.
        public var summary: String
        /// What was decided, a line each; empty where there was nothing to decide.
        public var decisions: [String]
        /// The steps after it; empty where they are those of the stage before.
        public var steps: [Step]

        /// A stage of these parts.
        public init(name: String, summary: String, decisions: [String] = [], steps: [Step] = []) {
            self.name = name
            self.summary = summary
            self.decisions = decisions
            self.steps = steps
        }
    }

    /// What is done, in order.
    public var steps: [Step]
    /// How memory is used, a line each: the arena, results, what is written over what.
    public var memory: [String]

    /// Details of these parts.
    public init(steps: [Step], memory: [String] = []) {
        self.steps = steps
        self.memory = memory
    }
}

extension PlanDetails: CustomStringConvertible {
    /// A line for each step: number, kernel, what it reads and writes; then how memory is used.
    public var description: String { (Self.lines(of: steps) + memory).joined(separator: "\n") }

    /// A numbered line for each step.
    private static func lines(of steps: [Step]) -> [String] {
        let width = "\(steps.count)".count
        return steps.enumerated().map { position, step in
            let number = "\(position)"
            let values = "\(step.reads.joined(separator: ", "))\(step.reads.isEmpty ? "" : " ")→ \(step.writes.joined(separator: ", "))"
            return String(repeating: " ", count: width - number.count) + "\(number)  \(step.kernel)  (\(values))"
        }
    }
}
