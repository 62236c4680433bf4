// Conversions between all element types: <to>_from_<source>.

HK_INLINE f32v f32_from_bf16(u16v x) { return (f32v)(HK_CAST(u32v, x) << 16); }
HK_INLINE f32v f32_from_f16(u16v x) {
    u32v wide = HK_CAST(u32v, x);
    i32v magnitude = (i32v)(wide & 0x7fff);
    i32v normal = (magnitude << 13) + (112 << 23);
    // Half's denormals are whole multiples of 2^-24; infinity and NaN take the largest exponent.
    i32v tiny = (i32v)(HK_CAST(f32v, magnitude) * 0x1p-24f);
    i32v bits = i32_choose(magnitude < 0x400, tiny, normal);
    bits = i32_choose(magnitude >= 0x7c00, normal + (112 << 23), bits);
    return (f32v)((u32v)bits | ((wide & 0x8000) << 16));
}
HK_INLINE u16v bf16_from_f32(f32v x) {
    u32v bits = (u32v)x;
    u32v rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    i32v nan = ((i32v)bits & 0x7fffffff) > 0x7f800000;
    return HK_CAST(u16v, (u32v)i32_choose(nan, (i32v)((bits >> 16) | 0x40), (i32v)rounded));
}
HK_INLINE u16v f16_from_f32(f32v x) {
    u32v sign = ((u32v)x >> 16) & 0x8000;
    i32v magnitude = (i32v)x & 0x7fffffff;
    i32v normal = (magnitude + 0xfff + ((magnitude >> 13) & 1) - (112 << 23)) >> 13;
    // Adding 1/2 lines the last place of half's denormals up with f32's, so the addition rounds.
    i32v tiny = (i32v)((f32v)magnitude + 0.5f) - 0x3f000000;
    i32v nan = ((magnitude >> 13) & 0x3ff) | 0x7e00;
    i32v result = i32_choose(magnitude < 0x38800000, tiny, normal);
    result = i32_choose(magnitude >= 0x47800000, isplat(0x7c00), result);
    result = i32_choose(magnitude > 0x7f800000, nan, result);
    return HK_CAST(u16v, (u32v)result | sign);
}

/// f64 to f32 rounded to odd, so that rounding once more to a 16-bit float rounds right.
HK_INLINE f32v f32_odd_from_f64(f64v x) {
    f32v near = HK_CAST(f32v, x);
    f64v back = HK_CAST(f64v, near);
    f64v size = (f64v)((i64v)x & 0x7fffffffffffffff), back_size = (f64v)((i64v)back & 0x7fffffffffffffff);
    i32v over = HK_CAST(i32v, back_size > size), inexact = HK_CAST(i32v, back != x);
    i32v nan = HK_CAST(i32v, x != x);
    // Step back to the one toward zero, then set the last bit.
    i32v bits = (i32v)near + over;
    return f32_choose(nan, near, (f32v)(bits | (inexact & 1)));
}
/// i64 to f64, exact in the leading bits, with the bits that do not fit gathered in the last one.
HK_INLINE f64v f64_odd_from_i64(i64v x) {
    i64v sticky = ((x & 0x7ff) != 0) & 0x800;
    i64v wide = (x >= (1ll << 52)) | (x <= -(1ll << 52));
    return HK_CAST(f64v, i64_choose(wide, (x & ~0x7ffll) | sticky, x));
}

HK_INLINE f32v f32_from_f64(f64v x) { return HK_CAST(f32v, x); }
HK_INLINE f32v f32_from_i32(i32v x) { return HK_CAST(f32v, x); }
HK_INLINE f32v f32_from_i64(i64v x) { return HK_CAST(f32v, x); }
HK_INLINE f32v f32_from_u8(u8v x) { return HK_CAST(f32v, HK_CAST(i32v, x)); }
HK_INLINE f64v f64_from_f32(f32v x) { return HK_CAST(f64v, x); }
HK_INLINE f64v f64_from_i32(i32v x) { return HK_CAST(f64v, x); }
HK_INLINE f64v f64_from_i64(i64v x) { return HK_CAST(f64v, x); }
HK_INLINE f64v f64_from_u8(u8v x) { return HK_CAST(f64v, HK_CAST(i32v, x)); }

// Floats to integers: what lies outside is set aside first, since converting it is undefined.
#define HK_SATURATE(F, I, low, high, least, most)                                                                     \
    HK_INLINE I##v I##_from_##F(F##v x) {                                                                             \
        F##m inside = (x >= (low)) & (x < (high));                                                                    \
        I##v result = HK_CAST(I##v, F##_choose(inside, x, (F##v){}));                                                 \
        result = I##_choose(HK_CAST(I##m, x >= (high)), (I##v){} + (most), result);                                   \
        return I##_choose(HK_CAST(I##m, x < (low)), (I##v){} + (least), result);                                      \
    }
