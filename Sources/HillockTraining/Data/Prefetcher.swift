import Glibc
import HillockCore
import Synchronization

/// Makes elements ahead of their use, in order, on a thread of its own, so that data is never on the path of a step.
final class Prefetcher<Element: Sendable>: Sendable {
    private let shared: Shared

    /// What the two threads share; the worker must not hold the prefetcher itself, or it would never end.
    private final class Shared: @unchecked Sendable {
        let ready = Mutex<[Result<Element, any Error>]>([])
        let isCancelled = Atomic<Bool>(false)
        // POSIX semaphores must not move: they lie in memory of their own.
        let available: UnsafeMutablePointer<sem_t>
        let free: UnsafeMutablePointer<sem_t>

        init(depth: Int) {
            available = .allocate(capacity: 1)
            free = .allocate(capacity: 1)
            sem_init(available, 0, 0)
            sem_init(free, 0, UInt32(depth))
        }

        deinit {
            for semaphore in [available, free] {
                sem_destroy(semaphore)
                semaphore.deallocate()
            }
        }

        func wait(_ semaphore: UnsafeMutablePointer<sem_t>) {
            while sem_wait(semaphore) != 0, errno == EINTR {}
        }
    }

    /// Makes elements `range` by `make`, at most `depth` of them ahead.
    init(_ range: Range<Int>, depth: Int = 8, make: @escaping @Sendable (Int) throws -> Element) {
        let shared = Shared(depth: depth)
        self.shared = shared
        guard !range.isEmpty else { return }
        let observer = Observation.observer
        startThread(named: "hillock-data") {
            for index in range {
                shared.wait(shared.free)
                if shared.isCancelled.load(ordering: .relaxed) { return }
                let element = Observation.$observer.withValue(observer) { Result { try phase("make data") { try make(index) } } }
                shared.ready.withLock { $0.append(element) }
                sem_post(shared.available)
            }
        }
    }

    deinit {
        shared.isCancelled.store(true, ordering: .relaxed)
        sem_post(shared.free)
    }

    /// The next element; waits for it. Must not be called more often than the range has elements.
    func next() throws -> Element {
        shared.wait(shared.available)
        let element = shared.ready.withLock { $0.removeFirst() }
        sem_post(shared.free)
        return try element.get()
    }
}

/// What a thread does, in a box that a C pointer can carry.
private final class ThreadBody: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// Runs `body` on a new thread, of which nobody waits for the end.
private func startThread(named name: String, _ body: @escaping @Sendable () -> Void) {
    let context = ThreadBody {
        if let file = fopen("/proc/thread-self/comm", "w") {
            fputs(name, file)
            fclose(file)
        }
        body()
    }
    var thread = pthread_t()
    let code = pthread_create(&thread, nil, runThread, Unmanaged.passRetained(context).toOpaque())
    guard code == 0 else { fatalError("[data] the system refuses a thread: \(String(cString: strerror(code)))") }
    pthread_detach(thread)
}

private func runThread(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    Unmanaged<ThreadBody>.fromOpaque(context!).takeRetainedValue().run()
    return nil
}
