// Softmax of one row and its gradient. Sums run in 16 lanes by blocks of 2,048, the blocks one after the other in f64.

/// Calls `body` for each granule of `n` elements: `at`, `count`, and whether it is whole.
#define HK_GRANULES(n, body)                                                                                          \
    for (int64_t at = 0; at < (n); at += HK_GRANULE) {                                                                \
        int64_t count = (n) - at < HK_GRANULE ? (n) - at : HK_GRANULE;                                                \
        body                                                                                                          \
    }
HK_INLINE f32v row_load(const float *x, int64_t count, float fill) {
    return count == HK_GRANULE ? f32_load(x) : f32_load_partial(x, count, fill);
}
HK_INLINE void row_store(float *y, int64_t count, f32v value) {
    if (count == HK_GRANULE) {
        f32_store(y, value);
    } else {
        f32_store_partial(y, count, value);
    }
}
/// The larger; NaN in `x` does not count, since whatever is made of the row will meet it again.
HK_INLINE f32v larger_of(f32v x, f32v most) { return f32_choose(x > most, x, most); }

static float row_maximum(const float *x, int64_t n) {
    f32v m0 = splat(-__builtin_inff()), m1 = m0, m2 = m0, m3 = m0;
    int64_t i = 0;
    for (; i + 4 * HK_GRANULE <= n; i += 4 * HK_GRANULE) {
        m0 = larger_of(f32_load(x + i), m0), m1 = larger_of(f32_load(x + i + HK_GRANULE), m1);
        m2 = larger_of(f32_load(x + i + 2 * HK_GRANULE), m2), m3 = larger_of(f32_load(x + i + 3 * HK_GRANULE), m3);
    }
    for (; i < n; i += HK_GRANULE) {
        m0 = larger_of(row_load(x + i, n - i < HK_GRANULE ? n - i : HK_GRANULE, -__builtin_inff()), m0);
    }
    return max_lanes_f32(larger_of(larger_of(m0, m1), larger_of(m2, m3)))[0];
}

/// Rows up to this length stay in cache between the passes over them.
#define HK_ROW_CACHED 65536

/// sum of e^(x - most); writes the terms to `y` unless that is null. What a last granule lacks counts as minus infinity. The row `next`, unless
/// that is null, comes to the second-level cache meanwhile: this pass computes, and leaves memory idle.
HK_INLINE double row_exponentials(const float *x, float *y, int64_t n, float most, const float *next) {
    double total = 0;
    for (int64_t begin = 0; begin < n; begin += HK_LEAF) {
        int64_t block = n - begin < HK_LEAF ? n - begin : HK_LEAF;
        f32v sum = {};
        HK_GRANULES(block, if (next) __builtin_prefetch(next + begin + at, 0, 2);
                    f32v e = f32_exp_below(row_load(x + begin + at, count, -__builtin_inff()) - most);
                    if (y) row_store(y + begin + at, count, e); sum += e;)
        total += sum_lanes_f32(sum)[0];
    }
    return total;
}

/// `terms` is room for `n` numbers, in which the exponentials stay in cache where `y` is written past it.
HK_INLINE void softmax_row(const float *x, float *y, int64_t n, float *terms, const int stream) {
    float most = row_maximum(x, n);
    if (n > HK_ROW_CACHED) {
        // Cheaper to compute the exponentials twice than to write and read them once more.
        float scale = (float)(1 / row_exponentials(x, NULL, n, most, NULL));
        HK_GRANULES(n, row_store(y + at, count, f32_exp(row_load(x + at, count, 0) - most) * scale);)
        return;
    }
    float *e = stream ? terms : y;
    float scale = (float)(1 / row_exponentials(x, e, n, most, stream ? x + n : NULL));
    int64_t i = 0;
    for (; i + HK_GRANULE <= n; i += HK_GRANULE) {
        f32v p = f32_load(e + i) * scale;
        if (stream) {
            f32_stream(y + i, p);
        } else {
            f32_store(y + i, p);
        }
    }
    if (i < n) f32_store_partial(y + i, n - i, f32_load_partial(e + i, n - i, 0) * scale);
}

static void softmax_rows(const float *x, float *y, int64_t rows, int64_t n, float *terms) {
    _Bool stream = terms && is_aligned(y) && n % HK_GRANULE == 0;
    for (int64_t row = 0; row < rows; row++, x += n, y += n) {
        if (stream) {
            softmax_row(x, y, n, terms, 1);
        } else {
            softmax_row(x, y, n, NULL, 0);
        }
    }
    if (stream) stream_fence();
}

HK_INLINE void log_softmax_row(const float *x, float *y, int64_t n, const int stream) {
    float most = row_maximum(x, n);
    float shift = (float)log(row_exponentials(x, NULL, n, most, stream ? x + n : NULL));
    int64_t i = 0;
    for (; i + HK_GRANULE <= n; i += HK_GRANULE) {
        f32v z = (f32_load(x + i) - most) - shift;
        if (stream) {
            f32_stream(y + i, z);
        } else {
            f32_store(y + i, z);
        }
    }
    if (i < n) f32_store_partial(y + i, n - i, (f32_load_partial(x + i, n - i, 0) - most) - shift);
}

static void log_softmax_rows(const float *x, float *y, int64_t rows, int64_t n, float *terms) {
    _Bool stream = terms && is_aligned(y) && n % HK_GRANULE == 0;
    for (int64_t row = 0; row < rows; row++, x += n, y += n) {
        if (stream) {
            log_softmax_row(x, y, n, 1);
        } else {
            log_softmax_row(x, y, n, 0);
        }
    }
    if (stream) stream_fence();
}

static void softmax_gradient_row(const float *y, const float *dy, float *dx, int64_t n) {
    double total = 0;
    for (int64_t begin = 0; begin < n; begin += HK_LEAF) {
        int64_t block = n - begin < HK_LEAF ? n - begin : HK_LEAF;
        f32v sum = {};
        HK_GRANULES(block, sum = f32_fma(row_load(y + begin + at, count, 0), row_load(dy + begin + at, count, 0), sum);)
        total += sum_lanes_f32(sum)[0];
    }
    float mean = (float)total;
    HK_GRANULES(n, f32v p = row_load(y + at, count, 0);
                row_store(dx + at, count, p * (row_load(dy + at, count, 0) - mean));)
}

static void log_softmax_gradient_row(const float *y, const float *dy, float *dx, int64_t n) {
    double total = 0;
    for (int64_t begin = 0; begin < n; begin += HK_LEAF) {
        int64_t block = n - begin < HK_LEAF ? n - begin : HK_LEAF;
        f32v sum = {};
        HK_GRANULES(block, sum += row_load(dy + begin + at, count, 0);)
        total += sum_lanes_f32(sum)[0];
    }
    float sum = (float)total;
    HK_GRANULES(n, f32v p = f32_exp(row_load(y + at, count, 0));
                row_store(dx + at, count, row_load(dy + at, count, 0) - p * sum);)
}
