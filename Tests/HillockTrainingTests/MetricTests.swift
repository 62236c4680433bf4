import Foundation
import Hillock
import Testing

struct MetricTests {
    private let logits = Tensor([[2, 1, 0], [0, 3, 1], [1, 0, 0], [0, 0, 5]] as [[Float]])
    private let labels = Tensor([0, 1, 2, 2])

    @Test func accuracyCountsWhatIsRight() {
        #expect(Accuracy().measure(logits, labels).item() == 3)
    }

    @Test func meanLossIsWeightedBySamples() {
        let mean = crossEntropy(logits, labels).item()
        #expect(abs(MeanLoss().measure(logits, labels).item() - 4 * mean) < 1e-5)
    }

    @Test func confusionMatrixCountsPairs() {
        var matrix = ConfusionMatrix(classCount: 3)
        for (actual, predicted) in [(0, 0), (0, 0), (0, 2), (1, 1), (2, 1)] { matrix.add(actual: actual, predicted: predicted) }
        #expect(matrix.counts == [[2, 0, 1], [0, 1, 0], [0, 1, 0]])
        #expect(matrix.total == 5)
        #expect(matrix.correct == 3)
        #expect(matrix.accuracy == 0.6)
        #expect(matrix.recall(of: 0) == 2.0 / 3)
        #expect(matrix.precision(of: 1) == 0.5)
        #expect(matrix.precision(of: 2) == 0)
        #expect(ConfusionMatrix(classCount: 2).recall(of: 0) == nil)
        #expect(ConfusionMatrix(classCount: 2).accuracy == 0)
    }

    @Test func classificationFindsMistakesTheSurestFirst() {
        let result = Classification(
            classCount: 2, probabilities: [0.9, 0.1, 0.3, 0.7, 0.2, 0.8, 0.5, 0.5], labels: [0, 0, 0, 1])
        #expect((0..<4).map(result.prediction) == [0, 1, 1, 0])
        #expect(result.mistakes == [2, 1, 3])
        #expect(result.confusion.counts == [[1, 2], [1, 0]])
        let expected = -(log(0.9) + log(0.3) + log(0.2) + log(0.5)) / 4
        #expect(abs(result.loss - expected) < 1e-6)
    }
}
