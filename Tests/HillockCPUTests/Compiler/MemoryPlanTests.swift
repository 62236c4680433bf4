import HillockCPU
import Testing

/// Temporaries share memory where they are never alive at the same time, and nowhere else.
@Suite("Memory plan") struct MemoryPlanTests {
    /// Lives and sizes that repeat for a seed (a linear congruential generator).
    private func requests(_ count: Int, steps: Int, seed: UInt64) -> [(bytes: Int, first: Int, last: Int)] {
        var state = seed
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        return (0..<count).map { _ in
            let first = next(steps)
            // Most lives are short, some last to the end.
            let length = next(8) == 0 ? next(steps - first) : next(Swift.min(4, steps - first))
            return (next(20) == 0 ? 0 : 1 + next(1000), first, first + length)
        }
    }

    private func plan(_ lives: [(bytes: Int, first: Int, last: Int)]) -> MemoryPlan {
        MemoryPlan(lives.enumerated().map { .init(buffer: $0, byteCount: $1.bytes, first: $1.first, last: $1.last) })
    }

    /// The greedy choice by its definition: the largest first, at the lowest multiple of 64 where nothing that is alive with it lies.
    @Test(arguments: [(1, 1), (40, 1), (200, 7), (300, 64), (300, 1000)]) func placesAreTheLowestThatAreFree(_ count: Int, _ steps: Int) {
        for seed in UInt64(1)...5 {
            let lives = requests(count, steps: steps, seed: seed)
            let found = plan(lives)
            #expect(found.offsets.count == count)
            let order = lives.indices.sorted { (lives[$0].bytes, lives[$1].first) > (lives[$1].bytes, lives[$0].first) }
            var done: [Int] = []
            for buffer in order {
                let life = lives[buffer]
                let others = done.filter { lives[$0].first <= life.last && life.first <= lives[$0].last && lives[$0].bytes > 0 }
                let taken = others.map { found.offsets[$0]!..<found.offsets[$0]! + lives[$0].bytes }
                let candidates = [0] + taken.map { ($0.upperBound + 63) / 64 * 64 }
                let free = candidates.filter { start in !taken.contains { $0.overlaps(start..<start + Swift.max(life.bytes, 1)) } }
                if life.bytes > 0 { #expect(found.offsets[buffer] == free.min(), "buffer \(buffer) of \(lives)") }
                done.append(buffer)
            }
            #expect(found.byteCount == lives.indices.map { (found.offsets[$0]! + lives[$0].bytes + 63) / 64 * 64 }.max())
        }
    }

    /// As many as a recurrent network has step by step: what is not alive together is not compared.
    @Test func manyShortLivesTakeTheMemoryOfAFew() {
        let lives = (0..<200_000).map { (bytes: 256, first: $0, last: $0 + 1) }
        #expect(plan(lives).byteCount == 512)
    }
}
