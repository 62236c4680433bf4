import CKernels

/// Builds and runs element-wise programs.
struct Machine {
    private var operands: [hk_operand] = []
    private var types: [UInt8] = []
    private var code: [hk_instruction] = []

    /// Declares an input; all inputs come before the first instruction.
    mutating func input(_ type: UInt8, scalar: Bool = false, strides: [Int]? = nil) -> UInt16 {
        var operand = hk_operand()
        operand.type = type
        operand.kind = UInt8((scalar ? hk_operand_scalar : strides == nil ? hk_operand_contiguous : hk_operand_strided).rawValue)
        withUnsafeMutableBytes(of: &operand.strides) { bytes in
            for (axis, stride) in (strides ?? []).enumerated() {
                bytes.storeBytes(of: Int64(stride), toByteOffset: axis * 8, as: Int64.self)
            }
        }
        operands.append(operand)
        types.append(type)
        return UInt16(types.count - 1)
    }

    /// A register to write to.
    mutating func register(_ type: UInt8) -> UInt16 {
        types.append(type)
        return UInt16(types.count - 1)
    }

    /// Appends an instruction; without `into` its result goes to a new register of type `result` (the operands' if nil).
    @discardableResult
    mutating func emit(
        _ op: hk_op, _ type: UInt8, _ a: UInt16, _ b: UInt16 = 0, _ c: UInt16 = 0, result: UInt8? = nil, into: UInt16? = nil
    ) -> UInt16 {
        let dst = into ?? register(result ?? type)
        code.append(hk_instruction(op: UInt8(op.rawValue), type: type, dst: dst, a: a, b: b, c: c))
        return dst
    }

    /// Runs the program; `offset` is where the first element of the last input stands, in bytes.
    func run(
        _ extents: [Int], _ inputs: [Memory], _ outputs: [(register: UInt16, memory: Memory)],
        folds: [(fold: hk_fold, memory: Memory)] = [], offset: Int = 0
    ) {
        var program = hk_elementwise_program()
        program.rank = Int32(extents.count)
        withUnsafeMutableBytes(of: &program.extents) { bytes in
            for (axis, extent) in extents.enumerated() {
                bytes.storeBytes(of: Int64(extent), toByteOffset: axis * 8, as: Int64.self)
            }
        }
        program.input_count = Int32(inputs.count)
        program.output_count = Int32(outputs.count)
        program.register_count = Int32(types.count)
        program.instruction_count = Int32(code.count)
        let registers = outputs.map(\.register), outputTypes = outputs.map { types[Int($0.register)] }
        let memory: [UnsafeMutableRawPointer?] = outputs.map(\.memory.start) + folds.map(\.memory.start)
        let ends = folds.map(\.fold)
        program.fold_count = Int32(ends.count)
        var sources: [UnsafeRawPointer?] = inputs.map { UnsafeRawPointer($0.start) }
        if offset != 0, let last = sources[sources.count - 1] { sources[sources.count - 1] = last + offset }
        operands.withUnsafeBufferPointer { operands in
            registers.withUnsafeBufferPointer { registers in
                outputTypes.withUnsafeBufferPointer { outputTypes in
                    types.withUnsafeBufferPointer { types in
                        code.withUnsafeBufferPointer { code in
                            program.inputs = operands.baseAddress
                            program.output_registers = registers.baseAddress
                            program.output_types = outputTypes.baseAddress
                            program.register_types = types.baseAddress
                            program.code = code.baseAddress
                            ends.withUnsafeBufferPointer { ends in
                                program.folds = ends.baseAddress
                                withExtendedLifetime((inputs, outputs, folds)) { hk_elementwise(&program, sources, memory) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Applies one operation to whole arrays.
func apply<T: Element, R: Element>(_ op: hk_op, _ a: [T], _ b: [T], _ c: [T], result: UInt8, zero: R) -> [R] {
    var machine = Machine()
    let inputs = [a, b, c].map { _ in machine.input(T.type) }
    let out = machine.emit(op, T.type, inputs[0], inputs[1], inputs[2], result: result)
    let output = Memory(repeating: zero, count: a.count)
    machine.run([a.count], [Memory(a), Memory(b), Memory(c)], [(out, output)])
    return output.array()
}
