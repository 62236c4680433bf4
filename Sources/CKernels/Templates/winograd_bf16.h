// Winograd's minimal filtering with products of bf16 numbers, summed in f32: tiles and weights are transformed in f32 and then rounded.

static void winograd_bf16_patches(
    const hk_winograd_side *side, const hk_winograd_tiles *tiles, int64_t block, int64_t begin, int64_t end, void *out,
    int64_t plane) {
    winograd_transform(winograd_bf16, side, tiles, HK_WINOGRAD_POINTS, block, begin, end, out, plane, NULL);
}

static void winograd_bf16_gradient_patches(
    const hk_winograd_side *side, const hk_winograd_tiles *tiles, int64_t block, int64_t begin, int64_t end, void *out,
    int64_t plane) {
    winograd_transform(winograd_bf16_pairs, side, tiles, HK_WINOGRAD_POINTS, block, begin, end, out, plane, NULL);
}

static void winograd_bf16_outputs(
    const hk_winograd_side *side, const hk_winograd_tiles *tiles, int64_t block, int64_t begin, int64_t end, void *out,
    int64_t plane, float *total) {
    winograd_transform_outputs(winograd_bf16_pairs, side, tiles, block, begin, end, out, plane, total);
}

static void winograd_bf16_weights(
    const hk_winograd_weights *w, int64_t out_block, int64_t in_block, void *out, int64_t plane) {
    winograd_weights_blocks(winograd_bf16, w, out_block, in_block, out, plane);
}

// Vectors of a micro-tile's columns, and its rows.
#if HK_BF16
#define WINOGRAD_BF16_VECTORS 2
#define WINOGRAD_BF16_ROWS 14
#else
#define WINOGRAD_BF16_VECTORS 1
#define WINOGRAD_BF16_ROWS 2
#endif
/// Pairs of channels of a block.
#define WINOGRAD_PAIRS (HK_WINOGRAD_LANES / 2)

HK_INLINE void winograd_bf16_product_rows(
    int rows, int64_t blocks, const uint32_t *v, int64_t v_block, const uint32_t *u, float *m, int64_t m_block, _Bool first) {
    f32v sum[WINOGRAD_BF16_ROWS][WINOGRAD_BF16_VECTORS];
    HK_UNROLL for (int i = 0; i < rows; i++) {
        HK_UNROLL for (int j = 0; j < WINOGRAD_BF16_VECTORS; j++) {
            sum[i][j] = first ? (f32v){} : f32_load(m + j * m_block + i * HK_WINOGRAD_LANES);
        }
    }
    for (int64_t block = 0; block < blocks; block++, v += v_block) {
        HK_ROLLED for (int c = 0; c < WINOGRAD_PAIRS; c++, u += HK_WINOGRAD_PANEL) {
            u32v weights[WINOGRAD_BF16_VECTORS];
            HK_UNROLL for (int j = 0; j < WINOGRAD_BF16_VECTORS; j++) weights[j] = u32_load(u + j * HK_WINOGRAD_LANES);
            HK_UNROLL for (int i = 0; i < rows; i++) {
                u32v pair = bf16_all(v[i * WINOGRAD_PAIRS + c]);
                HK_UNROLL for (int j = 0; j < WINOGRAD_BF16_VECTORS; j++) sum[i][j] = bf16_dot(sum[i][j], pair, weights[j]);
            }
        }
    }
    HK_UNROLL for (int i = 0; i < rows; i++) {
        HK_UNROLL for (int j = 0; j < WINOGRAD_BF16_VECTORS; j++) {
            f32_store(m + j * m_block + i * HK_WINOGRAD_LANES, sum[i][j]);
        }
    }
}

