// Winograd's minimal filtering on tiles of 6 x 6: the transformations, and the products of what they make.
//
// Toom-Cook with the points 0, ±a, ±b and infinity (Lavin and Gray 2016; choice of points: Barabasz et al. 2020). The same
// six points serve kernels of 2 to 5 taps, with 5 to 2 outputs along an axis. With a = 2/3 and b = 3/2, ab = 1 and most
// constants vanish; of the pairs that were tried it rounds best.

#define WINOGRAD_A 0.6666666666666666
#define WINOGRAD_B 1.5
#define WINOGRAD_A2 (WINOGRAD_A * WINOGRAD_A)
#define WINOGRAD_B2 (WINOGRAD_B * WINOGRAD_B)
/// The reciprocals of the derivative of x (x² - a²) (x² - b²) at ±a and ±b.
#define WINOGRAD_SCALE_A ((float)(0.5 / (WINOGRAD_A2 * (WINOGRAD_A2 - WINOGRAD_B2))))
#define WINOGRAD_SCALE_B ((float)(0.5 / (WINOGRAD_B2 * (WINOGRAD_B2 - WINOGRAD_A2))))

#if defined(__clang__)
#define HK_UNROLL _Pragma("clang loop unroll(full)")
/// Rolled loops keep what they work on in registers; unrolled, 36 vectors would not fit and be written out and back.
#define HK_ROLLED _Pragma("clang loop unroll(disable)")
#else
#define HK_UNROLL _Pragma("GCC unroll 36")
#define HK_ROLLED _Pragma("GCC unroll 1")
#endif

/// `value` in all lanes. (Adding it to zeros is not the same for -0, so that the compiler would keep the addition.)
HK_INLINE f32v winograd_all(float value) {
    return (f32v){value, value, value, value, value, value, value, value,
                  value, value, value, value, value, value, value, value};
}

/// x + constant * y
HK_INLINE f32v winograd_add(f32v x, double constant, f32v y) { return f32_fma(winograd_all((float)constant), y, x); }

/// The values at the six points of a patch of six elements.
HK_INLINE void winograd_patch_axis(const f32v *in, f32v *out) {
    f32v d0 = in[0], d1 = in[1], d2 = in[2], d3 = in[3], d4 = in[4], d5 = in[5];
    f32v even_a = winograd_add(d4, -WINOGRAD_B2, d2), odd_a = winograd_add(d3, -WINOGRAD_B2, d1);
    f32v even_b = winograd_add(d4, -WINOGRAD_A2, d2), odd_b = winograd_add(d3, -WINOGRAD_A2, d1);
    out[0] = winograd_add(d0 + d4, -(WINOGRAD_A2 + WINOGRAD_B2), d2);
    out[1] = winograd_add(even_a, WINOGRAD_A, odd_a);
    out[2] = winograd_add(even_a, -WINOGRAD_A, odd_a);
    out[3] = winograd_add(even_b, WINOGRAD_B, odd_b);
    out[4] = winograd_add(even_b, -WINOGRAD_B, odd_b);
    out[5] = winograd_add(d1 + d5, -(WINOGRAD_A2 + WINOGRAD_B2), d3);
}

/// The polynomial with `count` coefficients at the six points; at ±a and ±b times `scale_a` and `scale_b`.
HK_INLINE void winograd_spread_axis(int count, float scale_a, float scale_b, const f32v *in, f32v *out) {
    f32v even_a = in[0], even_b = in[0];
    f32v odd_a = winograd_all((float)WINOGRAD_A) * in[1], odd_b = winograd_all((float)WINOGRAD_B) * in[1];
    if (count > 2) {
        even_a = winograd_add(even_a, WINOGRAD_A2, in[2]);
        even_b = winograd_add(even_b, WINOGRAD_B2, in[2]);
    }
    if (count > 3) {
        odd_a = winograd_add(odd_a, WINOGRAD_A2 * WINOGRAD_A, in[3]);
        odd_b = winograd_add(odd_b, WINOGRAD_B2 * WINOGRAD_B, in[3]);
    }
    if (count > 4) {
        even_a = winograd_add(even_a, WINOGRAD_A2 * WINOGRAD_A2, in[4]);
        even_b = winograd_add(even_b, WINOGRAD_B2 * WINOGRAD_B2, in[4]);
    }
    f32v first = in[0], last = in[count - 1];
    if (scale_a != 1) {
        even_a *= winograd_all(scale_a);
        odd_a *= winograd_all(scale_a);
        even_b *= winograd_all(scale_b);
        odd_b *= winograd_all(scale_b);
    }
    out[0] = first;
    out[1] = even_a + odd_a;
    out[2] = even_a - odd_a;
    out[3] = even_b + odd_b;
    out[4] = even_b - odd_b;
    out[5] = last;
}

