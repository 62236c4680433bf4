// Normalisation of one piece: moments, application, sums of the gradient, gradient. A piece is a run of one channel, whose
// coefficients are numbers, or rows of neighbouring channels, whose coefficients are vectors; or several such, of one image each.

/// Elements of a run, or rows, whose mean is the shift around which a piece's moments are taken; at least, where there are as many.
#define HK_NORM_SAMPLE 128
#define HK_NORM_SAMPLE_ROWS 8

/// 0 where a value is not finite: its moments come out infinite or NaN then, as they should.
HK_INLINE f32v finite_or_zero(f32v x) { return f32_choose(f32_abs(x) < __builtin_inff(), x, (f32v){}); }
HK_INLINE f32v not_negative(f32v x) { return f32_choose(x < 0, (f32v){}, x); }

HK_INLINE _Bool may_stream(const hk_norm_piece *p, int64_t width) {
    return p->stream && is_aligned(p->output) && p->step % HK_GRANULE == 0 && (width == 1 || width % HK_GRANULE == 0);
}

/// The mean of some of `count` runs of `n` elements, `step` apart: of whole runs but for the last.
HK_INLINE f32v norm_run_shift(const float *x, int64_t n, int64_t count, int64_t step) {
    f32v total = {};
    int64_t sample = 0;
    for (int64_t m = 0; m < count && sample < HK_NORM_SAMPLE; m++) {
        int64_t some = n < HK_NORM_SAMPLE - sample ? n : HK_NORM_SAMPLE - sample;
        HK_GRANULES(some, total += row_load(x + m * step + at, count, 0);)
        sample += some;
    }
    return finite_or_zero(splat(sum_lanes_f32(total)[0] / (float)sample));
}

/// mean[0] and squares[0]: mean of `count` runs of `n` neighbours, `step` apart, and the sum of their squared distances from it.
static void norm_run_moments(
    const float *x, int64_t n, int64_t width, int64_t count, int64_t step, float *mean, float *squares) {
    (void)width;
    f32v shift = norm_run_shift(x, n, count, step);
    f32v s0 = {}, s1 = {}, s2 = {}, s3 = {}, q0 = {}, q1 = {}, q2 = {}, q3 = {};
    for (int64_t m = 0; m < count; m++, x += step) {
        int64_t i = 0;
        for (; i + 4 * HK_GRANULE <= n; i += 4 * HK_GRANULE) {
            f32v d0 = f32_load(x + i) - shift, d1 = f32_load(x + i + HK_GRANULE) - shift;
            f32v d2 = f32_load(x + i + 2 * HK_GRANULE) - shift, d3 = f32_load(x + i + 3 * HK_GRANULE) - shift;
            s0 += d0, s1 += d1, s2 += d2, s3 += d3;
            q0 = f32_fma(d0, d0, q0), q1 = f32_fma(d1, d1, q1), q2 = f32_fma(d2, d2, q2), q3 = f32_fma(d3, d3, q3);
        }
        for (; i + HK_GRANULE <= n; i += HK_GRANULE) {
            f32v d = f32_load(x + i) - shift;
            s0 += d;
            q0 = f32_fma(d, d, q0);
        }
        if (i < n) {
            f32v d = f32_load_partial(x + i, n - i, shift[0]) - shift;
            s1 += d;
            q1 = f32_fma(d, d, q1);
        }
    }
    f32v sum = sum_lanes_f32((s0 + s1) + (s2 + s3)), square = sum_lanes_f32((q0 + q1) + (q2 + q3));
    f32v distance = sum / (float)(n * count);
    mean[0] = (shift + distance)[0];
    squares[0] = not_negative(square - sum * distance)[0];
}

/// Where a strip lies: `count` blocks of `rows` rows; blocks are `step` elements apart, rows `pitch`, and of every row `lanes` elements
/// (of the one granule of a narrow strip) count.
typedef struct {
    int64_t rows, pitch, count, step, lanes;
} norm_strip;

