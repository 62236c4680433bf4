import ArgumentParser
import HillockSystems

/// Which trained network to use.
struct WeightsOption: ParsableArguments {
    @Option(
        help: ArgumentHelp("A weights file, or a run's folder. (default: the newest of runs/*)", valueName: "file|folder"),
        completion: .file(extensions: ["safetensors"]))
    var weights: String?

    /// Loads it; also says from where.
    func load() throws -> (DigitRecognizer, String) {
        let path: String
        if let weights {
            let folder = RunFolder(weights)
            path = folder.exists ? folder.weights : weights
        } else if let latest = RunFolder.latest() {
            path = latest.weights
        } else {
            throw OptionError("there are no trained weights in ./runs: train some by hillock train digits, or name a file by --weights")
        }
        return (try DigitRecognizer(weights: path), path)
    }
}
