import Glibc
import HillockCore
import Testing

/// What environment variables name in vain is said, and ignored.
@Suite struct EnvironmentSettingTests {
    @Test func whatMeansNothingIsSaid() async throws {
        let result = try #require(
            await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
                setenv("HILLOCK_NUMERICS", "stirct", 1)
                setenv("HILLOCK_PRECISION", "bf16", 1)
                #expect(Numerics.current == .fast && Precision.current == .bfloat16)
            })
        let lines = String(decoding: result.standardErrorContent, as: UTF8.self).split(separator: "\n").filter { $0.hasPrefix("hillock:") }
        #expect(lines == ["hillock: HILLOCK_NUMERICS: \"stirct\" is unknown and ignored (known: fast, strict)"])
    }
}