/// Moments of a strip of `vectors` granules, `unroll` rows at a time.
HK_INLINE void norm_strip_moments(
    const float *x, norm_strip strip, const int vectors, const int unroll, float *mean, float *squares) {
    f32v shift[4], s[8] = {}, q[8] = {};
    for (int v = 0; v < vectors; v++) {
        f32v total = {};
        int64_t sample = 0;
        for (int64_t m = 0; m < strip.count && sample < HK_NORM_SAMPLE_ROWS; m++) {
            for (int64_t r = 0; r < strip.rows && sample < HK_NORM_SAMPLE_ROWS; r++, sample++) {
                total += row_load(x + m * strip.step + r * strip.pitch + v * HK_GRANULE, strip.lanes, 0);
            }
        }
        shift[v] = finite_or_zero(total / (float)sample);
    }
    for (int64_t m = 0; m < strip.count; m++, x += strip.step) {
        int64_t r = 0;
        for (; r + unroll <= strip.rows; r += unroll) {
            for (int u = 0; u < unroll; u++) {
                for (int v = 0; v < vectors; v++) {
                    f32v d = row_load(x + (r + u) * strip.pitch + v * HK_GRANULE, strip.lanes, 0) - shift[v];
                    s[u * vectors + v] += d;
                    q[u * vectors + v] = f32_fma(d, d, q[u * vectors + v]);
                }
            }
        }
        for (; r < strip.rows; r++) {
            for (int v = 0; v < vectors; v++) {
                f32v d = row_load(x + r * strip.pitch + v * HK_GRANULE, strip.lanes, 0) - shift[v];
                s[v] += d;
                q[v] = f32_fma(d, d, q[v]);
            }
        }
    }
    for (int half = unroll / 2; half > 0; half /= 2) {
        for (int i = 0; i < half * vectors; i++) s[i] += s[i + half * vectors], q[i] += q[i + half * vectors];
    }
    for (int v = 0; v < vectors; v++) {
        f32v distance = s[v] / (float)(strip.rows * strip.count);
        row_store(mean + v * HK_GRANULE, strip.lanes, shift[v] + distance);
        row_store(squares + v * HK_GRANULE, strip.lanes, not_negative(q[v] - s[v] * distance));
    }
}

/// Cuts `width` channels into strips of 64, 16 and what is left.
#define HK_NORM_STRIPS(width, wide, one, rest)                                                                        \
    int64_t j = 0;                                                                                                    \
    for (; j + 4 * HK_GRANULE <= (width); j += 4 * HK_GRANULE) { wide; }                                              \
    for (; j + HK_GRANULE <= (width); j += HK_GRANULE) { one; }                                                       \
    if (j < (width)) {                                                                                                \
        int64_t left = (width) - j;                                                                                   \
        rest;                                                                                                         \
    }

static void norm_columns_moments(
    const float *x, int64_t rows, int64_t width, int64_t count, int64_t step, float *mean, float *squares) {
    norm_strip strip = {rows, width, count, step, HK_GRANULE};
    HK_NORM_STRIPS(
        width, norm_strip_moments(x + j, strip, 4, 2, mean + j, squares + j),
        norm_strip_moments(x + j, strip, 1, 8, mean + j, squares + j), strip.lanes = left;
        norm_strip_moments(x + j, strip, 1, 8, mean + j, squares + j))
}

/// y of one granule.
HK_INLINE f32v norm_value(f32v x, f32v mean, f32v slope, f32v bias) { return f32_fma(x - mean, slope, bias); }

HK_INLINE void norm_apply_granule(
    const hk_norm_piece *p, int64_t at, int64_t count, f32v mean, f32v slope, f32v bias, const int residual, const int relu,
    const int stream) {
    f32v z = norm_value(row_load(p->x + at, count, 0), mean, slope, bias);
    if (residual) z += row_load(p->residual + at, count, 0);
    if (relu) z = f32_choose(z <= 0, (f32v){}, z);
    if (stream) {
        f32_stream(p->output + at, z);
    } else {
        row_store(p->output + at, count, z);
    }
}

HK_INLINE void norm_run_apply_of(const hk_norm_piece *p, int64_t n, const int residual, const int relu, const int stream) {
    f32v mean = splat(p->mean[0]), slope = splat(p->slope[0]), bias = splat(p->bias[0]);
    for (int64_t m = 0; m < p->count; m++) {
        int64_t i = m * p->step, end = i + n;
        for (; i + HK_GRANULE <= end; i += HK_GRANULE) {
            norm_apply_granule(p, i, HK_GRANULE, mean, slope, bias, residual, relu, stream);
        }
        if (i < end) norm_apply_granule(p, i, end - i, mean, slope, bias, residual, relu, 0);
    }
}

