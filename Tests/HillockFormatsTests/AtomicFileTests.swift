import Foundation
import HillockCore
import HillockFormats
import TestFolders
import Testing

@Suite struct AtomicFileTests {
    @Test func createsAndReplaces() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.txt")
        try AtomicFile.write("one", to: path)
        chmod(path, 0o640)
        try AtomicFile.write("two", to: path)
        #expect(try String(decoding: InputFile.bytes(of: path), as: UTF8.self) == "two")
        var status = stat()
        stat(path, &status)
        #expect(status.st_mode & 0o777 == 0o640)
        #expect(try folder.names() == ["a.txt"])
    }

    @Test func writesManyPiecesInOrder() throws {
        let folder = try TemporaryFolder()
        let pieces = (0..<50).map { [UInt8](repeating: UInt8($0), count: $0 * 400) }
        try AtomicFile.write(to: folder.file("a")) { output in
            for piece in pieces { try output.write(piece) }
            #expect(output.byteCount == 400 * 49 * 50 / 2)
        }
        #expect(try InputFile.bytes(of: folder.file("a")) == pieces.flatMap(\.self))
    }

    @Test func followsALink() throws {
        let folder = try TemporaryFolder()
        try AtomicFile.write("one", to: folder.file("real"))
        symlink("real", folder.file("link"))
        try AtomicFile.write("two", to: folder.file("link"))
        #expect(try String(decoding: InputFile.bytes(of: folder.file("real")), as: UTF8.self) == "two")
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder.file("link")) == "real")
    }

    @Test func aFailingBodyLeavesTheOldFile() throws {
        struct Stop: Error {}
        let folder = try TemporaryFolder()
        let path = folder.file("a")
        try AtomicFile.write("old", to: path)
        #expect(throws: Stop.self) {
            try AtomicFile.write(to: path) { output in
                try output.write([UInt8](repeating: 1, count: 200_000))
                throw Stop()
            }
        }
        #expect(try String(decoding: InputFile.bytes(of: path), as: UTF8.self) == "old")
        #expect(try folder.names() == ["a"])
    }

    @Test func messages() throws {
        let folder = try TemporaryFolder()
        #expect(
            failure { try AtomicFile.write("x", to: folder.file("none/a")) }
                == "\(folder.path)/none/a: cannot write: no such file or folder")
        #expect(failure { try AtomicFile.write("x", to: folder.path) } == "\(folder.path): cannot write: it is a folder, not a file")
        #expect(
            failure { try AtomicFile.write("x", to: "/dev/full") } == "/dev/full: cannot write: invalid argument; it is not a regular file")
        try AtomicFile.write("x", to: folder.file("a"))
        #expect(
            failure { try AtomicFile.write("x", to: folder.file("a/b")) }
                == "\(folder.path)/a/b: cannot write: part of the path is not a folder")
        #expect(
            FileError(path: "w", action: "write", code: ENOSPC, hint: "the file is as it was before").description
                == "w: cannot write: no space is left on the disk; the file is as it was before")
    }

    /// In a process of its own, which gives up root's right to write anywhere.
    @Test func folderWithoutPermission() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            try AtomicFile.write("old", to: folder.file("a"))
            chmod(folder.path, 0o555)
            if geteuid() == 0 { try #require(seteuid(65534) == 0) }
            #expect(
                failure { try AtomicFile.write("new", to: folder.file("a")) }
                    == "\(folder.path)/a: cannot write: permission denied; the file is as it was before")
            #expect(try String(decoding: InputFile.bytes(of: folder.file("a")), as: UTF8.self) == "old")
            if getuid() == 0 { seteuid(0) }
            chmod(folder.path, 0o755)
        }
    }

    /// A limit on the size of files fails a write half way, as a full disk does, and needs no mount. In a process of its own: the limit is
    /// the whole process's.
    @Test func aFullDiskLeavesTheOldWeights() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            let path = folder.file("w.safetensors")
            try Safetensors.write(["a": HostArray([Float(1)])], to: path)
            let old = try InputFile.bytes(of: path)

            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit(rlim_cur: 1 << 20, rlim_max: 1 << 20)
            try #require(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
            #expect(
                failure { try Safetensors.write(["a": HostArray([Float](repeating: 2, count: 1 << 20))], to: path) }
                    == "\(path): cannot write: the file would be larger than the system allows; the file is as it was before")
            #expect(try InputFile.bytes(of: path) == old)
            #expect(try folder.names() == ["w.safetensors"])
        }
    }
}
