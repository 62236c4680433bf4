// Elementary functions of f32 vectors: branch-free, polynomials fitted by Remez' exchange to a relative error below 2^-27.
// Special values follow C's Annex F; the accuracy table is in elementwise.h.

#define MAGIC 12582912.0f  // 1.5 * 2^23: adding it rounds to an integer that stands in the low bits
#define LOG2E 0x1.715476p+0f
#if HK_HAS_FMA
#define LN2_HIGH 0x1.62e430p-1f
#define LN2_LOW -0x1.05c610p-29f
#else
// Without fused multiply-add the product with the high part has to be exact: nine bits.
#define LN2_HIGH 0x1.63p-1f
#define LN2_LOW -0x1.bd0106p-13f
#endif

HK_INLINE f32v f32_abs(f32v x) { return (f32v)((i32v)x & 0x7fffffff); }
HK_INLINE f32v copysign_of(f32v magnitude, f32v sign) {
    return (f32v)(((i32v)magnitude & 0x7fffffff) | ((i32v)sign & (int32_t)0x80000000));
}
/// min and max with a constant that leave NaN as it is.
HK_INLINE f32v at_most(f32v x, float limit) { return f32_choose(x > limit, splat(limit), x); }
HK_INLINE f32v at_least(f32v x, float limit) { return f32_choose(x < limit, splat(limit), x); }
/// 2^n for -126 <= n <= 127.
HK_INLINE f32v power_of_two(i32v n) { return (f32v)((u32v)(n + 127) << 23); }

/// x = n ln 2 + r with |r| <= ln 2 / 2: gives n, and e^r - 1 to about 0.6 ulp.
HK_INLINE f32v exp_reduced(f32v x, i32v *n) {
    f32v z = f32_fma(x, splat(LOG2E), splat(MAGIC));
    f32v k = z - MAGIC;
    *n = (i32v)z - 0x4b400000;
    f32v r = f32_fma(k, splat(-LN2_HIGH), x);
    f32v low = k * LN2_LOW;
    f32v sum = r - low;
    f32v rest = (r - sum) - low;
    f32v q = splat(0x1.6a23cep-10f);
    q = horner(sum, q, 0x1.123a2p-7f);
    q = horner(sum, q, 0x1.5558f2p-5f);
    q = horner(sum, q, 0x1.555492p-3f);
    q = horner(sum, q, 0x1.fffffcp-2f);
    return sum + f32_fma(sum * sum, q, rest);
}

/// e^x for x that is not much above 0.
HK_INLINE f32v f32_exp_below(f32v x) {
    x = at_least(x, -104.0f);
    f32v z = f32_fma(x, splat(LOG2E), splat(MAGIC));
    f32v k = z - MAGIC;
    f32v r = f32_fma(k, splat(-LN2_HIGH), x);
    r = f32_fma(k, splat(-LN2_LOW), r);
    f32v q = splat(0x1.6a23cep-10f);
    q = horner(r, q, 0x1.123a2p-7f);
    q = horner(r, q, 0x1.5558f2p-5f);
    q = horner(r, q, 0x1.555492p-3f);
    q = horner(r, q, 0x1.fffffcp-2f);
    f32v p = f32_fma(r * r, q, r) + 1.0f;
#if HK_AVX512 && defined(__clang__)
    return (f32v)_mm512_scalef_ps((__m512)p, (__m512)k);
#else
    i32v n = (i32v)z - 0x4b400000;
    i32v half = n >> 1;
    return p * power_of_two(half) * power_of_two(n - half);
#endif
}

HK_INLINE f32v f32_exp(f32v x) { return f32_exp_below(at_most(x, 89.0f)); }

HK_INLINE f32v f32_expm1(f32v x) {
    f32v t = at_least(at_most(x, 89.0f), -30.0f);
    i32v n;
    f32v p = exp_reduced(t, &n);
    // 2^n (p + 1) - 1, halved so that n = 128 fits.
    f32v scale = power_of_two(n - 1);
    f32v result = f32_fma(scale, p, scale - 0.5f) * 2.0f;
    return f32_choose(f32_abs(x) < 0x1p-26f, x, result);
}

