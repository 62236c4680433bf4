// Reverse-mode differentiation of scalars, the whole of it: what Hillock does to arrays, done to one number at a time.
import Glibc

/// An operation: what it computes, and its gradient, written in the same operations.
protocol Operation {
    /// The result for these inputs.
    func evaluate(_ x: [Double]) -> Double
    /// From the gradient with respect to the output `y` (`dy`) to the gradients with respect to the inputs `x`.
    func gradient(_ x: [Value], _ y: Value, _ dy: Value) -> [Value]
}

/// A number that knows how it is computed. Nothing is computed before ``number`` is read, and then only once.
final class Value {
    let operation: any Operation
    let inputs: [Value]
    lazy var number: Double = operation.evaluate(inputs.map(\.number))

    init(_ operation: any Operation, _ inputs: Value...) {
        self.operation = operation
        self.inputs = inputs
    }

    convenience init(_ number: Double) { self.init(Constant(number: number)) }
}

// MARK: - Operations

struct Constant: Operation {
    let number: Double
    func evaluate(_ x: [Double]) -> Double { number }
    func gradient(_ x: [Value], _ y: Value, _ dy: Value) -> [Value] { [] }
}

struct Add: Operation {
    func evaluate(_ x: [Double]) -> Double { x[0] + x[1] }
    func gradient(_ x: [Value], _ y: Value, _ dy: Value) -> [Value] { [dy, dy] }
}

struct Multiply: Operation {
    func evaluate(_ x: [Double]) -> Double { x[0] * x[1] }
    func gradient(_ x: [Value], _ y: Value, _ dy: Value) -> [Value] { [dy * x[1], dy * x[0]] }
}

struct HyperbolicTangent: Operation {
    func evaluate(_ x: [Double]) -> Double { Glibc.tanh(x[0]) }
    func gradient(_ x: [Value], _ y: Value, _ dy: Value) -> [Value] { [dy * (Value(1) - y * y)] }
}

func + (a: Value, b: Value) -> Value { Value(Add(), a, b) }
func * (a: Value, b: Value) -> Value { Value(Multiply(), a, b) }
func - (a: Value, b: Value) -> Value { a + b * Value(-1) }
func tanh(_ x: Value) -> Value { Value(HyperbolicTangent(), x) }

// MARK: - The gradient

/// Walks back from `output`, adding up what arrives at each value. The result is a graph like any other.
func gradients(of output: Value, by variables: [Value]) -> [Value] {
    var order: [Value] = []
    var seen: Set<ObjectIdentifier> = []
    func visit(_ value: Value) {
        guard seen.insert(ObjectIdentifier(value)).inserted else { return }
        value.inputs.forEach(visit)
        order.append(value)
    }
    visit(output)

    var known = [ObjectIdentifier(output): Value(1)]
    for value in order.reversed() {
        guard let dy = known[ObjectIdentifier(value)] else { continue }
        for (input, part) in zip(value.inputs, value.operation.gradient(value.inputs, value, dy)) {
            let key = ObjectIdentifier(input)
            known[key] = known[key].map { $0 + part } ?? part
        }
    }
    return variables.map { known[ObjectIdentifier($0)] ?? Value(0) }
}

// MARK: - In use

let x = Value(2)
let dy = gradients(of: x * x * x, by: [x])[0]
let ddy = gradients(of: dy, by: [x])[0]
print("x³ at 2: first derivative \(dy.number), second derivative \(ddy.number)")

// A network learns exclusive or: two inputs, three hidden units, one output.
let rows: [(x: [Double], y: Double)] = [([0, 0], 0), ([0, 1], 1), ([1, 0], 1), ([1, 1], 0)]
var weights = [0.8, -0.6, 0.1, -0.7, 0.9, -0.2, 0.5, 0.4, 0.3, 0.6, 0.7, -0.5, 0.0].map { Value($0) }

func network(_ x: [Double], _ w: [Value]) -> Value {
    let hidden = (0..<3).map { tanh(w[3 * $0] * Value(x[0]) + w[3 * $0 + 1] * Value(x[1]) + w[3 * $0 + 2]) }
    return hidden.indices.reduce(w[12]) { $0 + w[9 + $1] * hidden[$1] }
}

for step in 0...100 {
    let errors = rows.map { network($0.x, weights) - Value($0.y) }
    let loss = errors.reduce(Value(0)) { $0 + $1 * $1 }
    if step % 25 == 0 { print("step \(step): loss \((loss.number * 10_000).rounded() / 10_000)") }
    let changes = gradients(of: loss, by: weights)
    weights = zip(weights, changes).map { Value($0.number - 0.1 * $1.number) }
}
print(rows.map { "\(Int($0.x[0])) xor \(Int($0.x[1])) = \(Int(network($0.x, weights).number.rounded()))" }.joined(separator: ", "))
