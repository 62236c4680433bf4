// Attention's work on one row of scores; the products around it are micro-tiles.

/// Adds the mask to `count` scores: f32 is added, bool false gives minus infinity.
HK_INLINE f32v masked(f32v score, const char *mask, int type, int64_t at, int64_t count) {
    if (type == hk_type_f32) return score + row_load((const float *)mask + at, count, 0);
    u8v seen = count == HK_GRANULE ? u8_load(mask + at) : u8_load_partial(mask + at, count, 0);
    return f32_choose(f32_mask(seen), score, splat(-__builtin_inff()));
}

/// Scores to unnormalised probabilities: s[j] = e^(s[j] - most) for the first `n`, 0 up to `width`. `most` and `sum` are of the
/// row so far, and are brought up to date. Returns what was summed so far has to be multiplied with.
static float attention_row(
    float *s, int64_t n, int64_t width, const char *mask, int mask_type, float *most, float *sum) {
    f32v highest = splat(-__builtin_inff());
    if (mask) {
        HK_GRANULES(n, f32v x = masked(row_load(s + at, count, 0), mask, mask_type, at, count);
                    row_store(s + at, count, x);
                    highest = f32_maximum(highest, count == HK_GRANULE ? x : row_load(s + at, count, -__builtin_inff()));)
    } else {
        HK_GRANULES(n, highest = f32_maximum(highest, row_load(s + at, count, -__builtin_inff()));)
    }
    f32v both = splat(*most);
    float now = f32_maximum(max_lanes_f32(highest), both)[0], before = *most;
    float correction = 1;
    if (now == -__builtin_inff()) {
        HK_GRANULES(n, row_store(s + at, count, (f32v){});)
    } else {
        f32v total = {};
        HK_GRANULES(n, f32v e = f32_exp(row_load(s + at, count, -__builtin_inff()) - now); row_store(s + at, count, e);
                    total += e;)
        if (before != now) correction = f32_exp(splat(before - now))[0];
        *sum = *sum * correction + sum_lanes_f32(total)[0];
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
    f32v total = {};
    HK_GRANULES(n, total = f32_fma(row_load(x + at, count, 0), row_load(y + at, count, 0), total);)
    return sum_lanes_f32(total)[0];
}

/// s = p = e^(s - lse), dp = p (dp - delta) for the first `n`, 0 up to `width`.
static void attention_gradient_row(
    float *s, float *dp, int64_t n, int64_t width, const char *mask, int mask_type, float lse, float delta) {
    // A row that saw nothing has no probabilities.
    float shift = lse == -__builtin_inff() ? __builtin_inff() : lse;
    HK_GRANULES(n, f32v x = row_load(s + at, count, -__builtin_inff());
                if (mask) x = masked(x, mask, mask_type, at, count);
                f32v p = f32_exp(x - shift); row_store(s + at, count, p);
                row_store(dp + at, count, p * (row_load(dp + at, count, 0) - delta));)
    for (; n < width; n++) s[n] = dp[n] = 0;
}
