// Layer norm of one row, and its gradient for a few rows at a time.

/// Elements whose moments are taken around one shift.
#define HK_LAYER_PIECE 4096
/// Rows that share one walk over the sums of dscale and dbias.
#define HK_LAYER_ROWS 4

/// Mean and variance of a row of any length: the moments of its pieces merged by Chan's rule.
static void layer_moments_long(const float *x, int64_t n, float *mean, float *variance) {
    double centre = 0, squares = 0, seen = 0;
    for (int64_t begin = 0; begin < n; begin += HK_LAYER_PIECE) {
        int64_t count = n - begin < HK_LAYER_PIECE ? n - begin : HK_LAYER_PIECE;
        float m, q;
        norm_run_moments(x + begin, count, 1, 1, 0, &m, &q);
        double all = seen + (double)count, distance = (double)m - centre;
        centre += distance * ((double)count / all);
        squares += (double)q + distance * distance * (seen * (double)count / all);
        seen = all;
    }
    *mean = (float)centre;
    *variance = (float)(squares / seen);
}

/// Mean and variance of `rows` rows, stage by stage over all of them, so that they wait for their horizontal sums together.
HK_INLINE void layer_moments(const float *x, const int rows, int64_t n, float *mean, float *variance) {
    if (n > HK_LAYER_PIECE) {
        for (int r = 0; r < rows; r++) layer_moments_long(x + r * n, n, &mean[r], &variance[r]);
        return;
    }
    f32v shift[HK_LAYER_ROWS], s[HK_LAYER_ROWS], q[HK_LAYER_ROWS];
    for (int r = 0; r < rows; r++) shift[r] = norm_run_shift(x + r * n, n, 1, 0);
    for (int r = 0; r < rows; r++) {
        const float *row = x + r * n;
        f32v s0 = {}, s1 = {}, q0 = {}, q1 = {};
        int64_t i = 0;
        for (; i + 2 * HK_GRANULE <= n; i += 2 * HK_GRANULE) {
            f32v d0 = f32_load(row + i) - shift[r], d1 = f32_load(row + i + HK_GRANULE) - shift[r];
            s0 += d0, s1 += d1;
            q0 = f32_fma(d0, d0, q0), q1 = f32_fma(d1, d1, q1);
        }
        for (; i < n; i += HK_GRANULE) {
            f32v d = row_load(row + i, n - i < HK_GRANULE ? n - i : HK_GRANULE, shift[r][0]) - shift[r];
            s0 += d;
            q0 = f32_fma(d, d, q0);
        }
        s[r] = s0 + s1;
        q[r] = q0 + q1;
    }
    for (int r = 0; r < rows; r++) {
        f32v sum = sum_lanes_f32(s[r]), square = sum_lanes_f32(q[r]), distance = sum / (float)n;
        mean[r] = (shift[r] + distance)[0];
        variance[r] = (not_negative(square - sum * distance) / (float)n)[0];
    }
}

HK_INLINE void layer_apply(
    const float *x, int64_t n, float mean, float inverse, const float *scale, const float *bias, float *y, const int has_scale,
    const int has_bias, const int stream) {
    f32v centre = splat(mean), r = splat(inverse);
    int64_t i = 0;
    for (; i + HK_GRANULE <= n; i += HK_GRANULE) {
        if (stream) __builtin_prefetch(x + i + HK_LAYER_ROWS * n);
        f32v z = (f32_load(x + i) - centre) * r;
        if (has_scale && has_bias) {
            z = f32_fma(z, f32_load(scale + i), f32_load(bias + i));
        } else {
            if (has_scale) z *= f32_load(scale + i);
            if (has_bias) z += f32_load(bias + i);
        }
        if (stream) {
            f32_stream(y + i, z);
        } else {
            f32_store(y + i, z);
        }
    }
    if (i < n) {
        f32v z = (f32_load_partial(x + i, n - i, 0) - centre) * r;
        if (has_scale && has_bias) {
            z = f32_fma(z, f32_load_partial(scale + i, n - i, 0), f32_load_partial(bias + i, n - i, 0));
        } else {
            if (has_scale) z *= f32_load_partial(scale + i, n - i, 0);
            if (has_bias) z += f32_load_partial(bias + i, n - i, 0);
        }
        f32_store_partial(y + i, n - i, z);
    }
}

HK_INLINE void layer_norm_few(
    const float *x, const int rows, int64_t n, float epsilon, const float *scale, const float *bias, float *y, float *mean,
    float *variance, const int has_scale, const int has_bias, const int stream) {
    float m[HK_LAYER_ROWS], v[HK_LAYER_ROWS], inverse[HK_LAYER_ROWS];
    layer_moments(x, rows, n, m, v);
    for (int r = 0; r < rows; r++) inverse[r] = 1.0f / __builtin_sqrtf(v[r] + epsilon);
    for (int r = 0; r < rows; r++) {
        if (y) layer_apply(x + r * n, n, m[r], inverse[r], scale, bias, y + r * n, has_scale, has_bias, stream);
        if (mean) mean[r] = m[r];
        if (variance) variance[r] = v[r];
    }
}

