// Winograd's minimal filtering: the products of transformed tiles and weights, and the kernels that depend on what these are kept as.
//
// Both are read 32 bits at a time, as f32 or as two bf16 that are multiplied with two others.

// Vectors of a micro-tile's columns, and its rows; channels of a micro-tile of sums over tiles.
#if HK_AVX512
#define WINOGRAD_VECTORS 2
#define WINOGRAD_ROWS 14
#define WINOGRAD_CHANNELS 8
#elif HK_AVX2
#define WINOGRAD_VECTORS 1
#define WINOGRAD_ROWS 6
#define WINOGRAD_CHANNELS 6
#else
#define WINOGRAD_VECTORS 1
#define WINOGRAD_ROWS 4
#define WINOGRAD_CHANNELS 4
#endif

/// sum += one * many, where `one` is the same for all lanes.
HK_INLINE f32v winograd_multiply(const int form, f32v sum, uint32_t one, u32v many) {
    u32v all = (u32v){} + one;
    return form == winograd_f32 ? f32_fma((f32v)all, (f32v)many, sum) : bf16_dot(sum, all, many);
}

HK_INLINE void winograd_product_rows(
    const int form, int rows, int64_t blocks, const uint32_t *v, int64_t v_block, const uint32_t *u, float *m,
    int64_t m_block, _Bool first) {
    const int channels = form == winograd_f32 ? HK_WINOGRAD_LANES : HK_WINOGRAD_LANES / 2;
    f32v sum[WINOGRAD_ROWS][WINOGRAD_VECTORS];
    HK_UNROLL for (int i = 0; i < rows; i++) {
        HK_UNROLL for (int j = 0; j < WINOGRAD_VECTORS; j++) {
            sum[i][j] = first ? (f32v){} : f32_load(m + j * m_block + i * HK_WINOGRAD_LANES);
        }
    }
    for (int64_t block = 0; block < blocks; block++, v += v_block) {
        HK_COUNTED for (int c = 0; c < channels; c++, u += HK_WINOGRAD_PANEL) {
            u32v weights[WINOGRAD_VECTORS];
            HK_UNROLL for (int j = 0; j < WINOGRAD_VECTORS; j++) weights[j] = u32_load(u + j * HK_WINOGRAD_LANES);
            HK_UNROLL for (int i = 0; i < rows; i++) {
                HK_UNROLL for (int j = 0; j < WINOGRAD_VECTORS; j++) {
                    sum[i][j] = winograd_multiply(form, sum[i][j], v[i * channels + c], weights[j]);
                }
            }
        }
    }
    HK_UNROLL for (int i = 0; i < rows; i++) {
        HK_UNROLL for (int j = 0; j < WINOGRAD_VECTORS; j++) f32_store(m + j * m_block + i * HK_WINOGRAD_LANES, sum[i][j]);
    }
}

/// m[column block][tile][16] (+)= v[channel block][tile][16 channels] times u[channel][32], bf16 u[channel / 2][32][2], for `tiles`
/// tiles and `blocks` channel blocks; blocks of `v` lie `v_block` bytes apart, the two of `m` `m_block` floats.
HK_INLINE void winograd_product(
    const int form, int64_t tiles, int64_t blocks, const uint32_t *v, int64_t v_block, const uint32_t *u, float *m,
    int64_t m_block, _Bool first) {
    const int tile = form == winograd_f32 ? HK_WINOGRAD_LANES : HK_WINOGRAD_LANES / 2;
    for (int j = 0; j < HK_WINOGRAD_PANEL / HK_WINOGRAD_LANES; j += WINOGRAD_VECTORS) {
        const uint32_t *from = v, *weights = u + j * HK_WINOGRAD_LANES;
        float *to = m + j * m_block;
#if HK_AVX512
        int64_t left = tiles;
#define WINOGRAD_STEP(count)                                                                                          \
    for (; left >= count; left -= count, from += count * tile, to += count * HK_WINOGRAD_LANES) {                     \
        winograd_product_rows(form, count, blocks, from, v_block / 4, weights, to, m_block, first);                   \
    }
        WINOGRAD_STEP(WINOGRAD_ROWS)
        WINOGRAD_STEP(8)
        WINOGRAD_STEP(4)
        WINOGRAD_STEP(2)
        WINOGRAD_STEP(1)
#undef WINOGRAD_STEP
#else
        // Of nearly equal height: a low last one would wait for its few sums.
        int64_t parts = (tiles + WINOGRAD_ROWS - 1) / WINOGRAD_ROWS;
        for (int64_t part = 0; part < parts; part++) {
            int64_t rows = tiles * (part + 1) / parts - tiles * part / parts;
#define WINOGRAD_STEP(count)                                                                                          \
    case count: winograd_product_rows(form, count, blocks, from, v_block / 4, weights, to, m_block, first); break;
            switch (rows) {
#if HK_AVX2
                WINOGRAD_STEP(6)
                WINOGRAD_STEP(5)
#endif
                WINOGRAD_STEP(4)
                WINOGRAD_STEP(3)
                WINOGRAD_STEP(2)
                WINOGRAD_STEP(1)
            }
#undef WINOGRAD_STEP
            from += rows * tile;
            to += rows * HK_WINOGRAD_LANES;
        }
#endif
    }
}

