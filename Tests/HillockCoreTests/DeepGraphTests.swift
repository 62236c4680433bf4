import HillockCore
import Testing

/// Graphs as deep as memory holds: nothing walks them by recursion.
@Suite(.serialized) struct DeepGraphTests {
    private static let depth = 1_000_000

    @Test func evaluatingAMillionOperationsNeedsNoStack() {
        Device.$current.withValue(.reference) {
            let one = Tensor([1] as [Float])
            var x = Tensor([0] as [Float])
            for _ in 0..<Self.depth { x = x + one }
            #expect(x.elements(as: Float.self) == [Float(Self.depth)])
        }
    }

    @Test func freeingAMillionOperationsNeedsNoStack() {
        let one = Tensor([1] as [Float])
        var x = Tensor([0] as [Float])
        for _ in 0..<Self.depth { x = x + one }
        x = one
        #expect(x.count == 1)
        // The chain hangs on the second input.
        for _ in 0..<Self.depth { x = one - x }
        x = one
        // On a third, and on both.
        for _ in 0..<Self.depth / 4 { x = `where`(one .> 0, one, x) }
        x = one
        for _ in 0..<Self.depth / 4 { x = x * x }
        x = one
        #expect(x.count == 1)
    }

    @Test func freeingFromTheFrontNeedsNoStack() {
        let one = Tensor([1] as [Float])
        var chain: [Tensor?] = [one]
        for _ in 0..<Self.depth / 4 { chain.append(chain[chain.count - 1]! + one) }
        for index in chain.indices { chain[index] = nil }
        #expect(chain.allSatisfy { $0 == nil })
    }

    @Test func gradientsOfDeepChainsNeedNoStack() {
        Device.$current.withValue(.reference) {
            let x = Tensor([1] as [Double])
            let gradient = gradient(at: x) { x in
                var y = x
                for _ in 0..<100_000 { y = -y }
                return y.sum()
            }
            #expect(gradient.elements(as: Double.self) == [1])
        }
    }
}
