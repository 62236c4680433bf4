// Skip-gram: scores and updates of a strip of at most four granules of columns. The low bit of an entry says whether the word was seen.

/// Granules that a kernel keeps in registers: all of a strip for a score, which needs them once; for an update, which needs them twice, what fits.
#define HK_STRIP_GRANULES 4
#if HK_AVX512
#define HK_UPDATE_GRANULES 4
#else
#define HK_UPDATE_GRANULES 2
#endif

/// Calls `call(granules)` with the number of `width`'s granules, at most 4, as a constant.
#define HK_STRIP(width, call)                                                                                         \
    switch (((width) + HK_GRANULE - 1) / HK_GRANULE) {                                                                \
    case 1: call(1); break;                                                                                           \
    case 2: call(2); break;                                                                                           \
    case 3: call(3); break;                                                                                           \
    default: call(4); break;                                                                                          \
    }

/// How much of a strip's granule `i` exists.
#define HK_STRIP_COUNT(i) ((i) + 1 < granules ? HK_GRANULE : width - (i) * HK_GRANULE)

HK_INLINE void prefetch_strip(const int granules, const float *row, int64_t width) {
    HK_UNROLL for (int i = 0; i < granules; i++) __builtin_prefetch(row + i * HK_GRANULE, 1);
    __builtin_prefetch(row + width - 1, 1);
}

HK_INLINE void strip_scores(
    const int granules, const float *v, const float *output, int64_t pitch, int64_t width, const uint32_t *entries,
    int64_t entry_count, const uint32_t *next, int64_t next_count, float *scores) {
    f32v center[HK_STRIP_GRANULES];
    HK_UNROLL for (int i = 0; i < granules; i++) center[i] = row_load(v + i * HK_GRANULE, HK_STRIP_COUNT(i), 0);
    for (int64_t k = 0; k < entry_count; k++) {
        if (k < next_count) prefetch_strip(granules, output + (int64_t)(next[k] >> 1) * pitch, width);
        const float *u = output + (int64_t)(entries[k] >> 1) * pitch;
        f32v sum = {};
        HK_UNROLL for (int i = 0; i < granules; i++) {
            sum = f32_fma(row_load(u + i * HK_GRANULE, HK_STRIP_COUNT(i), 0), center[i], sum);
        }
        scores[k] = sum_lanes_f32(sum)[0];
    }
    for (int64_t k = entry_count; k < next_count; k++) {
        prefetch_strip(granules, output + (int64_t)(next[k] >> 1) * pitch, width);
    }
}

/// score[k] = u[k]·v over the strip; `next` are the entries that will come later, to be asked for.
static void skip_gram_scores(
    const float *v, const float *output, int64_t pitch, int64_t width, const uint32_t *entries, int64_t entry_count,
    const uint32_t *next, int64_t next_count, float *scores) {
#define HK_CALL(n) strip_scores(n, v, output, pitch, width, entries, entry_count, next, next_count, scores)
    HK_STRIP(width, HK_CALL)
#undef HK_CALL
}

/// g[k] = rate (seen - σ(g[k]))
static void skip_gram_steps(const uint32_t *entries, int64_t n, float rate, float *g) {
    HK_GRANULES(n, i32v entry = count == HK_GRANULE ? i32_load(entries + at) : i32_load_partial(entries + at, count, 0);
                f32v seen = HK_CAST(f32v, entry & 1);
                row_store(g + at, count, (seen - f32_logistic(row_load(g + at, count, 0))) * rate);)
}

HK_INLINE void strip_update(
    const int granules, float *v, float *output, int64_t pitch, int64_t width, const uint32_t *entries, int64_t entry_count,
    const float *g) {
    f32v center[HK_UPDATE_GRANULES];
    f32v error[HK_UPDATE_GRANULES] = {};
    HK_UNROLL for (int i = 0; i < granules; i++) center[i] = row_load(v + i * HK_GRANULE, HK_STRIP_COUNT(i), 0);
    for (int64_t k = 0; k < entry_count; k++) {
        float *u = output + (int64_t)(entries[k] >> 1) * pitch;
        f32v step = splat(g[k]);
        HK_UNROLL for (int i = 0; i < granules; i++) {
            f32v value = row_load(u + i * HK_GRANULE, HK_STRIP_COUNT(i), 0);
            error[i] = f32_fma(value, step, error[i]);
            row_store(u + i * HK_GRANULE, HK_STRIP_COUNT(i), f32_fma(center[i], step, value));
        }
    }
    HK_UNROLL for (int i = 0; i < granules; i++) {
        row_store(v + i * HK_GRANULE, HK_STRIP_COUNT(i), center[i] + error[i]);
    }
}

/// Changes the strip of the targets' rows, then the center's.
static void skip_gram_update(
    float *v, float *output, int64_t pitch, int64_t width, const uint32_t *entries, int64_t entry_count, const float *g) {
    for (int64_t column = 0; column < width; column += HK_UPDATE_GRANULES * HK_GRANULE) {
        int64_t rest = width - column, most = HK_UPDATE_GRANULES * HK_GRANULE;
#define HK_CALL(n)                                                                                                    \
    strip_update(                                                                                                     \
        n <= HK_UPDATE_GRANULES ? n : 1, v + column, output + column, pitch, rest < most ? rest : most, entries,      \
        entry_count, g)
        HK_STRIP(rest < most ? rest : most, HK_CALL)
#undef HK_CALL
    }
}
