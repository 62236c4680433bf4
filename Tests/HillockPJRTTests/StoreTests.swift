import Glibc
import HillockPJRT
import TestFolders
import Testing

/// Compiled programs on disk.
@Suite struct StoreTests {
    private func key(_ text: String, place: String = "somewhere") -> ExecutableStore.Key { .init(place: place, text: text, options: [1]) }

    @Test func whatIsWrittenIsRead() throws {
        let folder = try TemporaryFolder()
        let store = ExecutableStore(folder: "\(folder.path)/new/deep")
        let content = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 7) }
        #expect(store.read(key("a")) == nil)
        store.write(content, for: key("a"))
        #expect(store.read(key("a")) == content)
        #expect(store.read(key("b")) == nil)
        #expect(store.read(key("a", place: "elsewhere")) == nil)
        #expect(key("a").name != key("b").name && key("a").name != key("a", place: "elsewhere").name)
        let keys = [[1], [2]].map { ExecutableStore.Key(place: "x", text: "a", options: $0) }
        #expect(keys[0].name != keys[1].name)
        store.write([1, 2, 3], for: key("a"))
        #expect(store.read(key("a")) == [1, 2, 3])
    }

    @Test func damageIsPassedOver() throws {
        let folder = try TemporaryFolder()
        let store = ExecutableStore(folder: folder.path)
        let content = [UInt8](repeating: 5, count: 300)
        store.write(content, for: key("a"))
        let path = "\(folder.path)/\(key("a").name)"
        let file = try #require(fopen(path, "r"))
        var whole = [UInt8](repeating: 0, count: 4096)
        whole.removeLast(whole.count - fread(&whole, 1, whole.count, file))
        fclose(file)
        for position in stride(from: 0, to: whole.count, by: 13) {
            var damaged = whole
            damaged[position] ^= 0x10
            try folder.write(key("a").name, damaged)
            #expect(store.read(key("a")) == nil, "byte \(position)")
        }
        for count in [0, 1, 20, whole.count - 1] {
            try folder.write(key("a").name, Array(whole.prefix(count)))
            #expect(store.read(key("a")) == nil, "\(count) bytes")
        }
        store.write(content, for: key("a"))
        #expect(store.read(key("a")) == content)
    }

    @Test func theLeastUsedGoFirst() throws {
        let folder = try TemporaryFolder()
        let store = ExecutableStore(folder: folder.path, capacity: 3500)
        let content = [UInt8](repeating: 1, count: 1000)
        func age(_ name: String, _ seconds: Int) {
            let times = [timespec(tv_sec: time(nil) - seconds, tv_nsec: 0), timespec(tv_sec: time(nil) - seconds, tv_nsec: 0)]
            utimensat(AT_FDCWD, "\(folder.path)/\(key(name).name)", times, 0)
        }
        for (position, name) in ["a", "b", "c"].enumerated() {
            store.write(content, for: key(name))
            age(name, 100 - position)
        }
        #expect(try folder.names().count == 3)
        // Reading is use.
        #expect(store.read(key("a")) != nil)
        store.write(content, for: key("d"))
        #expect(store.read(key("a")) != nil && store.read(key("b")) == nil && store.read(key("c")) != nil && store.read(key("d")) != nil)
        store.write([UInt8](repeating: 1, count: 5000), for: key("e"))
        #expect(store.read(key("e")) == nil, "larger than the store")
    }

    @Test func withoutAFolderNothingIsKept() {
        let store = ExecutableStore(folder: nil)
        store.write([1], for: key("a"))
        #expect(store.read(key("a")) == nil)
        let readOnly = ExecutableStore(folder: "/proc/hillock")
        readOnly.write([1], for: key("a"))
        #expect(readOnly.read(key("a")) == nil)
    }
}
