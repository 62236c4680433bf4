import Foundation
import HillockCPU
import HillockCore
import Testing

/// What was found fastest is kept, and decides from then on.
@Suite("Tuning")
struct TuningTests {
    private func withFolder(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "hillock-tuning-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder)
    }

    @Test func decisionsOutliveTheProcess() throws {
        try withFolder { folder in
            let path = folder.appending(path: "deep/tuning.txt").path
            let first = TuningStore(path: path)
            #expect(first.isAvailable)
            #expect(first.answers("a").isEmpty)
            first.decide("a", "direct")
            first.decide("a", "winograd")
            first.decide("a", "direct")
            #expect(first.answers("a") == ["direct", "winograd"], "the first stands where it makes sense")
            #expect(TuningStore(path: path).answers("a") == ["direct", "winograd"])
        }
    }

    @Test func aSpoiltFileIsPassedOver() throws {
        try withFolder { folder in
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let file = folder.appending(path: "tuning.txt")
            try Data("\u{0}\u{1}\nno tab\na\tdirect\na\twinograd\nb\tcut of".utf8).write(to: file)
            let store = TuningStore(path: file.path)
            #expect(store.answers("a").first == "direct")
            #expect(store.answers("b").isEmpty)
        }
    }

    @Test func withoutAPlaceNothingIsTimed() throws {
        #expect(!TuningStore(path: nil).isAvailable)
        #expect(!TuningStore(path: "/proc/no/such/place.txt").isAvailable)
        try withFolder { folder in
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            #expect(!TuningStore(path: folder.path).isAvailable, "a folder is no file")
        }
    }

    @Test(arguments: [(Numerics.fast, 4), (.strict, 0)])
    func convolutionsAreDecidedOnce(_ numerics: Numerics, _ lines: Int) throws {
        try withFolder { folder in
            let path = folder.appending(path: "tuning.txt").path
            let x = sin(Tensor.arange(to: 2 * 16 * 12 * 12)).reshaped(to: [2, 16, 12, 12])
            let w = cos(Tensor.arange(to: 16 * 16 * 9)).reshaped(to: [16, 16, 3, 3])
            evaluate(x, w)
            /// A convolution of another shape each time, so that no plan is found.
            func convolve(_ images: Int) throws -> [Double] {
                try TuningStore.$current.withValue(TuningStore(path: path)) {
                    try Numerics.$current.withValue(numerics) { try conv2d(x[0..<images], w, padding: (1, 1)).hostArray().doubles }
                }
            }
            let (one, two) = (try convolve(1), try convolve(2))
            #expect(zip(one, two).allSatisfy { abs($0 - $1) < 1e-3 })
            let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
            // A line for each shape, on machines where there is more than one algorithm.
            let count = text.split(separator: "\n").count
            #expect(count <= lines && (numerics == .strict || count == 2 || count == 0), "\(text)")
        }
    }

    /// How many algorithms a plan of gradients of weights chose by rule. Several may be the fastest: for the weights' gradients with AVX-512, for the
    /// forward convolution of so few tiles with AVX2.
    private func plan(with store: TuningStore) throws -> Int {
        let x = sin(Tensor.arange(to: 32 * 12 * 12)).reshaped(to: [1, 32, 12, 12])
        let weights = [
            cos(Tensor.arange(to: 32 * 32 * 9)).reshaped(to: [32, 32, 3, 3]), sin(Tensor.arange(to: 64 * 32)).reshaped(to: [64, 32, 1, 1]),
        ]
        evaluate([x] + weights)
        let gradients = valueAndGradients(at: weights) { conv2d(conv2d(x, $0[0], padding: (1, 1)), $0[1]).sum() }.gradients
        return try TuningStore.$current.withValue(store) {
            try Numerics.$current.withValue(.fast) {
                let tuning = try Planner().run(CPUEngine.optimized(Program(computing: gradients))).tuning
                #expect(tuning.timedCount == 0 || tuning.seconds > 0)
                return tuning.untimedCount
            }
        }
    }

