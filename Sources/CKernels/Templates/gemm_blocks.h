// Blocks of large f32 matrix products: packing of both sides as the micro-tiles of gemm.h read them, and one panel of columns times many rows.

// The width, in `gemm_tiles`, of the tallest tiles, and their columns.
#if HK_AVX512
#define GEMM_BLOCK_WIDTH 1
#else
#define GEMM_BLOCK_WIDTH 0
#endif
#define GEMM_BLOCK_COLUMNS (16 << GEMM_BLOCK_WIDTH)

// Tiles of packed rows, one panel wide.
#if HK_AVX512
#define gemm_packed_tiles gemm_any_tiles
#else
#define GEMM_PACKED(R) GEMM_FUNCTION(gemm_packed_##R##x1, R, 1, 1, GEMM_ROWS, 4)
GEMM_PACKED(1) GEMM_PACKED(2) GEMM_PACKED(3)
#if GEMM_ROWS == 6
GEMM_PACKED(4) GEMM_PACKED(5) GEMM_PACKED(6)
static const gemm_function gemm_packed_tiles[1][GEMM_ROWS] = {{GEMM_NAMES_6(packed, 1)}};
#else
static const gemm_function gemm_packed_tiles[1][GEMM_ROWS] = {{GEMM_NAMES_3(packed, 1)}};
#endif
#endif

/// Rows of nearly equal height: a low last tile would wait for its few sums.
HK_INLINE int64_t gemm_tile_row(int64_t m, int64_t tile) {
    int64_t tiles = (m + GEMM_ROWS - 1) / GEMM_ROWS;
    return m * tile / tiles;
}

/// Floats that packing copies at once: a tile's rows, and up to seven more.
#define GEMM_COPY ((GEMM_ROWS + 7) / 8 * 8)

/// A tile's rows by `k` dense columns to [k][GEMM_ROWS]; writes up to seven elements more.
HK_INLINE void gemm_pack_dense_rows(const float *a, int64_t a_row, int64_t rows, int64_t k, float *to) {
    const float *row[GEMM_COPY];
    for (int64_t i = 0; i < GEMM_COPY; i++) row[i] = a + (i < rows ? i : rows - 1) * a_row;
    int64_t l = 0;
    for (; l + 8 <= k; l += 8, to += 8 * GEMM_ROWS) {
        transpose48 squares[GEMM_COPY / 8][8];
        HK_UNROLL for (int s = 0; s < GEMM_COPY / 8; s++) {
            for (int i = 0; i < 8; i++) memcpy(&squares[s][i], row[8 * s + i] + l, sizeof squares[s][i]);
            transpose4_turn(squares[s]);
        }
        // What a store writes beyond its column the next one corrects.
        for (int i = 0; i < 8; i++) {
            HK_UNROLL for (int s = 0; s < GEMM_COPY / 8; s++) memcpy(to + i * GEMM_ROWS + 8 * s, &squares[s][i], sizeof squares[s][i]);
        }
    }
    for (; l < k; l++, to += GEMM_ROWS) {
        for (int64_t i = 0; i < rows; i++) to[i] = row[i][l];
    }
}

/// Tiles of A that are packed from a column at once, and how many columns ahead are asked for.
#define GEMM_TILES_TOGETHER 32
#define GEMM_COLUMNS_AHEAD 8

/// The tiles of A, whose columns are dense: many tiles of a column at once, and what is wanted next is asked for, since columns may lie
/// pages apart, where no processor looks ahead by itself. A copy of whole vectors is a load and a store each; what it writes beyond its
/// column the next one corrects.
HK_INLINE void gemm_pack_dense_columns(const float *a, int64_t a_column, int64_t m, int64_t k, float *packed, int64_t a_tile) {
    int64_t tiles = (m + GEMM_ROWS - 1) / GEMM_ROWS;
    for (int64_t first = 0; first < tiles; first += GEMM_TILES_TOGETHER, packed += GEMM_TILES_TOGETHER * a_tile) {
        const float *from[GEMM_TILES_TOGETHER];
        int64_t count = tiles - first < GEMM_TILES_TOGETHER ? tiles - first : GEMM_TILES_TOGETHER, wide = 0;
        for (int64_t i = 0; i < count; i++) {
            int64_t row = gemm_tile_row(m, first + i);
            from[i] = a + row;
            if (row + GEMM_COPY <= m) wide = i + 1;
        }
        for (int64_t l = 0; l < k && wide > 0; l++) {
            const float *ahead = from[0] + (l + GEMM_COLUMNS_AHEAD < k ? l + GEMM_COLUMNS_AHEAD : k - 1) * a_column;
            for (int64_t i = 0; i < count * GEMM_ROWS; i += 16) __builtin_prefetch(ahead + i);
            for (int64_t i = 0; i < wide; i++) {
                memcpy(packed + i * a_tile + l * GEMM_ROWS, from[i] + l * a_column, GEMM_COPY * sizeof(float));
            }
        }
        for (int64_t i = wide; i < count; i++) {
            int64_t rows = gemm_tile_row(m, first + i + 1) - gemm_tile_row(m, first + i);
            for (int64_t l = 0; l < k; l++) {
                for (int64_t r = 0; r < rows; r++) packed[i * a_tile + l * GEMM_ROWS + r] = from[i][l * a_column + r];
            }
        }
    }
}

