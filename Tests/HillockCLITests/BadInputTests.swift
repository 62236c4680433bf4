import Foundation
import TestFolders
import Testing

/// Whatever a person gets wrong is answered by one line that says what, and by status 1; nothing is printed, made or lost.
struct BadInputTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try folder.writeData()
    }

    private static let commands = "train, evaluate, predict, explain, profile, data, devices"

    private func expect(_ arguments: [String], _ expected: String) throws {
        let line = try line(arguments)
        #expect(line == expected)
    }

    /// The line without the folder's path and the `hillock: error: ` before it.
    private func line(_ arguments: [String], _ environment: [String: String] = [:]) throws -> String {
        let before = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
        let run = try ProgramRun(arguments, in: folder.path, environment: environment)
        #expect(run.status == 1, "\(arguments)")
        #expect(run.output == "", "\(arguments)")
        #expect(run.errors.hasSuffix("\n") && run.errors.dropLast().contains("\n") == false, "\(run.errors)")
        #expect(run.errors.hasPrefix("hillock: error: "))
        #expect(try FileManager.default.subpathsOfDirectory(atPath: folder.path) == before, "\(arguments) left something behind")
        return run.errors.dropLast().dropFirst(16).replacingOccurrences(of: folder.path + "/", with: "")
    }

    @Test(
        arguments: [
            (["trian"], #"there is no command "hillock trian"; did you mean train? (known: \#(Self.commands))"#),
            (["frobnicate"], #"there is no command "hillock frobnicate" (known: \#(Self.commands))"#),
            (["profile", "trian"], #"there is no command "hillock profile trian"; did you mean train? (known: train, evaluate)"#),
            (["explain", "train", "digits", "--pass", "fuse", "--all"], "--pass prints one pass; leave --all out"),
            (["explain", "evaluate", "digits", "--steps", "0"], "--steps is 0, expected 1 to 10000"),
            (["explain", "train", "digits", "--model", "lent"], #"there is no model "lent"; did you mean lenet? (known: mlp, lenet)"#),
            (["profile", "train", "digits", "--steps", "0"], "--steps is 0, expected 1 to 10000"),
            (["profile", "train", "digits", "--warm-up=-1"], "--warm-up is -1, expected 0 to 10000"),
            (["profile", "train", "digits", "--rows", "0"], "--rows is 0, expected 1 to 10000"),
            (["profile", "train", "digits", "--trace", "none/t.json"], "none/t.json: cannot write: no such file or folder"),
            (["train", "digit"], #"there is no command "hillock train digit"; did you mean digits? (known: digits)"#),
            (["data", "fecth"], #"there is no command "hillock data fecth"; did you mean fetch? (known: list, fetch)"#),
            (["train", "digits", "--epoch", "3"], "unknown option '--epoch'; did you mean '--epochs'?"),
            (["train", "digits", "--lerning-rate", "3"], "unknown option '--lerning-rate'; did you mean '--learning-rate'?"),
            (["train", "digits", "extra"], "unexpected argument 'extra'"),
            (
                ["train", "digits", "--device", "gpu"],
                #"there is no device "gpu"; expected one of cpu, reference, xla-cpu, cuda, rocm, oneapi, tpu, with a number where there are several: cuda:1, or several together: cuda:data=8"#
            ),
            (["devices", "install", "gpu"], #"there is no plugin "gpu"; did you mean tpu? (known: xla-cpu, cuda, rocm, oneapi, tpu)"#),
            (["devices", "lst"], #"there is no command "hillock devices lst"; did you mean list? (known: list, install)"#),
            (["train", "digits", "--epochs"], "missing value for '--epochs <n>'"),
            (["train", "digits", "--epochs", "many"], "the value 'many' is invalid for '--epochs <n>'"),
            (["train", "digits", "--epochs", "0"], "epochs is 0, expected 1 to 1000000"),
            (["train", "digits", "--epochs", "\(Int.max)"], "epochs is 9223372036854775807, expected 1 to 1000000"),
            (["train", "digits", "--batch", "\(Int.max)"], "batch is 9223372036854775807, expected 1 to 1000000"),
            (["train", "digits", "--checkpoint-every=-1"], "--checkpoint-every is -1, expected 0 or more"),
            (["train", "digits", "--epochs=-3"], "epochs is -3, expected 1 to 1000000"),
            (["train", "digits", "--batch", "0"], "batch is 0, expected 1 to 1000000"),
            (["train", "digits", "--learning-rate", "0"], "learning rate is 0.0, expected more than 0"),
            (["train", "digits", "--learning-rate", "nan"], "learning rate is nan, expected more than 0"),
            (["train", "digits", "--seed=-1"], "the value '-1' is invalid for '--seed <n>'"),
            (["train", "digits", "--model", "lent"], #"there is no model "lent"; did you mean lenet? (known: mlp, lenet)"#),
            (["train", "digits", "--model", "transformer"], #"there is no model "transformer" (known: mlp, lenet)"#),
            (["train", "digits", "--output", "a", "--resume", "b"], "--resume goes on in the run's own folder; leave --output out"),
            (["train", "digits", "--resume", "nowhere"], "nowhere: there is no run to resume: there is no such folder"),
            (
                ["train", "digits", "--data", "toy", "--output", "toy/t10k-images-idx3-ubyte"],
                "toy/t10k-images-idx3-ubyte: cannot create: file exists; it is a file, not a folder"
            ),
            (["predict"], "missing expected argument '<images> ...'"),
            // Of two things that are missing, the one that was named.
            (["predict", "one.png"], "one.png: cannot read: no such file or folder"),
            (["predict", "one.png", "--weights", "w.safetensors"], "one.png: cannot read: no such file or folder"),
            (["evaluate"], "there are no trained weights in ./runs: train some by hillock train digits, or name a file by --weights"),
            (
                ["train", "digits", "--device", "rocm"],
                "[rocm] cannot use AMD GPUs: no plugin for them is installed; install it by hillock devices install rocm, or name one by HILLOCK_PJRT_PLUGIN=PATH"
            ),
            (["evaluate", "--weights", "w.safetensors"], "w.safetensors: cannot read: no such file or folder"),
            (
                ["evaluate", "--weights", "toy/t10k-images-idx3-ubyte"],
                "toy/t10k-images-idx3-ubyte: safetensors header length is 1441151880809414656 at byte 0, expected at most 100000000; "
                    + "this is not a safetensors file"
            ),
            (["data", "fetch", "mnist-5k"], "data set mnist-5k is built in; there is nothing to fetch"),
        ] as [([String], String)])
    func commandLines(arguments: [String], expected: String) throws {
        try expect(arguments, expected)
    }

    @Test func dataThatIsNotThere() throws {
        try expect(
            ["train", "digits", "--data", "mnst"],
            #"there is no data set "mnst"; did you mean mnist? (known: mnist-5k, mnist, fashion-mnist; for a folder write ./mnst)"#)
        try expect(
            ["train", "digits", "--data", "mnist"],
            "data set mnist is not on this machine (looked in data/mnist, cache/hillock/data/mnist); get it with: hillock data fetch mnist")
        try expect(["train", "digits", "--data", "./none"], "./none: cannot read: no such file or folder")
    }

    @Test func dataThatIsDamaged() throws {
        let images = try folder.read("toy/train-images-idx3-ubyte")
        let labels = try folder.read("toy/train-labels-idx1-ubyte")
        let train = ["train", "digits", "--data", "./toy"]
        func check(_ name: String, _ bytes: Data, _ expected: String) throws {
            let whole = try folder.read(name)
            try folder.write(name, [UInt8](bytes))
            defer { try? folder.write(name, [UInt8](whole)) }
            try expect(train, expected)
        }
        try check(
            "toy/train-images-idx3-ubyte", images.dropLast(),
            "./toy/train-images-idx3-ubyte: IDX content is 1439 bytes long at byte 16, expected 1440 bytes for unsigned bytes of shape [40, 6, 6]; "
                + "the file is truncated")
        try check(
            "toy/train-images-idx3-ubyte", labels,
            "./toy/train-images-idx3-ubyte: IDX magic number is 0x00000801 at byte 0, expected 0x00000803 (unsigned bytes, 3 dimensions); "
                + "this is a file of labels")
        try check(
            "toy/train-images-idx3-ubyte", Data(),
            "./toy/train-images-idx3-ubyte: IDX file ends at byte 0, expected at least the 4 bytes of its magic number; the file is truncated"
        )
        try check(
            "toy/t10k-labels-idx1-ubyte", labels,
            "./toy/t10k-labels-idx1-ubyte: number of labels is 40, expected 20, one for each image of ./toy/t10k-images-idx3-ubyte")
        var wrong = try folder.read("toy/t10k-labels-idx1-ubyte")
        wrong[8 + 7] = 200
        try check("toy/t10k-labels-idx1-ubyte", wrong, "./toy/t10k-labels-idx1-ubyte: label 7 is 200, expected 0 to 3 (4 classes)")
        try FileManager.default.removeItem(atPath: folder.file("toy/t10k-labels-idx1-ubyte"))
        try expect(
            train,
            "./toy: there is no t10k-labels-idx1-ubyte.gz, nor t10k-labels-idx1-ubyte, nor t10k-labels.idx1-ubyte.gz, "
                + "nor t10k-labels.idx1-ubyte")
    }

    /// A disk that is full is noticed before any work is lost.
    @Test func aDiskThatIsFull() throws {
        let script = "trap '' XFSZ; ulimit -f 16; exec '\(ProgramRun.executable)' train digits --model mlp --data toy --output full"
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", script]
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        let errors = Pipe()
        process.standardError = errors
        process.standardOutput = Pipe()
        try process.run()
        let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 1)
        #expect(text == "hillock: error: full/checkpoint.safetensors: cannot write: the file would be larger than the system allows\n")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("full")) == [])
    }
}
