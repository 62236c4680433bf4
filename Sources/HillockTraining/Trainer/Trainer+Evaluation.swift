import HillockCore
import HillockNN

extension Trainer {
    /// Mean loss and metrics of the model over a data set, without training.
    ///
    /// - Parameter advanced: told how many of how many samples are done; returns false to stop, and then so does this, with `nil`.
    public func evaluate(_ source: any BatchSource, advanced: (Int, Int) -> Bool = { _, _ in true }) throws -> [String: Double]? {
        let measures: [any Metric] = [MeanLoss(loss)] + metrics
        var sums = [Double](repeating: 0, count: measures.count)
        let isComplete = try forEachEvaluationBatch(source, batchSize: settings.evaluationBatchSize, advanced: advanced) { batch in
            let outputs = model(batch.inputs)
            let values = measures.map { $0.measure(outputs, batch.targets) }
            HillockCore.evaluate(values)
            for (index, value) in values.enumerated() { sums[index] += try value.hostArray().doubles[0] }
        }
        guard isComplete else { return nil }
        let count = Double(max(source.sampleCount, 1))
        return Dictionary(uniqueKeysWithValues: zip(measures, sums).map { ($0.name, $1 / count) })
    }
}

/// Calls `body` with the batches of a data set in its order: all of `batchSize` but perhaps the last, so at most two plans are made.
/// Returns whether `advanced` let it come to the end.
package func forEachEvaluationBatch(
    _ source: any BatchSource, batchSize: Int, advanced: (Int, Int) -> Bool = { _, _ in true }, _ body: (Batch) throws -> Void
) throws -> Bool {
    let sampler = Sampler(count: source.sampleCount, isShuffled: false)
    let order = sampler.order(epoch: 0)
    let batches = Prefetcher(0..<sampler.batchCount(batchSize: batchSize)) { index in
        try source.batch(order[index * batchSize..<min((index + 1) * batchSize, order.count)], epoch: nil)
    }
    var done = 0
    while done < order.count {
        let batch = try phase("data") { try batches.next() }
        try withTraining(false) { try phase("batch") { try body(batch.placed) } }
        done += batch.count
        if !advanced(done, order.count) { return false }
    }
    return true
}
