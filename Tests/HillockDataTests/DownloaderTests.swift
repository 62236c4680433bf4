import Crypto
import Foundation
import HillockCore
import HillockData
import HillockDownloads
import HillockFormats
import Synchronization
import TestFolders
import Testing

@Suite struct DownloaderTests {
    /// 200,000 bytes that gzip cannot shrink to nothing.
    let content = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* $0 &* 31 >> 5) }
    let downloader = Downloader(timeouts: .init(connect: 5, read: 5))

    private func hash(_ bytes: [UInt8]) -> String { SHA256.hash(data: bytes).map { String(format: "%02x", $0) }.joined() }

    private func file(_ mirrors: [String], expecting bytes: [UInt8]? = nil) -> RemoteFile {
        RemoteFile(name: "f.bin", mirrors: mirrors, checksum: .sha256(hash(bytes ?? content)))
    }

    private func bytes(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }

    @Test func downloadsWithProgress() async throws {
        let server = try LocalServer(.init(body: content))
        let folder = try TemporaryFolder()
        let seen = Mutex<[DownloadProgress]>([])
        let path = try await downloader.download(file([server.url("f.bin")]), to: folder.file("new/deep")) { state in
            seen.withLock { $0.append(state) }
        }
        #expect(path == folder.file("new/deep/f.bin"))
        #expect(try bytes(path) == content)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("new/deep")) == ["f.bin"])
        let states = seen.withLock { $0 }
        #expect(states.last == DownloadProgress(file: "f.bin", received: 200_000, total: 200_000))
        #expect(states.map(\.received) == states.map(\.received).sorted())
        // What is there and right is not downloaded again.
        _ = try await downloader.download(file([server.url("f.bin")]), to: folder.file("new/deep"))
        #expect(server.requests == [""])
    }

    @Test func replacesAFileThatIsWrong() async throws {
        let server = try LocalServer(.init(body: content))
        let folder = try TemporaryFolder()
        try AtomicFile.write("damaged", to: folder.file("f.bin"))
        let path = try await downloader.download(file([server.url("f.bin")]), to: folder.path)
        #expect(try bytes(path) == content)
    }

    @Test func checksTheContentOfACompressedFile() async throws {
        let server = try LocalServer(.init(body: Gzip.compress(content, level: 1)))
        let folder = try TemporaryFolder()
        let file = RemoteFile(name: "f.gz", mirrors: [server.url("f.gz")], checksum: .contentSHA256(hash(content)))
        let path = try await downloader.download(file, to: folder.path)
        #expect(try Gzip.decompress(bytes(path), file: path) == content)
    }

    @Test func resumesWhatWasInterrupted() async throws {
        let server = try LocalServer(.init(body: content))
        let folder = try TemporaryFolder()
        try AtomicFile.write(Array(content.prefix(70_000)), to: folder.file("f.bin.part"))
        let path = try await downloader.download(file([server.url("f.bin")]), to: folder.path)
        #expect(try bytes(path) == content)
        #expect(server.requests == ["bytes=70000-"])
    }

    @Test func wholePartIsNotDownloadedAgain() async throws {
        let server = try LocalServer(.init(body: content))
        let folder = try TemporaryFolder()
        try AtomicFile.write(content, to: folder.file("f.bin.part"))
        let path = try await downloader.download(file([server.url("f.bin")]), to: folder.path)
        #expect(try bytes(path) == content)
        #expect(server.requests == ["bytes=200000-"])
    }

    @Test func startsAgainWhenThePartWasAnotherFiles() async throws {
        let server = try LocalServer(.init(body: content))
        let folder = try TemporaryFolder()
        try AtomicFile.write([UInt8](repeating: 1, count: 70_000), to: folder.file("f.bin.part"))
        let path = try await downloader.download(file([server.url("f.bin")]), to: folder.path)
        #expect(try bytes(path) == content)
        #expect(server.requests == ["bytes=70000-", ""])
    }

    @Test func serverThatIgnoresRange() async throws {
        let server = try LocalServer(.init(body: content, ranges: false))
        let folder = try TemporaryFolder()
        try AtomicFile.write(Array(content.prefix(70_000)), to: folder.file("f.bin.part"))
        let path = try await downloader.download(file([server.url("f.bin")]), to: folder.path)
        #expect(try bytes(path) == content)
        #expect(server.requests == ["bytes=70000-"])
    }

    @Test func connectionCutMidwayIsResumed() async throws {
        let server = try LocalServer(.init(body: content, cutsAt: [90_000, 180_000, 200_000]))
        let folder = try TemporaryFolder()
        let path = try await downloader.download(file([server.url("f.bin")]), to: folder.path)
        #expect(try bytes(path) == content)
        // How much of what was sent before a cut arrives is the network's affair: more each time, and never from the start again.
        let starts = server.requests.map { Int($0.filter(\.isNumber)) ?? 0 }
        #expect(starts.count >= 3 && starts[0] == 0 && starts == starts.sorted() && starts[starts.count - 1] > 0)
    }

    @Test func cutForGoodKeepsThePart() async throws {
        let server = try LocalServer(.init(body: content, cutsAt: [30_000]))
        let folder = try TemporaryFolder()
        let message = await failure { try await downloader.download(file([server.url("f.bin")]), to: folder.path, hint: "do this") }
        let part = try bytes(folder.file("f.bin.part"))
        #expect(message == "f.bin: cannot be downloaded: 127.0.0.1: the connection was cut after \(part.count) bytes; do this")
        #expect(!part.isEmpty && part == Array(content.prefix(part.count)) && part.count <= 30_000)
        #expect(try folder.names() == ["f.bin.part"])
    }

    @Test func secondMirrorWhenTheFirstHasNone() async throws {
        let (first, second) = (try LocalServer(.init(body: [], status: 404)), try LocalServer(.init(body: content)))
        let folder = try TemporaryFolder()
        let path = try await downloader.download(file([first.url("f.bin"), second.url("f.bin")]), to: folder.path)
        #expect(try bytes(path) == content)
        #expect(first.requests == [""] && second.requests == [""])
    }

    @Test func secondMirrorWhenTheFirstIsWrong() async throws {
        var damaged = content
        damaged[100_000] ^= 1
        let (first, second) = (try LocalServer(.init(body: damaged)), try LocalServer(.init(body: content)))
        let folder = try TemporaryFolder()
        let path = try await downloader.download(file([first.url("f.bin"), second.url("f.bin")]), to: folder.path)
        #expect(try bytes(path) == content)
        #expect(second.requests == [""])
    }

    @Test func wrongContentIsNeverKept() async throws {
        let server = try LocalServer(.init(body: [1, 2, 3]))
        let folder = try TemporaryFolder()
        let message = await failure { try await downloader.download(file([server.url("f.bin")]), to: folder.path) }
        #expect(message == "f.bin: cannot be downloaded: 127.0.0.1: SHA-256 is \(hash([1, 2, 3])), expected \(hash(content))")
        #expect(try folder.names() == [])
    }

    @Test func moreThanTheFileCanBe() async throws {
        let server = try LocalServer(.init(body: content))
        let folder = try TemporaryFolder()
        let file = RemoteFile(name: "f.bin", mirrors: [server.url("f.bin")], byteCount: 50_000, checksum: .sha256(hash(content)))
        #expect(
            await failure { try await downloader.download(file, to: folder.path) }
                == "f.bin: cannot be downloaded: 127.0.0.1: it sent more than 100000 bytes")
        #expect(try folder.names() == [])
    }

    @Test func noNetwork() async throws {
        let closed = try LocalServer(.init(body: [])).url("f.bin")  // its server is gone at once
        let folder = try TemporaryFolder()
        let message = await failure {
            try await downloader.download(file([closed, "http://no-such-host.invalid/f.bin"]), to: folder.path, hint: "use --from DIR")
        }
        #expect(
            message
                == "f.bin: cannot be downloaded: 127.0.0.1: no connection (connection refused); no-such-host.invalid: the host's name cannot be resolved; use --from DIR"
        )
        #expect(try folder.names() == [])
    }

    @Test func serverThatSaysNothing() async throws {
        let server = try LocalServer(.init(body: content, delay: 5))
        let folder = try TemporaryFolder()
        let message = await failure {
            try await Downloader(timeouts: .init(connect: 1, read: 1)).download(file([server.url("f.bin")]), to: folder.path)
        }
        #expect(message == "f.bin: cannot be downloaded: 127.0.0.1: nothing came for 1 s after 0 bytes")
    }

    @Test func cancellationKeepsThePart() async throws {
        let server = try LocalServer(.init(body: content, delay: 0.1))
        let folder = try TemporaryFolder()
        let arrived = Mutex(false)
        let task = Task {
            try await downloader.download(file([server.url("f.bin")]), to: folder.path) { _ in arrived.withLock { $0 = true } }
        }
        while !arrived.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(10)) }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        let part = try bytes(folder.file("f.bin.part"))
        #expect(!part.isEmpty && part.count < content.count && part == Array(content.prefix(part.count)))
    }

    @Test func twoAtOnce() async throws {
        let server = try LocalServer(.init(body: content, delay: 0.05))
        let folder = try TemporaryFolder()
        async let first = failure { try await downloader.download(file([server.url("f.bin")]), to: folder.path) }
        async let second = failure { try await downloader.download(file([server.url("f.bin")]), to: folder.path) }
        #expect(
            await Set([first, second]) == ["(no error)", "\(folder.file("f.bin")): another process is downloading it"])
    }

    @Test func folderThatCannotBeMade() async throws {
        let folder = try TemporaryFolder()
        try AtomicFile.write("x", to: folder.file("a"))
        let message = await failure { try await downloader.download(file(["http://127.0.0.1:1/"]), to: folder.file("a/b")) }
        #expect(message.hasPrefix("\(folder.file("a/b")): cannot create the folder: "))
    }
}