HK_INLINE f32v f32_tanh(f32v x) {
    f32v y = at_most(f32_abs(x), 10.0f);
    i32v n;
    f32v p = exp_reduced(y + y, &n);
    f32v scale = power_of_two(n);
    f32v e = f32_fma(scale, p, scale - 1.0f);  // e^2y - 1
    // e / (e + 2), corrected for what was lost in the sum.
#if HK_HAS_FMA
    f32v d = e + 2.0f, lost = (2.0f - d) + e;
    f32v inverse = 1.0f / d, q = e * inverse;
    q = f32_fma(f32_fma(-q, lost, f32_fma(-q, d, e)), inverse, q);
#else
    f64v wide = HK_CAST(f64v, e);
    f32v q = HK_CAST(f32v, wide / (wide + 2.0));
#endif
    q = f32_choose(y < 0x1p-12f, y, q);
    return copysign_of(q, x);
}

HK_INLINE f32v f32_logistic(f32v x) {
    f32v e = f32_exp(at_most(-x, 88.0f));
    f32v d = 1.0f + e, q = 1.0f / d;
    // What was lost in the sum.
    f32v lost = f32_choose(e > 1.0f, 1.0f - (d - e), e - (d - 1.0f));
    return f32_fma(-q * q, lost, q);
}

/// log(1 + f) for sqrt(1/2) <= 1 + f < sqrt(2), plus n ln 2.
HK_INLINE f32v log_reduced(f32v f, f32v n) {
    f32v p = splat(0x1.1b5004p-4f);
    p = horner(f, p, -0x1.e2fd32p-4f);
    p = horner(f, p, 0x1.e6550ep-4f);
    p = horner(f, p, -0x1.fb405cp-4f);
    p = horner(f, p, 0x1.23324ep-3f);
    p = horner(f, p, -0x1.5562f2p-3f);
    p = horner(f, p, 0x1.99a54cp-3f);
    p = horner(f, p, -0x1.ffffeep-3f);
    p = horner(f, p, 0x1.555546p-2f);
    f32v s = f * f;
    f32v low = f32_fma(s * f, p, n * LN2_LOW);
    low = f32_fma(s, splat(-0.5f), low);
    return f32_fma(n, splat(LN2_HIGH), f + low);
}

/// x = m 2^k with sqrt(1/2) <= m < sqrt(2), denormals too, whatever the control register says of them.
HK_INLINE f32v split_exponent(f32v x, i32v *k) {
    i32v bits = (i32v)x & 0x7fffffff;
    i32v tiny = bits < 0x00800000;
    i32v normal = (i32v)HK_CAST(f32v, bits);  // the mantissa times 2^149
    bits = i32_choose(tiny, normal, bits);
    i32v exponent = (bits - 0x3f3504f3) >> 23;
    *k = exponent - (tiny & 149);
    return (f32v)(i32v)((u32v)bits - ((u32v)exponent << 23));
}

HK_INLINE f32v f32_log(f32v x) {
    i32v k, bits = (i32v)x;
    f32v m = split_exponent(x, &k);
    f32v result = log_reduced(m - 1.0f, HK_CAST(f32v, k));
    result = f32_choose(bits < 0, splat(__builtin_nanf("")), result);
    result = f32_choose((bits & 0x7fffffff) == 0, splat(-__builtin_inff()), result);
    // Infinity stays, NaN stays.
    return f32_choose(((bits & 0x7fffffff) > 0x7f800000) | (bits == 0x7f800000), x, result);
}

HK_INLINE f32v f32_log1p(f32v x) {
    f32v u = x + 1.0f;
    i32v bits = (i32v)u;
    i32v k = (bits - 0x3f3504f3) >> 23;
    // 1 + f = (1 + x) / 2^k without rounding 1 + x first; from 2^40 on the 1 no longer matters.
    i32v far = k > 40;
    f32v scale = power_of_two(-i32_choose(far, isplat(40), k));
    f32v f = f32_fma(x, scale, scale - 1.0f);
    f32v m = (f32v)(i32v)((u32v)bits - ((u32v)k << 23));
    f = f32_choose(far, m - 1.0f, f);
    f32v result = log_reduced(f, HK_CAST(f32v, k));
    result = f32_choose(x < -1.0f, splat(__builtin_nanf("")), result);
    result = f32_choose(x == -1.0f, splat(-__builtin_inff()), result);
    result = f32_choose((x == 0) | (x != x) | (x == __builtin_inff()), x, result);
    return result;
}

