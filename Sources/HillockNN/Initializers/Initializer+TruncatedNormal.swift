import Glibc
import HillockCore

extension Initializer {
    /// Normally distributed, but only what lies in `[low, high]`, as PyTorch's `trunc_normal_`.
    public static func truncatedNormal(
        mean: Double = 0, standardDeviation: Double = 1, low: Double = -2, high: Double = 2
    ) -> Initializer {
        if !(standardDeviation > 0 && low < high) {
            misuse(
                ShapeError(
                    "truncatedNormal", "standard deviation \(standardDeviation) must be above 0, and low \(low) below high \(high)"))
        }
        return Initializer { shape, dtype in
            // A uniform number between the bounds' probabilities, through the inverse of the distribution function.
            func probability(_ x: Double) -> Double { Glibc.erf((x - mean) / standardDeviation / 2.0.squareRoot()) }
            let u = Tensor.uniform(shape, low: probability(low), high: probability(high), dtype: dtype)
            let x = inverseErrorFunction(u) * (standardDeviation * 2.0.squareRoot()) + mean
            return minimum(maximum(x, low), high)
        }
    }

    /// The y with erf(y) = x, for |x| < 1: Giles, "Approximating the erfinv function" (2012), single precision.
    private static func inverseErrorFunction(_ x: Tensor) -> Tensor {
        let edge = 0.999_999_9
        let x = minimum(maximum(x, -edge), edge)
        let w = -log((1 - x) * (1 + x))
        func polynomial(_ t: Tensor, _ coefficients: [Double]) -> Tensor {
            coefficients.dropFirst(2).reduce(t * coefficients[0] + coefficients[1]) { $0 * t + $1 }
        }
        let middle = polynomial(
            w - 2.5,
            [
                2.810_226_36e-8, 3.432_739_39e-7, -3.523_387_7e-6, -4.391_506_54e-6, 0.000_218_580_87, -0.001_253_725_03, -0.004_177_681_64,
                0.246_640_727, 1.501_409_41,
            ])
        let tail = polynomial(
            sqrt(maximum(w, 5)) - 3,
            [
                -0.000_200_214_257, 0.000_100_950_558, 0.001_349_343_22, -0.003_673_428_44, 0.005_739_507_73, -0.007_622_461_3,
                0.009_438_870_47, 1.001_674_06, 2.832_976_82,
            ])
        let y = x * `where`(w .< 5, middle, tail)
        // One step of Newton's doubles the digits; in f32 it would only add the rounding of erf.
        return x.dtype == .float32 ? y : y - (erf(y) - x) * exp(y * y) * 0.886_226_925_452_758
    }
}
