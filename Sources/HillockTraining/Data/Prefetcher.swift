import Dispatch
import Foundation
import HillockCore
import Synchronization

/// Makes elements ahead of their use, in order, on a thread of its own, so that data is never on the path of a step.
final class Prefetcher<Element: Sendable>: Sendable {
    private let shared: Shared

    /// What the two threads share; the worker must not hold the prefetcher itself, or it would never end.
    private final class Shared: Sendable {
        let ready = Mutex<[Result<Element, any Error>]>([])
        let available = DispatchSemaphore(value: 0)
        let free = DispatchSemaphore(value: 0)
        let isCancelled = Atomic<Bool>(false)

        // Counted up rather than begun at `depth`: a semaphore that is freed below its first value stops the program.
        init(depth: Int) { for _ in 0..<depth { free.signal() } }
    }

    /// Makes elements `range` by `make`, at most `depth` of them ahead.
    init(_ range: Range<Int>, depth: Int = 8, make: @escaping @Sendable (Int) throws -> Element) {
        let shared = Shared(depth: depth)
        self.shared = shared
        guard !range.isEmpty else { return }
        let observer = Observation.observer
        let thread = Thread {
            for index in range {
                shared.free.wait()
                if shared.isCancelled.load(ordering: .relaxed) { return }
                let element = Observation.$observer.withValue(observer) { Result { try phase("make data") { try make(index) } } }
                shared.ready.withLock { $0.append(element) }
                shared.available.signal()
            }
        }
        thread.name = "hillock-data"
        thread.start()
    }

    deinit {
        shared.isCancelled.store(true, ordering: .relaxed)
        shared.free.signal()
    }

    /// The next element; waits for it. Must not be called more often than the range has elements.
    func next() throws -> Element {
        shared.available.wait()
        let element = shared.ready.withLock { $0.removeFirst() }
        shared.free.signal()
        return try element.get()
    }
}
