// A primitive: shape rule, gradient and definition of an operation that others cannot be composed to.
import Glibc
import Hillock

/// StableHLO `tan`.
public struct Tangent: RealFunction {
    /// `tan`
    public static let name = "tan"
    /// `tan`
    public static let stableHLOName = "tan"
    /// tan x
    public func apply(_ x: Double) -> Double { Glibc.tan(x) }
    /// dy · (1 + y²)
    public func derivative(x: Tensor, y: Tensor, dy: Tensor) -> Tensor? { dy * (1 + y * y) }
}

// Only the core applies primitives, so here it is run by hand: a program of one instruction, planned and run by the engine, and its
// gradient rule on tensors.
let x = Tensor([0, 0.5, 1])
let tan = Tangent()
let instruction = Program.Instruction(tan, [0], try tan.outputType(for: [x.type]))
let program = Program(inputs: [.init(type: x.type, isScalar: false)], instructions: [instruction], outputs: [1])
print(program)
var arguments = [Argument.buffer(HostBuffer(try x.hostArray()))]
var results: [DeviceBuffer] = []
try Device.cpu.engine.plan(program).run(&arguments, results: &results)
let y = Tensor(try results[0].hostArray())
print(y)
print(tan.gradient(inputs: [x], output: y, upstream: Tensor.onesLike(y))[0] ?? "none")
