// Pooling, a row of outputs at a time: 2x2 windows with stride 2 in registers; others one place of the window after another.

/// The four places of sixteen neighbouring windows.
#define HK_WINDOWS(T, top, bottom)                                                                                    \
    T##v t0 = T##_load(top), t1 = T##_load((top) + HK_GRANULE);                                                       \
    T##v b0 = T##_load(bottom), b1 = T##_load((bottom) + HK_GRANULE);                                                 \
    T##v x0 = HK_EVEN(t0, t1), x1 = HK_ODD(t0, t1), x2 = HK_EVEN(b0, b1), x3 = HK_ODD(b0, b1)
#define HK_EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define HK_ODD(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)
#define HK_LOW(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HK_HIGH(a, b) __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)

#define HK_POOL_2X2(T)                                                                                                \
    /* Whether y takes the maximum over from x: larger, or the first NaN. */                                          \
    HK_INLINE T##m T##_wins(T##v y, T##v x) { return (y > x) | ((y != y) & (x == x)); }                               \
    HK_INLINE _Bool T##_wins_scalar(T##e y, T##e x) { return y > x || (y != y && x == x); }                           \
    /* 0 to 3: which place of the window has the maximum. */                                                          \
    HK_INLINE int T##_winner(const T##e *t, const T##e *b) {                                                          \
        int place = 0;                                                                                                \
        T##e best = t[0];                                                                                             \
        if (T##_wins_scalar(t[1], best)) best = t[1], place = 1;                                                      \
        if (T##_wins_scalar(b[0], best)) best = b[0], place = 2;                                                      \
        if (T##_wins_scalar(b[1], best)) place = 3;                                                                   \
        return place;                                                                                                 \
    }                                                                                                                 \
    static void maxpool_2x2_##T(const char *top, const char *bottom, char *output, int64_t count) {                   \
        const T##e *t = (const T##e *)top, *b = (const T##e *)bottom;                                                 \
        T##e *y = (T##e *)output;                                                                                     \
        int64_t j = 0;                                                                                                \
        for (; j + HK_GRANULE <= count; j += HK_GRANULE) {                                                            \
            T##v m0 = T##_maximum(T##_load(t + 2 * j), T##_load(b + 2 * j));                                          \
            T##v m1 = T##_maximum(T##_load(t + 2 * j + HK_GRANULE), T##_load(b + 2 * j + HK_GRANULE));                \
            T##_store(y + j, T##_maximum(HK_EVEN(m0, m1), HK_ODD(m0, m1)));                                           \
        }                                                                                                             \
        for (; j < count; j++) {                                                                                      \
            int place = T##_winner(t + 2 * j, b + 2 * j);                                                             \
            y[j] = (place < 2 ? t : b)[2 * j + (place & 1)];                                                          \
        }                                                                                                             \
    }                                                                                                                 \
    static void maxpool_select_2x2_##T(                                                                               \
        const char *top, const char *bottom, const char *v_top, const char *v_bottom, char *output, int64_t count) {  \
        const T##e *t = (const T##e *)top, *b = (const T##e *)bottom;                                                 \
        const T##e *vt = (const T##e *)v_top, *vb = (const T##e *)v_bottom;                                           \
        T##e *y = (T##e *)output;                                                                                     \
        int64_t j = 0;                                                                                                \
        for (; j + HK_GRANULE <= count; j += HK_GRANULE) {                                                            \
            HK_WINDOWS(T, t + 2 * j, b + 2 * j);                                                                      \
            T##v p0 = T##_load(vt + 2 * j), p1 = T##_load(vt + 2 * j + HK_GRANULE);                                   \
            T##v q0 = T##_load(vb + 2 * j), q1 = T##_load(vb + 2 * j + HK_GRANULE);                                   \
            T##m w1 = T##_wins(x1, x0);                                                                               \
            T##v best = T##_choose(w1, x1, x0), v = T##_choose(w1, HK_ODD(p0, p1), HK_EVEN(p0, p1));                  \
            T##m w2 = T##_wins(x2, best);                                                                             \
            best = T##_choose(w2, x2, best), v = T##_choose(w2, HK_EVEN(q0, q1), v);                                  \
            T##_store(y + j, T##_choose(T##_wins(x3, best), HK_ODD(q0, q1), v));                                      \
        }                                                                                                             \
        for (; j < count; j++) {                                                                                      \
            int place = T##_winner(t + 2 * j, b + 2 * j);                                                             \
            y[j] = (place < 2 ? vt : vb)[2 * j + (place & 1)];                                                        \
        }                                                                                                             \
    }                                                                                                                 \
    static void maxpool_scatter_2x2_##T(                                                                              \
        const char *top, const char *bottom, const char *gradient, char *dx_top, char *dx_bottom, int64_t count) {    \
        const T##e *t = (const T##e *)top, *b = (const T##e *)bottom, *dy = (const T##e *)gradient;                   \
        T##e *dt = (T##e *)dx_top, *db = (T##e *)dx_bottom;                                                           \
        int64_t j = 0;                                                                                                \
        for (; j + HK_GRANULE <= count; j += HK_GRANULE) {                                                            \
            HK_WINDOWS(T, t + 2 * j, b + 2 * j);                                                                      \
            T##v zero = {}, g = T##_load(dy + j);                                                                     \
            T##m w1 = T##_wins(x1, x0);                                                                               \
            T##v best = T##_choose(w1, x1, x0);                                                                       \
            T##m w2 = T##_wins(x2, best);                                                                             \
            best = T##_choose(w2, x2, best);                                                                          \
            T##m w3 = T##_wins(x3, best);                                                                             \
            T##v d3 = T##_choose(w3, g, zero), d2 = T##_choose(w2 & ~w3, g, zero);                                    \
            T##v d1 = T##_choose(w1 & ~w2 & ~w3, g, zero), d0 = T##_choose(w1 | w2 | w3, zero, g);                    \
            T##_store(dt + 2 * j, HK_LOW(d0, d1));                                                                    \
            T##_store(dt + 2 * j + HK_GRANULE, HK_HIGH(d0, d1));                                                      \
            T##_store(db + 2 * j, HK_LOW(d2, d3));                                                                    \
            T##_store(db + 2 * j + HK_GRANULE, HK_HIGH(d2, d3));                                                      \
        }                                                                                                             \
        for (; j < count; j++) {                                                                                      \
            int place = T##_winner(t + 2 * j, b + 2 * j);                                                             \
            dt[2 * j] = place == 0 ? dy[j] : 0;                                                                       \
            dt[2 * j + 1] = place == 1 ? dy[j] : 0;                                                                   \
            db[2 * j] = place == 2 ? dy[j] : 0;                                                                       \
            db[2 * j + 1] = place == 3 ? dy[j] : 0;                                                                   \
        }                                                                                                             \
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
#define HK_MAX_LOOP(step)                                                                                             \
    for (int64_t j = 0; j < count; j++) {                                                                             \
        best[j] = ((x[j * (step)] > best[j]) | (x[j * (step)] != x[j * (step)])) ? x[j * (step)] : best[j];           \
    }
#define HK_PLACE_LOOP(step)                                                                                           \
    for (int64_t j = 0; j < count; j++) {                                                                             \
        int wins = (x[j * (step)] > best[j]) | ((x[j * (step)] != x[j * (step)]) & (best[j] == best[j]))              \
            | (place[j] < 0);                                                                                         \
        place[j] = wins ? first + (int32_t)(j * (step)) : place[j];                                                   \
        best[j] = wins ? x[j * (step)] : best[j];                                                                     \
    }
#define HK_SUM_LOOP(step)                                                                                             \
    for (int64_t j = 0; j < count; j++) sum[j] += x[j * (step)];
#define HK_SPREAD_LOOP(step)                                                                                          \
    for (int64_t j = 0; j < count; j++) dx[j * (step)] += share[j];
#define HK_POOL_ROWS(T)                                                                                               \
    static void pool_max_##T(const char *input, int64_t step, int64_t count, char *output) {                          \
        const T##e *restrict x = (const T##e *)input;                                                                 \
        T##e *restrict best = (T##e *)output;                                                                         \
        HK_BY_STEP(step, HK_MAX_LOOP)                                                                                 \
    }                                                                                                                 \
    static void pool_place_##T(                                                                                       \
        const char *input, int64_t step, int64_t count, int32_t first, char *output, int32_t *restrict place) {       \
        const T##e *restrict x = (const T##e *)input;                                                                 \
        T##e *restrict best = (T##e *)output;                                                                         \
        HK_BY_STEP(step, HK_PLACE_LOOP)                                                                               \
    }                                                                                                                 \
    static void pool_sum_##T(const char *input, int64_t step, int64_t count, char *output) {                          \
        const T##e *restrict x = (const T##e *)input;                                                                 \
        T##e *restrict sum = (T##e *)output;                                                                          \
        HK_BY_STEP(step, HK_SUM_LOOP)                                                                                 \
    }                                                                                                                 \
    static void pool_spread_##T(const char *shares, int64_t step, int64_t count, char *output) {                      \
        const T##e *restrict share = (const T##e *)shares;                                                            \
        T##e *restrict dx = (T##e *)output;                                                                           \
        HK_BY_STEP(step, HK_SPREAD_LOOP)                                                                              \
    }
HK_POOL_ROWS(f32)
HK_POOL_ROWS(f64)
