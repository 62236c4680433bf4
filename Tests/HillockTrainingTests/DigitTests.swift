import Foundation
import Hillock
import HillockSystems
import TestFolders
import Testing

/// A folder with a small data set in it.
private func folderWithData(size: Int = 8) throws -> (folder: TemporaryFolder, data: String) {
    let folder = try TemporaryFolder()
    let data = folder.file("data")
    try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
    try write(toyData(size: size), to: data)
    return (folder, data)
}

struct DigitTests {
    @Test func modelsHaveTheNamesThatPyTorchReads() throws {
        let data = try ImageDataset.load("mnist-5k")
        let mlp = try DigitRecognizer(model: .mlp, for: data)
        #expect(
            mlp.network.stateTensors().map { "\($0.name) \($0.tensor.shape)" } == [
                "hidden.weight [512, 784]", "hidden.bias [512]", "hidden2.weight [512, 512]", "hidden2.bias [512]",
                "output.weight [10, 512]",
                "output.bias [10]",
            ])
        #expect(mlp.network.parameterCount == 669_706)
        let lenet = try DigitRecognizer(model: .lenet, for: data)
        #expect(
            lenet.network.stateTensors().map { "\($0.name) \($0.tensor.shape)" } == [
                "conv1.weight [32, 1, 3, 3]", "conv1.bias [32]", "conv2.weight [64, 32, 3, 3]", "conv2.bias [64]",
                "hidden.weight [128, 9216]",
                "hidden.bias [128]", "output.weight [10, 128]", "output.bias [10]",
            ])
        #expect(lenet.network.parameterCount == 1_199_882)
    }

    @Test(arguments: DigitModel.allCases)
    func aRunLeavesWeightsAndReport(model: DigitModel) throws {
        let (folder, data) = try folderWithData()
        let run = try DigitRun(.init(model: model, data: data, epochs: 2, batchSize: 16), in: RunFolder(folder.file("run")))
        let result = try #require(try run.train())
        #expect(result.record.epochs.count == 2)
        #expect(result.record.confusion.total == 22)

        let loaded = try DigitRecognizer(weights: run.folder.weights)
        #expect(loaded.model == model)
        #expect(loaded.classNames == ["0", "1", "2", "3"])
        #expect(loaded.normalization == run.recognizer.normalization)
        let confusion = try #require(try loaded.classify(run.dataset.test, path: "test")).confusion
        #expect(confusion == result.record.confusion)
        #expect(try RunRecord(json: Array(Data(contentsOf: URL(fileURLWithPath: run.folder.record)))) == result.record)
        #expect(try String(contentsOfFile: run.folder.report, encoding: .utf8) == Report(result.record).html)
    }

    @Test func aFolderHoldsOneRun() throws {
        let (folder, data) = try folderWithData()
        let runFolder = RunFolder(folder.file("run"))
        _ = try DigitRun(.init(model: .mlp, data: data, epochs: 1), in: runFolder).train()
        #expect(
            failure { try DigitRun(.init(model: .mlp, data: data, epochs: 1), in: runFolder) }
                == "\(runFolder.path): the folder holds a run already; go on with it by --resume \(runFolder.path), or choose another folder"
        )
        let lock = try runFolder.lock()
        #expect(
            failure { try DigitRun(resuming: runFolder.path) }
                == "\(runFolder.path): another process is training in this folder")
        withExtendedLifetime(lock) {}
    }

    @Test func resumingWithOtherSettingsIsRefused() throws {
        let (folder, data) = try folderWithData()
        let runFolder = RunFolder(folder.file("run"))
        _ = try DigitRun(.init(model: .mlp, data: data, epochs: 1, batchSize: 8, seed: 3), in: runFolder).train()
        func message(_ request: DigitRun.Request) -> String {
            failure { try DigitRun(resuming: runFolder.path, request) }.replacingOccurrences(of: folder.path + "/", with: "")
        }
        let start = "run/checkpoint.safetensors: the run was started with "
        let end = "; leave the option out, or start a new run"
        #expect(message(.init(model: .lenet)) == start + "model mlp, not lenet" + end)
        #expect(message(.init(epochs: 2)) == start + "epochs 1, not 2" + end)
        #expect(message(.init(batchSize: 9)) == start + "batch 8, not 9" + end)
        #expect(message(.init(learningRate: 0.5)) == start + "learning rate 0.002, not 0.5" + end)
        #expect(message(.init(seed: 4)) == start + "seed 3, not 4" + end)
        #expect(message(.init(data: "mnist-5k")) == start + "data data, not mnist-5k" + end)
        #expect(message(.init(model: .mlp, epochs: 1, batchSize: 8, seed: 3)) == "(no error)")

        // The same data elsewhere is the same data; other data in the same place is not.
        let moved = folder.file("moved")
        try FileManager.default.moveItem(atPath: data, toPath: moved)
        #expect(message(.init(data: moved)) == "(no error)")
        try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
        try write(toyData(train: 41), to: data)
        #expect(message(.init()).hasPrefix(start + "images 40 + 22 of 8 x 8, "))
        #expect(message(.init()).contains(", not 41 + 22 of 8 x 8, "))
    }

    @Test func resumingNothingIsRefused() throws {
        let folder = try TemporaryFolder()
        let missing = folder.file("missing")
        #expect(failure { try DigitRun(resuming: missing) } == "\(missing): there is no run to resume: there is no such folder")
    }

    /// What a run leaves that is killed before its first checkpoint.
    @Test func resumingAnEmptyFolderBeginsAnew() throws {
        let (folder, data) = try folderWithData()
        let path = folder.file("run")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try Data().write(to: URL(fileURLWithPath: path + "/.hillock-1-abc.tmp"))
        let run = try DigitRun(resuming: path, .init(model: .mlp, data: data, epochs: 1))
        #expect(try run.train() != nil)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: path).sorted() == [
                "checkpoint.safetensors", "report.html", "report.json", "weights.safetensors",
            ])
    }

    @Test func imagesThatAreTooSmallAreRefused() throws {
        let (folder, data) = try folderWithData(size: 4)
        #expect(
            failure { try DigitRun(.init(model: .lenet, data: data), in: RunFolder(folder.file("run"))) }
                == "images are 4 x 4 pixels, lenet needs at least 6 x 6; use the model mlp")
        #expect(!RunFolder(folder.file("run")).exists)
    }
}

