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
HK_INLINE float row_maximum(const float *x, int64_t n) {
    f32v most = splat(-__builtin_inff());
    HK_GRANULES(n, most = f32_maximum(most, row_load(x + at, count, -__builtin_inff()));)
    return max_lanes_f32(most)[0];
}

/// Rows up to this length stay in cache between the passes over them.
#define HK_ROW_CACHED 65536

/// sum of e^(x - most); writes the terms to `y` unless that is null. What a last granule lacks counts as minus infinity.
static double row_exponentials(const float *x, float *y, int64_t n, float most) {
    double total = 0;
    for (int64_t begin = 0; begin < n; begin += HK_LEAF) {
        int64_t block = n - begin < HK_LEAF ? n - begin : HK_LEAF;
        f32v sum = {};
        HK_GRANULES(block, f32v e = f32_exp(row_load(x + begin + at, count, -__builtin_inff()) - most);
                    if (y) row_store(y + begin + at, count, e); sum += e;)
        total += sum_lanes_f32(sum)[0];
    }
    return total;
}

static void softmax_row(const float *x, float *y, int64_t n) {
    float most = row_maximum(x, n);
    if (n <= HK_ROW_CACHED) {
        float scale = (float)(1 / row_exponentials(x, y, n, most));
        HK_GRANULES(n, row_store(y + at, count, row_load(y + at, count, 0) * scale);)
    } else {
        // Longer rows: cheaper to compute the exponentials twice than to write and read them once more.
        float scale = (float)(1 / row_exponentials(x, NULL, n, most));
        HK_GRANULES(n, row_store(y + at, count, f32_exp(row_load(x + at, count, 0) - most) * scale);)
    }
}

static void log_softmax_row(const float *x, float *y, int64_t n) {
    float most = row_maximum(x, n);
    float shift = (float)log(row_exponentials(x, NULL, n, most));
    HK_GRANULES(n, row_store(y + at, count, (row_load(x + at, count, 0) - most) - shift);)
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