/// erf for |x| < 0.9219 from its odd series; further out 1 - e^(x poly(x)).
HK_INLINE f32v f32_erf(f32v x) {
    f32v t = at_most(f32_abs(x), 4.0f), s = x * x;
    f32v p = splat(0x1.5cd4b6p-14f);
    p = horner(s, p, -0x1.aa3f30p-11f);
    p = horner(s, p, 0x1.54c7f6p-8f);
    p = horner(s, p, -0x1.b80e90p-6f);
    p = horner(s, p, 0x1.ce2e0ap-4f);
    p = horner(s, p, -0x1.812742p-2f);
    p = horner(s, p, 0x1.06eba8p-3f);
    f32v near = f32_fma(p, x, x);
#if !HK_HAS_FMA
    near = f32_choose(t < 0x1p-60f, x * 1.12837917f, near);  // where p x alone would be denormal
#endif
    f32v q = splat(-0x1.78dcfep-17f);
    q = horner(t, q, 0x1.527c42p-12f);
    q = horner(t, q, -0x1.dd6cc6p-9f);
    q = horner(t, q, 0x1.85515ap-6f);
    q = horner(t, q, -0x1.b32574p-4f);
    q = horner(t, q, -0x1.45328ep-1f);
    q = horner(t, q, -0x1.0778dcp-3f);
    q = f32_fma(q, t, -t);
    f32v far = copysign_of(1.0f - f32_exp(q), x);
    return f32_choose(t < 0.9219f, near, far);
}

