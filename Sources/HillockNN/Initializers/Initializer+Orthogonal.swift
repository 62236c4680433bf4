import HillockCore

extension Initializer {
    /// Rows (or columns, whichever are fewer) that are orthogonal to each other and of length `gain` (Saxe, McClelland, Ganguli 2014).
    /// Axes after the first are taken as one. Unlike the others it computes at once.
    public static func orthogonal(gain: Double = 1) -> Initializer {
        Initializer { shape, dtype in
            guard shape.rank >= 2 else {
                misuse(ShapeError("orthogonal", "shape \(shape) is no matrix: expected two axes or more"))
                return .zeros(shape, dtype: dtype)
            }
            let (rows, columns) = (shape[0], shape.dimensions.dropFirst().reduce(1, *))
            let (count, length) = (Swift.min(rows, columns), Swift.max(rows, columns))
            let gaussian = Tensor.normal([count, length], dtype: .float64).elements(as: Double.self)
            let vectors = orthonormalized((0..<count).map { Array(gaussian[$0 * length..<($0 + 1) * length]) })
            var values: [Double] = []
            values.reserveCapacity(rows * columns)
            for row in 0..<rows {
                for column in 0..<columns { values.append(gain * (rows <= columns ? vectors[row][column] : vectors[column][row])) }
            }
            return Tensor(HostArray(values, as: TensorType(dtype, shape)))
        }
    }

    /// Gram and Schmidt's method, modified and done twice, which is enough to be orthogonal to rounding (Giraud et al. 2005). With
    /// Gaussian vectors the result is uniform over the orthogonal matrices, as the Q of a QR whose R has a positive diagonal.
    private static func orthonormalized(_ vectors: [[Double]]) -> [[Double]] {
        var result: [[Double]] = []
        for var vector in vectors {
            for _ in 0..<2 {
                for other in result {
                    var product = 0.0
                    for i in vector.indices { product += vector[i] * other[i] }
                    for i in vector.indices { vector[i] -= product * other[i] }
                }
            }
            let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
            result.append(vector.map { $0 / length })
        }
        return result
    }
}