HK_INLINE void layer_norm_all(
    const float *x, int64_t rows, int64_t n, float epsilon, const float *scale, const float *bias, float *y, float *mean,
    float *variance, const int has_scale, const int has_bias, const int stream) {
    int64_t r = 0;
    for (; r + HK_LAYER_ROWS <= rows; r += HK_LAYER_ROWS) {
        layer_norm_few(
            x + r * n, HK_LAYER_ROWS, n, epsilon, scale, bias, y ? y + r * n : NULL, mean ? mean + r : NULL, variance ? variance + r : NULL,
            has_scale, has_bias, stream);
    }
    for (; r < rows; r++) {
        layer_norm_few(
            x + r * n, 1, n, epsilon, scale, bias, y ? y + r * n : NULL, mean ? mean + r : NULL, variance ? variance + r : NULL, has_scale,
            has_bias, stream);
    }
}

static void layer_norm_rows(
    const float *x, int64_t rows, int64_t n, float epsilon, const float *scale, const float *bias, float *y, float *mean,
    float *variance, _Bool stream) {
    stream = stream && y && is_aligned(y) && n % HK_GRANULE == 0;
#define HK_LAYER_ALL(has_scale, has_bias, stream)                                                                     \
    layer_norm_all(x, rows, n, epsilon, scale, bias, y, mean, variance, has_scale, has_bias, stream)
    switch ((scale ? 4 : 0) + (bias ? 2 : 0) + (stream ? 1 : 0)) {
    case 7: HK_LAYER_ALL(1, 1, 1); break;
    case 6: HK_LAYER_ALL(1, 1, 0); break;
    case 5: HK_LAYER_ALL(1, 0, 1); break;
    case 4: HK_LAYER_ALL(1, 0, 0); break;
    case 3: HK_LAYER_ALL(0, 1, 1); break;
    case 2: HK_LAYER_ALL(0, 1, 0); break;
    case 1: HK_LAYER_ALL(0, 0, 1); break;
    default: HK_LAYER_ALL(0, 0, 0); break;
    }
#undef HK_LAYER_ALL
    if (stream) stream_fence();
}

/// sum of scale * dy, and of scale * dy * (x - mean).
HK_INLINE void layer_sums(
    const float *x, const float *dy, int64_t n, float mean, const float *scale, const int has_scale, double *sum, double *product) {
    *sum = *product = 0;
    for (int64_t begin = 0; begin < n; begin += HK_LAYER_PIECE) {
        int64_t end = n - begin < HK_LAYER_PIECE ? n : begin + HK_LAYER_PIECE, i = begin;
        f32v s[4] = {}, q[4] = {};
        for (; i + 4 * HK_GRANULE <= end; i += 4 * HK_GRANULE) {
            for (int u = 0; u < 4; u++) {
                f32v g = f32_load(dy + i + u * HK_GRANULE);
                if (has_scale) g *= f32_load(scale + i + u * HK_GRANULE);
                s[u] += g;
                q[u] = f32_fma(g, f32_load(x + i + u * HK_GRANULE) - mean, q[u]);
            }
        }
        for (; i < end; i += HK_GRANULE) {
            int64_t count = end - i < HK_GRANULE ? end - i : HK_GRANULE;
            f32v g = row_load(dy + i, count, 0);
            if (has_scale) g *= row_load(scale + i, count, 0);
            s[0] += g;
            q[0] = f32_fma(g, row_load(x + i, count, mean) - mean, q[0]);
        }
        *sum += sum_lanes_f32((s[0] + s[1]) + (s[2] + s[3]))[0];
        *product += sum_lanes_f32((q[0] + q[1]) + (q[2] + q[3]))[0];
    }
}

/// dx = slope * (scale * dy) + (inclination * (x - mean) + offset) of one row.
typedef struct {
    float mean, slope, inclination, offset;
} layer_coefficients;

HK_INLINE void layer_gradient_granule(
    const float *x, const float *dy, float *dx, int64_t n, int64_t at, int64_t count, const layer_coefficients *c, const int rows,
    const float *scale, float *dscale, float *dbias, const int has_scale, const int sums, const int inputs, const int stream) {
    f32v ds = {}, db = {}, factor = {};
    if (has_scale) factor = row_load(scale + at, count, 0);
    for (int r = 0; r < rows; r++) {
        f32v g = row_load(dy + r * n + at, count, 0), d = row_load(x + r * n + at, count, 0) - c[r].mean;
        if (sums) {
            ds = f32_fma(g, d * c[r].slope, ds);
            db += g;
        }
        if (inputs) {
            if (has_scale) g *= factor;
            f32v result = f32_fma(splat(c[r].slope), g, f32_fma(splat(c[r].inclination), d, splat(c[r].offset)));
            if (stream) {
                f32_stream(dx + r * n + at, result);
            } else {
                row_store(dx + r * n + at, count, result);
            }
        }
    }
    if (sums) {
        row_store(dscale + at, count, row_load(dscale + at, count, 0) + ds);
        row_store(dbias + at, count, row_load(dbias + at, count, 0) + db);
    }
}

