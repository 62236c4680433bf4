// Vectors of one granule, 16 elements, of every type. The compiler splits them into what the instruction set has.
//
// Every file in this folder is included once by each variant, inside a region compiled for that variant's instructions.

#define HK_INLINE static inline __attribute__((always_inline))

typedef float f32v __attribute__((vector_size(64)));
typedef double f64v __attribute__((vector_size(128)));
typedef int32_t i32v __attribute__((vector_size(64)));
typedef uint32_t u32v __attribute__((vector_size(64)));
typedef int64_t i64v __attribute__((vector_size(128)));
typedef uint64_t u64v __attribute__((vector_size(128)));
typedef uint8_t u8v __attribute__((vector_size(16)));
typedef int8_t i8v __attribute__((vector_size(16)));
typedef uint16_t u16v __attribute__((vector_size(32)));

// One vector, element and mask type for each element type's name, so that macros can paste them.
typedef u8v boolv;
typedef u16v bf16v;
typedef u16v f16v;
typedef float f32e;
typedef double f64e;
typedef int32_t i32e;
typedef int64_t i64e;
typedef uint8_t u8e;
typedef uint8_t boole;
typedef i32v f32m;
typedef i64v f64m;
typedef i32v i32m;
typedef i64v i64m;
typedef i8v u8m;
typedef i8v boolm;

#define HK_VECTOR(T)                                                                                                  \
    HK_INLINE T##v T##_load(const void *p) {                                                                          \
        T##v value;                                                                                                   \
        memcpy(&value, p, sizeof value);                                                                              \
        return value;                                                                                                 \
    }                                                                                                                 \
    HK_INLINE void T##_store(void *p, T##v value) { memcpy(p, &value, sizeof value); }
HK_VECTOR(f32)
HK_VECTOR(f64)
HK_VECTOR(i32)
HK_VECTOR(i64)
HK_VECTOR(u32)
HK_VECTOR(u64)
HK_VECTOR(u8)
HK_VECTOR(bool)
HK_VECTOR(bf16)
HK_VECTOR(f16)

// A granule of which only `count` elements exist; the others are `fill`. With mask instructions where there are some: copying
// through the stack stalls, since a wide load has to wait for several narrow stores.
#define HK_PARTIAL_COPY(T)                                                                                            \
    HK_INLINE T##v T##_load_partial(const void *p, int64_t count, T##e fill) {                                        \
        T##v value = (T##v){} + fill;                                                                                 \
        memcpy(&value, p, (size_t)count * sizeof(T##e));                                                              \
        return value;                                                                                                 \
    }                                                                                                                 \
    HK_INLINE void T##_store_partial(void *p, int64_t count, T##v value) {                                            \
        memcpy(p, &value, (size_t)count * sizeof(T##e));                                                              \
    }
#if HK_AVX512
#define HK_PARTIAL_32(T)                                                                                              \
    HK_INLINE T##v T##_load_partial(const void *p, int64_t count, T##e fill) {                                        \
        T##v rest = (T##v){} + fill;                                                                                  \
        return (T##v)_mm512_mask_loadu_epi32((__m512i)rest, (__mmask16)((1u << count) - 1), p);                       \
    }                                                                                                                 \
    HK_INLINE void T##_store_partial(void *p, int64_t count, T##v value) {                                            \
        _mm512_mask_storeu_epi32(p, (__mmask16)((1u << count) - 1), (__m512i)value);                                  \
    }
#define HK_PARTIAL_64(T)                                                                                              \
    HK_INLINE T##v T##_load_partial(const void *p, int64_t count, T##e fill) {                                        \
        T##v rest = (T##v){} + fill;                                                                                  \
        __m512i halves[2];                                                                                            \
        memcpy(halves, &rest, sizeof halves);                                                                         \
        unsigned mask = (1u << count) - 1;                                                                            \
        halves[0] = _mm512_mask_loadu_epi64(halves[0], (__mmask8)mask, p);                                            \
        halves[1] = _mm512_mask_loadu_epi64(halves[1], (__mmask8)(mask >> 8), (const char *)p + 64);                  \
        memcpy(&rest, halves, sizeof halves);                                                                         \
        return rest;                                                                                                  \
    }                                                                                                                 \
    HK_INLINE void T##_store_partial(void *p, int64_t count, T##v value) {                                            \
        __m512i halves[2];                                                                                            \
        memcpy(halves, &value, sizeof halves);                                                                        \
        unsigned mask = (1u << count) - 1;                                                                            \
        _mm512_mask_storeu_epi64(p, (__mmask8)mask, halves[0]);                                                       \
        _mm512_mask_storeu_epi64((char *)p + 64, (__mmask8)(mask >> 8), halves[1]);                                   \
    }
