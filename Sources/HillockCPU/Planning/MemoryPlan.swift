import HillockCore

/// Number of a piece of memory that a plan's steps read and write.
package typealias BufferID = Int

/// What a plan knows of a piece of memory before it runs.
package struct BufferInfo {
    package enum Kind {
        /// The argument at this position.
        case argument(Int)
        /// A number among the arguments, written into a cell of the plan.
        case scalar(Int)
        /// Known when the plan was made.
        case constant(Storage)
        /// Lives in the arena from its first step to its last.
        case temporary
        /// What the prologue leaves, in memory of its own.
        case kept
        /// The result at this position.
        case result(Int)
    }
    package var kind: Kind
    package let byteCount: Int
    package let layout: PhysicalLayout
    /// Number of the value that it holds, if it holds one.
    package var value: Int?

    package init(kind: Kind, byteCount: Int, layout: PhysicalLayout, value: Int? = nil) {
        (self.kind, self.byteCount, self.layout, self.value) = (kind, byteCount, layout, value)
    }

    var isConstant: Bool {
        if case .constant = kind { true } else { false }
    }
}

/// Places temporaries in one arena: those that are never alive at the same time share memory.
///
/// Greedy by size: the largest first, each at the lowest offset where it meets none that is alive with it (Pisarchyk and Lee,
/// "Efficient memory management for deep neural net inference", 2020).
package struct MemoryPlan {
    package struct Request {
        let buffer: BufferID
        let byteCount: Int
        /// The first and the last step that it is for.
        let first: Int
        var last: Int

        package init(buffer: BufferID, byteCount: Int, first: Int, last: Int) {
            (self.buffer, self.byteCount, self.first, self.last) = (buffer, byteCount, first, last)
        }
    }

    /// Offset of each buffer in the arena.
    package var offsets: [BufferID: Int] = [:]
    /// Size of the arena in bytes.
    package private(set) var byteCount = 0

    package init(_ requests: [Request]) {
        var placed = PlacedRequests(steps: (requests.map(\.last).max() ?? 0) + 1)
        for request in requests.sorted(by: { ($0.byteCount, $1.first) > ($1.byteCount, $0.first) }) {
            let size = (request.byteCount + 63) & ~63
            var offset = 0
            for other in placed.alive(with: request) {
                if offset + size <= other.offset { break }
                offset = Swift.max(offset, other.end)
            }
            offsets[request.buffer] = offset
            byteCount = Swift.max(byteCount, offset + size)
            placed.insert(request, offset, offset + size)
        }
    }
}

/// Requests that have a place, found by when they are alive: an interval tree (Edelsbrunner, 1980) over the steps.
///
/// A node of level `h` covers the `2^h` steps whose numbers agree above their last `h` bits; a request is kept by the lowest node that covers
/// all of its life. So plans of many short lives, as those of recurrent networks step by step, are searched near each life alone.
private struct PlacedRequests {
    typealias Entry = (first: Int, last: Int, offset: Int, end: Int)
    private var levels: [[[Entry]]]

    init(steps: Int) {
        let height = Int.bitWidth - (steps - 1).leadingZeroBitCount
        levels = (0...height).map { [[Entry]](repeating: [], count: (steps - 1) >> $0 + 1) }
    }

    mutating func insert(_ request: MemoryPlan.Request, _ offset: Int, _ end: Int) {
        let level = Int.bitWidth - (request.first ^ request.last).leadingZeroBitCount
        levels[level][request.first >> level].append((request.first, request.last, offset, end))
    }

    /// Those that are alive in some step of the request's life, by their places.
    func alive(with request: MemoryPlan.Request) -> [Entry] {
        var found: [Entry] = []
        for (level, nodes) in levels.enumerated() {
            for node in nodes[(request.first >> level)...(request.last >> level)] {
                for entry in node where entry.first <= request.last && request.first <= entry.last { found.append(entry) }
            }
        }
        return found.sorted { $0.offset < $1.offset }
    }
}
