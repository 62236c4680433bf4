import Foundation
import Hillock

/// The portable random numbers of the workloads' specification: value `i` of a stream is a hash of both, the same in every framework.
public struct PortableRandom {
    private let seed: UInt64

    /// The stream of this number.
    public init(stream: UInt64) { seed = stream }

    private func bits(_ index: Int) -> UInt64 {
        var z = (seed &* (1 << 40) &+ UInt64(index) &+ 1) &* 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Uniform in `[low, high)`.
    public func uniform(_ shape: Shape, low: Double = 0, high: Double = 1) -> Tensor {
        Tensor((0..<shape.count).map { Float(low + (high - low) * (Double(bits($0) >> 40) / 16_777_216)) }, shape: shape)
    }

    /// Standard normal, by Box and Muller.
    public func normal(_ shape: Shape) -> Tensor {
        Tensor(
            (0..<shape.count).map { index in
                let z = bits(index)
                let u1 = (Double(z >> 32) + 0.5) / 4_294_967_296
                let u2 = (Double(z & 0xFFFF_FFFF) + 0.5) / 4_294_967_296
                return Float((-2 * log(u1)).squareRoot() * cos(2 * Double.pi * u2))
            }, shape: shape)
    }

    /// Integers in `0..<high`, i64.
    public func integers(_ shape: Shape, high: Int) -> Tensor {
        Tensor((0..<shape.count).map { Int(bits($0) >> 33) % high }, shape: shape)
    }

    /// Gives the parameters the specification's initial values: uniform ±√(6 / fan-in) for kernels, ±√(3 / fan-in) for matrices, biases 0.
    public static func initialize(_ parameters: [Parameter]) {
        for (position, parameter) in parameters.enumerated() {
            let shape = parameter.shape
            if shape.rank == 1 {
                parameter.value = Tensor.zeros(shape)
            } else {
                let fanIn = Double(shape.dimensions.dropFirst().reduce(1, *))
                let bound = ((shape.rank == 4 ? 6 : 3) / fanIn).squareRoot()
                parameter.value = PortableRandom(stream: UInt64(100 + position)).uniform(shape, low: -bound, high: bound)
            }
        }
        evaluate(parameters.map(\.value))
    }
}