HK_INLINE void layer_gradient_rows(
    const float *x, const float *dy, const float *mean, const float *variance, float epsilon, const int rows, int64_t n,
    const float *scale, float *dx, float *dscale, float *dbias, const int has_scale, const int sums, const int inputs,
    const int stream) {
    layer_coefficients c[HK_LAYER_ROWS];
    for (int r = 0; r < rows; r++) {
        float slope = 1.0f / __builtin_sqrtf(variance[r] + epsilon);
        c[r] = (layer_coefficients){.mean = mean[r], .slope = slope};
        if (!inputs) continue;
        double sum, product;
        layer_sums(x + r * n, dy + r * n, n, mean[r], scale, has_scale, &sum, &product);
        c[r].offset = (float)(-(double)slope * sum / (double)n);
        c[r].inclination = (float)(-(double)slope * slope * slope * product / (double)n);
    }
    int64_t i = 0;
    for (; i + HK_GRANULE <= n; i += HK_GRANULE) {
        layer_gradient_granule(x, dy, dx, n, i, HK_GRANULE, c, rows, scale, dscale, dbias, has_scale, sums, inputs, stream);
    }
    if (i < n) layer_gradient_granule(x, dy, dx, n, i, n - i, c, rows, scale, dscale, dbias, has_scale, sums, inputs, 0);
}

HK_INLINE void layer_gradient_part(
    const float *x, const float *dy, const float *mean, const float *variance, float epsilon, int64_t rows, int64_t n,
    const float *scale, float *dx, float *dscale, float *dbias, const int has_scale, const int sums, const int inputs,
    const int stream) {
    int64_t r = 0;
    for (; r + HK_LAYER_ROWS <= rows; r += HK_LAYER_ROWS) {
        layer_gradient_rows(
            x + r * n, dy + r * n, mean + r, variance + r, epsilon, HK_LAYER_ROWS, n, scale, dx + r * n, dscale, dbias, has_scale,
            sums, inputs, stream);
    }
    for (; r < rows; r++) {
        layer_gradient_rows(
            x + r * n, dy + r * n, mean + r, variance + r, epsilon, 1, n, scale, dx + r * n, dscale, dbias, has_scale, sums, inputs,
            stream);
    }
}

/// Gradient of `rows` rows; adds to `dscale` and `dbias` (both or neither are null), writes `dx` unless null.
static void layer_norm_gradient(
    const float *x, const float *dy, const float *mean, const float *variance, float epsilon, int64_t rows, int64_t n,
    const float *scale, float *dx, float *dscale, float *dbias, _Bool stream) {
    stream = stream && dx && is_aligned(dx) && n % HK_GRANULE == 0;
#define HK_LAYER_PART(has_scale, sums, inputs, stream)                                                                \
    layer_gradient_part(                                                                                              \
        x, dy, mean, variance, epsilon, rows, n, scale, dx, dscale, dbias, has_scale, sums, inputs, stream)
    if (!dx) {
        HK_LAYER_PART(0, 1, 0, 0);
        return;
    }
    switch ((scale ? 4 : 0) + (dscale ? 2 : 0) + (stream ? 1 : 0)) {
    case 7: HK_LAYER_PART(1, 1, 1, 1); break;
    case 6: HK_LAYER_PART(1, 1, 1, 0); break;
    case 5: HK_LAYER_PART(1, 0, 1, 1); break;
    case 4: HK_LAYER_PART(1, 0, 1, 0); break;
    case 3: HK_LAYER_PART(0, 1, 1, 1); break;
    case 2: HK_LAYER_PART(0, 1, 1, 0); break;
    case 1: HK_LAYER_PART(0, 0, 1, 1); break;
    default: HK_LAYER_PART(0, 0, 1, 0); break;
    }
#undef HK_LAYER_PART
    if (stream) stream_fence();
}

/// total[j] = sum over parts of partial[part * pitch + j], for begin <= j < end.
static void layer_norm_fold(
    const float *partial, int64_t parts, int64_t pitch, int64_t begin, int64_t end, float *total) {
    for (int64_t j = begin; j < end; j += HK_GRANULE) {
        int64_t count = end - j < HK_GRANULE ? end - j : HK_GRANULE;
        f32v sum = {};
        for (int64_t p = 0; p < parts; p++) sum += row_load(partial + p * pitch + j, count, 0);
        row_store(total + j, count, sum);
    }
}
