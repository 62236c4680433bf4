// The product of a recurrent step where first-level caches are small and the weights do not stay in the second: panels of one granule, cut so
// that a part stays in the first-level cache while all rows meet it; the next part is asked for meanwhile, so that the first rows to meet it
// do not wait. Every sum runs over k in order, as in gemm.h, so both give the same bits.

#if HK_AVX2
/// Rows of the largest tile: twelve registers of sums, two of the panel, one of the row.
#define RECURRENT_ROWS 6
/// Depth of a part: 16 KiB.
#define RECURRENT_DEPTH 256

/// Adds `rows` times a panel's part to sums, from zeros where it is the `first`; asks for `lines` cache lines from `ahead` on in every four steps.
HK_INLINE void recurrent_tile(
    const int rows, int64_t k, const float *left, int64_t left_row, const float *panel, const float *ahead, int64_t lines,
    float *product, int64_t product_row, _Bool first) {
    f32v sums[RECURRENT_ROWS];
    if (first) {
        HK_UNROLL for (int r = 0; r < rows; r++) sums[r] = (f32v){};
    } else {
        HK_UNROLL for (int r = 0; r < rows; r++) sums[r] = f32_load(product + r * product_row);
    }
    // A pointer for every third row: the two between are reached by the index.
    const float *low = left, *high = left + 3 * left_row;
    int64_t l = 0;
    for (; l + 4 <= k; l += 4, low += 4, high += 4, panel += 4 * HK_GRANULE) {
        for (int64_t line = 0; line < lines; line++, ahead += HK_GRANULE) __builtin_prefetch(ahead, 0, 2);
        HK_UNROLL for (int step = 0; step < 4; step++) {
            f32v right = f32_load(panel + step * HK_GRANULE);
            HK_UNROLL for (int r = 0; r < rows; r++) {
                // Minus zero, since plus zero would remain as an instruction.
                sums[r] = f32_fma((r < 3 ? low : high)[r % 3 * left_row + step] - (f32v){}, right, sums[r]);
            }
        }
    }
    HK_ROLLED for (; l < k; l++, low++, high++, panel += HK_GRANULE) {
        f32v right = f32_load(panel);
        HK_UNROLL for (int r = 0; r < rows; r++) {
            sums[r] = f32_fma((r < 3 ? low : high)[r % 3 * left_row] - (f32v){}, right, sums[r]);
        }
    }
    HK_UNROLL for (int r = 0; r < rows; r++) f32_store(product + r * product_row, sums[r]);
}

typedef void (*recurrent_function)(
    int64_t k, const float *left, int64_t left_row, const float *panel, const float *ahead, int64_t lines, float *product,
    int64_t product_row, _Bool first);
#define RECURRENT_TILE(R)                                                                                             \
    static void recurrent_tile_##R(                                                                                   \
        int64_t k, const float *left, int64_t left_row, const float *panel, const float *ahead, int64_t lines,        \
        float *product, int64_t product_row, _Bool first) {                                                           \
        recurrent_tile(R, k, left, left_row, panel, ahead, lines, product, product_row, first);                       \
    }
RECURRENT_TILE(1)
RECURRENT_TILE(2)
RECURRENT_TILE(3)
RECURRENT_TILE(4)
RECURRENT_TILE(5)
RECURRENT_TILE(6)
static const recurrent_function recurrent_tiles[RECURRENT_ROWS] = {recurrent_tile_1, recurrent_tile_2, recurrent_tile_3,
                                                                   recurrent_tile_4, recurrent_tile_5, recurrent_tile_6};

/// product[rows, panels * 16] = left[rows, k] times panels of `[k, 16]`, which lie one after the other; `next` is the panel wanted after them.
static void recurrent_product(
    int64_t rows, int64_t panels, int64_t k, const float *left, int64_t left_row, const float *packed, const float *next,
    float *product, int64_t product_row) {
    int64_t tiles = (rows + RECURRENT_ROWS - 1) / RECURRENT_ROWS, parts = (k + RECURRENT_DEPTH - 1) / RECURRENT_DEPTH;
    int64_t lines = tiles >= 4 ? 1 : tiles >= 2 ? 2 : 4;
    for (int64_t panel = 0; panel < panels; panel++, product += HK_GRANULE) {
        for (int64_t part = 0; part < parts; part++) {
            int64_t from = k * part / parts, depth = k * (part + 1) / parts - from;
            const float *here = packed + (panel * k + from) * HK_GRANULE, *ahead = here + depth * HK_GRANULE;
            if (panel + 1 == panels && part + 1 == parts) ahead = next;
            const float *end = ahead + depth * HK_GRANULE;
            for (int64_t tile = 0; tile < tiles; tile++) {
                int64_t row = rows * tile / tiles, height = rows * (tile + 1) / tiles - row;
                recurrent_tiles[height - 1](
                    depth, left + row * left_row + from, left_row, here, ahead, ahead < end ? lines : 0,
                    product + row * product_row, product_row, part == 0);
                ahead += depth / 4 * lines * HK_GRANULE;
            }
        }
    }
}
#define HK_RECURRENT_PRODUCT recurrent_product
#else
#define HK_RECURRENT_PRODUCT NULL
#endif
