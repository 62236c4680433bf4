// One time step of connectionist temporal classification, in the log domain.

/// next[s] = log(e^a[s] + e^b[s] + e^(c[s] + skip[s])) + emission[s] for `granules` whole granules; `emission` may be null. What is
/// impossible is minus infinity, and `skip` is 0 where the state may be reached from two away, else minus infinity.
static void ctc_step(
    const float *a, const float *b, const float *c, const float *skip, const float *emission, float *next, int64_t granules) {
    for (int64_t at = 0; at < granules * HK_GRANULE; at += HK_GRANULE) {
        f32v x = f32_load(a + at), y = f32_load(b + at), z = f32_load(c + at) + f32_load(skip + at);
        f32v most = f32_choose(x > y, x, y);
        most = f32_choose(z > most, z, most);
        // Where nothing is possible, 0 instead of an infinity that would be taken from itself.
        f32v base = f32_choose(most == -__builtin_inff(), splat(0), most);
        f32v sum = f32_exp(x - base) + f32_exp(y - base) + f32_exp(z - base);
        f32v result = base + f32_log(sum);
        f32_store(next + at, emission ? result + f32_load(emission + at) : result);
    }
}

/// y[s] = e^(a[s] + b[s] + shift).
static void ctc_posterior(const float *a, const float *b, float shift, float *y, int64_t granules) {
    for (int64_t at = 0; at < granules * HK_GRANULE; at += HK_GRANULE) {
        f32_store(y + at, f32_exp(f32_load(a + at) + f32_load(b + at) + shift));
    }
}
