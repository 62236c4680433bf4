// Pairs of bf16 numbers, 32 bits each, the first one in the lower half: rounding to them, and sums of their products.

#if HK_BF16
/// sum[i] += a[i].first * b[i].first + a[i].second * b[i].second
HK_INLINE f32v bf16_dot(f32v sum, u32v a, u32v b) {
    return (f32v)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
}
/// Sixteen f32, rounded to the nearest.
HK_INLINE u16v bf16_narrow(f32v x) { return (u16v)_mm512_cvtneps_pbh((__m512)x); }
/// (first[i], second[i])
HK_INLINE u32v bf16_pairs(f32v first, f32v second) {
    const __m512i order = _mm512_set_epi16(
        31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return (u32v)_mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first));
}
#else
HK_INLINE f32v bf16_dot(f32v sum, u32v a, u32v b) {
    sum = f32_fma((f32v)(a << 16), (f32v)(b << 16), sum);
    return f32_fma((f32v)(a & 0xffff0000), (f32v)(b & 0xffff0000), sum);
}
HK_INLINE u16v bf16_narrow(f32v x) { return bf16_from_f32(x); }
HK_INLINE u32v bf16_pairs(f32v first, f32v second) {
    return HK_CAST(u32v, bf16_narrow(first)) | (HK_CAST(u32v, bf16_narrow(second)) << 16);
}
#endif

/// `pair` in all lanes.
HK_INLINE u32v bf16_all(uint32_t pair) { return (u32v){} + pair; }

/// Blocks of 16 lanes of neighbouring rows, one after the other, to pairs; an odd last row is paired with zeros.
static void bf16_pair_rows(const float *x, int64_t rows, uint32_t *pairs) {
    for (int64_t row = 0; row < rows; row += 2, x += 2 * HK_GRANULE, pairs += HK_GRANULE) {
        f32v second = row + 1 < rows ? f32_load(x + HK_GRANULE) : (f32v){};
        u32_store(pairs, bf16_pairs(f32_load(x), second));
    }
}

// As many chains as hide the latency of the instruction and fit the registers together with the two factors.
#if HK_BF16
#define BF16_CHAINS 16
#else
#define BF16_CHAINS 3
#endif

/// `rounds` times a step of every chain; returns something that depends on all of them.
static float bf16_chains(int64_t rounds) {
    f32v chains[BF16_CHAINS];
    u32v a = bf16_pairs(splat(0.5f), splat(-0.25f)), b = bf16_pairs(splat(0.5f), splat(1));
    for (int c = 0; c < BF16_CHAINS; c++) chains[c] = splat((float)c);
    for (int64_t round = 0; round < rounds; round++) {
        HK_UNROLL for (int c = 0; c < BF16_CHAINS; c++) chains[c] = bf16_dot(chains[c], a, b);
    }
    f32v sum = chains[0];
    for (int c = 1; c < BF16_CHAINS; c++) sum += chains[c];
    return sum[0];
}

#define HK_BF16_TABLE                                                                                                 \
    {                                                                                                                 \
        .is_native = HK_BF16, .pair_rows = bf16_pair_rows, .multiply_adds = bf16_chains,                              \
        .multiply_add_chains = BF16_CHAINS, .winograd = HK_WINOGRAD_BF16_TABLE,                                       \
    }