#define HK_PARTIAL_8(T)                                                                                               \
    HK_INLINE T##v T##_load_partial(const void *p, int64_t count, T##e fill) {                                        \
        T##v rest = (T##v){} + (uint8_t)fill;                                                                         \
        return (T##v)_mm_mask_loadu_epi8((__m128i)rest, (__mmask16)((1u << count) - 1), p);                           \
    }                                                                                                                 \
    HK_INLINE void T##_store_partial(void *p, int64_t count, T##v value) {                                            \
        _mm_mask_storeu_epi8(p, (__mmask16)((1u << count) - 1), (__m128i)value);                                      \
    }
#elif HK_AVX2
/// Whole pieces, the largest first: masked stores take AMD's processors tens of cycles.
HK_INLINE void store_partial_32(char *p, int64_t count, __m256i low, __m256i high) {
    if (count >= 8) {
        _mm256_storeu_si256((__m256i *)p, low);
        if (count == 16) _mm256_storeu_si256((__m256i *)(p + 32), high);
        low = high;
        p += 32;
    }
    __m128i rest = _mm256_castsi256_si128(low);
    if (count & 4) {
        _mm_storeu_si128((__m128i *)p, rest);
        rest = _mm256_extracti128_si256(low, 1);
        p += 16;
    }
    if (count & 2) {
        _mm_storel_epi64((__m128i *)p, rest);
        rest = _mm_unpackhi_epi64(rest, rest);
        p += 8;
    }
    if (count & 1) _mm_storeu_si32(p, rest);
}
#define HK_PARTIAL_32(T)                                                                                              \
    HK_INLINE T##v T##_load_partial(const void *p, int64_t count, T##e fill) {                                        \
        T##v value = (T##v){} + fill;                                                                                 \
        const i32v lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};                                     \
        i32v mask = lane < (int32_t)count;                                                                            \
        __m256i masks[2], loaded[2];                                                                                  \
        memcpy(masks, &mask, sizeof masks);                                                                           \
        loaded[0] = _mm256_maskload_epi32((const int *)p, masks[0]);                                                  \
        loaded[1] = _mm256_maskload_epi32((const int *)p + 8, masks[1]);                                              \
        i32v bits;                                                                                                    \
        memcpy(&bits, loaded, sizeof bits);                                                                           \
        return (T##v)((bits & mask) | ((i32v)value & ~mask));                                                         \
    }                                                                                                                 \
    HK_INLINE void T##_store_partial(void *p, int64_t count, T##v value) {                                            \
        __m256i halves[2];                                                                                            \
        memcpy(halves, &value, sizeof halves);                                                                        \
        store_partial_32(p, count, halves[0], halves[1]);                                                             \
    }
#define HK_PARTIAL_64 HK_PARTIAL_COPY
#define HK_PARTIAL_8 HK_PARTIAL_COPY
#else
#define HK_PARTIAL_32 HK_PARTIAL_COPY
#define HK_PARTIAL_64 HK_PARTIAL_COPY
#define HK_PARTIAL_8 HK_PARTIAL_COPY
#endif
HK_PARTIAL_32(f32)
HK_PARTIAL_32(i32)
HK_PARTIAL_64(f64)
HK_PARTIAL_64(i64)
HK_PARTIAL_8(u8)
HK_PARTIAL_8(bool)

/// `yes` where the mask is set, else `no`.
#define HK_CHOOSE(T)                                                                                        \
    HK_INLINE T##v T##_choose(T##m mask, T##v yes, T##v no) {                                                         \
        return (T##v)(((T##m)yes & mask) | ((T##m)no & ~mask));                                                       \
    }
HK_CHOOSE(f32)
HK_CHOOSE(f64)
HK_CHOOSE(i32)
HK_CHOOSE(i64)
HK_CHOOSE(u8)
HK_CHOOSE(bool)

#define HK_CAST(T, value) __builtin_convertvector(value, T)

// Masks of a granule of bool, and bools of a mask.
HK_INLINE i32v f32_mask(u8v b) { return HK_CAST(i32v, (i8v)(b != 0)); }
HK_INLINE i64v f64_mask(u8v b) { return HK_CAST(i64v, (i8v)(b != 0)); }
HK_INLINE i32v i32_mask(u8v b) { return f32_mask(b); }
HK_INLINE i64v i64_mask(u8v b) { return f64_mask(b); }
HK_INLINE i8v u8_mask(u8v b) { return (i8v)(b != 0); }
HK_INLINE u8v f32_bool(i32v m) { return (u8v)HK_CAST(i8v, m) & 1; }
HK_INLINE u8v f64_bool(i64v m) { return (u8v)HK_CAST(i8v, m) & 1; }
HK_INLINE u8v i32_bool(i32v m) { return f32_bool(m); }
HK_INLINE u8v i64_bool(i64v m) { return f64_bool(m); }
HK_INLINE u8v u8_bool(i8v m) { return (u8v)m & 1; }
HK_INLINE u8v bool_bool(i8v m) { return (u8v)m & 1; }

