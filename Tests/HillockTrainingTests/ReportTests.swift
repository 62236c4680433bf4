import Foundation
import Hillock
import Testing

private func record(epochs: Int = 3, mistakes: Int = 2, names: [String] = ["0", "<b>&\"1\""]) -> RunRecord {
    var confusion = ConfusionMatrix(classCount: 2)
    for _ in 0..<1498 { confusion.add(actual: 0, predicted: 0) }
    for _ in 0..<mistakes { confusion.add(actual: 1, predicted: 0) }
    return RunRecord(
        title: "Handwritten digits", version: "0.1.0", model: "LeNet", parameterCount: 1_199_882, data: "MNIST, 5,000 digits",
        trainCount: 4000,
        testCount: 1500, classNames: names, settings: [Setting("model", "lenet"), Setting("seed", 1)],
        machine: MachineDescription(
            processor: "A processor", cores: 2, memory: 8 << 30, system: "Linux", swift: "Swift 6.3", engine: "cpu"), started: 0,
        seconds: 75, dataSeconds: 0.25,
        losses: RunRecord.curve((1...1000).map { 1 / Double($0) }),
        epochs: (1...max(epochs, 1)).prefix(epochs).map {
            EpochRecord(
                epoch: $0, step: $0 * 63, learningRate: 0.002, training: ["loss": 0.5, "accuracy": 0.9],
                test: ["loss": 0.25, "accuracy": 0.95],
                trainingSeconds: 2.04, testSeconds: 0.1, samplesPerSecond: 1961)
        }, testLoss: 0.25, confusion: confusion,
        mistakes: (0..<mistakes).map {
            .init(index: $0, image: [1, 2, 3], actual: 1, predicted: 0, confidence: 0.987, actualProbability: 0.01)
        })
}

struct ReportTests {
    @Test func thePageNeedsNothingElse() {
        let html = Report(record()).html
        for word in ["http:", "https:", "//", "<script", "<link", "@import", "url(", "<iframe", "<object"] {
            #expect(!html.contains(word), "the page holds \(word)")
        }
        let sources = html.components(separatedBy: "src=\"").dropFirst().map { String($0.prefix(22)) }
        #expect(sources.count == 2)
        #expect(sources.allSatisfy { $0 == "data:image/png;base64," })
        #expect(html.contains("prefers-color-scheme: dark"))
        #expect(html.contains("@media print"))
    }

    @Test func theSameRecordGivesTheSameBytes() throws {
        let original = record()
        let read = try RunRecord(json: Array(original.json().utf8))
        #expect(read == original)
        #expect(Report(read).html == Report(original).html)
    }

    @Test func itSaysWhatHappened() {
        let html = Report(record()).html
        #expect(html.contains("<h1>99.87 % <span>of the test images are right</span></h1>"))
        #expect(html.contains("1,498 of 1,500 images, 2 wrong."))
        #expect(html.contains("in 1 min 15 s,"))
        #expect(html.contains("1,199,882 parameters"))
        #expect(
            html.contains(
                "<tr><td>2</td><td>0.5000</td><td>90.00 %</td><td>0.2500</td><td>95.00 %</td><td>0.002</td><td>2.0 s</td><td>1,961</td></tr>"
            ))
        #expect(html.contains("1970-01-01 00:00 UTC"))
        #expect(html.contains("98.7 % sure"))
    }

    @Test func namesCannotBreakThePage() {
        let html = Report(record()).html
        #expect(!html.contains("<b>&\"1\""))
        #expect(html.contains("&lt;b&gt;&amp;&quot;1&quot;"))
    }

    @Test func emptyAndStrangeRunsHaveAPage() {
        var strange = record(epochs: 0, mistakes: 0)
        #expect(Report(strange).html.contains("None: every test image is right."))
        strange.losses = [.init(step: 1, loss: .nan), .init(step: 2, loss: .infinity)]
        strange.testLoss = .nan
        #expect(Report(strange).html.contains("</html>"))
        strange.losses = [.init(step: 1, loss: 0.5)]
        #expect(Report(strange).html.contains("<circle"))
    }

    @Test func curvesAreMeansOfNeighbours() {
        let curve = RunRecord.curve([1, 3, 5, 7, 10], count: 3)
        #expect(curve == [.init(step: 2, loss: 2), .init(step: 4, loss: 6), .init(step: 5, loss: 10)])
        #expect(RunRecord.curve([]).isEmpty)
        #expect(RunRecord.curve([Double](repeating: 1, count: 10_000)).count == 400)
    }
}