HK_INLINE void norm_strip_apply(
    const hk_norm_piece *p, int64_t j, int64_t rows, int64_t pitch, const int vectors, int64_t count, const int residual,
    const int relu, const int stream) {
    f32v mean[4], slope[4], bias[4];
    for (int v = 0; v < vectors; v++) {
        mean[v] = row_load(p->mean + j + v * HK_GRANULE, count, 0);
        slope[v] = row_load(p->slope + j + v * HK_GRANULE, count, 0);
        bias[v] = row_load(p->bias + j + v * HK_GRANULE, count, 0);
    }
    for (int64_t m = 0; m < p->count; m++) {
        for (int64_t r = 0; r < rows; r++) {
            for (int v = 0; v < vectors; v++) {
                int64_t at = m * p->step + r * pitch + j + v * HK_GRANULE;
                norm_apply_granule(p, at, count, mean[v], slope[v], bias[v], residual, relu, stream);
            }
        }
    }
}

HK_INLINE void norm_columns_apply_of(
    const hk_norm_piece *p, int64_t rows, int64_t width, const int residual, const int relu, const int stream) {
    HK_NORM_STRIPS(
        width, norm_strip_apply(p, j, rows, width, 4, HK_GRANULE, residual, relu, stream),
        norm_strip_apply(p, j, rows, width, 1, HK_GRANULE, residual, relu, stream),
        norm_strip_apply(p, j, rows, width, 1, left, residual, relu, 0))
}

#define HK_NORM_APPLY(name)                                                                                           \
    static void norm_##name##_apply(const hk_norm_piece *piece, int64_t rows, int64_t width) {                        \
        /* A copy of its own, which no store can change, stays in registers. */                                       \
        const hk_norm_piece copy = *piece, *p = &copy;                                                                \
        (void)width;                                                                                                  \
        _Bool stream = may_stream(p, width);                                                                          \
        switch ((p->residual ? 4 : 0) + (p->relu ? 2 : 0) + (stream ? 1 : 0)) {                                       \
        case 0: HK_NORM_##name(p, rows, width, 0, 0, 0); break;                                                       \
        case 1: HK_NORM_##name(p, rows, width, 0, 0, 1); break;                                                       \
        case 2: HK_NORM_##name(p, rows, width, 0, 1, 0); break;                                                       \
        case 3: HK_NORM_##name(p, rows, width, 0, 1, 1); break;                                                       \
        case 4: HK_NORM_##name(p, rows, width, 1, 0, 0); break;                                                       \
        case 5: HK_NORM_##name(p, rows, width, 1, 0, 1); break;                                                       \
        case 6: HK_NORM_##name(p, rows, width, 1, 1, 0); break;                                                       \
        default: HK_NORM_##name(p, rows, width, 1, 1, 1); break;                                                      \
        }                                                                                                             \
        if (stream) stream_fence();                                                                                   \
    }
#define HK_NORM_run(p, rows, width, ...) norm_run_apply_of(p, rows, __VA_ARGS__)
#define HK_NORM_columns(p, rows, width, ...) norm_columns_apply_of(p, rows, width, __VA_ARGS__)
HK_NORM_APPLY(run)
HK_NORM_APPLY(columns)

// What the upstream gradient is masked by, as hk_norm_mask, and a fourth: by the output, keeping what passes.
#define HK_NORM_KEEP 3

HK_INLINE f32v norm_masked(
    const hk_norm_piece *p, int64_t at, int64_t count, f32v x, f32v mean, f32v slope, f32v bias, const int mask) {
    f32v g = row_load(p->dy + at, count, 0);
#if HK_AVX512
    // Loaded here and now: as a load under the mask it would wait for what the mask is made of, at half the memory's speed.
    __asm__("" : "+v"(g));
#endif
    if (mask == hk_norm_mask_output || mask == HK_NORM_KEEP) {
        g = f32_choose(row_load(p->y + at, count, 0) <= 0, (f32v){}, g);
    }
    if (mask == hk_norm_mask_again) g = f32_choose(norm_value(x, mean, slope, bias) <= 0, (f32v){}, g);
    if (mask == HK_NORM_KEEP) row_store(p->kept + at, count, g);
    return g;
}

