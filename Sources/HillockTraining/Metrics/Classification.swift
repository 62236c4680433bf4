import Glibc
import HillockCore

/// What a classifier says of every sample of a data set, beside the truth.
public struct Classification: Sendable {
    /// Number of classes.
    public let classCount: Int
    /// The probability of each class for each sample, `[N, classes]`, row-major.
    public let probabilities: [Float]
    /// The true classes, `[N]`.
    public let labels: [Int]

    /// Number of samples.
    public var count: Int { labels.count }

    /// Classifies a data set.
    ///
    /// - Parameters:
    ///   - model: gives logits `[B, classes]`.
    ///   - advanced: told how many of how many samples are done; returns false to stop, and then this is `nil`.
    public init?(
        of source: any BatchSource, by model: (Tensor) -> Tensor, batchSize: Int = 500, advanced: (Int, Int) -> Bool = { _, _ in true }
    ) throws {
        var probabilities: [Float] = []
        var labels: [Int] = []
        let isComplete = try forEachEvaluationBatch(source, batchSize: batchSize, advanced: advanced) { batch in
            probabilities += try softmax(model(batch.inputs), axis: -1).hostArray().elements(as: Float.self)
            labels += try batch.targets.hostArray().elements(as: Int.self)
        }
        guard isComplete else { return nil }
        self.init(classCount: labels.isEmpty ? 0 : probabilities.count / labels.count, probabilities: probabilities, labels: labels)
    }

    /// With values that are known.
    public init(classCount: Int, probabilities: [Float], labels: [Int]) {
        self.classCount = classCount
        self.probabilities = probabilities
        self.labels = labels
    }

    /// The probabilities of one sample's classes.
    public subscript(sample: Int) -> ArraySlice<Float> { probabilities[sample * classCount..<(sample + 1) * classCount] }

    /// The most probable class of a sample; the first of equals.
    public func prediction(of sample: Int) -> Int {
        let row = Array(self[sample])
        return row.indices.max { row[$0] < row[$1] || (row[$0] == row[$1] && $0 > $1) } ?? 0
    }

    /// How often samples of one class were taken for another.
    public var confusion: ConfusionMatrix {
        var matrix = ConfusionMatrix(classCount: classCount)
        for sample in labels.indices { matrix.add(actual: labels[sample], predicted: prediction(of: sample)) }
        return matrix
    }

    /// Mean of −ln of the true class' probability, which is kept from being 0.
    public var loss: Double {
        let sum = labels.indices.reduce(0.0) {
            $0 - Glibc.log(Double(max(probabilities[$1 * classCount + labels[$1]], .leastNormalMagnitude)))
        }
        return sum / Double(max(count, 1))
    }

    /// The samples that are wrong, the surest first.
    public var mistakes: [Int] {
        labels.indices.map { (sample: $0, prediction: prediction(of: $0)) }
            .filter { $0.prediction != labels[$0.sample] }
            .map { (sample: $0.sample, confidence: probabilities[$0.sample * classCount + $0.prediction]) }
            .sorted { ($1.confidence, $0.sample) < ($0.confidence, $1.sample) }
            .map(\.sample)
    }
}
