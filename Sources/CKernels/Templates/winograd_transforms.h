// Winograd's minimal filtering on tiles of 6 x 6: the transformations of patches, outputs and weights.
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

/// How transformed tiles are kept.
enum {
    /// f32.
    winograd_f32,
    /// bf16.
    winograd_bf16,
    /// bf16 of two tiles, or channels of weights, side by side.
    winograd_bf16_pairs
};

/// Transforms the tiles `begin ..< end` of the channel block `block`: overlapping patches of 6 x 6 if `count` is 6, else
/// `count` x `count` outputs. out[point * plane + (tile - begin) * 16 elements]; `plane` is in bytes. Unless NULL, `total` has the tiles'
/// elements added.
HK_INLINE void winograd_transform(
    const int form, const hk_winograd_side *side, const hk_winograd_tiles *tiles, int count, int64_t block, int64_t begin,
    int64_t end, char *out, int64_t plane, float *total) {
    int64_t phases = (int64_t)side->stride * side->stride, phase = block % phases;
    const float *data = side->data + block / phases * side->block;
    int64_t offset_y = side->offset_y + phase / side->stride, offset_x = side->offset_x + phase % side->stride;
    winograd_place at = winograd_start(tiles, begin);
    f32v sum = total ? f32_load(total) : (f32v){};
    f32v grid[HK_WINOGRAD_PLANE], before[HK_WINOGRAD_PLANE];
    const float *carries = winograd_carries[count == HK_WINOGRAD_POINTS ? winograd_patch : winograd_output][tiles->taps - 2];
    for (int64_t tile = begin; tile < end; tile++) {
        _Bool is_second = (tile - begin) % 2;
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
            char *to = form == winograd_f32 ? out + i * HK_WINOGRAD_POINTS * plane : (char *)&grid[i * HK_WINOGRAD_POINTS];
            int64_t step = form == winograd_f32 ? plane : (int64_t)sizeof(f32v);
            HK_UNROLL for (int j = 0; j < HK_WINOGRAD_POINTS; j++) f32_store(to + j * step, points[j]);
        }
        if (form == winograd_bf16) winograd_round(grid, carries, out, plane);
        if (form == winograd_bf16_pairs) winograd_round_pairs(grid, carries, is_second, before, out, plane);
        winograd_next(tiles, &at);
        out += form == winograd_bf16 ? HK_WINOGRAD_LANES * 2 : form == winograd_f32 || is_second ? HK_WINOGRAD_LANES * 4 : 0;
    }
    if (form == winograd_bf16_pairs && (end - begin) % 2) {
        HK_UNROLL for (int point = 0; point < HK_WINOGRAD_PLANE; point++) grid[point] = (f32v){};
        winograd_round_pairs(grid, carries, 1, before, out, plane);
    }
    if (total) f32_store(total, sum);
}

/// The same for outputs.
HK_INLINE void winograd_transform_outputs(
    const int form, const hk_winograd_side *side, const hk_winograd_tiles *tiles, int64_t block, int64_t begin, int64_t end,
    char *out, int64_t plane, float *total) {
    switch (tiles->step) {
    case 2: winograd_transform(form, side, tiles, 2, block, begin, end, out, plane, total); break;
    case 3: winograd_transform(form, side, tiles, 3, block, begin, end, out, plane, total); break;
    case 4: winograd_transform(form, side, tiles, 4, block, begin, end, out, plane, total); break;
    default: winograd_transform(form, side, tiles, 5, block, begin, end, out, plane, total);
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

/// The taps of one channel along one axis, at the six points.
HK_INLINE void winograd_weights_half(
    const hk_winograd_weights *w, int taps, const float *channel, int out_phase, int in_phase,
    f32v half[HK_WINOGRAD_POINTS][HK_WINOGRAD_MAX_TAPS]) {
    int stride = w->out_stride * w->in_stride;
    int phase = w->out_stride > 1 ? out_phase : in_phase, phase_y = phase / stride, phase_x = phase % stride;
    f32v in[HK_WINOGRAD_MAX_TAPS], points[HK_WINOGRAD_POINTS];
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
}

/// Transforms one channel to the lanes of 16 outputs; bf16 is written with every second channel, both side by side.
HK_INLINE void winograd_weights_transform(
    const int form, const hk_winograd_weights *w, int taps, const float *channel, int out_phase, int in_phase,
    _Bool is_second, f32v *before, char *out, int64_t plane) {
    f32v half[HK_WINOGRAD_POINTS][HK_WINOGRAD_MAX_TAPS], points[HK_WINOGRAD_POINTS], grid[HK_WINOGRAD_PLANE];
    winograd_weights_half(w, taps, channel, out_phase, in_phase, half);
    HK_ROLLED for (int i = 0; i < HK_WINOGRAD_POINTS; i++) {
        winograd_spread_axis(taps, WINOGRAD_SCALE_A, WINOGRAD_SCALE_B, half[i], points);
        char *to = form == winograd_f32 ? out + i * HK_WINOGRAD_POINTS * plane : (char *)&grid[i * HK_WINOGRAD_POINTS];
        int64_t step = form == winograd_f32 ? plane : (int64_t)sizeof(f32v);
        HK_UNROLL for (int j = 0; j < HK_WINOGRAD_POINTS; j++) f32_store(to + j * step, points[j]);
    }
    if (form != winograd_f32) {
        winograd_round_pairs(grid, winograd_carries[winograd_tap][taps - 2], is_second, before, out, plane);
    }
}

/// Transforms the weights of the input channel block `in_block` (all its phases) and the output block `out_block` (one
/// phase): f32 out[point * plane + (phase * 16 + channel) * 32 elements], 16 lanes; bf16 the same with [channel / 2][32][2].
HK_INLINE void winograd_weights_blocks(
    const int form, const hk_winograd_weights *w, int64_t out_block, int64_t in_block, char *out, int64_t plane) {
    float buffer[HK_WINOGRAD_MAX_TAPS * HK_WINOGRAD_MAX_TAPS * 4 * HK_WINOGRAD_LANES * HK_WINOGRAD_LANES];
    int64_t out_phases = (int64_t)w->out_stride * w->out_stride, phases = (int64_t)w->in_stride * w->in_stride;
    int64_t size = (int64_t)w->kernel * w->kernel * HK_WINOGRAD_LANES;
    winograd_weights_in(
        w, w->data + out_block / out_phases * HK_WINOGRAD_LANES * w->out + in_block * HK_WINOGRAD_LANES * w->in, buffer);
    int out_phase = (int)(out_block % out_phases);
    f32v before[HK_WINOGRAD_PLANE];
    for (int phase = 0; phase < phases; phase++) {
        for (int c = 0; c < HK_WINOGRAD_LANES; c++) {
            const float *channel = buffer + c * size;
            _Bool is_second = c % 2;
            switch (w->taps) {
            case 2: winograd_weights_transform(form, w, 2, channel, out_phase, phase, is_second, before, out, plane); break;
            case 3: winograd_weights_transform(form, w, 3, channel, out_phase, phase, is_second, before, out, plane); break;
            case 4: winograd_weights_transform(form, w, 4, channel, out_phase, phase, is_second, before, out, plane); break;
            default: winograd_weights_transform(form, w, 5, channel, out_phase, phase, is_second, before, out, plane);
            }
            // A pair of bf16 takes as many bytes as one f32.
            if (form == winograd_f32 || is_second) out += HK_WINOGRAD_PANEL * 4;
        }
    }
}