/// sums[0]: of the gradient; sums[1]: of the gradient times the distance from the mean. What is missing counts as 0.
HK_INLINE void norm_run_sums_of(const hk_norm_piece *p, int64_t n, const int mask, float *sum, float *product) {
    f32v mean = splat(p->mean[0]), slope = splat(p->slope[0]), bias = splat(p->bias[0]);
    f32v s[4] = {}, q[4] = {};
    for (int64_t m = 0; m < p->count; m++) {
        int64_t i = m * p->step, end = i + n;
        for (; i + 4 * HK_GRANULE <= end; i += 4 * HK_GRANULE) {
            for (int u = 0; u < 4; u++) {
                f32v x = f32_load(p->x + i + u * HK_GRANULE);
                f32v g = norm_masked(p, i + u * HK_GRANULE, HK_GRANULE, x, mean, slope, bias, mask);
                s[u] += g;
                q[u] = f32_fma(g, x - mean, q[u]);
            }
        }
        for (; i + HK_GRANULE <= end; i += HK_GRANULE) {
            f32v x = f32_load(p->x + i), g = norm_masked(p, i, HK_GRANULE, x, mean, slope, bias, mask);
            s[0] += g;
            q[0] = f32_fma(g, x - mean, q[0]);
        }
        if (i < end) {
            f32v x = f32_load_partial(p->x + i, end - i, p->mean[0]);
            f32v g = norm_masked(p, i, end - i, x, mean, slope, bias, mask);
            s[1] += g;
            q[1] = f32_fma(g, x - mean, q[1]);
        }
    }
    sum[0] = sum_lanes_f32((s[0] + s[1]) + (s[2] + s[3]))[0];
    product[0] = sum_lanes_f32((q[0] + q[1]) + (q[2] + q[3]))[0];
}

HK_INLINE void norm_strip_sums(
    const hk_norm_piece *p, int64_t j, int64_t rows, int64_t pitch, const int vectors, const int unroll, int64_t count,
    const int mask, float *sum, float *product) {
    f32v mean[4], slope[4], bias[4], s[4] = {}, q[4] = {};
    for (int v = 0; v < vectors; v++) {
        mean[v] = row_load(p->mean + j + v * HK_GRANULE, count, 0);
        slope[v] = row_load(p->slope + j + v * HK_GRANULE, count, 0);
        bias[v] = row_load(p->bias + j + v * HK_GRANULE, count, 0);
    }
    for (int64_t m = 0; m < p->count; m++) {
        int64_t start = m * p->step + j, r = 0;
        for (; r + unroll <= rows; r += unroll) {
            for (int u = 0; u < unroll; u++) {
                for (int v = 0; v < vectors; v++) {
                    int64_t at = start + (r + u) * pitch + v * HK_GRANULE;
                    f32v x = row_load(p->x + at, count, 0);
                    f32v g = norm_masked(p, at, count, x, mean[v], slope[v], bias[v], mask);
                    s[u * vectors + v] += g;
                    q[u * vectors + v] = f32_fma(g, x - mean[v], q[u * vectors + v]);
                }
            }
        }
        for (; r < rows; r++) {
            for (int v = 0; v < vectors; v++) {
                int64_t at = start + r * pitch + v * HK_GRANULE;
                f32v x = row_load(p->x + at, count, 0);
                f32v g = norm_masked(p, at, count, x, mean[v], slope[v], bias[v], mask);
                s[v] += g;
                q[v] = f32_fma(g, x - mean[v], q[v]);
            }
        }
    }
    for (int half = unroll / 2; half > 0; half /= 2) {
        for (int i = 0; i < half * vectors; i++) s[i] += s[i + half * vectors], q[i] += q[i + half * vectors];
    }
    for (int v = 0; v < vectors; v++) {
        row_store(sum + j + v * HK_GRANULE, count, s[v]);
        row_store(product + j + v * HK_GRANULE, count, q[v]);
    }
}

HK_INLINE void norm_columns_sums_of(
    const hk_norm_piece *p, int64_t rows, int64_t width, const int mask, float *sum, float *product) {
    HK_NORM_STRIPS(
        width, norm_strip_sums(p, j, rows, width, 4, 1, HK_GRANULE, mask, sum, product),
        norm_strip_sums(p, j, rows, width, 1, 4, HK_GRANULE, mask, sum, product),
        norm_strip_sums(p, j, rows, width, 1, 4, left, mask, sum, product))
}