/// The transpose of `winograd_spread_axis`: six values to `count`.
HK_INLINE void winograd_gather_axis(int count, float scale_a, float scale_b, const f32v *in, f32v *y) {
    f32v even_a = in[1] + in[2], odd_a = in[1] - in[2];
    f32v even_b = in[3] + in[4], odd_b = in[3] - in[4];
    f32v first = in[0], last = in[5];
    if (scale_a != 1) {
        even_a *= winograd_all(scale_a);
        odd_a *= winograd_all(scale_a);
        even_b *= winograd_all(scale_b);
        odd_b *= winograd_all(scale_b);
    }
    y[0] = first + (even_a + even_b);
    y[1] = winograd_add(winograd_all((float)WINOGRAD_A) * odd_a, WINOGRAD_B, odd_b);
    if (count > 2) y[2] = winograd_add(winograd_all((float)WINOGRAD_A2) * even_a, WINOGRAD_B2, even_b);
    if (count > 3) y[3] = winograd_add(winograd_all((float)(WINOGRAD_A2 * WINOGRAD_A)) * odd_a, WINOGRAD_B2 * WINOGRAD_B, odd_b);
    if (count > 4) y[4] = winograd_add(winograd_all((float)(WINOGRAD_A2 * WINOGRAD_A2)) * even_a, WINOGRAD_B2 * WINOGRAD_B2, even_b);
    y[count - 1] += last;
}

/// Where the tiles of a loop stand.
typedef struct {
    int64_t image, row, column;
} winograd_place;

HK_INLINE winograd_place winograd_start(const hk_winograd_tiles *tiles, int64_t tile) {
    int64_t line = tile / tiles->columns;
    return (winograd_place){line / tiles->rows, line % tiles->rows, tile % tiles->columns};
}

HK_INLINE void winograd_next(const hk_winograd_tiles *tiles, winograd_place *at) {
    if (++at->column < tiles->columns) return;
    at->column = 0;
    if (++at->row < tiles->rows) return;
    at->row = 0;
    at->image++;
}

/// A tile of `count` by `count` vectors, its rows and columns `row` and `column` floats apart.
typedef struct {
    const float *data;
    int64_t row, column;
} winograd_tile;

/// The tile in place, or, where it leaves the image, a copy with zeros around.
HK_INLINE winograd_tile winograd_load(
    const hk_winograd_side *side, const float *block, int64_t y, int64_t x, int count, f32v *copy) {
    winograd_tile tile = {
        block + y * side->row + x * side->pixel, side->row * side->stride, side->pixel * side->stride};
    int64_t reach = (int64_t)(count - 1) * side->stride;
    if (y >= 0 && x >= 0 && y + reach < side->height && x + reach < side->width) return tile;
    for (int i = 0; i < count; i++) {
        int64_t line = y + (int64_t)i * side->stride;
        for (int j = 0; j < count; j++) {
            int64_t place = x + (int64_t)j * side->stride;
            _Bool inside = line >= 0 && line < side->height && place >= 0 && place < side->width;
            copy[i * count + j] = inside ? f32_load(tile.data + i * tile.row + j * tile.column) : (f32v){};
        }
    }
    return (winograd_tile){(const float *)copy, (int64_t)count * HK_WINOGRAD_LANES, HK_WINOGRAD_LANES};
}

