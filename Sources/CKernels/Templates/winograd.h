// Winograd's minimal filtering in f32: the products of transformed tiles, and what becomes of their sums.

static void winograd_patches(
    const hk_winograd_side *side, const hk_winograd_tiles *tiles, int64_t block, int64_t begin, int64_t end, void *out,
    int64_t plane) {
    winograd_transform(winograd_f32, side, tiles, HK_WINOGRAD_POINTS, block, begin, end, out, plane, NULL);
}

static void winograd_outputs(
    const hk_winograd_side *side, const hk_winograd_tiles *tiles, int64_t block, int64_t begin, int64_t end, void *out,
    int64_t plane, float *total) {
    winograd_transform_outputs(winograd_f32, side, tiles, block, begin, end, out, plane, total);
}

static void winograd_weights(const hk_winograd_weights *w, int64_t out_block, int64_t in_block, void *out, int64_t plane) {
    winograd_weights_blocks(winograd_f32, w, out_block, in_block, out, plane);
}

/// The other way: from sums at the points to outputs of `count` x `count`, which are finished and stored.
HK_INLINE void winograd_finish_tiles(
    const hk_winograd_side *side, const hk_winograd_tiles *tiles, int count, const hk_winograd_finish *finish, int64_t block,
    int64_t begin, int64_t end, const float *in, int64_t plane) {
    int64_t phases = (int64_t)side->stride * side->stride, phase = block % phases, channels = block / phases;
    int64_t offset_y = side->offset_y + phase / side->stride, offset_x = side->offset_x + phase % side->stride;
    f32v bias = finish->bias ? f32_load(finish->bias + channels * HK_WINOGRAD_LANES) : (f32v){};
    winograd_place at = winograd_start(tiles, begin);
    for (int64_t tile = begin; tile < end; tile++, in += HK_WINOGRAD_LANES) {
        f32v points[HK_WINOGRAD_POINTS], half[HK_WINOGRAD_MAX_TAPS][HK_WINOGRAD_POINTS], y[HK_WINOGRAD_MAX_TAPS];
        HK_ROLLED for (int j = 0; j < HK_WINOGRAD_POINTS; j++) {
            HK_UNROLL for (int i = 0; i < HK_WINOGRAD_POINTS; i++) {
                points[i] = f32_load(in + (i * HK_WINOGRAD_POINTS + j) * plane);
            }
            winograd_gather_axis(count, 1, 1, points, y);
            HK_UNROLL for (int i = 0; i < count; i++) half[i][j] = y[i];
        }
        int64_t top = side->stride * (tiles->first_y + at.row * tiles->step) + offset_y;
        int64_t left = side->stride * (tiles->first_x + at.column * tiles->step) + offset_x;
        int64_t base = at.image * side->image + channels * side->block;
        HK_ROLLED for (int i = 0; i < count; i++) {
            int64_t line = top + (int64_t)i * side->stride;
            if (line < 0 || line >= side->height) continue;
            winograd_gather_axis(count, 1, 1, half[i], y);
            HK_UNROLL for (int j = 0; j < count; j++) {
                int64_t place = left + (int64_t)j * side->stride;
                if (place < 0 || place >= side->width) continue;
                int64_t to = base + line * side->row + place * side->pixel;
                f32v value = y[j] + bias;
                if (finish->residual) value += f32_load(finish->residual + to);
                // NaN passes, as in torch.relu.
                if (finish->relu) value = (f32v)((i32v)value & ~(value < 0));
                if (finish->streams) {
                    f32_stream(side->data + to, value);
                } else {
                    f32_store(side->data + to, value);
                }
            }
        }
        winograd_next(tiles, &at);
    }
    if (finish->streams) stream_fence();
}

static void winograd_finish(
    const hk_winograd_side *side, const hk_winograd_tiles *tiles, const hk_winograd_finish *finish, int64_t block,
    int64_t begin, int64_t end, const float *in, int64_t plane) {
    switch (tiles->step) {
    case 2: winograd_finish_tiles(side, tiles, 2, finish, block, begin, end, in, plane); break;
    case 3: winograd_finish_tiles(side, tiles, 3, finish, block, begin, end, in, plane); break;
    case 4: winograd_finish_tiles(side, tiles, 4, finish, block, begin, end, in, plane); break;
    default: winograd_finish_tiles(side, tiles, 5, finish, block, begin, end, in, plane);
    }
}

