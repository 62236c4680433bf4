// What the processor can do at most: independent multiply-adds in registers, and copies past the caches.

// As many chains as hide the latency of a multiply-add and fit the registers together with the two factors.
#if HK_AVX512
#define HK_PEAK_CHAINS 16
#elif HK_AVX2
#define HK_PEAK_CHAINS 6
#elif defined(__aarch64__)
#define HK_PEAK_CHAINS 6
#else
#define HK_PEAK_CHAINS 3
#endif

/// `rounds` times a step of every chain; returns something that depends on all of them.
static float multiply_add_chains(int64_t rounds, float factor, float term) {
    f32v chains[HK_PEAK_CHAINS], a = splat(factor), b = splat(term);
    for (int c = 0; c < HK_PEAK_CHAINS; c++) chains[c] = splat((float)c);
    for (int64_t round = 0; round < rounds; round++) {
#pragma clang loop unroll(full)
        for (int c = 0; c < HK_PEAK_CHAINS; c++) chains[c] = f32_fma(chains[c], a, b);
    }
    f32v sum = chains[0];
    for (int c = 1; c < HK_PEAK_CHAINS; c++) sum += chains[c];
    return sum[0];
}

/// Copies `granules` granules of 16 f32, written past the caches: a store that does not first read its line moves the fewest bytes.
static void streaming_copy(const float *from, float *to, int64_t granules) {
    for (int64_t i = 0; i < granules; i++) {
#if defined(__clang__)
        f32v value = f32_load(from + i * HK_GRANULE);
        __builtin_nontemporal_store(value, (f32v *)(to + i * HK_GRANULE));
#else
        f32_store(to + i * HK_GRANULE, f32_load(from + i * HK_GRANULE));
#endif
    }
#if defined(__SSE2__)
    __builtin_ia32_sfence();
#endif
}
