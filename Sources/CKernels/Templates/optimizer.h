// Steps of optimizers over neighbours, and sums of scaled rows.

static void add_scaled(float *y, const float *x, float alpha, int64_t n) {
    HK_GRANULES(n, row_store(y + at, count, f32_fma(row_load(x + at, count, 0), splat(alpha), row_load(y + at, count, 0)));)
}

/// With the sums of `vectors` granules in registers.
HK_INLINE void add_few_scaled_rows(
    int vectors, float *y, const float *x, int64_t x_row, const float *alpha, int64_t alpha_step, int64_t rows) {
    f32v sum[16];
    HK_UNROLL for (int j = 0; j < vectors; j++) sum[j] = f32_load(y + j * HK_GRANULE);
    for (; rows > 0; rows--, x += x_row, alpha += alpha_step) {
        f32v scale = splat(*alpha);
        HK_UNROLL for (int j = 0; j < vectors; j++) sum[j] = f32_fma(f32_load(x + j * HK_GRANULE), scale, sum[j]);
    }
    HK_UNROLL for (int j = 0; j < vectors; j++) f32_store(y + j * HK_GRANULE, sum[j]);
}

/// One row after the other, from end to end: what is read so is asked for ahead by itself, where it comes from memory.
static void add_scaled_rows(
    float *y, const float *x, int64_t x_row, const float *alpha, int64_t alpha_step, int64_t rows, int64_t n) {
    switch (n) {
    case 64: add_few_scaled_rows(4, y, x, x_row, alpha, alpha_step, rows); break;
    case 128: add_few_scaled_rows(8, y, x, x_row, alpha, alpha_step, rows); break;
#if HK_AVX512
    case 256: add_few_scaled_rows(16, y, x, x_row, alpha, alpha_step, rows); break;
#endif
    default:
        for (; rows > 0; rows--, x += x_row, alpha += alpha_step) add_scaled(y, x, *alpha, n);
    }
}

/// Adds the updates at `positions` to one row. The next rows' are asked for ahead: they may lie anywhere.
HK_INLINE void add_updates(
    const uint32_t *positions, uint32_t first, uint32_t end, uint32_t last, const float *updates, int64_t update_row, int64_t width,
    float *row) {
    for (uint32_t k = first; k < end; k++) {
        if (k + 12 < last) {
            const char *ahead = (const char *)(updates + (int64_t)positions[k + 12] * update_row);
            for (int64_t at = 0; at < width * 4 && at < 512; at += 64) __builtin_prefetch(ahead + at);
        }
        const float *update = updates + (int64_t)positions[k] * update_row;
        if (width == HK_GRANULE) {
            f32_store(row, f32_load(row) + f32_load(update));
        } else if (width == 1) {
            *row += *update;
        } else {
            HK_GRANULES(width, row_store(row + at, count, row_load(row + at, count, 0) + row_load(update + at, count, 0));)
        }
    }
}

/// rows[(row - first_row) * width ...] += the updates of each of the groups `begin ..< end`.
static void add_groups(
    const hk_row_groups *groups, int64_t begin, int64_t end, const float *updates, int64_t update_row, int64_t width,
    int64_t first_row, float *rows) {
    uint32_t last = groups->starts[end];
    for (int64_t g = begin; g < end; g++) {
        add_updates(
            groups->positions, groups->starts[g], groups->starts[g + 1], last, updates, update_row, width,
            rows + ((int64_t)groups->rows[g] - first_row) * width);
    }
}

/// See `combine_rows`; unrolled where `rows` is a constant.
HK_INLINE void combine(
    const hk_optimizer_tensor *t, int64_t rows, int64_t row, int64_t column, int64_t n, float *y) {
    const float *left = t->factors[0] + row * t->left_row, *right = t->factors[1] + column;
    HK_GRANULES(n, f32v sums[HK_OPTIMIZER_ROWS];
                for (int64_t r = 0; r < rows; r++) sums[r] = splat(0);
                for (int64_t k = 0; k < t->depth; k++) {
                    f32v x = row_load(right + k * t->right_term + at, count, 0);
                    for (int64_t r = 0; r < rows; r++) {
                        sums[r] = f32_fma(x, splat(left[r * t->left_row + k * t->left_term]), sums[r]);
                    }
                }
                for (int64_t r = 0; r < rows; r++) row_store(y + r * n + at, count, sums[r]);)
}

