// Micro-tiles of f32 matrix products: a few rows times a few granules of columns, all sums in registers.
//
// Every sum runs over k in order by fused multiply-add, so an element's bits do not depend on the tile that it falls into.

// Rows of the largest tiles of 1, 2, 4 and 8 granules of columns, by how many vector registers there are.
#if HK_AVX512
#define GEMM_ROWS 14
static const int gemm_rows[4] = {14, 14, 6, 2};
#elif HK_AVX2 || defined(__aarch64__)
#define GEMM_ROWS 6
static const int gemm_rows[4] = {6, 3, 1, 0};
#else
#define GEMM_ROWS 3
static const int gemm_rows[4] = {3, 1, 0, 0};
#endif

/// Adds one column of A times one row of B to the sums.
HK_INLINE void gemm_column(
    const int rows, const int granules, f32v sums[GEMM_ROWS][8], const float *const *bases, int64_t a_row, const float *b, int64_t step) {
    f32v right[8];
    HK_UNROLL for (int v = 0; v < granules; v++) right[v] = f32_load(b + v / 2 * step + v % 2 * 16);
    HK_UNROLL for (int r = 0; r < rows; r++) {
        // Minus zero, since plus zero would change the sign of a negative zero and so remain as an instruction.
        f32v left = bases[r / 3][r % 3 * a_row] - (f32v){};
        HK_UNROLL for (int v = 0; v < granules; v++) sums[r][v] = f32_fma(left, right[v], sums[r][v]);
    }
}

/// Puts the sums where they belong; `last` columns of the last granule.
HK_INLINE void gemm_store(
    const int rows, const int granules, f32v sums[GEMM_ROWS][8], const hk_gemm_call *call, float *c, const float *bias, const _Bool relu,
    const intptr_t gate, const int64_t last) {
    const float alpha = call->alpha, beta = call->beta;
    HK_UNROLL for (int r = 0; r < rows; r++) {
        HK_UNROLL for (int v = 0; v < granules; v++) {
            int64_t count = v == granules - 1 ? last : 16;
            float *to = c + r * call->c_row + v * 16;
            f32v value = sums[r][v] * alpha;
            if (beta != 0) value = f32_fma(splat(beta), row_load(to, count, 0), value);
            if (bias) value += row_load(bias + v * 16, count, 0);
            if (relu) value = f32_choose(value < 0, (f32v){}, value);
            if (gate) value = f32_choose(row_load((const float *)((intptr_t)to + gate), count, 0) <= 0, (f32v){}, value);
            row_store(to, count, value);
        }
    }
}

/// `a_row` and `a_column` are those of the call, as constants where they are known; `together` columns are added without counting between.
HK_INLINE void gemm_tile(
    const int rows, const int granules, const int64_t a_row, const int64_t a_column, const int together, const hk_gemm_call *call,
    const float *a, const float *b, float *c, const float *bias, int64_t last) {
    f32v sums[GEMM_ROWS][8];
    HK_UNROLL for (int r = 0; r < rows; r++) {
        HK_UNROLL for (int v = 0; v < granules; v++) sums[r][v] = (f32v){};
    }
    // C comes from further away than a tile's other operands, and so does its gate: they are on their way while the products are summed.
    HK_UNROLL for (int r = 0; r < rows; r++) {
        HK_UNROLL for (int v = 0; v < granules; v++) __builtin_prefetch(c + r * call->c_row + v * 16, 1);
    }
    if (call->gate) {
        HK_UNROLL for (int r = 0; r < rows; r++) {
            HK_UNROLL for (int v = 0; v < granules; v++) __builtin_prefetch((const char *)(c + r * call->c_row + v * 16) + call->gate);
        }
    }
    const int64_t b_row = call->b_row, step = call->panel_step;
    // A pointer for every third row: the two between are reached by the index.
    const float *bases[(GEMM_ROWS + 2) / 3];
    HK_UNROLL for (int g = 0; g < (rows + 2) / 3; g++) bases[g] = a + 3 * g * a_row;
    int64_t l = call->k;
    for (; together > 1 && l >= together; l -= together) {
        HK_UNROLL for (int u = 0; u < together; u++) {
            gemm_column(rows, granules, sums, bases, a_row, b, step);
            b += b_row;
            HK_UNROLL for (int g = 0; g < (rows + 2) / 3; g++) bases[g] += a_column;
        }
    }
    for (; l > 0; l--) {
        gemm_column(rows, granules, sums, bases, a_row, b, step);
        b += b_row;
        HK_UNROLL for (int g = 0; g < (rows + 2) / 3; g++) bases[g] += a_column;
    }
    // Most tiles are whole, and of sums that nothing more is done to: between shallow ones the questions of every granule would take their time.
    if (last == 16 && !bias && !call->relu && !call->gate) {
        gemm_store(rows, granules, sums, call, c, NULL, 0, 0, 16);
    } else {
        gemm_store(rows, granules, sums, call, c, bias, call->relu, call->gate, last);
    }
}

typedef void (*gemm_function)(
    const hk_gemm_call *call, const float *a, const float *b, float *c, const float *bias, int64_t last);
#define GEMM_FUNCTION(NAME, R, V, A_ROW, A_COLUMN, TOGETHER)                                                           \
    static void NAME(                                                                                                 \
        const hk_gemm_call *call, const float *a, const float *b, float *c, const float *bias, int64_t last) {        \
        gemm_tile(R, V, A_ROW, A_COLUMN, TOGETHER, call, a, b, c, bias, last);                                        \
    }