HK_INLINE void winograd_weights_restore(
    const hk_winograd_weights *w, int taps, const float *in, int64_t plane, int phase, float *channel) {
    f32v points[HK_WINOGRAD_POINTS], half[HK_WINOGRAD_MAX_TAPS][HK_WINOGRAD_POINTS], y[HK_WINOGRAD_MAX_TAPS];
    int phase_y = phase / w->in_stride, phase_x = phase % w->in_stride;
    HK_ROLLED for (int j = 0; j < HK_WINOGRAD_POINTS; j++) {
        HK_UNROLL for (int i = 0; i < HK_WINOGRAD_POINTS; i++) {
            points[i] = f32_load(in + (i * HK_WINOGRAD_POINTS + j) * plane);
        }
        winograd_gather_axis(taps, WINOGRAD_SCALE_A, WINOGRAD_SCALE_B, points, y);
        HK_UNROLL for (int i = 0; i < taps; i++) half[i][j] = y[i];
    }
    HK_ROLLED for (int i = 0; i < taps; i++) {
        int row = w->in_stride * i + phase_y;
        if (row >= w->kernel) break;
        winograd_gather_axis(taps, WINOGRAD_SCALE_A, WINOGRAD_SCALE_B, half[i], y);
        HK_UNROLL for (int j = 0; j < taps; j++) {
            int column = w->in_stride * j + phase_x;
            if (column >= w->kernel) continue;
            f32_store(channel + (row * w->kernel + column) * HK_WINOGRAD_LANES, y[j]);
        }
    }
}

/// The gradient of the weights of one block of input channels (all its phases) and one of output channels from sums at the
/// points: in[point * plane + phase * phase_step + channel * 32], 16 lanes.
static void winograd_weights_gradient(
    const hk_winograd_weights *w, int64_t out_block, int64_t in_block, const float *in, int64_t plane, int64_t phase_step) {
    float buffer[HK_WINOGRAD_MAX_TAPS * HK_WINOGRAD_MAX_TAPS * 4 * HK_WINOGRAD_LANES * HK_WINOGRAD_LANES];
    int64_t phases = (int64_t)w->in_stride * w->in_stride, taps = (int64_t)w->kernel * w->kernel;
    for (int phase = 0; phase < phases; phase++) {
        for (int c = 0; c < HK_WINOGRAD_LANES; c++) {
            const float *from = in + phase * phase_step + c * HK_WINOGRAD_PANEL;
            float *channel = buffer + c * taps * HK_WINOGRAD_LANES;
            switch (w->taps) {
            case 2: winograd_weights_restore(w, 2, from, plane, phase, channel); break;
            case 3: winograd_weights_restore(w, 3, from, plane, phase, channel); break;
            case 4: winograd_weights_restore(w, 4, from, plane, phase, channel); break;
            default: winograd_weights_restore(w, 5, from, plane, phase, channel);
            }
        }
    }
    float *to = w->data + out_block * HK_WINOGRAD_LANES * w->out + in_block * HK_WINOGRAD_LANES * w->in;
    transpose4((const char *)buffer, HK_WINOGRAD_LANES, (char *)to, w->out, HK_WINOGRAD_LANES * taps, HK_WINOGRAD_LANES);
}

// Vectors of a micro-tile's columns, and its rows.
#if HK_AVX512
#define WINOGRAD_VECTORS 2
#define WINOGRAD_ROWS 14
#define WINOGRAD_CHANNELS 8
#elif HK_AVX2
#define WINOGRAD_VECTORS 1
#define WINOGRAD_ROWS 6
#define WINOGRAD_CHANNELS 4
#else
#define WINOGRAD_VECTORS 1
#define WINOGRAD_ROWS 4
#define WINOGRAD_CHANNELS 4
#endif

HK_INLINE void winograd_product_rows(
    int rows, int64_t blocks, const float *v, int64_t v_block, const float *u, float *m, int64_t m_block, _Bool first) {
    f32v sum[WINOGRAD_ROWS][WINOGRAD_VECTORS];
    HK_UNROLL for (int i = 0; i < rows; i++) {
        HK_UNROLL for (int j = 0; j < WINOGRAD_VECTORS; j++) {
            sum[i][j] = first ? (f32v){} : f32_load(m + j * m_block + i * HK_WINOGRAD_LANES);
        }
    }
    for (int64_t block = 0; block < blocks; block++, v += v_block) {
        for (int c = 0; c < HK_WINOGRAD_LANES; c++, u += HK_WINOGRAD_PANEL) {
            f32v weights[WINOGRAD_VECTORS];
            HK_UNROLL for (int j = 0; j < WINOGRAD_VECTORS; j++) weights[j] = f32_load(u + j * HK_WINOGRAD_LANES);
            HK_UNROLL for (int i = 0; i < rows; i++) {
                f32v value = winograd_all(v[i * HK_WINOGRAD_LANES + c]);
                HK_UNROLL for (int j = 0; j < WINOGRAD_VECTORS; j++) sum[i][j] = f32_fma(value, weights[j], sum[i][j]);
            }
        }
    }
    HK_UNROLL for (int i = 0; i < rows; i++) {
        HK_UNROLL for (int j = 0; j < WINOGRAD_VECTORS; j++) f32_store(m + j * m_block + i * HK_WINOGRAD_LANES, sum[i][j]);
    }
}