/// Transforms the tiles `begin ..< end` of the channel block `block`: overlapping patches of 6 x 6 if `count` is 6, else
/// `count` x `count` outputs. out[point * plane + (tile - begin) * 16]. Unless NULL, `total` has the tiles' elements added.
HK_INLINE void winograd_transform(
    const hk_winograd_side *side, const hk_winograd_tiles *tiles, int count, int64_t block, int64_t begin, int64_t end,
    float *out, int64_t plane, float *total) {
    int64_t phases = (int64_t)side->stride * side->stride, phase = block % phases;
    const float *data = side->data + block / phases * side->block;
    int64_t offset_y = side->offset_y + phase / side->stride, offset_x = side->offset_x + phase % side->stride;
    winograd_place at = winograd_start(tiles, begin);
    f32v sum = total ? f32_load(total) : (f32v){};
    for (int64_t tile = begin; tile < end; tile++, out += HK_WINOGRAD_LANES) {
        int64_t y = side->stride * (tiles->first_y + at.row * tiles->step) + offset_y;
        int64_t x = side->stride * (tiles->first_x + at.column * tiles->step) + offset_x;
        f32v copy[HK_WINOGRAD_PLANE], half[HK_WINOGRAD_POINTS][HK_WINOGRAD_POINTS];
        f32v in[HK_WINOGRAD_POINTS], points[HK_WINOGRAD_POINTS];
        winograd_tile from = winograd_load(side, data + at.image * side->image, y, x, count, copy);
        // The next tile's rows begin where this one's end: too short a run for the processor to see what comes.
        if ((f32v *)from.data != copy) {
            int64_t ahead = (count + tiles->step) * from.column;
            HK_UNROLL for (int i = 0; i < count; i++) {
                for (int j = 0; j < tiles->step; j++) __builtin_prefetch(from.data + i * from.row + ahead + j * from.column);
            }
        }
        HK_ROLLED for (int j = 0; j < count; j++) {
            HK_UNROLL for (int i = 0; i < count; i++) in[i] = f32_load(from.data + i * from.row + j * from.column);
            if (count == HK_WINOGRAD_POINTS) {
                winograd_patch_axis(in, points);
            } else {
                winograd_spread_axis(count, 1, 1, in, points);
                f32v column = in[0];
                HK_UNROLL for (int i = 1; i < count; i++) column += in[i];
                sum += column;
            }
            HK_UNROLL for (int i = 0; i < HK_WINOGRAD_POINTS; i++) half[i][j] = points[i];
        }
        HK_ROLLED for (int i = 0; i < HK_WINOGRAD_POINTS; i++) {
            if (count == HK_WINOGRAD_POINTS) {
                winograd_patch_axis(half[i], points);
            } else {
                winograd_spread_axis(count, 1, 1, half[i], points);
            }
            float *to = out + i * HK_WINOGRAD_POINTS * plane;
            HK_UNROLL for (int j = 0; j < HK_WINOGRAD_POINTS; j++) f32_store(to + j * plane, points[j]);
        }
        winograd_next(tiles, &at);
    }
    if (total) f32_store(total, sum);
}

static void winograd_patches(
    const hk_winograd_side *side, const hk_winograd_tiles *tiles, int64_t block, int64_t begin, int64_t end, float *out,
    int64_t plane) {
    winograd_transform(side, tiles, HK_WINOGRAD_POINTS, block, begin, end, out, plane, NULL);
}

static void winograd_outputs(
    const hk_winograd_side *side, const hk_winograd_tiles *tiles, int64_t block, int64_t begin, int64_t end, float *out,
    int64_t plane, float *total) {
    switch (tiles->step) {
    case 2: winograd_transform(side, tiles, 2, block, begin, end, out, plane, total); break;
    case 3: winograd_transform(side, tiles, 3, block, begin, end, out, plane, total); break;
    case 4: winograd_transform(side, tiles, 4, block, begin, end, out, plane, total); break;
    default: winograd_transform(side, tiles, 5, block, begin, end, out, plane, total);
    }
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
                f32_store(side->data + to, value);
            }
        }
        winograd_next(tiles, &at);
    }
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

/// Taps of 16 input channels times 16 output channels, `kernel * kernel` each, lanes over the outputs:
/// buffer[(channel * taps + tap) * 16 + output].
HK_INLINE void winograd_weights_in(const hk_winograd_weights *w, const float *from, float *buffer) {
    int64_t taps = (int64_t)w->kernel * w->kernel;
    if (w->in == taps) {
        transpose4((const char *)from, w->out, (char *)buffer, HK_WINOGRAD_LANES, HK_WINOGRAD_LANES, HK_WINOGRAD_LANES * taps);
        return;
    }
    for (int c = 0; c < HK_WINOGRAD_LANES; c++) {
        transpose4(
            (const char *)(from + c * w->in), w->out, (char *)(buffer + c * taps * HK_WINOGRAD_LANES), HK_WINOGRAD_LANES,
            HK_WINOGRAD_LANES, taps);
    }
}

