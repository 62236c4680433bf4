import Hillock
import HillockSystems
import TestFolders
import Testing

/// Pictures of real digits, drawn larger, elsewhere, in other colours, must be read as the digits of the data set are.
struct RecognitionTests {
    @Test func drawnDigitsAreReadAsTheyAre() throws {
        let folder = try TemporaryFolder()
        let run = try DigitRun(.init(model: .mlp, data: "mnist-5k", epochs: 4), in: RunFolder(folder.file("run")))
        let recognizer = try #require(try run.train()).recognizer
        #expect(run.trainer.history.epochs.last!.test["accuracy"]! > 0.92)

        let images = run.dataset.test
        var tested = 0
        for index in 0..<100 {
            let original = digit(index, of: images)
            let plain = try recognizer.recognize(prepared: HostArray(original, shape: [28, 28]))
            #expect(abs(plain.reduce(0) { $0 + $1.probability } - 1) < 1e-5)
            // A digit between two classes may tip over by a rounding.
            guard plain[0].probability > 0.9 else { continue }
            tested += 1
            for (number, (scale, paper, ink)) in [(1, 0, 255), (1, 255, 0), (7, 0, 255), (7, 250, 20), (3, 90, 200)].enumerated() {
                var canvas = Canvas(height: 28 * scale + 30, width: 28 * scale + 10, paper: UInt8(paper))
                canvas.draw(original, imageWidth: 28, scale: scale, top: 20, left: 5, ink: UInt8(ink))
                let path = folder.file("digit.png")
                let isColour = number == 3
                let rgb =
                    isColour
                    ? HostArray(canvas.pixels.flatMap { [$0, UInt8(Int($0) / 2), 30] }, shape: [canvas.height, canvas.width, 3])
                    : canvas.picture
                try PNGImage.write(rgb, to: path)
                let guesses = try recognizer.recognize(path)
                #expect(guesses[0].label == plain[0].label, "digit \(index), scale \(scale), ink \(ink) on \(paper)")
            }
        }
        #expect(tested > 60)
    }
}