/// The sums of `channels` channels from the first of `v` and `s` on, and one group of `WINOGRAD_VECTORS` column blocks.
HK_INLINE void winograd_accumulate_channels(
    const int form, const int channels, int64_t tiles, const uint32_t *v, const uint32_t *z, int64_t z_block, float *s,
    _Bool first) {
    f32v sum[WINOGRAD_CHANNELS][WINOGRAD_VECTORS];
    HK_UNROLL for (int i = 0; i < channels; i++) {
        HK_UNROLL for (int k = 0; k < WINOGRAD_VECTORS; k++) {
            sum[i][k] = first ? (f32v){} : f32_load(s + i * HK_WINOGRAD_PANEL + k * HK_WINOGRAD_LANES);
        }
    }
    const int together = form == winograd_f32 ? 1 : 2;
    for (int64_t t = 0; t < tiles; t += together, v += HK_WINOGRAD_LANES, z += HK_WINOGRAD_LANES) {
        u32v row[WINOGRAD_VECTORS];
        HK_UNROLL for (int k = 0; k < WINOGRAD_VECTORS; k++) row[k] = u32_load(z + k * z_block);
        HK_UNROLL for (int i = 0; i < channels; i++) {
            HK_UNROLL for (int k = 0; k < WINOGRAD_VECTORS; k++) {
                sum[i][k] = winograd_multiply(form, sum[i][k], v[i], row[k]);
            }
        }
    }
    HK_UNROLL for (int i = 0; i < channels; i++) {
        HK_UNROLL for (int k = 0; k < WINOGRAD_VECTORS; k++) {
            f32_store(s + i * HK_WINOGRAD_PANEL + k * HK_WINOGRAD_LANES, sum[i][k]);
        }
    }
}

/// s[16 channels][32] (+)= the sum over tiles of v[tile][16 channels] times z[column block][tile][16]; bf16 of v[tile / 2][16][2] times
/// z[column block][tile / 2][16][2]. Column blocks of `z` lie `z_block` bytes apart.
HK_INLINE void winograd_accumulate(
    const int form, int64_t tiles, const uint32_t *v, const uint32_t *z, int64_t z_block, float *s, _Bool first) {
    z_block /= 4;
    for (int j = 0; j < HK_WINOGRAD_PANEL / HK_WINOGRAD_LANES; j += WINOGRAD_VECTORS) {
        const uint32_t *right = z + j * z_block;
        float *to = s + j * HK_WINOGRAD_LANES;
#define WINOGRAD_STEP(c, channels)                                                                                    \
    winograd_accumulate_channels(                                                                                     \
        form, channels, tiles, v + (c), right, z_block, to + (c) * HK_WINOGRAD_PANEL, first);
#if HK_AVX2
        // Of four channels the eight sums would wait for each other as soon as one is late.
        WINOGRAD_STEP(0, 6)
        WINOGRAD_STEP(6, 5)
        WINOGRAD_STEP(11, 5)
#else
        for (int c = 0; c < HK_WINOGRAD_LANES; c += WINOGRAD_CHANNELS) { WINOGRAD_STEP(c, WINOGRAD_CHANNELS) }
#endif
#undef WINOGRAD_STEP
    }
}

/// Patches in a form.
#define WINOGRAD_PATCHES(form)                                                                                        \
    static void winograd_##form##_patches(                                                                            \
        const hk_winograd_side *side, const hk_winograd_tiles *tiles, int64_t block, int64_t begin, int64_t end,      \
        void *out, int64_t plane) {                                                                                   \
        winograd_transform(winograd_##form, side, tiles, HK_WINOGRAD_POINTS, block, begin, end, out, plane, NULL);    \
    }

/// The other kernels of a type; `pairs` is the form of what sums over tiles run through.
#define WINOGRAD_KERNELS(T, pairs)                                                                                    \
    static void winograd_##T##_outputs(                                                                               \
        const hk_winograd_side *side, const hk_winograd_tiles *tiles, int64_t block, int64_t begin, int64_t end,      \
        void *out, int64_t plane, float *total) {                                                                     \
        winograd_transform_outputs(winograd_##pairs, side, tiles, block, begin, end, out, plane, total);              \
    }                                                                                                                 \
    static void winograd_##T##_weights(                                                                               \
        const hk_winograd_weights *w, int64_t out_block, int64_t in_block, void *out, int64_t plane) {                \
        winograd_weights_blocks(winograd_##T, w, out_block, in_block, out, plane);                                    \
    }                                                                                                                 \
    static void winograd_##T##_product(                                                                               \
        int64_t tiles, int64_t blocks, const void *v, int64_t v_block, const void *u, float *m, int64_t m_block,      \
        _Bool first) {                                                                                                \
        winograd_product(winograd_##T, tiles, blocks, v, v_block, u, m, m_block, first);                              \
    }                                                                                                                 \
    static void winograd_##T##_accumulate(                                                                            \
        int64_t tiles, const void *v, const void *z, int64_t z_block, float *s, _Bool first) {                        \
        winograd_accumulate(winograd_##T, tiles, v, z, z_block, s, first);                                            \
    }

#define HK_WINOGRAD_TABLE(T, pairs, size, tiles_together)                                                             \
    {                                                                                                                 \
        .bytes = size, .together = tiles_together, .patches = winograd_##T##_patches,                                 \
        .gradient_patches = winograd_##pairs##_patches, .outputs = winograd_##T##_outputs,                            \
        .weights = winograd_##T##_weights, .product = winograd_##T##_product,                                         \
        .accumulate = winograd_##T##_accumulate,                                                                      \
    }
