import CKernels
import Testing

/// The measured peaks are those of a processor, and short.
@Suite("Peak rates")
struct PeakTests {
    @Test func operations() {
        let rate = hk_peak_flops(0.02)
        // A multiply-add a second or a petaflop would be a mistake in counting.
        #expect(rate > 1e9 && rate < 1e14)
    }

    @Test func halfPrecision() {
        let rate = hk_peak_bf16_flops(0.02)
        #expect(rate > 1e8 && rate < 1e14)
        // A quarter and not a half would be a mistake in counting; other work on the machine cannot make either twice as fast.
        if hk_has_bf16() { #expect(rate > 0.7 * hk_peak_flops(0.02)) }
    }

    @Test func bandwidth() {
        let rate = hk_peak_bandwidth(0.02)
        #expect(rate > 1e8 && rate < 1e13)
    }

    @Test func onceAtLeast() {
        #expect(hk_peak_flops(0) > 0)
        #expect(hk_peak_bf16_flops(0) > 0)
        #expect(hk_peak_bandwidth(0) > 0)
    }
}
