// Pooling, a row of outputs at a time: 2x2 windows with stride 2 in registers; others one place of the window after another.

#define HK_EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define HK_ODD(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)
#define HK_LOW(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HK_HIGH(a, b) __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)

/// Up to sixteen neighbours; or of 32 every second, of which `readable` may be read.
#define HK_SOME(T)                                                                                                    \
    HK_INLINE T##v T##_some(const T##e *p, int64_t n) {                                                               \
        return n >= HK_GRANULE ? T##_load(p) : n > 0 ? T##_load_partial(p, n, 0) : (T##v){};                          \
    }                                                                                                                 \
    HK_INLINE void T##_store_some(T##e *p, int64_t n, T##v value) {                                                   \
        if (n >= HK_GRANULE) {                                                                                        \
            T##_store(p, value);                                                                                      \
        } else if (n > 0) {                                                                                           \
            T##_store_partial(p, n, value);                                                                           \
        }                                                                                                             \
    }                                                                                                                 \
    HK_INLINE T##v T##_apart(const T##e *p, int64_t readable, const int64_t step) {                                   \
        if (step == 1) return T##_some(p, readable);                                                                  \
        return HK_EVEN(T##_some(p, readable), T##_some(p + HK_GRANULE, readable - HK_GRANULE));                       \
    }
HK_SOME(f32)
HK_SOME(f64)
HK_SOME(i32)

/// The four places of up to sixteen neighbouring windows.
#define HK_WINDOWS(T, top, bottom, n)                                                                                 \
    T##v t0 = T##_some(top, 2 * (n)), t1 = T##_some((top) + HK_GRANULE, 2 * (n) - HK_GRANULE);                        \
    T##v b0 = T##_some(bottom, 2 * (n)), b1 = T##_some((bottom) + HK_GRANULE, 2 * (n) - HK_GRANULE);                  \
    T##v x0 = HK_EVEN(t0, t1), x1 = HK_ODD(t0, t1), x2 = HK_EVEN(b0, b1), x3 = HK_ODD(b0, b1)

/// Does `work` on `n` of `count` windows from `j` on: sixteen, or what is left.
#define HK_BY_WINDOWS(work)                                                                                           \
    int64_t j = 0;                                                                                                    \
    for (; j + HK_GRANULE <= count; j += HK_GRANULE) {                                                                \
        const int64_t n = HK_GRANULE;                                                                                 \
        work;                                                                                                         \
    }                                                                                                                 \
    if (j < count) {                                                                                                  \
        int64_t n = count - j;                                                                                        \
        work;                                                                                                         \
    }

