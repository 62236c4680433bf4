import ArgumentParser
import Hillock
import HillockSystems

/// `hillock predict IMAGE.png …`
struct PredictCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict", abstract: "Say what pictures show.",
        discussion: "Pictures are PNG files of any size, in colour or grey, dark on light or light on dark, one digit each.")

    @ArgumentParser.Argument(help: "The pictures.", completion: .file(extensions: ["png"]))
    var images: [String]

    @OptionGroup var weights: WeightsOption
    @OptionGroup var device: DeviceOption

    func run() throws {
        // All are read before anything else is done: one bad name among many should not leave half of an answer.
        let pictures = try images.map { (path: $0, picture: try DigitRecognizer.picture($0)) }
        let (recognizer, _) = try weights.load()
        let answers = try device.use { try pictures.map { (path: $0.path, guesses: try recognizer.recognize($0.picture, path: $0.path)) } }
        let terminal = Terminal.current
        let nameWidth = min(recognizer.classNames.map(\.count).max() ?? 1, 16)
        for (path, guesses) in answers {
            print(terminal.bold(path))
            for (rank, guess) in guesses.prefix(3).enumerated() {
                let name = guess.name.padding(to: nameWidth)
                let bar = Bar.blocks(guess.probability, width: 24)
                print(
                    "  \(rank == 0 ? terminal.bold(name) : name)  \(rank == 0 ? terminal.green(bar) : bar)  \(NumberText.percent(guess.probability, 1).leftPadded(to: 7))"
                )
            }
        }
    }
}
