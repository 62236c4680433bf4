import HillockCore

/// How pixels from 0 to 255 become numbers that a network likes: `(pixel / 255 − mean) / standardDeviation`.
public struct Normalization: Sendable, Hashable, Codable {
    /// Mean of all training pixels, between 0 and 1.
    public let mean: Double
    /// Standard deviation of all training pixels; greater than 0.
    public let standardDeviation: Double

    /// With these statistics.
    public init(mean: Double, standardDeviation: Double) {
        self.mean = mean
        self.standardDeviation = standardDeviation
    }

    /// The statistics of these `u8` images, rounded to four decimals as they are quoted: 0.1307 and 0.3081 for MNIST's training set,
    /// 0.2860 and 0.3530 for Fashion-MNIST's. Images that are all of one grey get a standard deviation of 1.
    public init(of images: HostArray) {
        var counts = [Int](repeating: 0, count: 256)
        images.withBytes { for byte in $0 { counts[Int(byte)] += 1 } }
        let count = Double(max(images.count, 1))
        let values = (0..<256).map { Double($0) / 255 }
        let mean = zip(values, counts).reduce(0) { $0 + $1.0 * Double($1.1) } / count
        let variance = zip(values, counts).reduce(0) { $0 + ($1.0 - mean) * ($1.0 - mean) * Double($1.1) } / count
        let deviation = (variance.squareRoot() * 10_000).rounded() / 10_000
        self.init(mean: (mean * 10_000).rounded() / 10_000, standardDeviation: deviation > 0 ? deviation : 1)
    }

    /// The number for each of the 256 greys.
    package var table: [Float] {
        (0..<256).map { Float((Double($0) / 255 - mean) / standardDeviation) }
    }
}
