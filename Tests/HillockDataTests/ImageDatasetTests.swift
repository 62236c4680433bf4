import Foundation
import HillockCore
import HillockData
import HillockFormats
import TestFolders
import Testing

@Suite struct ImageDatasetTests {
    /// A folder with a data set of 3 + 2 images of 2 x 2 pixels, in the given spelling.
    private func folder(
        _ spelling: (String) -> String = { $0 + ".gz" }, trainLabels: [UInt8] = [0, 1, 2], testShape: Shape = [2, 2, 2],
        testLabels: [UInt8] = [2, 0]
    ) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        func write(_ array: HostArray, _ name: String) throws {
            try IDX.write(array, to: folder.file(spelling(name)), compressed: spelling(name).hasSuffix(".gz"))
        }
        try write(HostArray([UInt8](0..<12), shape: [3, 2, 2]), "train-images-idx3-ubyte")
        try write(HostArray(trainLabels), "train-labels-idx1-ubyte")
        try write(HostArray([UInt8](repeating: 7, count: testShape.count), shape: testShape), "t10k-images-idx3-ubyte")
        try write(HostArray(testLabels), "t10k-labels-idx1-ubyte")
        return folder
    }

    @Test func embeddedDigits() throws {
        let data = try ImageDataset.load("mnist-5k")
        #expect(data.train.images.shape == [4000, 28, 28] && data.test.images.shape == [1000, 28, 28])
        for (part, each) in [(data.train, 400), (data.test, 100)] {
            let labels = part.labels.elements(as: UInt8.self)
            #expect((0..<10).allSatisfy { digit in labels.count { $0 == digit } == each })
            #expect(labels.prefix(100) != labels.prefix(100).sorted()[...], "the digits are shuffled")
        }
        // No test digit is among the training digits.
        let pixels = [data.train, data.test].map { part in
            let all = part.images.elements(as: UInt8.self)
            return (0..<part.count).map { all[784 * $0..<784 * ($0 + 1)] }
        }
        #expect(Set(pixels[0]).isDisjoint(with: pixels[1]))
        #expect(Set(pixels[0]).count == 4000)
        #expect(data.classNames == ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"])
    }

    @Test func foldersInAllSpellings() throws {
        let spellings: [(String) -> String] = [
            { $0 }, { $0 + ".gz" }, { $0.replacingOccurrences(of: "-idx", with: ".idx") },
            { $0.replacingOccurrences(of: "-idx", with: ".idx") + ".gz" },
        ]
        for spelling in spellings {
            let folder = try folder(spelling)
            let data = try ImageDataset.load(folder.path)
            #expect(data.train.count == 3 && data.test.count == 2 && data.classNames == ["0", "1", "2"])
            #expect(data.name == folder.path)
        }
    }

    @Test func messages() throws {
        let wide = try folder(testShape: [2, 2, 3])
        #expect(failure { try ImageDataset.load(wide.path) } == "\(wide.path): training images are 2 x 2 pixels, test images 2 x 3")
        let labels = try folder(testLabels: [0, 3])
        #expect(
            failure { try ImageDataset.load(labels.path) }
                == "\(labels.path)/t10k-labels-idx1-ubyte.gz: label 1 is 3, expected 0 to 2 (3 classes)")
        let missing = try folder()
        unlink(missing.file("t10k-images-idx3-ubyte.gz"))
        #expect(
            failure { try ImageDataset.load(missing.path) }
                == "\(missing.path): there is no t10k-images-idx3-ubyte.gz, nor t10k-images-idx3-ubyte, nor t10k-images.idx3-ubyte.gz, nor t10k-images.idx3-ubyte"
        )
        #expect(failure { try ImageDataset.load("/no/where") } == "/no/where: cannot read: no such file or folder")
        #expect(
            failure { try ImageDataset.load("mnst") }
                == "there is no data set \"mnst\"; did you mean mnist? (known: mnist-5k, mnist, fashion-mnist; for a folder write ./mnst)")
        #expect(
            failure { try ImageDataset.load("mnits") }
                == "there is no data set \"mnits\"; did you mean mnist? (known: mnist-5k, mnist, fashion-mnist; for a folder write ./mnits)"
        )
        #expect(
            failure { try DatasetCatalog.entry(named: "imagenet") }
                == "there is no data set \"imagenet\" (known: mnist-5k, mnist, fashion-mnist; for a folder write ./imagenet)")
    }

    @Test func searchOrder() throws {
        let folder = try TemporaryFolder()
        let locations = DataLocations(environment: ["HILLOCK_DATA": folder.file("data")], homeFolder: "/home/ada")
        #expect(
            locations.folders(for: DatasetCatalog.fashionMNIST)
                == [
                    folder.file("data/fashion-mnist"), "/home/ada/.cache/hillock/data/fashion-mnist", "/usr/share/datasets/fashion-mnist",
                ])
        #expect(locations.downloadFolder(for: DatasetCatalog.mnist) == folder.file("data/mnist"))
        let cache = DataLocations(environment: ["XDG_CACHE_HOME": "/var/cache/ada", "HILLOCK_DATA": ""], homeFolder: "/home/ada")
        #expect(cache.folders(for: DatasetCatalog.mnist) == ["/var/cache/ada/hillock/data/mnist"])
        let relative = DataLocations(environment: ["XDG_CACHE_HOME": "cache"], homeFolder: "/home/ada")
        #expect(relative.folders(for: DatasetCatalog.mnist) == ["/home/ada/.cache/hillock/data/mnist"])
    }

    @Test func notFoundSaysWhereAndHow() {
        let locations = DataLocations(environment: ["HILLOCK_DATA": "/none"], homeFolder: "/nobody")
        #expect(
            failure { try locations.locate(DatasetCatalog.mnist) }
                == "data set mnist is not on this machine (looked in /none/mnist, /nobody/.cache/hillock/data/mnist); get it with: hillock data fetch mnist"
        )
        let error = DatasetError.notFound(
            name: "fashion-mnist", lookedIn: ["/a"],
            commands: ["hillock data fetch fashion-mnist", "sudo apt install dataset-fashion-mnist"])
        #expect(
            error.description
                == "data set fashion-mnist is not on this machine (looked in /a); get it with: hillock data fetch fashion-mnist, or: sudo apt install dataset-fashion-mnist"
        )
    }

    @Test(.enabled(if: sharedData != nil, "needs ../shared/data/mnist")) func fullMNIST() throws {
        let locations = DataLocations(environment: ["HILLOCK_DATA": try #require(sharedData)], homeFolder: "/nobody")
        let data = try ImageDataset.load("mnist", locations: locations)
        #expect((data.train.count, data.test.count) == (60000, 10000))
        #expect(data.train.labels.elements(as: UInt8.self).prefix(8) == [5, 0, 4, 1, 9, 2, 1, 3])
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/usr/share/datasets/fashion-mnist"), "needs Debian's dataset-fashion-mnist"))
    func debiansFashionMNIST() throws {
        let locations = DataLocations(environment: [:], homeFolder: "/nobody")
        let data = try ImageDataset.load("fashion-mnist", locations: locations)
        #expect((data.train.count, data.test.count) == (60000, 10000))
        #expect(data.classNames[Int(data.train.labels.elements(as: UInt8.self)[0])] == "Ankle boot")
    }
}