// x times the normal distribution function, and its derivative. Half is a constant part, the rest odd: gelu(x) = x (1/2 + x q(|x|)) and
// gelu'(x) = 1/2 + x r(|x|) with smooth q and r.
#if HK_AVX512
// Polynomials of degree 5 on 16 pieces of width 2/5 (the first of half that), highest coefficients first; a register holds one for each.
static const float gelu_table[6][16] = {
    {-0x1.e408bp-18f, -0x1.a2e842p-16f, -0x1.05cc4ep-15f, -0x1.2fa4cep-16f, -0x1.f8661ep-24f, 0x1.4cc486p-17f,
     0x1.56ac46p-17f, 0x1.92edf6p-18f, 0x1.1a7d5p-19f, 0x1.63dfacp-24f, -0x1.1b2a42p-21f, -0x1.1b254p-21f,
     -0x1.9aa2e8p-22f, -0x1.0fd0e2p-22f, -0x1.6347fap-23f, -0x1.d7c01ep-24f},
    {0x1.0ff4a4p-12f, 0x1.86d702p-13f, 0x1.32cfap-15f, -0x1.82804ap-14f, -0x1.1df2f2p-13f, -0x1.c29a72p-14f,
     -0x1.c510d8p-15f, -0x1.aef4e8p-17f, 0x1.c55dcp-18f, 0x1.8141ap-17f, 0x1.4ebb12p-17f, 0x1.e428f4p-18f,
     0x1.4acfe2p-18f, 0x1.c2965cp-19f, 0x1.383d46p-19f, 0x1.ba899cp-20f},
    {-0x1.17c85cp-20f, 0x1.e69a16p-11f, 0x1.6b5294p-10f, 0x1.477decp-10f, 0x1.8d2342p-11f, 0x1.06d414p-12f,
     -0x1.30b38cp-14f, -0x1.9f941cp-13f, -0x1.a95e84p-13f, -0x1.54c8b4p-13f, -0x1.f0c0c6p-14f, -0x1.6098c2p-14f,
     -0x1.f7cf44p-15f, -0x1.6edd78p-15f, -0x1.10eb6p-15f, -0x1.9e3eb2p-16f},
    {-0x1.5c98dap-7f, -0x1.2cb8bap-7f, -0x1.6becccp-8f, -0x1.813a1p-10f, 0x1.9f5388p-10f, 0x1.91dfb8p-9f,
     0x1.adb9a6p-9f, 0x1.730eaap-9f, 0x1.21ae52p-9f, 0x1.b289d2p-10f, 0x1.448088p-10f, 0x1.eb38c4p-11f,
     0x1.7b13ep-11f, 0x1.2a45ecp-11f, 0x1.dda964p-12f, 0x1.845c56p-12f},
    {-0x1.664ebep-28f, -0x1.4c5628p-6f, -0x1.20b948p-5f, -0x1.59ac48p-5f, -0x1.56b0e8p-5f, -0x1.2e811ap-5f,
     -0x1.f268fp-6f, -0x1.8d4bfp-6f, -0x1.3aad78p-6f, -0x1.f74a4cp-7f, -0x1.9922b2p-7f, -0x1.526f36p-7f,
     -0x1.1c6ee4p-7f, -0x1.e4bb1ep-8f, -0x1.a1f57ap-8f, -0x1.6c16cp-8f},
    {0x1.988454p-2f, 0x1.8de132p-2f, 0x1.70d33ap-2f, 0x1.48795p-2f, 0x1.1cedbp-2f, 0x1.e8b43p-3f, 0x1.a3abe4p-3f,
     0x1.6bd86cp-3f, 0x1.3f8f6cp-3f, 0x1.1c5a9cp-3f, 0x1.fff7b2p-4f, 0x1.d17312p-4f, 0x1.aaaa7ep-4f, 0x1.89d898p-4f,
     0x1.6db6dap-4f, 0x1.555556p-4f},
};
static const float gelu_gradient_table[6][16] = {
    {-0x1.e2a94ep-15f, -0x1.92694ep-13f, -0x1.b3efe4p-13f, -0x1.2ba922p-14f, 0x1.f80816p-15f, 0x1.82aa2cp-14f,
     0x1.c088cp-15f, 0x1.4dc25p-17f, -0x1.30f992p-17f, -0x1.4cc8e6p-17f, -0x1.792a9ap-18f, -0x1.40292p-19f,
     -0x1.e50ba8p-21f, -0x1.8c674cp-22f, -0x1.902958p-23f, -0x1.e4fa88p-24f},
    {0x1.9a0324p-10f, 0x1.03e26ep-10f, -0x1.80136p-14f, -0x1.aeedbep-11f, -0x1.ad5a2p-11f, -0x1.9fe4dp-12f,
     -0x1.339188p-16f, 0x1.15fd8cp-13f, 0x1.05236ap-13f, 0x1.308738p-14f, 0x1.192be8p-15f, 0x1.e01e9cp-17f,
     0x1.be0234p-18f, 0x1.f008eap-19f, 0x1.3f9e88p-19f, 0x1.bc8616p-20f},
    {-0x1.165836p-17f, 0x1.6142eap-8f, 0x1.d927c8p-8f, 0x1.4ffda2p-8f, 0x1.a0f46ap-10f, -0x1.d86bdep-11f,
     -0x1.b1d674p-10f, -0x1.5fe7e4p-10f, -0x1.9f3f6p-11f, -0x1.9fcb7p-12f, -0x1.940b74p-13f, -0x1.b0e9d8p-14f,
     -0x1.0cf29ap-14f, -0x1.74dbd4p-15f, -0x1.11cc1ep-15f, -0x1.9e75bep-16f},
    {-0x1.5c97d8p-5f, -0x1.15e8bap-5f, -0x1.c75d56p-7f, 0x1.5f9998p-8f, 0x1.f981cep-7f, 0x1.06898ap-6f,
     0x1.82e16cp-7f, 0x1.d565ccp-8f, 0x1.045664p-8f, 0x1.26010ap-9f, 0x1.6e983ep-10f, 0x1.fe6c3ap-11f,
     0x1.7ebcc2p-11f, 0x1.2adbacp-11f, 0x1.ddd1a4p-12f, 0x1.8460e4p-12f},
    {-0x1.641becp-25f, -0x1.446f02p-4f, -0x1.06087ep-3f, -0x1.154f98p-3f, -0x1.ce1e2cp-4f, -0x1.482b76p-4f,
     -0x1.a9529ep-5f, -0x1.0f45dcp-5f, -0x1.6cacf2p-6f, -0x1.0a14eap-6f, -0x1.a026eep-7f, -0x1.53df76p-7f,
     -0x1.1caeb2p-7f, -0x1.e4cdd4p-8f, -0x1.a1f7ccp-8f, -0x1.6c16fep-8f},
    {0x1.988454p-1f, 0x1.837e8p-1f, 0x1.4cbc1p-1f, 0x1.07a904p-1f, 0x1.8e82eap-2f, 0x1.2ba38p-2f, 0x1.d18912p-3f,
     0x1.7c0e66p-3f, 0x1.44715ep-3f, 0x1.1d9b6cp-3f, 0x1.004204p-3f, 0x1.d18d3ap-4f, 0x1.aaaea6p-4f, 0x1.89d928p-4f,
     0x1.6db6ecp-4f, 0x1.555556p-4f},
};
HK_INLINE f32v by_piece(const float (*table)[16], f32v t) {
    f32v z = f32_fma(t, splat(2.5f), splat(MAGIC));
    f32v d = f32_fma(t, splat(2.5f), MAGIC - z);
    // The instruction looks at four bits of the index.
    __m512i piece = (__m512i)z;
    f32v p = (f32v)_mm512_permutexvar_ps(piece, _mm512_loadu_ps(table[0]));
    for (int k = 1; k < 6; k++) p = f32_fma(p, d, (f32v)_mm512_permutexvar_ps(piece, _mm512_loadu_ps(table[k])));
    return p;
}
/// Where the pieces end; beyond, all is 0 or 1.
HK_INLINE f32v saturate(f32v x, f32v t, f32v value) {
    return f32_choose(t >= 6.2f, f32_choose(x > 0, splat(1.0f), (f32v){}), value);
}
HK_INLINE f32v f32_gelu(f32v x) {
    f32v t = f32_abs(x);
    return x * saturate(x, t, f32_fma(x, by_piece(gelu_table, t), splat(0.5f)));
}
HK_INLINE f32v f32_gelu_gradient(f32v x, f32v dy) {
    f32v t = f32_abs(x);
    return dy * saturate(x, t, f32_fma(x, by_piece(gelu_gradient_table, t), splat(0.5f)));
}
#elif HK_HAS_FMA
// Tables cost more than they save where a register holds half of one. The distribution function of -t is 2^(u - 1) with a smooth u; that of t is
// 1 less it. Polynomials in pairs of terms: half as many steps wait for each other.
/// 2^(u - 1) for -100 < u < 1.
HK_INLINE f32v half_power(f32v u) {
    f32v z = u + MAGIC, f = u - (z - MAGIC), g = f * f;
    f32v q = horner(f, splat(0x1.41fbcep-13f), 0x1.5f3e5ap-10f);
    q = f32_fma(g, q, horner(f, splat(0x1.3b2d4cp-7f), 0x1.c6aee8p-5f));
    q = f32_fma(g, q, horner(f, splat(0x1.ebfbdcp-3f), 0x1.62e43p-1f));
    q = horner(f, q, 1.0f);
    return (f32v)((u32v)q + ((u32v)z << 23) - (1 << 23));
}
/// Where what is left of the distribution no longer counts.
#define NORMAL_END 6.2f
HK_INLINE f32v f32_gelu(f32v x) {
    f32v t = f32_abs(x), s = at_most(t, NORMAL_END), r = s * s;
    f32v p = f32_fma(r, splat(0x1.135772p-21f), horner(s, splat(-0x1.40c9f8p-17f), 0x1.3a76aap-14f));
    p = f32_fma(r, p, horner(s, splat(-0x1.2a2914p-12f), 0x1.f70636p-17f));
    p = f32_fma(r, p, horner(s, splat(0x1.c63ce2p-8f), -0x1.ad8bacp-5f));
    p = f32_fma(r, p, horner(s, splat(-0x1.d63e26p-2f), -0x1.26aec4p+0f));
    f32v rest = f32_choose(t >= NORMAL_END, (f32v){}, half_power(p * s));
    return f32_choose(x < 0, x * rest, f32_fma(-s, rest, x));
}
/// The slope at -t is the density times a smooth function of t; that at t is 1 less it.
HK_INLINE f32v f32_gelu_gradient(f32v x, f32v dy) {
    f32v t = f32_abs(x), s = at_most(t, NORMAL_END), r = s * s;
    f32v p = horner(s, splat(-0x1.52d01ep-21f), 0x1.02aa1ap-16f);
    p = f32_fma(r, p, horner(s, splat(-0x1.638e6p-13f), 0x1.278452p-10f));
    p = f32_fma(r, p, horner(s, splat(-0x1.537d1ep-8f), 0x1.2709ccp-6f));
    p = f32_fma(r, p, horner(s, splat(-0x1.a15494p-5f), 0x1.fb47e8p-4f));
    p = f32_fma(r, p, horner(s, splat(-0x1.0ffc7cp-2f), 0x1.fff19ep-2f));
    p = f32_fma(r, p, horner(s, splat(-0x1.98841ap+0f), 0x1.fffffep-1f));
    f32v rest = f32_choose(t >= NORMAL_END, (f32v){}, p * half_power(r * -0.72134752f));
    return dy * f32_choose(x < 0, rest, 1.0f - rest);
}
#else
HK_INLINE f32v f32_gelu(f32v x) { return x * f32_fma(splat(0.5f), f32_erf(x * 0.70710678f), splat(0.5f)); }
HK_INLINE f32v f32_gelu_gradient(f32v x, f32v dy) {
    f32v normal = f32_fma(splat(0.5f), f32_erf(x * 0.70710678f), splat(0.5f));
    // Far out the density is 0, and stays so beside infinity.
    f32v near = at_least(at_most(x, 20.0f), -20.0f);
    return dy * f32_fma(near * 0.39894228f, f32_exp(near * near * -0.5f), normal);
}
#endif

