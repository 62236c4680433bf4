import Glibc

/// Blocks of memory, 64-byte aligned; large ones straight from the system, to which they go back at once when they are freed.
enum LargeBlocks {
    /// From this size on; the C library would keep what is freed below its own, growing, threshold.
    private static let threshold = 1 << 23

    /// - Throws: ``CPUEngineError`` where the system has no such block.
    static func allocate(_ byteCount: Int) throws -> UnsafeMutableRawPointer {
        guard byteCount >= threshold else { return .allocate(byteCount: Swift.max(byteCount, 64), alignment: 64) }
        let block = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let block, block != MAP_FAILED else {
            let whole = Int(sysconf(Int32(_SC_PHYS_PAGES))) * Int(sysconf(Int32(_SC_PAGESIZE)))
            throw CPUEngineError(
                description: "[cpu] out of memory: the system refused a block of \(byteCount) bytes (this machine has \(whole) in all); "
                    + "compute less at once, as by smaller batches")
        }
        // Only advice: pages of 2 MiB are fewer to touch at first and to look up later.
        _ = madvise(block, byteCount, MADV_HUGEPAGE)
        return block
    }

    static func deallocate(_ block: UnsafeMutableRawPointer, _ byteCount: Int) {
        if byteCount >= threshold { munmap(block, byteCount) } else { block.deallocate() }
    }
}