#define HK_POOL_2X2(T)                                                                                                \
    /* Whether y takes the maximum over from x: larger, or the first NaN. */                                          \
    HK_INLINE T##m T##_wins(T##v y, T##v x) { return (y > x) | ((y != y) & (x == x)); }                               \
    /* Up to sixteen windows of two rows that begin at t and b. */                                                    \
    HK_INLINE void T##_maxima(const T##e *t, const T##e *b, T##e *y, int64_t n) {                                     \
        T##v m0 = T##_maximum(T##_some(t, 2 * n), T##_some(b, 2 * n));                                                \
        T##v m1 = T##_maximum(T##_some(t + HK_GRANULE, 2 * n - HK_GRANULE), T##_some(b + HK_GRANULE, 2 * n - HK_GRANULE));\
        T##_store_some(y, n, T##_maximum(HK_EVEN(m0, m1), HK_ODD(m0, m1)));                                           \
    }                                                                                                                 \
    HK_INLINE void T##_select(                                                                                        \
        const T##e *t, const T##e *b, const T##e *vt, const T##e *vb, T##e *y, int64_t n) {                           \
        HK_WINDOWS(T, t, b, n);                                                                                       \
        T##v p0 = T##_some(vt, 2 * n), p1 = T##_some(vt + HK_GRANULE, 2 * n - HK_GRANULE);                            \
        T##v q0 = T##_some(vb, 2 * n), q1 = T##_some(vb + HK_GRANULE, 2 * n - HK_GRANULE);                            \
        T##m w1 = T##_wins(x1, x0);                                                                                   \
        T##v best = T##_choose(w1, x1, x0), v = T##_choose(w1, HK_ODD(p0, p1), HK_EVEN(p0, p1));                      \
        T##m w2 = T##_wins(x2, best);                                                                                 \
        best = T##_choose(w2, x2, best), v = T##_choose(w2, HK_EVEN(q0, q1), v);                                      \
        T##_store_some(y, n, T##_choose(T##_wins(x3, best), HK_ODD(q0, q1), v));                                      \
    }                                                                                                                 \
    HK_INLINE void T##_scatter(                                                                                       \
        const T##e *t, const T##e *b, const T##e *dy, T##e *dt, T##e *db, _Bool rectified, int64_t n) {               \
        HK_WINDOWS(T, t, b, n);                                                                                       \
        T##v zero = {}, g = T##_some(dy, n);                                                                          \
        T##m w1 = T##_wins(x1, x0);                                                                                   \
        T##v best = T##_choose(w1, x1, x0);                                                                           \
        T##m w2 = T##_wins(x2, best);                                                                                 \
        best = T##_choose(w2, x2, best);                                                                              \
        T##m w3 = T##_wins(x3, best);                                                                                 \
        if (rectified) g = T##_choose(T##_choose(w3, x3, best) <= 0, zero, g);                                        \
        T##v d3 = T##_choose(w3, g, zero), d2 = T##_choose(w2 & ~w3, g, zero);                                        \
        T##v d1 = T##_choose(w1 & ~w2 & ~w3, g, zero), d0 = T##_choose(w1 | w2 | w3, zero, g);                        \
        T##_store_some(dt, 2 * n, HK_LOW(d0, d1));                                                                    \
        T##_store_some(dt + HK_GRANULE, 2 * n - HK_GRANULE, HK_HIGH(d0, d1));                                         \
        T##_store_some(db, 2 * n, HK_LOW(d2, d3));                                                                    \
        T##_store_some(db + HK_GRANULE, 2 * n - HK_GRANULE, HK_HIGH(d2, d3));                                         \
    }                                                                                                                 \
    static void maxpool_2x2_##T(const char *top, const char *bottom, char *output, int64_t count) {                   \
        const T##e *t = (const T##e *)top, *b = (const T##e *)bottom;                                                 \
        T##e *y = (T##e *)output;                                                                                     \
        HK_BY_WINDOWS(T##_maxima(t + 2 * j, b + 2 * j, y + j, n))                                                     \
    }                                                                                                                 \
    static void maxpool_select_2x2_##T(                                                                               \
        const char *top, const char *bottom, const char *v_top, const char *v_bottom, char *output, int64_t count) {  \
        const T##e *t = (const T##e *)top, *b = (const T##e *)bottom;                                                 \
        const T##e *vt = (const T##e *)v_top, *vb = (const T##e *)v_bottom;                                           \
        T##e *y = (T##e *)output;                                                                                     \
        HK_BY_WINDOWS(T##_select(t + 2 * j, b + 2 * j, vt + 2 * j, vb + 2 * j, y + j, n))                             \
    }                                                                                                                 \
    static void maxpool_scatter_2x2_##T(                                                                              \
        const char *top, const char *bottom, const char *gradient, _Bool rectified, char *dx_top, char *dx_bottom,    \
        int64_t count) {                                                                                              \
        const T##e *t = (const T##e *)top, *b = (const T##e *)bottom, *dy = (const T##e *)gradient;                   \
        T##e *dt = (T##e *)dx_top, *db = (T##e *)dx_bottom;                                                           \
        HK_BY_WINDOWS(T##_scatter(t + 2 * j, b + 2 * j, dy + j, dt + 2 * j, db + 2 * j, rectified, n))                \
    }
HK_POOL_2X2(f32)
HK_POOL_2X2(f64)

/// Calls `body(step)` with the step as a constant where it is 1 or 2, which is what makes vectors of the loop.
#define HK_BY_STEP(step, body)                                                                                        \
    if ((step) == 1) {                                                                                                \
        body(1)                                                                                                       \
    } else if ((step) == 2) {                                                                                         \
        body(2)                                                                                                       \
    } else {                                                                                                          \
        body(step)                                                                                                    \
    }
/// Does `vectors` for sixteen elements of a row, and for what is left, where the step is 1 or 2; `single` else. Of the neighbours that it
/// steps over, those up to the last one that it means may be read.
#define HK_BY_STEPS(step, vectors, single)                                                                            \
    if ((step) == 1) {                                                                                                \
        HK_ROW(1, vectors)                                                                                            \
    } else if ((step) == 2) {                                                                                         \
        HK_ROW(2, vectors)                                                                                            \
    } else {                                                                                                          \
        for (int64_t j = 0; j < count; j++) { single; }                                                               \
    }
#define HK_ROW(apart, vectors)                                                                                        \
    const int64_t every = apart;                                                                                      \
    int64_t j = 0;                                                                                                    \
    for (; j + HK_GRANULE < count + (every == 1); j += HK_GRANULE) {                                                  \
        const int64_t n = HK_GRANULE, readable = HK_GRANULE * every;                                                  \
        vectors;                                                                                                      \
    }                                                                                                                 \
    if (j < count) {                                                                                                  \
        int64_t n = count - j, readable = (n - 1) * every + 1;                                                        \
        vectors;                                                                                                      \
    }
#define HK_PLACE_LOOP(step)                                                                                           \
    for (int64_t j = 0; j < count; j++) {                                                                             \
        int wins = (x[j * (step)] > best[j]) | ((x[j * (step)] != x[j * (step)]) & (best[j] == best[j]))              \
            | (place[j] < 0);                                                                                         \
        place[j] = wins ? first + (int32_t)(j * (step)) : place[j];                                                   \
        best[j] = wins ? x[j * (step)] : best[j];                                                                     \
    }
#define HK_SPREAD_LOOP(step)                                                                                          \
    for (int64_t j = 0; j < count; j++) dx[j * (step)] += share[j];
#define HK_POOL_ROWS(T)                                                                                               \
    static void pool_max_##T(const char *input, int64_t step, int64_t count, char *output) {                          \
        const T##e *restrict x = (const T##e *)input;                                                                 \
        T##e *restrict best = (T##e *)output;                                                                         \
        HK_BY_STEPS(                                                                                                  \
            step, T##_store_some(best + j, n, T##_maximum(T##_apart(x + j * every, readable, every), T##_some(best + j, n))),\
            best[j] = ((x[j * step] > best[j]) | (x[j * step] != x[j * step])) ? x[j * step] : best[j])               \
    }                                                                                                                 \
    static void pool_sum_##T(const char *input, int64_t step, int64_t count, char *output) {                          \
        const T##e *restrict x = (const T##e *)input;                                                                 \
        T##e *restrict sum = (T##e *)output;                                                                          \
        HK_BY_STEPS(                                                                                                  \
            step, T##_store_some(sum + j, n, T##_some(sum + j, n) + T##_apart(x + j * every, readable, every)),       \
            sum[j] += x[j * step])                                                                                    \
    }                                                                                                                 \
    static void pool_spread_##T(const char *shares, int64_t step, int64_t count, char *output) {                      \
        const T##e *restrict share = (const T##e *)shares;                                                            \
        T##e *restrict dx = (T##e *)output;                                                                           \
        HK_BY_STEP(step, HK_SPREAD_LOOP)                                                                              \
    }