/// Rows of the product of a tensor's factors: y[r * n ...] for `rows` rows from `row` on, `n` columns from `column` on.
static void combine_rows(const hk_optimizer_tensor *t, int64_t rows, int64_t row, int64_t column, int64_t n, float *y) {
    if (rows == HK_OPTIMIZER_ROWS) {
        combine(t, HK_OPTIMIZER_ROWS, row, column, n, y);
    } else {
        for (int64_t r = 0; r < rows; r++) combine(t, 1, row + r, column, n, y + r * n);
    }
}

/// Neighbours in some spans from element `from` on, one granule at a time. Spans may lie far apart: what the next ones need is asked for.
#define HK_SPANS(body)                                                                                                \
    for (int64_t place = 0; place < spans; place++) {                                                                 \
        if (place + SPANS_AHEAD < spans) prefetch_span(t, from + span[place + SPANS_AHEAD].begin);                    \
        for (int64_t at = span[place].begin; at < span[place].end; at += HK_GRANULE) {                                \
            int64_t count = span[place].end - at < HK_GRANULE ? span[place].end - at : HK_GRANULE;                    \
            body                                                                                                      \
        }                                                                                                             \
    }
#define SPANS_AHEAD 8
HK_INLINE void prefetch_span(const hk_optimizer_tensor *t, int64_t at) {
    __builtin_prefetch(t->parameter + at);
    if (t->slots[0]) __builtin_prefetch(t->slots[0] + at);
    if (t->slots[1]) __builtin_prefetch(t->slots[1] + at);
}

static void sgd_step(
    const hk_optimizer_step_numbers *s, const hk_optimizer_tensor *t, const float *g, int64_t from, const hk_span *span, int64_t spans) {
    const float *p = t->parameter + from;
    float *np = t->new_parameter + from;
    f32v rate = splat(-s->rate), decay = splat(t->decay);
    HK_SPANS(f32v value = row_load(p + at, count, 0);
             f32v slope = f32_fma(value, decay, row_load(g + at, count, 0));
             row_store(np + at, count, f32_fma(slope, rate, value));)
}

static void momentum_step(
    const hk_optimizer_step_numbers *s, const hk_optimizer_tensor *t, const float *g, int64_t from, const hk_span *span, int64_t spans) {
    const float *p = t->parameter + from, *v = t->slots[0] + from;
    float *np = t->new_parameter + from, *nv = t->new_slots[0] + from;
    f32v rate = splat(-s->rate), decay = splat(t->decay), momentum = splat(s->momentum), share = splat(s->share);
    f32v ahead = splat(s->nesterov ? s->momentum : 1.0f), now = splat(s->nesterov ? 1.0f : 0.0f);
    HK_SPANS(f32v value = row_load(p + at, count, 0);
             f32v slope = f32_fma(value, decay, row_load(g + at, count, 0));
             f32v velocity = f32_fma(row_load(v + at, count, 0), momentum, slope * share);
             row_store(nv + at, count, velocity);
             f32v step = s->nesterov ? f32_fma(velocity, ahead, slope * now) : velocity;
             row_store(np + at, count, f32_fma(step, rate, value));)
}

static void adam_step(
    const hk_optimizer_step_numbers *s, const hk_optimizer_tensor *t, const float *g, int64_t from, const hk_span *span, int64_t spans) {
    const float *p = t->parameter + from, *m = t->slots[0] + from, *v = t->slots[1] + from;
    float *np = t->new_parameter + from, *nm = t->new_slots[0] + from, *nv = t->new_slots[1] + from;
    f32v rate = splat(-s->rate), decay = splat(t->decay), keep = splat(t->keep), share1 = splat(s->share1);
    f32v beta2 = splat(s->beta2), share2 = splat(s->share2), correction = splat(s->correction), epsilon = splat(s->epsilon);
    HK_SPANS(f32v value = row_load(p + at, count, 0);
             f32v slope = f32_fma(value, decay, row_load(g + at, count, 0));
             f32v first = row_load(m + at, count, 0);
             first = f32_fma(slope - first, share1, first);
             f32v second = f32_fma(row_load(v + at, count, 0), beta2, slope * slope * share2);
             row_store(nm + at, count, first);
             row_store(nv + at, count, second);
             f32v step = first / f32_fma(f32_sqrt(second), correction, epsilon);
             row_store(np + at, count, f32_fma(step, rate, value * keep));)
}
#undef HK_SPANS
#undef SPANS_AHEAD
