// The products of a convolution as one product: a few pixels times two blocks of sixteen output channels, all sums in registers.

#if HK_AVX512
#define UNFOLD_ROWS 14
#define UNFOLD_VECTORS 2
#elif HK_AVX2 || defined(__aarch64__)
#define UNFOLD_ROWS 6
#define UNFOLD_VECTORS 1
#else
#define UNFOLD_ROWS 4
#define UNFOLD_VECTORS 1
#endif

HK_INLINE void unfold_tile(
    const int rows, const hk_unfold_call *call, const float *x, const float *weights, const float *bias, float *y) {
    f32v sum[UNFOLD_ROWS][UNFOLD_VECTORS];
    HK_UNROLL for (int i = 0; i < rows; i++) {
        HK_UNROLL for (int j = 0; j < UNFOLD_VECTORS; j++) sum[i][j] = (f32v){};
    }
    const int64_t pixel = call->x_pixel;
    for (int64_t block = 0; block < call->blocks; block++, x += call->x_block) {
        for (int c = 0; c < HK_WINOGRAD_LANES; c++, weights += HK_WINOGRAD_PANEL) {
            f32v right[UNFOLD_VECTORS];
            HK_UNROLL for (int j = 0; j < UNFOLD_VECTORS; j++) right[j] = f32_load(weights + j * HK_WINOGRAD_LANES);
            HK_UNROLL for (int i = 0; i < rows; i++) {
                f32v value = winograd_all(x[i * pixel + c]);
                HK_UNROLL for (int j = 0; j < UNFOLD_VECTORS; j++) sum[i][j] = f32_fma(value, right[j], sum[i][j]);
            }
        }
    }
    HK_UNROLL for (int j = 0; j < UNFOLD_VECTORS; j++) {
        if (j >= call->halves) break;
        f32v more = bias ? f32_load(bias + j * HK_WINOGRAD_LANES) : (f32v){};
        HK_UNROLL for (int i = 0; i < rows; i++) {
            float *to = y + j * call->y_block + i * HK_WINOGRAD_LANES;
            f32v value = sum[i][j] + more;
            if (call->adds) value += f32_load(to);
            // NaN passes, as in torch.relu.
            if (call->relu) value = (f32v)((i32v)value & ~(value < 0));
            f32_store(to, value);
        }
    }
}

typedef void (*unfold_function)(
    const hk_unfold_call *call, const float *x, const float *weights, const float *bias, float *y);
#define UNFOLD_TILE(R)                                                                                             \
    static void unfold_##R(                                                                                        \
        const hk_unfold_call *call, const float *x, const float *weights, const float *bias, float *y) {           \
        unfold_tile(R, call, x, weights, bias, y);                                                                 \
    }
UNFOLD_TILE(1)
UNFOLD_TILE(2)
UNFOLD_TILE(3)
UNFOLD_TILE(4)
#if UNFOLD_ROWS > 4
UNFOLD_TILE(5)
UNFOLD_TILE(6)
#endif
#if UNFOLD_ROWS > 6
UNFOLD_TILE(7)
UNFOLD_TILE(8)
UNFOLD_TILE(9)
UNFOLD_TILE(10)
UNFOLD_TILE(11)
UNFOLD_TILE(12)
UNFOLD_TILE(13)
UNFOLD_TILE(14)
#endif
static const unfold_function unfold_tiles[UNFOLD_ROWS] = {
    unfold_1, unfold_2, unfold_3, unfold_4,
#if UNFOLD_ROWS > 4
    unfold_5, unfold_6,
#endif
#if UNFOLD_ROWS > 6
    unfold_7, unfold_8, unfold_9, unfold_10, unfold_11, unfold_12, unfold_13, unfold_14,
#endif
};

/// y[output block][pixel][16] = relu?(x[channel block][pixel][16 channels] times weights[channel][32] + bias + y?) for `pixels` pixels and the
/// first `halves` of two output blocks.
static void unfold(
    const hk_unfold_call *call, int64_t pixels, const float *x, const float *weights, const float *bias, float *y) {
    hk_unfold_call part = *call;
    // Tiles of nearly equal height: a low last one would wait for its few sums.
    int64_t tiles = (pixels + UNFOLD_ROWS - 1) / UNFOLD_ROWS;
    for (int j = 0; j < call->halves; j += UNFOLD_VECTORS) {
        part.halves = call->halves - j;
        for (int64_t tile = 0; tile < tiles; tile++) {
            int64_t row = pixels * tile / tiles, rows = pixels * (tile + 1) / tiles - row;
            unfold_tiles[rows - 1](
                &part, x + row * call->x_pixel, weights + j * HK_WINOGRAD_LANES, bias ? bias + j * HK_WINOGRAD_LANES : NULL,
                y + j * call->y_block + row * HK_WINOGRAD_LANES);
        }
    }
}