HK_POOL_ROWS(f32)
HK_POOL_ROWS(f64)

/// `pool_place` for `n` elements from `j` on.
HK_INLINE void f32_place(
    const float *x, float *best, int32_t *place, int32_t first, int64_t j, int64_t n, int64_t readable, const int64_t every) {
    const i32v lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    f32v value = f32_apart(x + j * every, readable, every), before = f32_some(best + j, n);
    i32v known = i32_some(place + j, n), wins = f32_wins(value, before) | (known < 0);
    i32_store_some(place + j, n, i32_choose(wins, (first + (int32_t)(j * every)) + lane * (int32_t)every, known));
    f32_store_some(best + j, n, f32_choose(wins, value, before));
}
static void pool_place_f32(
    const char *input, int64_t step, int64_t count, int32_t first, char *output, int32_t *restrict place) {
    const float *restrict x = (const float *)input;
    float *restrict best = (float *)output;
    if (step > 2) {
        HK_PLACE_LOOP(step)
        return;
    }
    HK_BY_STEPS(step, f32_place(x, best, place, first, j, n, readable, every), )
}
static void pool_place_f64(
    const char *input, int64_t step, int64_t count, int32_t first, char *output, int32_t *restrict place) {
    const double *restrict x = (const double *)input;
    double *restrict best = (double *)output;
    HK_BY_STEP(step, HK_PLACE_LOOP)
}