static void norm_run_sums(const hk_norm_piece *piece, int64_t rows, int64_t width, float *sum, float *product) {
    const hk_norm_piece copy = *piece, *p = &copy;
    (void)width;
    switch (p->mask) {
    case hk_norm_mask_none: norm_run_sums_of(p, rows, hk_norm_mask_none, sum, product); break;
    case hk_norm_mask_again: norm_run_sums_of(p, rows, hk_norm_mask_again, sum, product); break;
    default:
        if (p->kept) {
            norm_run_sums_of(p, rows, HK_NORM_KEEP, sum, product);
        } else {
            norm_run_sums_of(p, rows, hk_norm_mask_output, sum, product);
        }
    }
}

static void norm_columns_sums(const hk_norm_piece *piece, int64_t rows, int64_t width, float *sum, float *product) {
    const hk_norm_piece copy = *piece, *p = &copy;
    switch (p->mask) {
    case hk_norm_mask_none: norm_columns_sums_of(p, rows, width, hk_norm_mask_none, sum, product); break;
    case hk_norm_mask_again: norm_columns_sums_of(p, rows, width, hk_norm_mask_again, sum, product); break;
    default:
        if (p->kept) {
            norm_columns_sums_of(p, rows, width, HK_NORM_KEEP, sum, product);
        } else {
            norm_columns_sums_of(p, rows, width, hk_norm_mask_output, sum, product);
        }
    }
}

/// dx of one granule: slope * g + (inclination * (x - mean) + offset).
HK_INLINE void norm_gradient_granule(
    const hk_norm_piece *p, int64_t at, int64_t count, f32v mean, f32v slope, f32v bias, f32v inclination, f32v offset,
    const int mask, const int stream) {
    f32v x = row_load(p->x + at, count, 0);
    f32v g = norm_masked(p, at, count, x, mean, slope, bias, mask);
    f32v dx = f32_fma(slope, g, f32_fma(inclination, x - mean, offset));
    if (stream) {
        f32_stream(p->output + at, dx);
    } else {
        row_store(p->output + at, count, dx);
    }
}

HK_INLINE void norm_run_gradient_of(const hk_norm_piece *p, int64_t n, const int mask, const int stream) {
    f32v mean = splat(p->mean[0]), slope = splat(p->slope[0]), bias = splat(p->bias[0]);
    f32v inclination = splat(p->inclination[0]), offset = splat(p->offset[0]);
    for (int64_t m = 0; m < p->count; m++) {
        int64_t i = m * p->step, end = i + n;
        for (; i + HK_GRANULE <= end; i += HK_GRANULE) {
            norm_gradient_granule(p, i, HK_GRANULE, mean, slope, bias, inclination, offset, mask, stream);
        }
        if (i < end) norm_gradient_granule(p, i, end - i, mean, slope, bias, inclination, offset, mask, 0);
    }
}

HK_INLINE void norm_strip_gradient(
    const hk_norm_piece *p, int64_t j, int64_t rows, int64_t pitch, const int vectors, int64_t count, const int mask,
    const int stream) {
    f32v mean[4], slope[4], bias[4], inclination[4], offset[4];
    for (int v = 0; v < vectors; v++) {
        mean[v] = row_load(p->mean + j + v * HK_GRANULE, count, 0);
        slope[v] = row_load(p->slope + j + v * HK_GRANULE, count, 0);
        bias[v] = row_load(p->bias + j + v * HK_GRANULE, count, 0);
        inclination[v] = row_load(p->inclination + j + v * HK_GRANULE, count, 0);
        offset[v] = row_load(p->offset + j + v * HK_GRANULE, count, 0);
    }
    for (int64_t m = 0; m < p->count; m++) {
        for (int64_t r = 0; r < rows; r++) {
            for (int v = 0; v < vectors; v++) {
                int64_t at = m * p->step + r * pitch + j + v * HK_GRANULE;
                norm_gradient_granule(
                    p, at, count, mean[v], slope[v], bias[v], inclination[v], offset[v], mask, stream);
            }
        }
    }
}

HK_INLINE void norm_columns_gradient_of(
    const hk_norm_piece *p, int64_t rows, int64_t width, const int mask, const int stream) {
    HK_NORM_STRIPS(
        width, norm_strip_gradient(p, j, rows, width, 4, HK_GRANULE, mask, stream),
        norm_strip_gradient(p, j, rows, width, 1, HK_GRANULE, mask, stream),
        norm_strip_gradient(p, j, rows, width, 1, left, mask, 0))
}

