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