/// sin and cos of r, |r| <= pi / 4.
HK_INLINE f32v sin_reduced(f32v r) {
    f32v s = r * r;
    f32v p = splat(0x1.6cd35ep-19f);
    p = horner(s, p, -0x1.a00f88p-13f);
    p = horner(s, p, 0x1.111108p-7f);
    p = horner(s, p, -0x1.555556p-3f);
    return f32_fma(s * r, p, r);
}
HK_INLINE f32v cos_reduced(f32v r) {
    f32v s = r * r;
    f32v p = splat(0x1.99fc28p-16f);
    p = horner(s, p, -0x1.6c0c76p-10f);
    p = horner(s, p, 0x1.55554ap-5f);
    return f32_fma(s * s, p, f32_fma(s, splat(-0.5f), splat(1.0f)));
}

/// sin (shift 0) or cos (shift 1) by the quadrant that x lies in; exact reduction up to 2^20, libm beyond.
HK_INLINE f32v sine(f32v x, int shift) {
    f32v z = f32_fma(x, splat(0x1.45f306p-1f), splat(MAGIC));
    f32v k = z - MAGIC;
    i32v quadrant = (i32v)z - 0x4b400000 + shift;
#if HK_HAS_FMA
    f32v r = f32_fma(k, splat(-0x1.921fb6p+0f), x);
    r = f32_fma(k, splat(0x1.777a5cp-25f), r);
    r = f32_fma(k, splat(0x1.ee59dap-50f), r);
#else
    f64v wide = HK_CAST(f64v, k);
    // 33 bits of pi / 2, then the rest: products with k are exact in f64.
    f32v r = HK_CAST(f32v, (HK_CAST(f64v, x) - wide * 0x1.921fb544p+0) - wide * 0x1.0b4611a626331p-34);
#endif
    f32v result = f32_choose((quadrant & 1) != 0, cos_reduced(r), sin_reduced(r));
    result = (f32v)((i32v)result ^ ((quadrant & 2) << 30));
    if (shift == 0) result = f32_choose(x == 0, x, result);
    i32v far = ~(f32_abs(x) <= 1048576.0f);
    if (__builtin_expect(any(far), 0)) {
        for (int l = 0; l < HK_GRANULE; l++) {
            if (far[l]) result[l] = shift == 0 ? sinf(x[l]) : cosf(x[l]);
        }
    }
    return result;
}
HK_INLINE f32v f32_sin(f32v x) { return sine(x, 0); }
HK_INLINE f32v f32_cos(f32v x) { return sine(x, 1); }