/// m[column block][tile][16] (+)= v[channel block][tile][16 channels] times u[channel / 2][32][2], for `tiles` tiles and `blocks`
/// channel blocks; blocks of `v` lie `v_block` bytes apart, the two of `m` `m_block` floats.
static void winograd_bf16_product(
    int64_t tiles, int64_t blocks, const void *v, int64_t v_block, const void *u, float *m, int64_t m_block, _Bool first) {
    for (int j = 0; j < HK_WINOGRAD_PANEL / HK_WINOGRAD_LANES; j += WINOGRAD_BF16_VECTORS) {
        const uint32_t *from = v, *weights = (const uint32_t *)u + j * HK_WINOGRAD_LANES;
        float *to = m + j * m_block;
        int64_t left = tiles;
#define WINOGRAD_BF16_STEP(count)                                                                                     \
    for (; left >= count; left -= count, from += count * WINOGRAD_PAIRS, to += count * HK_WINOGRAD_LANES) {           \
        winograd_bf16_product_rows(count, blocks, from, v_block / 4, weights, to, m_block, first);                    \
    }
#if HK_BF16
        WINOGRAD_BF16_STEP(WINOGRAD_BF16_ROWS)
        WINOGRAD_BF16_STEP(8)
        WINOGRAD_BF16_STEP(4)
#endif
        WINOGRAD_BF16_STEP(2)
        WINOGRAD_BF16_STEP(1)
#undef WINOGRAD_BF16_STEP
    }
}

/// Channels of a micro-tile of sums over tiles.
#if HK_BF16
#define WINOGRAD_BF16_CHANNELS 8
#else
#define WINOGRAD_BF16_CHANNELS 2
#endif

/// s[16 channels][32] (+)= the sum over tiles of v[tile / 2][16 channels][2] times z[column block][tile / 2][16][2].
static void winograd_bf16_accumulate(
    int64_t tiles, const void *v, const void *z, int64_t z_block, float *s, _Bool first) {
    for (int j = 0; j < HK_WINOGRAD_PANEL / HK_WINOGRAD_LANES; j += WINOGRAD_BF16_VECTORS) {
        for (int c = 0; c < HK_WINOGRAD_LANES; c += WINOGRAD_BF16_CHANNELS) {
            f32v sum[WINOGRAD_BF16_CHANNELS][WINOGRAD_BF16_VECTORS];
            float *to = s + c * HK_WINOGRAD_PANEL + j * HK_WINOGRAD_LANES;
            HK_UNROLL for (int i = 0; i < WINOGRAD_BF16_CHANNELS; i++) {
                HK_UNROLL for (int k = 0; k < WINOGRAD_BF16_VECTORS; k++) {
                    sum[i][k] = first ? (f32v){} : f32_load(to + i * HK_WINOGRAD_PANEL + k * HK_WINOGRAD_LANES);
                }
            }
            const uint32_t *left = (const uint32_t *)v + c, *right = (const uint32_t *)z + j * z_block / 4;
            for (int64_t t = 0; t < tiles; t += 2, left += HK_WINOGRAD_LANES, right += HK_WINOGRAD_LANES) {
                u32v row[WINOGRAD_BF16_VECTORS];
                HK_UNROLL for (int k = 0; k < WINOGRAD_BF16_VECTORS; k++) row[k] = u32_load(right + k * z_block / 4);
                HK_UNROLL for (int i = 0; i < WINOGRAD_BF16_CHANNELS; i++) {
                    u32v pair = bf16_all(left[i]);
                    HK_UNROLL for (int k = 0; k < WINOGRAD_BF16_VECTORS; k++) sum[i][k] = bf16_dot(sum[i][k], pair, row[k]);
                }
            }
            HK_UNROLL for (int i = 0; i < WINOGRAD_BF16_CHANNELS; i++) {
                HK_UNROLL for (int k = 0; k < WINOGRAD_BF16_VECTORS; k++) {
                    f32_store(to + i * HK_WINOGRAD_PANEL + k * HK_WINOGRAD_LANES, sum[i][k]);
                }
            }
        }
    }
}

#define HK_WINOGRAD_BF16_TABLE                                                                                        \
    {                                                                                                                 \
        .bytes = 2, .together = 2, .patches = winograd_bf16_patches,                                                  \
        .gradient_patches = winograd_bf16_gradient_patches, .outputs = winograd_bf16_outputs,                         \
        .weights = winograd_bf16_weights, .product = winograd_bf16_product, .accumulate = winograd_bf16_accumulate,   \
    }
