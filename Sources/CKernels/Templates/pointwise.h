// The products of a convolution of one tap: a few pixels times two blocks of sixteen output channels, all sums in registers.

#if HK_AVX512
#define POINTWISE_ROWS 14
#define POINTWISE_VECTORS 2
#elif HK_AVX2 || defined(__aarch64__)
#define POINTWISE_ROWS 6
#define POINTWISE_VECTORS 1
#else
#define POINTWISE_ROWS 4
#define POINTWISE_VECTORS 1
#endif

HK_INLINE void pointwise_tile(
    const int rows, const hk_pointwise_call *call, const float *x, const float *weights, const float *bias, float *y) {
    f32v sum[POINTWISE_ROWS][POINTWISE_VECTORS];
    HK_UNROLL for (int i = 0; i < rows; i++) {
        HK_UNROLL for (int j = 0; j < POINTWISE_VECTORS; j++) sum[i][j] = (f32v){};
    }
    const int64_t pixel = call->x_pixel;
    for (int64_t block = 0; block < call->blocks; block++, x += call->x_block) {
        for (int c = 0; c < HK_WINOGRAD_LANES; c++, weights += HK_WINOGRAD_PANEL) {
            f32v right[POINTWISE_VECTORS];
            HK_UNROLL for (int j = 0; j < POINTWISE_VECTORS; j++) right[j] = f32_load(weights + j * HK_WINOGRAD_LANES);
            HK_UNROLL for (int i = 0; i < rows; i++) {
                f32v value = winograd_all(x[i * pixel + c]);
                HK_UNROLL for (int j = 0; j < POINTWISE_VECTORS; j++) sum[i][j] = f32_fma(value, right[j], sum[i][j]);
            }
        }
    }
    HK_UNROLL for (int j = 0; j < POINTWISE_VECTORS; j++) {
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

typedef void (*pointwise_function)(
    const hk_pointwise_call *call, const float *x, const float *weights, const float *bias, float *y);
#define POINTWISE_TILE(R)                                                                                             \
    static void pointwise_##R(                                                                                        \
        const hk_pointwise_call *call, const float *x, const float *weights, const float *bias, float *y) {           \
        pointwise_tile(R, call, x, weights, bias, y);                                                                 \
    }
POINTWISE_TILE(1)
POINTWISE_TILE(2)
POINTWISE_TILE(3)
POINTWISE_TILE(4)
#if POINTWISE_ROWS > 4
POINTWISE_TILE(5)
POINTWISE_TILE(6)
#endif
#if POINTWISE_ROWS > 6
POINTWISE_TILE(7)
POINTWISE_TILE(8)
POINTWISE_TILE(9)
POINTWISE_TILE(10)
POINTWISE_TILE(11)
POINTWISE_TILE(12)
POINTWISE_TILE(13)
POINTWISE_TILE(14)
#endif
static const pointwise_function pointwise_tiles[POINTWISE_ROWS] = {
    pointwise_1, pointwise_2, pointwise_3, pointwise_4,
#if POINTWISE_ROWS > 4
    pointwise_5, pointwise_6,
#endif
#if POINTWISE_ROWS > 6
    pointwise_7, pointwise_8, pointwise_9, pointwise_10, pointwise_11, pointwise_12, pointwise_13, pointwise_14,
#endif
};

/// y[output block][pixel][16] = relu?(x[channel block][pixel][16 channels] times weights[channel][32] + bias + y?) for `pixels` pixels and the
/// first `halves` of two output blocks.
static void pointwise(
    const hk_pointwise_call *call, int64_t pixels, const float *x, const float *weights, const float *bias, float *y) {
    hk_pointwise_call part = *call;
    // Tiles of nearly equal height: a low last one would wait for its few sums.
    int64_t tiles = (pixels + POINTWISE_ROWS - 1) / POINTWISE_ROWS;
    for (int j = 0; j < call->halves; j += POINTWISE_VECTORS) {
        part.halves = call->halves - j;
        for (int64_t tile = 0; tile < tiles; tile++) {
            int64_t row = pixels * tile / tiles, rows = pixels * (tile + 1) / tiles - row;
            pointwise_tiles[rows - 1](
                &part, x + row * call->x_pixel, weights + j * HK_WINOGRAD_LANES, bias ? bias + j * HK_WINOGRAD_LANES : NULL,
                y + j * call->y_block + row * HK_WINOGRAD_LANES);
        }
    }
}
