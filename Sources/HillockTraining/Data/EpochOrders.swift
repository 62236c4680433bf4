import Synchronization

/// The order of the epoch that is being read, made once.
final class EpochOrders: Sendable {
    private let sampler: Sampler
    private let last = Mutex<(epoch: Int, order: [Int])>((-1, []))

    init(_ sampler: Sampler) { self.sampler = sampler }

    func order(epoch: Int) -> [Int] {
        last.withLock { last in
            if last.epoch != epoch { last = (epoch, sampler.order(epoch: epoch)) }
            return last.order
        }
    }
}
