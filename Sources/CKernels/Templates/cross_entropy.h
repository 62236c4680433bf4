// Softmax cross-entropy of one row. The order of the sums is softmax's.

/// How far above the number that exponentials are taken from another may lie: 2,048 of e^60 are far from overflow.
#define HK_HEADROOM 60.0f

/// The sum of e^(x - *from) in one pass, which writes the terms to `y` unless that is null. `*from` is the maximum of the first
/// elements, and of all only where the rest rises far above it: so the row need not be read before for its maximum.
static double exponentials_row(const float *x, float *y, int64_t n, float *from) {
    float base;
    max_leaf_f32((const char *)x, n < 256 ? n : 256, (char *)&base);
    f32v most = splat(base);
    double total = 0;
    for (int64_t begin = 0; begin < n; begin += HK_LEAF) {
        int64_t block = n - begin < HK_LEAF ? n - begin : HK_LEAF;
        f32v sum = {};
        HK_GRANULES(block, f32v v = row_load(x + begin + at, count, -__builtin_inff());
                    most = f32_choose(v > most, v, most); f32v e = f32_exp(v - base); sum += e;
                    if (y) row_store(y + begin + at, count, e);)
        total += sum_lanes_f32(sum)[0];
    }
    if (__builtin_expect(any(~(most <= base + HK_HEADROOM) | (most == -__builtin_inff())), 0)) {
        base = row_maximum(x, n);
        total = row_exponentials(x, y, n, base, NULL);
    }
    *from = base;
    return total;
}

/// The logarithm of the row's sum of e^(x - *from), and a `*from` at or near the row's maximum.
static void log_sum_row(const float *x, int64_t n, float *from, float *log_sum) {
    *log_sum = (float)log(exponentials_row(x, NULL, n, from));
}

/// sum of w[j] (x[j] - from); w may be null: all 1.
static double weighted_sum_row(const float *x, const float *w, int64_t n, float from) {
    double total = 0;
    for (int64_t begin = 0; begin < n; begin += HK_LEAF) {
        int64_t block = n - begin < HK_LEAF ? n - begin : HK_LEAF;
        f32v sum = {};
        HK_GRANULES(block, f32v d = row_load(x + begin + at, count, from) - from;
                    sum += w ? d * row_load(w + begin + at, count, 0) : d;)
        total += sum_lanes_f32(sum)[0];
    }
    return total;
}

/// dx[j] = e^((x[j] - from) - log_sum) * share - w[j] * soft; w may be null: all 1. `dx` may be `x`.
static void cross_entropy_gradient_row(
    const float *x, const float *w, float *dx, int64_t n, float from, float log_sum, float share, float soft) {
    if (w) {
        HK_GRANULES(n, f32v p = f32_exp((row_load(x + at, count, from) - from) - log_sum);
                    row_store(dx + at, count, p * share - row_load(w + at, count, 0) * soft);)
    } else {
        HK_GRANULES(n, f32v p = f32_exp((row_load(x + at, count, from) - from) - log_sum);
                    row_store(dx + at, count, p * share - soft);)
    }
}

/// Both at once, with the exponentials of a row that stays in cache computed once. Gives what `log_sum_row` does, and the weighted
/// sum unless that is null. `dx` may be `x`.
static void cross_entropy_both_row(
    const float *x, const float *w, float *dx, int64_t n, float share, float soft, float *from, float *log_sum,
    double *weighted) {
    if (n > HK_ROW_CACHED || dx == x) {
        log_sum_row(x, n, from, log_sum);
        if (weighted) *weighted = weighted_sum_row(x, w, n, *from);
        cross_entropy_gradient_row(x, w, dx, n, *from, *log_sum, share, soft);
        return;
    }
    double total = exponentials_row(x, dx, n, from);
    if (weighted) *weighted = weighted_sum_row(x, w, n, *from);
    *log_sum = (float)log(total);
    float scale = (float)((double)share / total);
    if (w) {
        HK_GRANULES(n, row_store(dx + at, count, row_load(dx + at, count, 0) * scale - row_load(w + at, count, 0) * soft);)
    } else {
        HK_GRANULES(n, row_store(dx + at, count, row_load(dx + at, count, 0) * scale - soft);)
    }
}
