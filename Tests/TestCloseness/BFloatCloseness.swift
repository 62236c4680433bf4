import HillockCore

/// How far results of products in bf16 may be from exact ones, by the norm of the whole result.
///
/// An operand that is rounded to 8 bits is off by up to 2⁻⁹ of itself, so each term of a sum of products by 2⁻⁸, in the root of the mean square
/// by 2⁻⁸ / √6; errors of terms are as little aligned as the terms are, so that a sum is off by that part of the sums' norm. A chain of
/// products passes on and adds such errors, `depth` times at most, and what accelerators store in between is rounded once more, by another
/// 2⁻⁹ at most. Where nothing is multiplied, f32's rounding remains.
package struct BFloatCloseness {
    /// How many products follow on each other.
    package let depth: Int

    /// For tensors that are not computed yet.
    package init(computing results: [Tensor]) { depth = Program(computing: results).productDepth }

    /// What is wrong with a result; `nil` if it is close enough. Infinities and NaN must agree exactly.
    ///
    /// - Parameter size: what the error is measured by, given the result's norm and that of as many ones: what cancels is measured by what it
    ///   cancels from.
    package func fault(_ got: HostArray, _ wanted: HostArray, size: (_ norm: Double, _ ones: Double) -> Double) -> String? {
        guard got.shape == wanted.shape else { return "got \(got.shape), expected \(wanted.shape)" }
        func norm(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }
        let pairs = zip(got.doubles, wanted.doubles).filter { !($0 == $1 || $0.isNaN && $1.isNaN) }
        let error = norm(pairs.map { $0 - $1 })
        let size = size(norm(wanted.doubles.filter(\.isFinite)), Double(wanted.shape.count).squareRoot())
        let limit = depth == 0 ? 1e-5 : 0x1p-8 * Double(depth)
        return error <= limit * size ? nil : "off by \(error) of \(size), \(depth) products deep"
    }
}

extension Program {
    /// The largest number of products that are computed from each other.
    fileprivate var productDepth: Int {
        let whole = ExpandComposites.all.run(self)
        var depths = [Int](repeating: 0, count: whole.inputs.count)
        for instruction in whole.instructions {
            depths.append((instruction.operands.map { depths[$0] }.max() ?? 0) + (instruction.primitive is any Product ? 1 : 0))
        }
        return depths.max() ?? 0
    }
}