HK_SATURATE(f32, i32, -2147483648.0f, 2147483648.0f, INT32_MIN, INT32_MAX)
HK_SATURATE(f32, i64, -9223372036854775808.0f, 9223372036854775808.0f, INT64_MIN, INT64_MAX)
HK_SATURATE(f64, i32, -2147483648.0, 2147483648.0, INT32_MIN, INT32_MAX)
HK_SATURATE(f64, i64, -9223372036854775808.0, 9223372036854775808.0, INT64_MIN, INT64_MAX)
HK_INLINE u8v u8_from_f32(f32v x) {
    x = f32_choose(x > 0.0f, x, (f32v){});
    x = f32_choose(x < 255.0f, x, splat(255.0f));
    return HK_CAST(u8v, HK_CAST(i32v, x));
}
HK_INLINE u8v u8_from_f64(f64v x) {
    x = f64_choose(x > 0.0, x, (f64v){});
    x = f64_choose(x < 255.0, x, dsplat(255.0));
    return HK_CAST(u8v, HK_CAST(i32v, x));
}
HK_INLINE i32v i32_from_i64(i64v x) { return HK_CAST(i32v, x); }
HK_INLINE i32v i32_from_u8(u8v x) { return HK_CAST(i32v, x); }
HK_INLINE i64v i64_from_i32(i32v x) { return HK_CAST(i64v, x); }
HK_INLINE i64v i64_from_u8(u8v x) { return HK_CAST(i64v, x); }
HK_INLINE u8v u8_from_i32(i32v x) { return HK_CAST(u8v, x); }
HK_INLINE u8v u8_from_i64(i64v x) { return HK_CAST(u8v, x); }

HK_INLINE u8v bool_from_f32(f32v x) { return f32_bool(~(x == 0)); }
HK_INLINE u8v bool_from_f64(f64v x) { return f64_bool(~(x == 0)); }
HK_INLINE u8v bool_from_i32(i32v x) { return i32_bool(x != 0); }
HK_INLINE u8v bool_from_i64(i64v x) { return i64_bool(x != 0); }
HK_INLINE u8v bool_from_u8(u8v x) { return u8_bool((i8v)(x != 0)); }

#define HK_SAME(T) HK_INLINE T##v T##_from_##T(T##v x) { return x; }
HK_SAME(f32)
HK_SAME(f64)
HK_SAME(i32)
HK_SAME(i64)
HK_SAME(u8)
HK_SAME(bool)
HK_SAME(bf16)
HK_SAME(f16)

// bool is u8 that holds 0 or 1.
#define HK_FROM_BOOL(T) HK_INLINE T##v T##_from_bool(u8v x) { return T##_from_u8(x); }
HK_FROM_BOOL(f32)
HK_FROM_BOOL(f64)
HK_FROM_BOOL(i32)
HK_FROM_BOOL(i64)
HK_INLINE u8v u8_from_bool(u8v x) { return x; }

#define HK_FROM_HALF(T)                                                                                               \
    HK_INLINE T##v T##_from_bf16(u16v x) { return T##_from_f32(f32_from_bf16(x)); }                                   \
    HK_INLINE T##v T##_from_f16(u16v x) { return T##_from_f32(f32_from_f16(x)); }
HK_FROM_HALF(f64)
HK_FROM_HALF(i32)
HK_FROM_HALF(i64)
HK_FROM_HALF(u8)
HK_FROM_HALF(bool)

#define HK_TO_HALF(H)                                                                                                 \
    HK_INLINE u16v H##_from_f64(f64v x) { return H##_from_f32(f32_odd_from_f64(x)); }                                 \
    HK_INLINE u16v H##_from_i32(i32v x) { return H##_from_f64(HK_CAST(f64v, x)); }                                    \
    HK_INLINE u16v H##_from_i64(i64v x) { return H##_from_f64(f64_odd_from_i64(x)); }                                 \
    HK_INLINE u16v H##_from_u8(u8v x) { return H##_from_f32(f32_from_u8(x)); }                                        \
    HK_INLINE u16v H##_from_bool(u8v x) { return H##_from_f32(f32_from_u8(x)); }
HK_TO_HALF(bf16)
HK_TO_HALF(f16)
HK_INLINE u16v bf16_from_f16(u16v x) { return bf16_from_f32(f32_from_f16(x)); }
HK_INLINE u16v f16_from_bf16(u16v x) { return f16_from_f32(f32_from_bf16(x)); }

#define HK_CONVERT(S, D)                                                                                              \
    static void convert_##S##_##D(                                                                                    \
        char *o, const char *a, const char *b, const char *c, intptr_t sa, intptr_t sb, intptr_t sc, intptr_t n) {    \
        (void)b, (void)c, (void)sb, (void)sc;                                                                         \
        for (; n > 0; n--, o += sizeof(D##v), a += sa) D##_store(o, D##_from_##S(S##_load(a)));                       \
    }
#define HK_CONVERT_ALL(S)                                                                                             \
    HK_CONVERT(S, f32)                                                                                                \
    HK_CONVERT(S, f64)                                                                                                \
    HK_CONVERT(S, i32)                                                                                                \
    HK_CONVERT(S, i64)                                                                                                \
    HK_CONVERT(S, u8)                                                                                                 \
    HK_CONVERT(S, bool)                                                                                               \
    HK_CONVERT(S, bf16)                                                                                               \
    HK_CONVERT(S, f16)
HK_CONVERT_ALL(f32)
HK_CONVERT_ALL(f64)
HK_CONVERT_ALL(i32)
HK_CONVERT_ALL(i64)
HK_CONVERT_ALL(u8)
HK_CONVERT_ALL(bool)
HK_CONVERT_ALL(bf16)
HK_CONVERT_ALL(f16)

#define HK_CONVERT_ROW(S)                                                                                             \
    {convert_##S##_f32, convert_##S##_f64,  convert_##S##_i32,  convert_##S##_i64,                                    \
     convert_##S##_u8,  convert_##S##_bool, convert_##S##_bf16, convert_##S##_f16}