/// x^y as 2^(y log2 |x|) in f64, with the special cases of C's pow.
HK_INLINE f32v f32_power(f32v x, f32v y) {
    i32v k;
    f64v m = HK_CAST(f64v, split_exponent(x, &k));
    // log2 m = 2 / ln 2 artanh((m - 1) / (m + 1)), |argument| < 0.172
    f64v s = (m - 1.0) / (m + 1.0), t = s * s;
    f64v p = dsplat(2.8853900817779268 / 15);
    p = dhorner(t, p, 2.8853900817779268 / 13);
    p = dhorner(t, p, 2.8853900817779268 / 11);
    p = dhorner(t, p, 2.8853900817779268 / 9);
    p = dhorner(t, p, 2.8853900817779268 / 7);
    p = dhorner(t, p, 2.8853900817779268 / 5);
    p = dhorner(t, p, 2.8853900817779268 / 3);
    p = dhorner(t, p, 2.8853900817779268);
    f64v log2 = f64_fma(s, p, HK_CAST(f64v, k));
    i32v magnitude = (i32v)x & 0x7fffffff;
    i64v zero = HK_CAST(i64v, magnitude == 0), infinite = HK_CAST(i64v, magnitude == 0x7f800000);
    log2 = f64_choose(zero, dsplat(-__builtin_inf()), log2);
    log2 = f64_choose(infinite, dsplat(__builtin_inf()), log2);
    f64v e = HK_CAST(f64v, y) * log2;
    e = f64_choose(e > 300.0, dsplat(300.0), e);
    e = f64_choose(e < -300.0, dsplat(-300.0), e);
    f64v z = e + 0x1.8p52, f = e - (z - 0x1.8p52);
    f64v q = dsplat(1.3215486790144305e-06);
    q = dhorner(f, q, 1.5252733804059841e-05);
    q = dhorner(f, q, 0.0001540353039338161);
    q = dhorner(f, q, 0.0013333558146428441);
    q = dhorner(f, q, 0.0096181291076284769);
    q = dhorner(f, q, 0.055504108664821583);
    q = dhorner(f, q, 0.24022650695910072);
    q = dhorner(f, q, 0.69314718055994529);
    q = dhorner(f, q, 1.0);
    f64v scale = (f64v)(((u64v)z + 1023) << 52);
    f32v result = HK_CAST(f32v, q * scale);
    // A negative base: odd integer exponents keep the sign, fractions have no real power.
    f32v size = f32_abs(y);
    i32v integer = (f32_floor(y) == y);
    f32v half = y * 0.5f;
    i32v odd = integer & (size < 16777216.0f) & (f32_floor(half) != half);
    i32v negative = (i32v)x < 0;
    result = f32_choose(negative & odd, -result, result);
    result = f32_choose(
        negative & ~integer & (magnitude != 0) & (magnitude != 0x7f800000), splat(__builtin_nanf("")), result);
    result = f32_choose((magnitude == 0x3f800000) & (size == __builtin_inff()), splat(1.0f), result);
    i32v nan = (magnitude > 0x7f800000) | (y != y);
    result = f32_choose(nan, x + y, result);
    return f32_choose((x == 1.0f) | (y == 0), splat(1.0f), result);
}

