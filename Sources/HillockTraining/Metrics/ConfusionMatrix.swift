/// How often samples of one class were taken for another.
public struct ConfusionMatrix: Sendable, Hashable, Codable {
    /// `counts[true class][predicted class]`
    public private(set) var counts: [[Int]]

    /// An empty matrix for this many classes.
    public init(classCount: Int) {
        counts = Array(repeating: Array(repeating: 0, count: classCount), count: classCount)
    }

    /// Counts one sample.
    public mutating func add(actual: Int, predicted: Int) {
        counts[actual][predicted] += 1
    }

    /// Number of classes.
    public var classCount: Int { counts.count }
    /// Number of samples counted.
    public var total: Int { counts.reduce(0) { $0 + $1.reduce(0, +) } }
    /// Number of samples on the diagonal.
    public var correct: Int { counts.indices.reduce(0) { $0 + counts[$1][$1] } }
    /// The part of samples that are right; 0 when there are none.
    public var accuracy: Double { total == 0 ? 0 : Double(correct) / Double(total) }

    /// Of the samples of a class, the part that was found; `nil` when there are none.
    public func recall(of label: Int) -> Double? {
        let all = counts[label].reduce(0, +)
        return all == 0 ? nil : Double(counts[label][label]) / Double(all)
    }

    /// Of the samples taken for a class, the part that is of it; `nil` when there are none.
    public func precision(of label: Int) -> Double? {
        let all = counts.reduce(0) { $0 + $1[label] }
        return all == 0 ? nil : Double(counts[label][label]) / Double(all)
    }
}
