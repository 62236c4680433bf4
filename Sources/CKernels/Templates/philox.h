// Philox 4x32-10, sixteen blocks at a time, and normals from its words.

typedef uint64_t u64h __attribute__((vector_size(64)));

/// High and low words of the 16 products, from the even and the odd lanes apart: the multiplier takes every other lane.
HK_INLINE void multiply_words(u32v x, uint64_t factor, u32v *high, u32v *low) {
    u64h even = ((u64h)x & 0xffffffff) * factor, odd = ((u64h)x >> 32) * factor;
    *high = (u32v)((even >> 32) | (odd & 0xffffffff00000000));
    *low = (u32v)((even & 0xffffffff) | (odd << 32));
}

HK_INLINE void philox_round(u32v *x, uint32_t key0, uint32_t key1) {
    u32v high0, low0, high1, low1;
    multiply_words(x[0], 0xD2511F53u, &high0, &low0);
    multiply_words(x[2], 0xCD9E8D57u, &high1, &low1);
    x[0] = high1 ^ x[1] ^ key0;
    x[1] = low1;
    x[2] = high0 ^ x[3] ^ key1;
    x[3] = low0;
}

#define HK_MERGE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)

static void philox_blocks(uint64_t key, uint64_t block, uint32_t *words) {
    u64v counter = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    counter += block;
    u32v x[4] = {HK_CAST(u32v, counter), HK_CAST(u32v, counter >> 32), {}, {}};
    uint32_t key0 = (uint32_t)key, key1 = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++) {
        philox_round(x, key0, key1);
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    // Word w of block b goes to place 4b + w.
    u32v a = HK_MERGE(x[0], x[1], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    u32v b = HK_MERGE(x[0], x[1], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    u32v c = HK_MERGE(x[2], x[3], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    u32v d = HK_MERGE(x[2], x[3], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    u32_store(words, HK_MERGE(a, c, 0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23));
    u32_store(words + 16, HK_MERGE(a, c, 8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31));
    u32_store(words + 32, HK_MERGE(b, d, 0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23));
    u32_store(words + 48, HK_MERGE(b, d, 8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31));
}

/// 64 numbers in [0, 1) from the 24 high bits of 64 words.
static void uniforms(const uint32_t *words, float *output) {
    for (int i = 0; i < 64; i += HK_GRANULE) {
        f32_store(output + i, HK_CAST(f32v, (i32v)(u32_load(words + i) >> 8)) * 0x1p-24f);
    }
}

/// u32 to f32; signed conversion is what all instruction sets have, so by halves.
HK_INLINE f32v f32_from_u32(u32v x) {
    return f32_fma(HK_CAST(f32v, (i32v)(x >> 16)), splat(65536.0f), HK_CAST(f32v, (i32v)(x & 0xffff)));
}

static void normals(const uint32_t *words, float *output) {
    for (int half = 0; half < 2; half++, words += 32, output += 32) {
        u32v low = u32_load(words), high = u32_load(words + 16);
        u32v even = HK_MERGE(low, high, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
        u32v odd = HK_MERGE(low, high, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
        // The radius from all 32 bits, in (0, 1], so that the tail reaches 6.6.
        f32v u = f32_fma(f32_from_u32(even), splat(0x1p-32f), splat(0x1p-32f));
        u = at_most(u, 1.0f);
        f32v radius = f32_sqrt(f32_log(u) * -2.0f);
        // The angle in quarter turns: the quadrant and the rest are exact.
        f32v turns = HK_CAST(f32v, (i32v)(odd >> 8)) * 0x1p-22f;
        f32v z = turns + MAGIC, rest = (turns - (z - MAGIC)) * 0x1.921fb6p+0f;
        i32v quadrant = (i32v)z - 0x4b400000, swap = (quadrant & 1) != 0;
        f32v s = sin_reduced(rest), c = cos_reduced(rest);
        f32v sine = f32_choose(swap, c, s), cosine = f32_choose(swap, s, c);
        sine = (f32v)((i32v)sine ^ ((quadrant & 2) << 30));
        cosine = (f32v)((i32v)cosine ^ (((quadrant + 1) & 2) << 30));
        f32v a = radius * cosine, b = radius * sine;
        f32_store(output, HK_MERGE(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
        f32_store(output + 16, HK_MERGE(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31));
    }
}
