// Skip-gram: scores and updates of a strip of at most four granules of columns. The low bit of an entry says whether the word was seen.

#define HK_STRIP_GRANULES 4

/// Calls `body(i, count)` for the granules of a strip; unrolled, so that the vectors stay in registers.
#define HK_STRIP(width, body)                                                                                         \
    for (int i = 0; i < HK_STRIP_GRANULES; i++) {                                                                     \
        int64_t count = (width) - i * HK_GRANULE;                                                                     \
        if (count <= 0) break;                                                                                        \
        if (count > HK_GRANULE) count = HK_GRANULE;                                                                   \
        body                                                                                                          \
    }

HK_INLINE void prefetch_strip(const float *row, int64_t width) {
    const char *at = (const char *)row;
    for (int64_t byte = 0; byte < width * 4; byte += 64) __builtin_prefetch(at + byte, 1);
    __builtin_prefetch(at + width * 4 - 1, 1);
}

/// score[k] = u[k]·v over the strip; `next` are the entries that will come later, to be asked for.
static void skip_gram_scores(
    const float *v, const float *output, int64_t pitch, int64_t width, const uint32_t *entries, int64_t entry_count,
    const uint32_t *next, int64_t next_count, float *scores) {
    f32v center[HK_STRIP_GRANULES];
    HK_STRIP(width, center[i] = row_load(v + i * HK_GRANULE, count, 0);)
    for (int64_t k = 0; k < entry_count; k++) {
        if (k < next_count) prefetch_strip(output + (int64_t)(next[k] >> 1) * pitch, width);
        const float *u = output + (int64_t)(entries[k] >> 1) * pitch;
        f32v sum = {};
        HK_STRIP(width, sum = f32_fma(row_load(u + i * HK_GRANULE, count, 0), center[i], sum);)
        scores[k] = sum_lanes_f32(sum)[0];
    }
    for (int64_t k = entry_count; k < next_count; k++) prefetch_strip(output + (int64_t)(next[k] >> 1) * pitch, width);
}

/// g[k] = rate (seen - σ(g[k]))
static void skip_gram_steps(const uint32_t *entries, int64_t n, float rate, float *g) {
    HK_GRANULES(n, i32v entry = count == HK_GRANULE ? i32_load(entries + at) : i32_load_partial(entries + at, count, 0);
                f32v seen = HK_CAST(f32v, entry & 1);
                row_store(g + at, count, (seen - f32_logistic(row_load(g + at, count, 0))) * rate);)
}

/// Changes the strip of the targets' rows, then the center's.
static void skip_gram_update(
    float *v, float *output, int64_t pitch, int64_t width, const uint32_t *entries, int64_t entry_count, const float *g) {
    f32v center[HK_STRIP_GRANULES];
    f32v error[HK_STRIP_GRANULES] = {};
    HK_STRIP(width, center[i] = row_load(v + i * HK_GRANULE, count, 0);)
    for (int64_t k = 0; k < entry_count; k++) {
        float *u = output + (int64_t)(entries[k] >> 1) * pitch;
        f32v step = splat(g[k]);
        HK_STRIP(width, f32v value = row_load(u + i * HK_GRANULE, count, 0);
                 error[i] = f32_fma(value, step, error[i]);
                 row_store(u + i * HK_GRANULE, count, f32_fma(center[i], step, value));)
    }
    HK_STRIP(width, row_store(v + i * HK_GRANULE, count, center[i] + error[i]);)
}
