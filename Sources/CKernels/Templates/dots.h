// Products with a right operand whose columns are dense (a transposed matrix, such as the weight of a dense layer): lanes run along k,
// so that nothing needs packing. Better than micro-tiles of a packed operand while the rows are few.

#if HK_AVX512
#define DOTS_ROWS 4
#define DOTS_WIDTH 4
#else
#define DOTS_ROWS 2
#define DOTS_WIDTH 2
#endif

HK_INLINE void dots_tile(
    const int rows, const int columns, int64_t k, const float *a, int64_t a_row, const float *b, int64_t b_column, float *c,
    int64_t c_row, const float *bias) {
    f32v sums[DOTS_ROWS][2 * DOTS_WIDTH];
    HK_UNROLL for (int r = 0; r < rows; r++) {
        HK_UNROLL for (int j = 0; j < columns; j++) sums[r][j] = (f32v){};
    }
    for (int64_t at = 0; at < k; at += 16) {
        int64_t count = k - at < 16 ? k - at : 16;
        f32v left[DOTS_ROWS];
        HK_UNROLL for (int r = 0; r < rows; r++) left[r] = row_load(a + r * a_row + at, count, 0);
        HK_UNROLL for (int j = 0; j < columns; j++) {
            f32v right = row_load(b + j * b_column + at, count, 0);
            HK_UNROLL for (int r = 0; r < rows; r++) sums[r][j] = f32_fma(left[r], right, sums[r][j]);
        }
    }
    HK_UNROLL for (int r = 0; r < rows; r++) {
        HK_UNROLL for (int j = 0; j < columns; j++) {
            float sum = sum_lanes_f32(sums[r][j])[0];
            c[r * c_row + j] = bias ? sum + bias[j] : sum;
        }
    }
}

typedef void (*dots_function)(
    int64_t k, const float *a, int64_t a_row, const float *b, int64_t b_column, float *c, int64_t c_row, const float *bias);
#define DOTS_TILE(R, C)                                                                                               \
    static void dots_##R##x##C(                                                                                       \
        int64_t k, const float *a, int64_t a_row, const float *b, int64_t b_column, float *c, int64_t c_row,          \
        const float *bias) {                                                                                          \
        dots_tile(R, C, k, a, a_row, b, b_column, c, c_row, bias);                                                    \
    }
DOTS_TILE(1, 1)
DOTS_TILE(2, 1)
#if HK_AVX512
DOTS_TILE(3, 1)
DOTS_TILE(4, 1)
DOTS_TILE(1, 4)
DOTS_TILE(2, 4)
DOTS_TILE(3, 4)
DOTS_TILE(4, 4)
DOTS_TILE(1, 8)
static const dots_function dots_row = dots_1x8, dots_wide[4] = {dots_1x4, dots_2x4, dots_3x4, dots_4x4},
                           dots_narrow[4] = {dots_1x1, dots_2x1, dots_3x1, dots_4x1};
#else
DOTS_TILE(1, 2)
DOTS_TILE(2, 2)
DOTS_TILE(1, 4)
static const dots_function dots_row = dots_1x4, dots_wide[2] = {dots_1x2, dots_2x2}, dots_narrow[2] = {dots_1x1, dots_2x1};
#endif

/// C[m, n] = A B + bias, for A with dense rows and B with dense columns.
static void dots(
    int64_t m, int64_t n, int64_t k, const float *a, int64_t a_row, const float *b, int64_t b_column, float *c,
    int64_t c_row, const float *bias) {
    int64_t tiles = (m + DOTS_ROWS - 1) / DOTS_ROWS, column = 0;
    if (m == 1) {
        for (; column + 2 * DOTS_WIDTH <= n; column += 2 * DOTS_WIDTH) {
            dots_row(k, a, a_row, b + column * b_column, b_column, c + column, c_row, bias ? bias + column : NULL);
        }
    }
    while (column < n) {
        _Bool wide = column + DOTS_WIDTH <= n;
        const dots_function *table = wide ? dots_wide : dots_narrow;
        for (int64_t tile = 0; tile < tiles; tile++) {
            int64_t row = m * tile / tiles, rows = m * (tile + 1) / tiles - row;
            table[rows - 1](
                k, a + row * a_row, a_row, b + column * b_column, b_column, c + row * c_row + column, c_row,
                bias ? bias + column : NULL);
        }
        column += wide ? DOTS_WIDTH : 1;
    }
}
