import HillockCore
import Testing

/// How far computed numbers may be from stored ones.
///
/// `|got − wanted| ≤ factor · ε · (|wanted| + scale)` with ε of the dtype: rounding in another order moves a number by a few units of the
/// last place of the largest number that went into it, never by more. Whole numbers, truth values, infinities and NaN must agree exactly.
struct Closeness {
    /// Units of the last place.
    var factor: Double = 16
    /// Size of what goes in, for results that cancel.
    var scale: Double = 0

    private static func epsilon(_ dtype: DType) -> Double {
        switch dtype {
        case .float32: 0x1p-23
        case .float64: 0x1p-52
        case .int32, .int64, .uint8, .bool, .bfloat16, .float16: 0
        }
    }

    /// Reports the first difference; returns the greatest, in units of ε · (|wanted| + scale).
    @discardableResult
    func expect(
        _ got: HostArray, _ wanted: HostArray, _ what: @autoclosure () -> String, at location: Testing.SourceLocation = #_sourceLocation
    ) -> Double {
        guard got.dtype == wanted.dtype, got.shape == wanted.shape else {
            Issue.record("\(what()): got \(got.dtype)\(got.shape), expected \(wanted.dtype)\(wanted.shape)", sourceLocation: location)
            return .infinity
        }
        guard got.dtype.isFloatingPoint else {
            if got.integers != wanted.integers {
                Issue.record("\(what()): got \(got.integers), expected \(wanted.integers)", sourceLocation: location)
            }
            return 0
        }
        let (g, w) = (got.doubles, wanted.doubles)
        let size = Swift.max(scale, w.lazy.filter(\.isFinite).map(\.magnitude).max() ?? 0)
        let unit = Self.epsilon(got.dtype)
        var worst = 0.0
        for (index, (a, b)) in zip(g, w).enumerated() where !(a == b || a.isNaN && b.isNaN) {
            let distance = (a - b).magnitude / (unit * (b.magnitude + size))
            worst = Swift.max(worst, distance.isNaN ? .infinity : distance)
            if !(distance <= factor) {
                Issue.record("\(what()): element \(index) of \(got.shape) is \(a), expected \(b) (\(distance) ε)", sourceLocation: location)
                return worst
            }
        }
        return worst
    }
}
