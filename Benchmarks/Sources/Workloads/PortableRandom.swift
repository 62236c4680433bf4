import Dispatch
import Foundation
import Hillock

/// The portable random numbers of the workloads' specification: value `i` of a stream is a hash of both, the same in every framework.
public struct PortableRandom: Sendable {
    private let seed: UInt64

    /// The stream of this number.
    public init(stream: UInt64) { seed = stream }

    private func bits(_ index: Int) -> UInt64 {
        var z = (seed &* (1 << 40) &+ UInt64(index) &+ 1) &* 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Writes each element straight into the tensor's memory, on all cores: networks have a hundred million parameters.
    private func fill<Element: TensorElement>(_ shape: Shape, _ value: @escaping @Sendable (UInt64) -> Element) -> Tensor {
        Tensor(
            HostArray(dtype: Element.dtype, shape: shape) { bytes in
                // Each block has its part of the memory to itself.
                nonisolated(unsafe) let target = bytes.bindMemory(to: Element.self)
                let (count, block) = (shape.count, 1 << 16)
                DispatchQueue.concurrentPerform(iterations: (count + block - 1) / block) { number in
                    for index in number * block..<min((number + 1) * block, count) { target[index] = value(bits(index)) }
                }
            })
    }

    /// Uniform in `[low, high)`.
    public func uniform(_ shape: Shape, low: Double = 0, high: Double = 1) -> Tensor {
        fill(shape) { Float(low + (high - low) * (Double($0 >> 40) / 16_777_216)) }
    }

    /// Standard normal, by Box and Muller.
    public func normal(_ shape: Shape) -> Tensor {
        fill(shape) { z in
            let u1 = (Double(z >> 32) + 0.5) / 4_294_967_296
            let u2 = (Double(z & 0xFFFF_FFFF) + 0.5) / 4_294_967_296
            return Float((-2 * log(u1)).squareRoot() * cos(2 * Double.pi * u2))
        }
    }

    /// Integers in `low..<high`, i64.
    public func integers(_ shape: Shape, low: Int = 0, high: Int) -> Tensor {
        fill(shape) { Int64(low + Int($0 >> 33) % (high - low)) }
    }

    /// Gives a model's parameters, in their order, the specification's initial values: uniform ±√(6 / fan-in) for kernels, ±√(3 / fan-in)
    /// for matrices, biases 0. Vectors that are no biases, the norms' scales and PReLU's slopes, stay as the layers made them.
    public static func initialize(_ model: some ParameterOwner) {
        let parameters = model.contents().parameters
        for (position, (name, parameter)) in parameters.enumerated() {
            let shape = parameter.shape
            if shape.rank > 1 {
                let fanIn = Double(shape.dimensions.dropFirst().reduce(1, *))
                let bound = ((shape.rank == 4 ? 6 : 3) / fanIn).squareRoot()
                parameter.value = PortableRandom(stream: UInt64(100 + position)).uniform(shape, low: -bound, high: bound)
            } else if name.split(separator: ".").last?.contains("bias") == true {
                parameter.value = Tensor.zeros(shape)
            }
        }
        evaluate(parameters.map(\.parameter.value))
    }
}