#if defined(__clang__)
HK_INLINE f32v f32_sqrt(f32v x) { return __builtin_elementwise_sqrt(x); }
HK_INLINE f64v f64_sqrt(f64v x) { return __builtin_elementwise_sqrt(x); }
HK_INLINE f32v f32_floor(f32v x) { return __builtin_elementwise_floor(x); }
HK_INLINE f64v f64_floor(f64v x) { return __builtin_elementwise_floor(x); }
HK_INLINE f32v f32_ceil(f32v x) { return __builtin_elementwise_ceil(x); }
HK_INLINE f64v f64_ceil(f64v x) { return __builtin_elementwise_ceil(x); }
HK_INLINE f32v f32_round_even(f32v x) { return __builtin_elementwise_rint(x); }
HK_INLINE f64v f64_round_even(f64v x) { return __builtin_elementwise_rint(x); }
#else
#define HK_LANES(T, name, call)                                                                                       \
    HK_INLINE T##v T##_##name(T##v x) {                                                                               \
        for (int l = 0; l < HK_GRANULE; l++) x[l] = call(x[l]);                                                       \
        return x;                                                                                                     \
    }
HK_LANES(f32, sqrt, __builtin_sqrtf)
HK_LANES(f64, sqrt, __builtin_sqrt)
HK_LANES(f32, floor, __builtin_floorf)
HK_LANES(f64, floor, __builtin_floor)
HK_LANES(f32, ceil, __builtin_ceilf)
HK_LANES(f64, ceil, __builtin_ceil)
HK_LANES(f32, round_even, __builtin_rintf)
HK_LANES(f64, round_even, __builtin_rint)
#endif

// a * b + c, rounded once where the processor can.
#if HK_HAS_FMA && defined(__clang__)
HK_INLINE f32v f32_fma(f32v a, f32v b, f32v c) { return __builtin_elementwise_fma(a, b, c); }
HK_INLINE f64v f64_fma(f64v a, f64v b, f64v c) { return __builtin_elementwise_fma(a, b, c); }
#elif HK_HAS_FMA
HK_INLINE f32v f32_fma(f32v a, f32v b, f32v c) {
    for (int l = 0; l < HK_GRANULE; l++) a[l] = __builtin_fmaf(a[l], b[l], c[l]);
    return a;
}
HK_INLINE f64v f64_fma(f64v a, f64v b, f64v c) {
    for (int l = 0; l < HK_GRANULE; l++) a[l] = __builtin_fma(a[l], b[l], c[l]);
    return a;
}
#else
HK_INLINE f32v f32_fma(f32v a, f32v b, f32v c) { return a * b + c; }
HK_INLINE f64v f64_fma(f64v a, f64v b, f64v c) { return a * b + c; }
#endif

HK_INLINE f32v splat(float value) { return (f32v){} + value; }
HK_INLINE i32v isplat(int32_t value) { return (i32v){} + value; }
HK_INLINE f64v dsplat(double value) { return (f64v){} + value; }
/// x * p + c, one step of Horner's rule.
HK_INLINE f32v horner(f32v x, f32v p, float c) { return f32_fma(x, p, splat(c)); }
HK_INLINE f64v dhorner(f64v x, f64v p, double c) { return f64_fma(x, p, dsplat(c)); }

HK_INLINE _Bool any(i32v mask) {
    int64_t words[8];
    memcpy(words, &mask, sizeof mask);
    return (words[0] | words[1] | words[2] | words[3] | words[4] | words[5] | words[6] | words[7]) != 0;
}

/// Stores that go past the cache, for outputs that would not stay in it; `p` is aligned.
HK_INLINE void f32_stream(float *p, f32v value) {
#if defined(__clang__) && defined(__x86_64__)
    __builtin_nontemporal_store(value, (f32v *)p);
#else
    f32_store(p, value);
#endif
}
HK_INLINE void stream_fence(void) {
#if defined(__x86_64__)
    _mm_sfence();
#endif
}
HK_INLINE _Bool is_aligned(const void *p) { return ((uintptr_t)p & 63) == 0; }