// Functions of f64: libm, element by element.
#define HK_LIBM(name, expression)                                                                                     \
    HK_INLINE f64v f64_##name(f64v vector) {                                                                          \
        for (int l = 0; l < HK_GRANULE; l++) {                                                                        \
            double x = vector[l];                                                                                     \
            vector[l] = (expression);                                                                                 \
        }                                                                                                             \
        return vector;                                                                                                \
    }
HK_LIBM(exp, exp(x))
HK_LIBM(expm1, expm1(x))
HK_LIBM(log, log(x))
HK_LIBM(log1p, log1p(x))
HK_LIBM(sin, sin(x))
HK_LIBM(cos, cos(x))
HK_LIBM(tanh, tanh(x))
HK_LIBM(erf, erf(x))
HK_LIBM(logistic, 1.0 / (1.0 + exp(-x)))
HK_LIBM(gelu, x * (0.5 + 0.5 * erf(x * 0.70710678118654752)))
HK_LIBM(gelu_slope, 0.5 + 0.5 * erf(x * 0.70710678118654752) + (fabs(x) < 40 ? x : 0) * exp(-0.5 * x * x) * 0.39894228040143268)
HK_INLINE f64v f64_gelu_gradient(f64v x, f64v dy) { return dy * f64_gelu_slope(x); }
HK_INLINE f64v f64_abs(f64v x) { return (f64v)((i64v)x & 0x7fffffffffffffff); }
HK_INLINE f64v f64_power(f64v x, f64v y) {
    for (int l = 0; l < HK_GRANULE; l++) x[l] = pow(x[l], y[l]);
    return x;
}
HK_INLINE f64v f64_remainder(f64v x, f64v y) {
    for (int l = 0; l < HK_GRANULE; l++) x[l] = fmod(x[l], y[l]);
    return x;
}
HK_INLINE f32v f32_remainder(f32v x, f32v y) {
    for (int l = 0; l < HK_GRANULE; l++) x[l] = fmodf(x[l], y[l]);
    return x;
}