/// The tiles of A, `[m, k]` with any strides. Tiles lie `a_tile` floats apart, which is eight more than they take.
static void gemm_pack_tiles(
    const float *a, int64_t a_row, int64_t a_column, int64_t m, int64_t k, float *packed, int64_t a_tile) {
    if (a_row == 1) return gemm_pack_dense_columns(a, a_column, m, k, packed, a_tile);
    int64_t tiles = (m + GEMM_ROWS - 1) / GEMM_ROWS;
    for (int64_t tile = 0; tile < tiles; tile++) {
        int64_t row = gemm_tile_row(m, tile), rows = gemm_tile_row(m, tile + 1) - row;
        const float *from = a + row * a_row;
        float *to = packed + tile * a_tile;
        if (a_column == 1) {
            gemm_pack_dense_rows(from, a_row, rows, k, to);
        } else {
            for (int64_t l = 0; l < k; l++) {
                for (int64_t i = 0; i < rows; i++) to[l * GEMM_ROWS + i] = from[i * a_row + l * a_column];
            }
        }
    }
}

typedef float gemm_copied __attribute__((vector_size(GEMM_COPY * sizeof(float))));

static void gemm_sum_tiles(const float *packed, int64_t a_tile, int64_t m, int64_t k, float *sums, _Bool first) {
    int64_t tiles = (m + GEMM_ROWS - 1) / GEMM_ROWS;
    for (int64_t tile = 0; tile < tiles; tile++, packed += a_tile) {
        int64_t row = gemm_tile_row(m, tile), rows = gemm_tile_row(m, tile + 1) - row;
        // Four sums side by side, each of every fourth column. What lies beyond the tile's rows counts for nothing.
        gemm_copied some[4] = {};
        for (int64_t l = 0; l < k; l += 4) {
            HK_UNROLL for (int i = 0; i < 4; i++) {
                gemm_copied column = {};
                if (l + i < k) memcpy(&column, packed + (l + i) * GEMM_ROWS, sizeof column);
                some[i] += column;
            }
        }
        gemm_copied total = (some[0] + some[1]) + (some[2] + some[3]);
        for (int64_t i = 0; i < rows; i++) sums[row + i] = first ? total[i] : sums[row + i] + total[i];
    }
}

/// `n` columns of B, `[k, n]` with any strides, as panels of `width`, the last of them filled up with zeros.
HK_INLINE void gemm_pack_columns(
    const int64_t width, const float *b, int64_t b_row, int64_t b_column, int64_t n, int64_t k, float *packed) {
    int64_t step = k * width, whole = b_column == 1 ? n / width : 0;
    // Dense rows are read from end to end, all panels of a row at once: memory gives them faster so.
    for (int64_t l = 0; l < k && whole > 0; l++) {
        for (int64_t panel = 0; panel < whole; panel++) {
            memcpy(packed + panel * step + l * width, b + l * b_row + panel * width, (size_t)width * sizeof(float));
        }
    }
    packed += whole * step;
    for (int64_t column = whole * width; column < n; column += width, packed += step) {
        int64_t columns = n - column < width ? n - column : width;
        const float *from = b + column * b_column;
        if (columns < width) memset(packed, 0, (size_t)step * sizeof(float));
        if (b_row == 1 && b_column != 1) {
            transpose4((const char *)from, b_column, (char *)packed, width, columns, k);
            continue;
        }
        for (int64_t l = 0; l < k; l++) {
            for (int64_t j = 0; j < columns; j++) packed[l * width + j] = from[l * b_row + j * b_column];
        }
    }
}

static void gemm_pack_panels(
    int64_t width, const float *b, int64_t b_row, int64_t b_column, int64_t n, int64_t k, float *packed) {
    if (width == 16) gemm_pack_columns(16, b, b_row, b_column, n, k, packed);
    if (width == HK_GEMM_COLUMNS) gemm_pack_columns(HK_GEMM_COLUMNS, b, b_row, b_column, n, k, packed);
}

/// C[m, n] = alpha A B + beta C + bias for one panel of B; A lies in place, or in tiles.
static void gemm_panel(
    const hk_gemm_call *call, int64_t m, int64_t n, const float *a, const float *panel, float *c, const float *bias) {
    int64_t tiles = (m + GEMM_ROWS - 1) / GEMM_ROWS;
    int width = n > 16 ? GEMM_BLOCK_WIDTH : 0;
    int64_t last = n - (16 << width) + 16;
    const gemm_function *by_rows =
        call->a_tile ? gemm_packed_tiles[width] : call->a_column == 1 ? gemm_dense_tiles[width] : gemm_any_tiles[width];
    for (int64_t tile = 0; tile < tiles; tile++) {
        int64_t row = gemm_tile_row(m, tile), rows = gemm_tile_row(m, tile + 1) - row;
        const float *left = call->a_tile ? a + tile * call->a_tile : a + row * call->a_row;
        by_rows[rows - 1](call, left, panel, c + row * call->c_row, bias, last);
    }
}
