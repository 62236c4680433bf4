/// How fast the machine is at best: what floors are computed from.
struct Rates: Codable {
    /// Multiply-adds of f32 in vectors, two operations each, GFLOP/s.
    var peakGflopPerS: Double
    /// Copying memory larger than the caches, read and written bytes, GB/s.
    var copyGbPerS: Double
    /// Of the widest vectors.
    var vectorBits: Int?

    /// Measures them by this package's `probe`, in a process of its own as all else.
    static func measured(threads: Int, by probe: String) throws -> Rates {
        let text = try Subprocess.output(probe, ["\(threads)"])
        let rates = text.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
        guard rates.count == 3 else { throw BenchError("probe printed \(text)") }
        return Rates(peakGflopPerS: rates[0].rounded(), copyGbPerS: (rates[1] * 10).rounded() / 10, vectorBits: Int(rates[2]))
    }
}