HK_INLINE void winograd_weights_transform(
    const hk_winograd_weights *w, int taps, const float *channel, int out_phase, int in_phase, float *out, int64_t plane) {
    int stride = w->out_stride * w->in_stride;
    int phase = w->out_stride > 1 ? out_phase : in_phase, phase_y = phase / stride, phase_x = phase % stride;
    f32v in[HK_WINOGRAD_MAX_TAPS], half[HK_WINOGRAD_POINTS][HK_WINOGRAD_MAX_TAPS], points[HK_WINOGRAD_POINTS];
    HK_UNROLL for (int j = 0; j < taps; j++) {
        int x = stride * (w->flipped ? taps - 1 - j : j) + phase_x;
        HK_UNROLL for (int i = 0; i < taps; i++) {
            int y = stride * (w->flipped ? taps - 1 - i : i) + phase_y;
            _Bool exists = y < w->kernel && x < w->kernel;
            in[i] = exists ? f32_load(channel + (y * w->kernel + x) * HK_WINOGRAD_LANES) : (f32v){};
        }
        winograd_spread_axis(taps, WINOGRAD_SCALE_A, WINOGRAD_SCALE_B, in, points);
        HK_UNROLL for (int i = 0; i < HK_WINOGRAD_POINTS; i++) half[i][j] = points[i];
    }
    HK_ROLLED for (int i = 0; i < HK_WINOGRAD_POINTS; i++) {
        winograd_spread_axis(taps, WINOGRAD_SCALE_A, WINOGRAD_SCALE_B, half[i], points);
        float *to = out + i * HK_WINOGRAD_POINTS * plane;
        HK_UNROLL for (int j = 0; j < HK_WINOGRAD_POINTS; j++) f32_store(to + j * plane, points[j]);
    }
}

/// Transforms the weights of the input channel block `in_block` (all its phases) and the output block `out_block` (one
/// phase): out[point * plane + ((phase * 16 + channel) * 32)], 16 lanes.
static void winograd_weights(
    const hk_winograd_weights *w, int64_t out_block, int64_t in_block, float *out, int64_t plane) {
    float buffer[HK_WINOGRAD_MAX_TAPS * HK_WINOGRAD_MAX_TAPS * 4 * HK_WINOGRAD_LANES * HK_WINOGRAD_LANES];
    int64_t out_phases = (int64_t)w->out_stride * w->out_stride, phases = (int64_t)w->in_stride * w->in_stride;
    int64_t size = (int64_t)w->kernel * w->kernel * HK_WINOGRAD_LANES;
    winograd_weights_in(
        w, w->data + out_block / out_phases * HK_WINOGRAD_LANES * w->out + in_block * HK_WINOGRAD_LANES * w->in, buffer);
    int out_phase = (int)(out_block % out_phases);
    for (int phase = 0; phase < phases; phase++) {
        for (int c = 0; c < HK_WINOGRAD_LANES; c++, out += HK_WINOGRAD_PANEL) {
            const float *channel = buffer + c * size;
            switch (w->taps) {
            case 2: winograd_weights_transform(w, 2, channel, out_phase, phase, out, plane); break;
            case 3: winograd_weights_transform(w, 3, channel, out_phase, phase, out, plane); break;
            case 4: winograd_weights_transform(w, 4, channel, out_phase, phase, out, plane); break;
            default: winograd_weights_transform(w, 5, channel, out_phase, phase, out, plane);
            }
        }
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
/// channel blocks; blocks of `v` lie `v_block` floats apart, the two of `m` `m_block`.
static void winograd_product(
    int64_t tiles, int64_t blocks, const float *v, int64_t v_block, const float *u, float *m, int64_t m_block, _Bool first) {
    for (int j = 0; j < HK_WINOGRAD_PANEL / HK_WINOGRAD_LANES; j += WINOGRAD_VECTORS) {
        const float *from = v, *weights = u + j * HK_WINOGRAD_LANES;
        float *to = m + j * m_block;
        int64_t left = tiles;
#define WINOGRAD_STEP(count)                                                                                          \
    for (; left >= count; left -= count, from += count * HK_WINOGRAD_LANES, to += count * HK_WINOGRAD_LANES) {        \
        winograd_product_rows(count, blocks, from, v_block, weights, to, m_block, first);                             \
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
    int64_t tiles, const float *v, const float *z, int64_t z_block, float *s, _Bool first) {
    for (int j = 0; j < HK_WINOGRAD_PANEL / HK_WINOGRAD_LANES; j += WINOGRAD_VECTORS) {
        for (int c = 0; c < HK_WINOGRAD_LANES; c += WINOGRAD_CHANNELS) {
            f32v sum[WINOGRAD_CHANNELS][WINOGRAD_VECTORS];
            float *to = s + c * HK_WINOGRAD_PANEL + j * HK_WINOGRAD_LANES;
            HK_UNROLL for (int i = 0; i < WINOGRAD_CHANNELS; i++) {
                HK_UNROLL for (int k = 0; k < WINOGRAD_VECTORS; k++) {
                    sum[i][k] = first ? (f32v){} : f32_load(to + i * HK_WINOGRAD_PANEL + k * HK_WINOGRAD_LANES);
                }
            }
            const float *left = v + c, *right = z + j * z_block;
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
