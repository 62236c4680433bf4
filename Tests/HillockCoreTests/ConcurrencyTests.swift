import HillockCore
import Testing

/// Several tasks at once: tensors are values, and evaluation takes turns.
@Suite struct ConcurrencyTests {
    @Test func tasksBuildAndEvaluateAtOnce() async {
        let shared = exp(Tensor([0, 1, 2] as [Double]))
        let results = await withTaskGroup(of: [Double].self) { group in
            for task in 0..<16 {
                group.addTask {
                    var x = Tensor([Double(task), 1, 2])
                    for step in 1...50 {
                        x = x * 0.5 + Double(step)
                        if step % 7 == 0 { evaluate(x) }
                    }
                    return (x + shared).elements(as: Double.self)
                }
            }
            return await group.reduce(into: [[Double]]()) { $0.append($1) }
        }
        var expected: [[Double]] = []
        for task in 0..<16 {
            var x = [Double(task), 1, 2]
            for step in 1...50 { x = x.map { $0 * 0.5 + Double(step) } }
            expected.append(zip(x, shared.elements(as: Double.self)).map { $0 + $1 })
        }
        #expect(results.sorted { $0[0] < $1[0] } == expected.sorted { $0[0] < $1[0] })
    }

    @Test func tasksReadOneLazyTensor() async {
        let x = Tensor([1, 2, 3] as [Float])
        let y = exp(sqrt(x) * 2).sum()
        let values = await withTaskGroup(of: Double.self) { group in
            for _ in 0..<16 { group.addTask { y.item() } }
            return await group.reduce(into: [Double]()) { $0.append($1) }
        }
        #expect(Set(values).count == 1)
        #expect(y.isEvaluated)
    }

    @Test func tasksTakeGradientsOfSharedTensors() async {
        let weight = Tensor([1, 2, 3] as [Double]) * 2
        let sums = await withTaskGroup(of: Double.self) { group in
            for task in 1...16 {
                group.addTask {
                    let (value, gradient) = valueAndGradient(at: weight) { w in
                        let y = w * w
                        if task % 3 == 0 { evaluate(y) }
                        return (y * Double(task)).sum()
                    }
                    return gradient.sum().item() / Double(task) - 24 + value.item() / Double(task) - 56
                }
            }
            return await group.reduce(into: [Double]()) { $0.append($1) }
        }
        #expect(sums.allSatisfy { $0.magnitude < 1e-12 })
    }

    @Test func graphsAreFreedWhileOthersAreEvaluated() async {
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for round in 0..<40 {
                        // One long chain is dropped, one evaluated, and both hang on parts of the other.
                        let start = Tensor([Float(round)])
                        let middle = (0..<50).reduce(start) { x, _ in x + 1 }
                        var end: Tensor? = (0..<50).reduce(middle) { x, _ in x + 1 }
                        let other = middle * 2
                        if task % 2 == 0 { end = nil }
                        #expect(other.item() == Double(round + 50) * 2)
                        if let end { #expect(end.item() == Double(round + 100)) }
                    }
                }
            }
        }
    }

    @Test func settingsBelongToTheirTask() async {
        await withTaskGroup(of: Void.self) { group in
            for seed in 0..<8 {
                group.addTask {
                    func draw() -> [Float] { withSeed(UInt64(seed)) { Tensor.uniform([5]).elements() } }
                    let first = draw()
                    await Task.yield()
                    #expect(draw() == first)
                }
            }
        }
    }
}
