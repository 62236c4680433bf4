import Glibc
import HillockCPU
import HillockCore
import Testing

/// What `HILLOCK_PASSES` names in vain is said when the first plan is made.
@Suite struct PassNamesTests {
    @Test func unknownNamesAreSaid() async throws {
        let result = try #require(
            await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
                setenv("HILLOCK_PASSES", "-fuze,-fuse,-pooling,-composites,-precision,-arguments,share", 1)
                for _ in 0..<2 { _ = try CPUEngine().plan(Program(computing: [exp(Tensor([1, 2] as [Float]))])) }
            })
        let lines = String(decoding: result.standardErrorContent, as: UTF8.self).split(separator: "\n").filter { $0.hasPrefix("hillock:") }
        #expect(lines.count == 2 && lines[0].contains("\"-fuze\" is unknown") && lines[1].contains("\"share\" is unknown"), "\(lines)")
    }
}
