import Glibc

/// Random numbers from a key (`i64` scalar): the same key gives the same numbers on every engine, up to rounding.
public struct RandomNumbers: Primitive {
    /// `random`
    public static let name = "random"

    /// From which distribution.
    public enum Distribution: UInt8, Hashable, Sendable {
        /// Uniform in [0, 1): 24 bits of one word for f32, 53 bits of two words for f64.
        case uniform
        /// Mean 0, variance 1, by Box and Muller (1958): numbers 2i and 2i + 1 are r cos t and r sin t. For f32, r = √(−2 ln u) with u in
        /// (0, 1] from all 32 bits of word 2i, and t from 24 bits of word 2i + 1; for f64 each from 53 bits of two words.
        case normal
    }

    /// From which distribution.
    public let distribution: Distribution
    /// Element type and shape.
    public let type: TensorType

    /// Numbers of this type.
    public init(_ distribution: Distribution, _ type: TensorType) {
        self.distribution = distribution
        self.type = type
    }

    /// ``type``, which must be f32 or f64.
    public func outputType(for inputs: [TensorType]) throws(ShapeError) -> TensorType {
        guard type.dtype == .float32 || type.dtype == .float64 else {
            throw ShapeError(Self.name, "dtype is \(type.dtype), expected f32 or f64", hint: "draw f32 and convert")
        }
        guard type.shape.dimensions.allSatisfy({ $0 >= 0 }) else {
            throw ShapeError(Self.name, "shape \(type.shape) has a negative extent")
        }
        return type
    }

    /// None: a key has no gradient.
    public func gradient(inputs: [Tensor], output: Tensor, upstream: Tensor) -> [Tensor?] { [nil] }

    /// By ``Philox``.
    public func evaluate(_ inputs: [HostArray], as type: TensorType) -> HostArray {
        let stream = Philox(key: UInt64(bitPattern: inputs[0].integers[0]))
        let wide = type.dtype == .float64
        func uniform(_ index: Int) -> Double {
            wide
                ? Double(UInt64(stream[2 * index] >> 5) << 26 | UInt64(stream[2 * index + 1] >> 6)) * 0x1p-53
                : Double(stream[index] >> 8) * 0x1p-24
        }
        func normal(_ index: Int) -> Double {
            let even = index & ~1
            // In (0, 1], so that the logarithm is finite. For f32 rounded to f32, as near 1 it decides on the radius.
            let u = wide ? uniform(even) + 0x1p-53 : Double(Float(0x1p-32).addingProduct(Float(stream[even]), 0x1p-32))
            let radius = (-2 * Glibc.log(u)).squareRoot()
            let angle = 2 * Double.pi * uniform(index | 1)
            return radius * (index == even ? Glibc.cos(angle) : Glibc.sin(angle))
        }
        return HostArray((0..<type.shape.count).map(distribution == .uniform ? uniform : normal), as: type)
    }

    /// ``Philox`` in integer arithmetic, so that the bits are those of other engines (`rng_bit_generator` promises none).
    public func stableHLO(_ inputs: [StableHLOValue], as type: TensorType, in text: inout StableHLOWriter) -> StableHLOValue {
        let real = type.dtype.stableHLOName
        let wordsEach = type.dtype == .float64 ? 2 : 1
        // Words for an even number of elements, as normal numbers come in pairs.
        let count = type.shape.count + type.shape.count % 2
        let words = text.philox(key: inputs[0], count: count * wordsEach)
        let columns = words.shape.count / (2 * wordsEach)
        func uniform(_ word: StableHLOValue, _ next: StableHLOValue?) -> StableHLOValue {
            guard let next else {
                return text.scaled(text.convert(text.shift(word, "right_logical", 8), to: real), by: 0x1p-24)
            }
            let high = text.shift(text.convert(text.shift(word, "right_logical", 5), to: "ui64"), "left", 26)
            let low = text.convert(text.shift(next, "right_logical", 6), to: "ui64")
            return text.scaled(text.convert(text.emit("or", high, low), to: real), by: 0x1p-53)
        }
        /// Word `k` of each pair of elements.
        func word(_ k: Int) -> StableHLOValue {
            let rows = text.reshape(words, to: [columns, 2 * wordsEach])
            return text.reshape(text.slice(rows, from: [0, k], to: [columns, k + 1]), to: [columns])
        }
        let even = uniform(word(0), wordsEach == 2 ? word(1) : nil)
        let odd = uniform(word(wordsEach), wordsEach == 2 ? word(3) : nil)
        var pair = (even, odd)
        if distribution == .normal {
            // (0, 1]
            let u: StableHLOValue
            if wordsEach == 2 {
                u = text.emit("add", even, text.constant(0x1p-53, even.type))
            } else {
                let scaled = text.scaled(text.convert(word(0), to: real), by: 0x1p-32)
                u = text.emit("add", scaled, text.constant(0x1p-32, scaled.type))
            }
            let logarithm = text.emit("log", [u], as: u.type)
            let radius = text.emit("sqrt", [text.scaled(logarithm, by: -2)], as: u.type)
            let angle = text.scaled(odd, by: 2 * Double.pi)
            pair.0 = text.emit("multiply", radius, text.emit("cosine", [angle], as: angle.type))
            pair.1 = text.emit("multiply", radius, text.emit("sine", [angle], as: angle.type))
        }
        let (first, second) = (text.reshape(pair.0, to: [columns, 1]), text.reshape(pair.1, to: [columns, 1]))
        let rows = text.emit("concatenate", [first, second], as: first.type.with([columns, 2]), "dimension = 1 : i64")
        let all = text.reshape(rows, to: [2 * columns])
        return text.reshape(text.slice(all, from: [0], to: [type.shape.count]), to: type.shape)
    }
}

extension Tensor {
    /// Numbers uniform in `[low, high)`; the key comes from the task's ``RandomSource``.
    public static func uniform(_ shape: Shape, low: Double = 0, high: Double = 1, dtype: DType = .float32) -> Tensor {
        let unit = random(.uniform, TensorType(dtype, shape))
        return low == 0 && high == 1 ? unit : unit * (high - low) + low
    }

    /// Normally distributed numbers; the key comes from the task's ``RandomSource``.
    public static func normal(_ shape: Shape, mean: Double = 0, standardDeviation: Double = 1, dtype: DType = .float32) -> Tensor {
        let standard = random(.normal, TensorType(dtype, shape))
        return mean == 0 && standardDeviation == 1 ? standard : standard * standardDeviation + mean
    }

    private static func random(_ distribution: RandomNumbers.Distribution, _ type: TensorType) -> Tensor {
        let key = Tensor(hoisting: .integer(Int64(bitPattern: RandomSource.current.nextKey())), dtype: .int64)
        return apply(RandomNumbers(distribution, type), [key])
    }
}