/// m[column block][tile][16] (+)= v[channel block][tile][16 channels] times u[channel][32], for `tiles` tiles and `blocks`
/// channel blocks; blocks of `v` lie `v_block` bytes apart, the two of `m` `m_block` floats.
static void winograd_product(
    int64_t tiles, int64_t blocks, const void *v, int64_t v_block, const void *u, float *m, int64_t m_block, _Bool first) {
    for (int j = 0; j < HK_WINOGRAD_PANEL / HK_WINOGRAD_LANES; j += WINOGRAD_VECTORS) {
        const float *from = v, *weights = (const float *)u + j * HK_WINOGRAD_LANES;
        float *to = m + j * m_block;
        int64_t left = tiles;
#define WINOGRAD_STEP(count)                                                                                          \
    for (; left >= count; left -= count, from += count * HK_WINOGRAD_LANES, to += count * HK_WINOGRAD_LANES) {        \
        winograd_product_rows(count, blocks, from, v_block / 4, weights, to, m_block, first);                             \
    }
        WINOGRAD_STEP(WINOGRAD_ROWS)
#if HK_AVX512
        WINOGRAD_STEP(8)
        WINOGRAD_STEP(4)
#endif
        WINOGRAD_STEP(2)
        WINOGRAD_STEP(1)
#undef WINOGRAD_STEP
    }
}

/// s[16 channels][32] (+)= the sum over tiles of v[tile][16 channels] times z[column block][tile][16].
static void winograd_accumulate(
    int64_t tiles, const void *v, const void *z, int64_t z_block, float *s, _Bool first) {
    z_block /= 4;
    for (int j = 0; j < HK_WINOGRAD_PANEL / HK_WINOGRAD_LANES; j += WINOGRAD_VECTORS) {
        for (int c = 0; c < HK_WINOGRAD_LANES; c += WINOGRAD_CHANNELS) {
            f32v sum[WINOGRAD_CHANNELS][WINOGRAD_VECTORS];
            float *to = s + c * HK_WINOGRAD_PANEL + j * HK_WINOGRAD_LANES;
            HK_UNROLL for (int i = 0; i < WINOGRAD_CHANNELS; i++) {
                HK_UNROLL for (int k = 0; k < WINOGRAD_VECTORS; k++) {
                    sum[i][k] = first ? (f32v){} : f32_load(to + i * HK_WINOGRAD_PANEL + k * HK_WINOGRAD_LANES);
                }
            }
            const float *left = (const float *)v + c, *right = (const float *)z + j * z_block;
            for (int64_t t = 0; t < tiles; t++, left += HK_WINOGRAD_LANES, right += HK_WINOGRAD_LANES) {
                f32v row[WINOGRAD_VECTORS];
                HK_UNROLL for (int k = 0; k < WINOGRAD_VECTORS; k++) row[k] = f32_load(right + k * z_block);
                HK_UNROLL for (int i = 0; i < WINOGRAD_CHANNELS; i++) {
                    f32v value = winograd_all(left[i]);
                    HK_UNROLL for (int k = 0; k < WINOGRAD_VECTORS; k++) sum[i][k] = f32_fma(value, row[k], sum[i][k]);
                }
            }
            HK_UNROLL for (int i = 0; i < WINOGRAD_CHANNELS; i++) {
                HK_UNROLL for (int k = 0; k < WINOGRAD_VECTORS; k++) {
                    f32_store(to + i * HK_WINOGRAD_PANEL + k * HK_WINOGRAD_LANES, sum[i][k]);
                }
            }
        }
    }
}

#define HK_WINOGRAD_F32_TABLE                                                                                         \
    {                                                                                                                 \
        .bytes = 4, .together = 1, .patches = winograd_patches, .gradient_patches = winograd_patches,                 \
        .outputs = winograd_outputs, .weights = winograd_weights, .product = winograd_product,                        \
        .accumulate = winograd_accumulate,                                                                            \
    }
