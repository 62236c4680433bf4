// Products with a right operand whose columns are dense (a transposed matrix, such as the weight of a dense layer): lanes run along k,
// so that nothing needs packing. Better than micro-tiles of a packed operand while the rows are few.

#if HK_AVX512
#define DOTS_ROWS 4
#define DOTS_WIDTH 5
#else
#define DOTS_ROWS 2
#define DOTS_WIDTH 2
#endif

HK_INLINE void dots_tile(
    const int rows, const int columns, int64_t k, const float *a, int64_t a_row, const float *b, int64_t b_column, float *c,
    int64_t c_row, const float *bias) {
    f32v sums[DOTS_ROWS][8];
    HK_UNROLL for (int r = 0; r < rows; r++) {
        HK_UNROLL for (int j = 0; j < columns; j++) sums[r][j] = (f32v){};
    }
    int64_t at = 0;
    for (; at + 16 <= k; at += 16) {
        f32v left[DOTS_ROWS];
        HK_UNROLL for (int r = 0; r < rows; r++) left[r] = f32_load(a + r * a_row + at);
        HK_UNROLL for (int j = 0; j < columns; j++) {
            f32v right = f32_load(b + j * b_column + at);
            HK_UNROLL for (int r = 0; r < rows; r++) sums[r][j] = f32_fma(left[r], right, sums[r][j]);
        }
    }
    if (at < k) {
        int64_t count = k - at;
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
#if HK_AVX512
#define DOTS_4(C) DOTS_TILE(1, C) DOTS_TILE(2, C) DOTS_TILE(3, C) DOTS_TILE(4, C)
#define DOTS_NAMES(C) {dots_1x##C, dots_2x##C, dots_3x##C, dots_4x##C}
DOTS_4(1)
DOTS_4(2)
DOTS_4(3)
DOTS_4(4)
DOTS_4(5)
DOTS_TILE(1, 8)
static const dots_function dots_tiles[DOTS_WIDTH][DOTS_ROWS] = {
    DOTS_NAMES(1), DOTS_NAMES(2), DOTS_NAMES(3), DOTS_NAMES(4), DOTS_NAMES(5)};
#define DOTS_ROW_WIDTH 8
static const dots_function dots_row = dots_1x8;
#else
DOTS_TILE(1, 1)
DOTS_TILE(2, 1)
DOTS_TILE(1, 2)
DOTS_TILE(2, 2)
DOTS_TILE(1, 4)
static const dots_function dots_tiles[DOTS_WIDTH][DOTS_ROWS] = {{dots_1x1, dots_2x1}, {dots_1x2, dots_2x2}};
#define DOTS_ROW_WIDTH 4
static const dots_function dots_row = dots_1x4;
#endif

/// C[m, n] = A B + bias, for A with dense rows and B with dense columns.
static void dots(
    int64_t m, int64_t n, int64_t k, const float *a, int64_t a_row, const float *b, int64_t b_column, float *c,
    int64_t c_row, const float *bias) {
    int64_t done = m == 1 ? n / DOTS_ROW_WIDTH * DOTS_ROW_WIDTH : 0;
    for (int64_t column = 0; column < done; column += DOTS_ROW_WIDTH) {
        dots_row(k, a, a_row, b + column * b_column, b_column, c + column, c_row, bias ? bias + column : NULL);
    }
    // Tiles of nearly equal size: a narrow last one would wait for its few sums.
    int64_t row_tiles = (m + DOTS_ROWS - 1) / DOTS_ROWS, column_tiles = (n - done + DOTS_WIDTH - 1) / DOTS_WIDTH;
    for (int64_t j = 0; j < column_tiles; j++) {
        int64_t column = done + (n - done) * j / column_tiles, columns = done + (n - done) * (j + 1) / column_tiles - column;
        for (int64_t i = 0; i < row_tiles; i++) {
            int64_t row = m * i / row_tiles, rows = m * (i + 1) / row_tiles - row;
            dots_tiles[columns - 1][rows - 1](
                k, a + row * a_row, a_row, b + column * b_column, b_column, c + row * c_row + column, c_row,
                bias ? bias + column : NULL);
        }
    }
}