#define HK_NORM_GRADIENT(name)                                                                                        \
    static void norm_##name##_gradient(const hk_norm_piece *piece, int64_t rows, int64_t width) {                     \
        const hk_norm_piece copy = *piece, *p = &copy;                                                                \
        (void)width;                                                                                                  \
        _Bool stream = may_stream(p, width);                                                                          \
        switch (2 * p->mask + (stream ? 1 : 0)) {                                                                     \
        case 0: HK_NORM_GRADIENT_##name(p, rows, width, hk_norm_mask_none, 0); break;                                 \
        case 1: HK_NORM_GRADIENT_##name(p, rows, width, hk_norm_mask_none, 1); break;                                 \
        case 2: HK_NORM_GRADIENT_##name(p, rows, width, hk_norm_mask_output, 0); break;                               \
        case 3: HK_NORM_GRADIENT_##name(p, rows, width, hk_norm_mask_output, 1); break;                               \
        case 4: HK_NORM_GRADIENT_##name(p, rows, width, hk_norm_mask_again, 0); break;                                \
        default: HK_NORM_GRADIENT_##name(p, rows, width, hk_norm_mask_again, 1); break;                               \
        }                                                                                                             \
        if (stream) stream_fence();                                                                                   \
    }
#define HK_NORM_GRADIENT_run(p, rows, width, ...) norm_run_gradient_of(p, rows, __VA_ARGS__)
#define HK_NORM_GRADIENT_columns(p, rows, width, ...) norm_columns_gradient_of(p, rows, width, __VA_ARGS__)
HK_NORM_GRADIENT(run)
HK_NORM_GRADIENT(columns)

HK_INLINE double norm_part_elements(const hk_norm_parts *p, int64_t member, int64_t piece) {
    int64_t images = hk_cut(p->images, p->members, member + 1) - hk_cut(p->images, p->members, member);
    return (double)images * (double)(hk_cut(p->positions, p->pieces, piece + 1) - hk_cut(p->positions, p->pieces, piece));
}

/// Mean and variance of each channel from the moments of its parts.
static void norm_merge(const hk_norm_parts *p, float *mean, float *variance) {
    double total = (double)p->images * (double)p->positions;
    for (int64_t j = 0; j < p->width; j += HK_GRANULE) {
        int64_t lanes = p->width - j < HK_GRANULE ? p->width - j : HK_GRANULE;
        f64v sum = {}, squares = {};
        for (int64_t m = 0; m < p->members; m++) {
            for (int64_t i = 0; i < p->pieces; i++) {
                const float *part = p->found + m * p->step + i * 2 * p->width + j;
                sum += norm_part_elements(p, m, i) * HK_CAST(f64v, row_load(part, lanes, 0));
            }
        }
        f64v centre = sum / total;
        for (int64_t m = 0; m < p->members; m++) {
            for (int64_t i = 0; i < p->pieces; i++) {
                const float *part = p->found + m * p->step + i * 2 * p->width + j;
                f64v distance = HK_CAST(f64v, row_load(part, lanes, 0)) - centre;
                squares += HK_CAST(f64v, row_load(part + p->width, lanes, 0));
                squares += norm_part_elements(p, m, i) * (distance * distance);
            }
        }
        row_store(mean + j, lanes, HK_CAST(f32v, centre));
        row_store(variance + j, lanes, HK_CAST(f32v, squares / total));
    }
}

/// The two sums of each channel from those of its parts.
static void norm_total(const hk_norm_parts *p, float *sum, float *product) {
    for (int64_t j = 0; j < p->width; j += HK_GRANULE) {
        int64_t lanes = p->width - j < HK_GRANULE ? p->width - j : HK_GRANULE;
        f64v s = {}, q = {};
        for (int64_t m = 0; m < p->members; m++) {
            for (int64_t i = 0; i < p->pieces; i++) {
                const float *part = p->found + m * p->step + i * 2 * p->width + j;
                s += HK_CAST(f64v, row_load(part, lanes, 0));
                q += HK_CAST(f64v, row_load(part + p->width, lanes, 0));
            }
        }
        row_store(sum + j, lanes, HK_CAST(f32v, s));
        row_store(product + j, lanes, HK_CAST(f32v, q));
    }
}
