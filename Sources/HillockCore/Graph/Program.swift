/// An unevaluated piece of the graph, numbered canonically: what engines plan and run.
///
/// Value numbers count the inputs first, then one for each instruction, in an order in which operands come before uses. Two graphs that
/// compute the same thing on other numbers are the same program, so a plan made once serves every step of a training loop.
public struct Program: Sendable {
    /// A value that is known when the program runs.
    public struct Input: Hashable, Sendable {
        /// Element type and shape.
        public let type: TensorType
        /// Whether it is a ``Scalar`` known where the graph was built rather than a buffer.
        public let isScalar: Bool
        /// Whether it is the value of a model's parameter or buffer: where nothing updates it, it stays what it is from run to run.
        public let isParameter: Bool

        /// An input of this type.
        public init(type: TensorType, isScalar: Bool, isParameter: Bool = false) {
            self.type = type
            self.isScalar = isScalar
            self.isParameter = isParameter
        }
    }

    /// One operation.
    public struct Instruction: Sendable {
        /// What is computed.
        public let primitive: any Primitive
        /// Value numbers of the inputs.
        public let operands: [Int]
        /// Type of the result.
        public let type: TensorType

        /// An application of `primitive` to the values numbered `operands`.
        public init(_ primitive: any Primitive, _ operands: [Int], _ type: TensorType) {
            self.primitive = primitive
            self.operands = operands
            self.type = type
        }
    }

    /// What the program needs to know.
    public let inputs: [Input]
    /// What it does, in order.
    public let instructions: [Instruction]
    /// Value numbers of the results.
    public let outputs: [Int]

    /// A program of these parts.
    public init(inputs: [Input], instructions: [Instruction], outputs: [Int]) {
        self.inputs = inputs
        self.instructions = instructions
        self.outputs = outputs
    }

    /// Type of a value by its number.
    public func type(of value: Int) -> TensorType {
        value < inputs.count ? inputs[value].type : instructions[value - inputs.count].type
    }
}

extension Program: Hashable {
    /// Same inputs, operations, attributes, types and outputs.
    public static func == (a: Program, b: Program) -> Bool {
        a.inputs == b.inputs && a.outputs == b.outputs && a.instructions.count == b.instructions.count
            && zip(a.instructions, b.instructions).allSatisfy {
                $0.operands == $1.operands && $0.type == $1.type && $0.primitive.isEqual(to: $1.primitive)
            }
    }

    /// Hashes inputs, operations and outputs.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(inputs)
        hasher.combine(outputs)
        for instruction in instructions {
            hasher.combine(instruction.primitive.identityHash)
            hasher.combine(instruction.operands)
        }
    }
}

extension Program: CustomStringConvertible {
    /// The program as text, one instruction a line: `%2 = add %0, %1 : f32[2, 3]`.
    public var description: String {
        var lines = inputs.enumerated().map { "%\($0.offset) = \($0.element.isScalar ? "scalar" : "input") : \($0.element.type)" }
        for (offset, instruction) in instructions.enumerated() {
            let operands = instruction.operands.map { "%\($0)" }.joined(separator: ", ")
            let name = Swift.type(of: instruction.primitive).name
            let (attributes, piece) = Self.attributes(of: instruction)
            let gap = operands.isEmpty ? "" : " "
            lines.append("%\(inputs.count + offset) = \(name)\(attributes)\(gap)\(operands) : \(instruction.type)")
            // What a fused operation is made of, with inputs of its own numbered from 0.
            lines += piece?.description.split(separator: "\n").filter { !$0.contains(" = input : ") }.map { "    " + $0 } ?? []
        }
        lines.append("return \(outputs.map { "%\($0)" }.joined(separator: ", "))")
        return lines.joined(separator: "\n")
    }

    /// A primitive's settings as text, but for the type of its result, which is printed anyway, and a dtype that is not stated; and the
    /// program that it holds, if it does.
    private static func attributes(of instruction: Instruction) -> (text: String, piece: Program?) {
        var settings: [String] = []
        var piece: Program?
        for child in Mirror(reflecting: instruction.primitive).children {
            if child.value as? TensorType == instruction.type || child.value as? Shape == instruction.type.shape { continue }
            if child.value is DType?, !(child.value is DType) { continue }
            if let program = child.value as? Program {
                piece = program
            } else {
                settings.append("\(child.label.map { "\($0): " } ?? "")\(child.value as? DType ?? child.value)")
            }
        }
        return (settings.isEmpty ? "" : "(\(settings.joined(separator: ", ")))", piece)
    }
}