    private func lines(_ file: URL) -> [Substring] { ((try? String(contentsOf: file, encoding: .utf8)) ?? "").split(separator: "\n") }

    @Test("What there is no time for is chosen by rule, and stands: later processes give the same bits")
    func rulesStand() throws {
        try withFolder { folder in
            let file = folder.appending(path: "tuning.txt")
            let count = try plan(with: TuningStore(path: file.path, budget: 0))
            let text = lines(file)
            #expect(count > 0 && text.count == count)
            #expect(try plan(with: TuningStore(path: file.path, budget: 60)) == 0)
            #expect(lines(file) == text)
        }
    }

    @Test("An algorithm of another version is passed over, once")
    func unknownAlgorithm() throws {
        try withFolder { folder in
            let file = folder.appending(path: "tuning.txt")
            _ = try plan(with: TuningStore(path: file.path, budget: 60))
            let known = lines(file)
            try Data(known.map { $0.split(separator: "\t")[0] + "\tof another version\n" }.joined().utf8).write(to: file)
            for _ in 0..<2 {
                #expect(try plan(with: TuningStore(path: file.path, budget: 60)) == 0)
                #expect(lines(file).count == 2 * known.count)
            }
        }
    }

    @Test("What is too large to be timed is timed on a piece, and computed whole")
    func largeConvolution() throws {
        try withFolder { folder in
            let path = folder.appending(path: "tuning.txt").path
            let x = sin(Tensor.arange(to: 2 * 32 * 224 * 112)).reshaped(to: [2, 32, 224, 112])
            let w = cos(Tensor.arange(to: 32 * 32 * 9)).reshaped(to: [32, 32, 3, 3])
            evaluate(x, w)
            func convolve(_ numerics: Numerics) throws -> [Double] {
                try TuningStore.$current.withValue(TuningStore(path: path)) {
                    try Numerics.$current.withValue(numerics) {
                        let dy = conv2d(x, w, padding: (1, 1))
                        return try gradient(at: w) { (conv2d(x, $0, padding: (1, 1)) * dy).sum() }.hostArray().doubles
                    }
                }
            }
            let (fast, strict) = (try convolve(.fast), try convolve(.strict))
            let scale = strict.map(\.magnitude).max()!
            #expect(zip(fast, strict).allSatisfy { ($0 - $1).magnitude < 1e-4 * scale })
        }
    }

    @Test("How much memory is read to its sum is decided once on a machine, and shown")
    func reductions() throws {
        try withFolder { folder in
            let file = folder.appending(path: "tuning.txt")
            let x = Tensor.zeros([4, 1 << 20])
            evaluate(x)
            func explanation(of sum: Tensor) throws -> String {
                try TuningStore.$current.withValue(TuningStore(path: file.path)) {
                    let plan = try Planner().run(CPUEngine.optimized(Program(computing: [sum])))
                    return plan.steps.map(\.step.explanation).joined(separator: "\n")
                }
            }
            // One mebibyte of numbers a row, then a tensor that the caches may hold: neither asks.
            #expect(try !explanation(of: x.sum(axes: 0)).contains(" at once"))
            #expect(try !explanation(of: x[0..<3].sum()).contains("from end"))
            #expect(lines(file).isEmpty)
            let found = try explanation(of: x.sum())
            let known = lines(file)
            #expect(known.count == 1)
            #expect(found.hasSuffix(" four places at once") || found.hasSuffix(" from end to end"), "\(found)")
            let other = found.hasSuffix(" at once") ? "from end to end" : "four places at once"
            try Data("reduction of much memory\t\(other)\n".utf8).write(to: file)
            #expect(try explanation(of: x.sum(axes: 1)).hasSuffix(other))
            #expect(lines(file).count == 1)
        }
    }
}
