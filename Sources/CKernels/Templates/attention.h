// Attention's work on one row of scores; the products around it are micro-tiles.

/// Adds the mask to `count` scores: f32 is added, bool false gives minus infinity.
HK_INLINE f32v masked(f32v score, const char *mask, int type, int64_t at, int64_t count) {
    if (type == hk_type_f32) return score + row_load((const float *)mask + at, count, 0);
    u8v seen = count == HK_GRANULE ? u8_load(mask + at) : u8_load_partial(mask + at, count, 0);
    return f32_choose(f32_mask(seen), score, splat(-__builtin_inff()));
}

/// The larger of each lane; that of `x` where one is NaN. A NaN that gets lost here comes back with the exponentials.
HK_INLINE f32v higher(f32v highest, f32v x) { return f32_choose(highest > x, highest, x); }

/// Granules `from ..< to` of whole granules, four at a time with sums of their own, so that none waits for the one before.
#define HK_FOURS(n, body)                                                                                             \
    int64_t fours = (n) / (4 * HK_GRANULE) * (4 * HK_GRANULE);                                                        \
    for (int64_t four = 0; four < fours; four += 4 * HK_GRANULE) {                                                    \
        HK_UNROLL for (int u = 0; u < 4; u++) {                                                                       \
            const int64_t at = four + u * HK_GRANULE, count = HK_GRANULE;                                             \
            body                                                                                                      \
        }                                                                                                             \
    }                                                                                                                 \
    for (int64_t at = fours; at < (n); at += HK_GRANULE) {                                                            \
        const int u = 0;                                                                                              \
        int64_t count = (n) - at < HK_GRANULE ? (n) - at : HK_GRANULE;                                                \
        body                                                                                                          \
    }

/// The largest of `n` scores, after the mask has been applied to them.
HK_INLINE float attention_highest(float *s, int64_t n, const char *mask, int mask_type) {
    f32v highest[4] = {splat(-__builtin_inff()), splat(-__builtin_inff()), splat(-__builtin_inff()), splat(-__builtin_inff())};
    if (mask) {
        HK_GRANULES(n, row_store(s + at, count, masked(row_load(s + at, count, 0), mask, mask_type, at, count));)
    }
    HK_FOURS(n, highest[u] = higher(highest[u], row_load(s + at, count, -__builtin_inff()));)
    return max_lanes_f32(higher(higher(highest[0], highest[1]), higher(highest[2], highest[3])))[0];
}

/// Scores to unnormalised probabilities: s[j] = e^(s[j] - most) for the first `n`, 0 up to `width`. `most` and `sum` are of the
/// row so far, and are brought up to date. Returns what was summed so far has to be multiplied with.
static float attention_row(
    float *s, int64_t n, int64_t width, const char *mask, int mask_type, float *most, float *sum) {
    float before = *most, now = attention_highest(s, n, mask, mask_type), correction = 1;
    if (before > now) now = before;
    if (now == -__builtin_inff()) {
        // Nothing to see; a NaN stays one.
        HK_GRANULES(n, f32v x = row_load(s + at, count, 0);
                    row_store(s + at, count, f32_choose(x == -__builtin_inff(), (f32v){}, x));)
    } else {
        f32v total[4] = {};
        HK_FOURS(n, f32v e = f32_exp(row_load(s + at, count, -__builtin_inff()) - now); row_store(s + at, count, e);
                 total[u] += e;)
        if (before != now) correction = before == -__builtin_inff() ? 0 : f32_exp(splat(before - now))[0];
        *sum = *sum * correction + sum_lanes_f32((total[0] + total[1]) + (total[2] + total[3]))[0];
        *most = now;
    }
    for (; n < width; n++) s[n] = 0;
    return correction;
}

/// x *= factor
static void attention_scale(float *x, int64_t n, float factor) {
    HK_GRANULES(n, row_store(x + at, count, row_load(x + at, count, 0) * factor);)
}

static float attention_dot(const float *x, const float *y, int64_t n) {
    f32v total[4] = {};
    HK_FOURS(n, total[u] = f32_fma(row_load(x + at, count, 0), row_load(y + at, count, 0), total[u]);)
    return sum_lanes_f32((total[0] + total[1]) + (total[2] + total[3]))[0];
}

/// s = p = e^(s - lse), dp = p (dp - delta) for the first `n`, 0 up to `width`.
static void attention_gradient_row(
    float *s, float *dp, int64_t n, int64_t width, const char *mask, int mask_type, float lse, float delta) {
    // A row that saw nothing has no probabilities.
    float shift = lse == -__builtin_inff() ? __builtin_inff() : lse;
    if (mask) {
        HK_GRANULES(n, row_store(s + at, count, masked(row_load(s + at, count, 0), mask, mask_type, at, count));)
    }
    HK_FOURS(n, (void)u; f32v p = f32_exp(row_load(s + at, count, -__builtin_inff()) - shift); row_store(s + at, count, p);
             row_store(dp + at, count, p * (row_load(dp + at, count, 0) - delta));)
    for (; n < width; n++) s[n] = dp[n] = 0;
}