// Where registers are few, tiles are low, and counting and strides are a quarter of a column's instructions, most felt by a processor whose
// core runs another thread too: tiles of A with dense rows have functions of their own, and so have those with dense columns.
#define GEMM_ANY(R, V, TOGETHER) GEMM_FUNCTION(gemm_any_##R##x##V, R, V, call->a_row, call->a_column, TOGETHER)
#if HK_AVX512
#define GEMM_TILE(R, V) GEMM_ANY(R, V, 1)
#define gemm_dense_tiles gemm_any_tiles
#define gemm_turned_tiles gemm_any_tiles
#else
#define GEMM_TILE(R, V)                                                                                               \
    GEMM_ANY(R, V, 4)                                                                                                 \
    GEMM_FUNCTION(gemm_dense_##R##x##V, R, V, call->a_row, 1, 4)                                                      \
    GEMM_FUNCTION(gemm_turned_##R##x##V, R, V, 1, call->a_column, 4)
#endif
#define GEMM_3(V) GEMM_TILE(1, V) GEMM_TILE(2, V) GEMM_TILE(3, V)
#define GEMM_6(V) GEMM_3(V) GEMM_TILE(4, V) GEMM_TILE(5, V) GEMM_TILE(6, V)
#define GEMM_14(V)                                                                                                    \
    GEMM_6(V) GEMM_TILE(7, V) GEMM_TILE(8, V) GEMM_TILE(9, V) GEMM_TILE(10, V) GEMM_TILE(11, V) GEMM_TILE(12, V)      \
    GEMM_TILE(13, V) GEMM_TILE(14, V)
#define GEMM_NAMES_3(A, V) gemm_##A##_1x##V, gemm_##A##_2x##V, gemm_##A##_3x##V
#define GEMM_NAMES_6(A, V) GEMM_NAMES_3(A, V), gemm_##A##_4x##V, gemm_##A##_5x##V, gemm_##A##_6x##V
#define GEMM_NAMES_14(A, V)                                                                                           \
    GEMM_NAMES_6(A, V), gemm_##A##_7x##V, gemm_##A##_8x##V, gemm_##A##_9x##V, gemm_##A##_10x##V, gemm_##A##_11x##V,   \
        gemm_##A##_12x##V, gemm_##A##_13x##V, gemm_##A##_14x##V
#if HK_AVX512
GEMM_14(1)
GEMM_14(2)
GEMM_6(4)
GEMM_TILE(1, 8)
GEMM_TILE(2, 8)
#define GEMM_TILES(A)                                                                                                 \
    {{GEMM_NAMES_14(A, 1)}, {GEMM_NAMES_14(A, 2)}, {GEMM_NAMES_6(A, 4)}, {gemm_##A##_1x8, gemm_##A##_2x8}}
#elif HK_AVX2 || defined(__aarch64__)
GEMM_6(1)
GEMM_3(2)
GEMM_TILE(1, 4)
#define GEMM_TILES(A) {{GEMM_NAMES_6(A, 1)}, {GEMM_NAMES_3(A, 2)}, {gemm_##A##_1x4}}
#else
GEMM_3(1)
GEMM_TILE(1, 2)
#define GEMM_TILES(A) {{GEMM_NAMES_3(A, 1)}, {gemm_##A##_1x2}}
#endif
static const gemm_function gemm_any_tiles[4][GEMM_ROWS] = GEMM_TILES(any);
#if !HK_AVX512
static const gemm_function gemm_dense_tiles[4][GEMM_ROWS] = GEMM_TILES(dense);
static const gemm_function gemm_turned_tiles[4][GEMM_ROWS] = GEMM_TILES(turned);
#endif

/// C[m, n] = alpha A B + beta C + bias, with `relu` 0 instead of what is negative, with a gate where that is closed. Granule v of the columns
/// of B begins at b + (v / 2) * panel_step + v % 2 * 16.
static void gemm(
    const hk_gemm_call *call, int64_t m, int64_t n, const float *a, const float *b, float *c, const float *bias) {
    // Rows that lie a multiple of 4,096 bytes apart share their place in the first-level cache, which holds 8 to 12 of them.
    int64_t most = (call->a_row & 1023) == 0 && call->a_row != 0 && GEMM_ROWS > 8 ? 8 : GEMM_ROWS;
#if !HK_AVX512
    // Few rows: whole panels, read from end to end, by low tiles.
    if (m <= 4 * gemm_rows[1] && n > 16) most = gemm_rows[1];
#endif
    int64_t tiles = (m + most - 1) / most;
    int64_t tallest = (m + tiles - 1) / tiles;
    const gemm_function(*by_width)[GEMM_ROWS] =
        call->a_column == 1 ? gemm_dense_tiles : call->a_row == 1 ? gemm_turned_tiles : gemm_any_tiles;
    for (int64_t column = 0; column < n;) {
        int64_t granules = (n - column + 15) / 16;
        int width = granules >= 8 ? 3 : granules >= 4 ? 2 : granules >= 2 ? 1 : 0;
        while (gemm_rows[width] < tallest) width--;
        int64_t columns = 16 << width;
        int64_t last = n - column >= columns ? 16 : n - column - (columns - 16);
        const float *panel = b + column / 32 * call->panel_step + column % 32;
        for (int64_t tile = 0; tile < tiles; tile++) {
            int64_t row = m * tile / tiles, rows = m * (tile + 1) / tiles - row;
            by_width[width][rows - 1](
                call, a + row * call->a_row, panel, c + row * call->c_row + column, bias ? bias + column : NULL, last);
        }
        column += columns;
    }
}