@Suite struct DatasetFetchTests {
    @Test func builtIn() async throws {
        let folder = try TemporaryFolder()
        #expect(
            await failure { try await Downloader().fetch(DatasetCatalog.mnist5k, into: folder.path) }
                == "data set mnist-5k is built in; there is nothing to fetch")
    }

    @Test func wrongFilesOfAFolderAreRefused() async throws {
        let source = try TemporaryFolder()
        for file in DatasetCatalog.mnist.files { try AtomicFile.write(Gzip.compress([1]), to: source.file(file.name)) }
        let folder = try TemporaryFolder()
        #expect(
            await failure { try await Downloader().fetch(DatasetCatalog.mnist, from: source.path, into: folder.path) }
                == "\(source.path)/train-images-idx3-ubyte.gz: SHA-256 of the content is 4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a, expected ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db; the file is damaged or is another one"
        )
        #expect(try folder.names() == [])
    }

    @Test(.enabled(if: sharedData != nil, "needs ../shared/data/mnist")) func fromAFolder() async throws {
        let folder = try TemporaryFolder()
        let source = try #require(sharedData) + "/mnist"
        try await Downloader().fetch(DatasetCatalog.mnist, from: source, into: folder.path)
        #expect(try folder.names() == DatasetCatalog.mnist.files.map(\.name).sorted())
        #expect(try ImageDataset.load(folder: folder.path).train.count == 60000)
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/usr/share/datasets/fashion-mnist"), "needs Debian's dataset-fashion-mnist"))
    func debiansFilesAreTheRightOnes() async throws {
        let folder = try TemporaryFolder()
        try await Downloader().fetch(DatasetCatalog.fashionMNIST, from: "/usr/share/datasets/fashion-mnist", into: folder.path)
        #expect(try folder.names().count == 4)
    }
}