struct DigitWeightsTests {
    private let folder: TemporaryFolder
    private let path: String
    private let tensors: [String: HostArray]
    private let metadata: [String: String]

    init() throws {
        folder = try TemporaryFolder()
        path = folder.file("w.safetensors")
        try withSeed(1) { try DigitRecognizer(model: .mlp, for: toyData()) }.save(to: path)
        let file = try SafetensorsFile(path: path)
        tensors = try file.arrays()
        metadata = file.metadata
    }

    private func message(_ tensors: [String: HostArray], _ metadata: [String: String]) throws -> String {
        try Safetensors.write(tensors, metadata: metadata, to: path)
        return failure { try DigitRecognizer(weights: path) }.replacingOccurrences(of: folder.path + "/", with: "")
    }

    @Test func metadataSaysHowToUseThem() throws {
        #expect(metadata["system"] == "digits")
        #expect(metadata["model"] == "mlp")
        #expect(metadata["data"] == "toy")
        #expect(metadata["classes"] == #"["class 0","class 1","class 2","class 3"]"#)
        #expect(metadata["height"] == "8")
        #expect(metadata["version"] == HillockVersion.current)
        #expect(try message(tensors, metadata) == "(no error)")
    }

    @Test func anotherArchitectureIsRefused() throws {
        var other = tensors
        other["hidden.weight"] = HostArray([Float](repeating: 0, count: 512), shape: [512, 1])
        other["hidden2.bias"] = nil
        other["conv1.weight"] = HostArray([Float(1)])
        #expect(
            try message(other, metadata)
                == "w.safetensors: these are not weights of mlp for 8 x 8 pixels: missing: hidden2.bias; unexpected: conv1.weight; "
                + "of another shape: hidden.weight (expected f32[512, 64], got f32[512, 1])")
    }

    @Test func otherFilesAreRefused() throws {
        func changed(_ name: String, _ value: String?) throws -> String {
            var metadata = metadata
            metadata[name] = value
            return try message(tensors, metadata)
        }
        let start = "w.safetensors: not weights of a digit network: "
        #expect(try changed("format", nil) == start + "its metadata has no \"format\"")
        #expect(try changed("format", "x") == start + "its format is \"x\", expected \"hillock digits 1\"")
        #expect(
            try changed("format", "hillock checkpoint 1") == start
                + "its format is \"hillock checkpoint 1\", expected \"hillock digits 1\"; the weights are in the file beside it, once the run is finished"
        )
        #expect(try changed("model", "resnet") == start + "its model is \"resnet\", which is not known")
        #expect(try changed("height", "-3") == start + "its metadata \"height\" is \"-3\"")
        #expect(try changed("width", "99999999999") == start + "its metadata \"width\" is \"99999999999\"")
        #expect(try changed("mean", "nan") == start + "its metadata \"mean\" is \"nan\"")
        #expect(try changed("standard_deviation", "0") == start + "its metadata \"standard_deviation\" is \"0\"")
        #expect(try changed("classes", "[]") == start + "its metadata \"classes\" is not a list of names")
        #expect(try changed("data", nil) == start + "its metadata has no \"data\"")
        // Would be a network of 4 GB; nothing of it is made.
        #expect(
            try changed("height", "4096").hasPrefix(
                "w.safetensors: these are not weights of mlp for 4096 x 8 pixels: of another shape: hidden.weight"))
    }

    @Test func dataOfAnotherKindIsRefused() throws {
        let recognizer = try DigitRecognizer(weights: path)
        let small = try toyData(size: 6).test
        #expect(
            failure { try recognizer.classify(small, path: "w") }
                == "w: these weights were trained on 8 x 8 pixels, the data has 6 x 6 (image size)")
        let many = try toyImages(count: 10, classes: 5, seed: 1)
        #expect(
            failure { try recognizer.classify(many, path: "w") }
                == "w: these weights were trained on 4 classes, the data has 5 (number of classes)")
    }
}
