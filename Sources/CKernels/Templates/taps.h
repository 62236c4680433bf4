// Convolutions as direct sums: a few pixels times a block of sixteen output channels, all sums in registers.
//
// Pixels lie anywhere, each with a pointer of its own, and so do the taps, by a list of distances that all pixels share. Thus one kernel
// serves any stride, window and layout, and a tile goes on from one row of an image, or one image, to the next.

#if HK_AVX512
#define TAPS_ROWS 14
#elif HK_AVX2 || defined(__aarch64__)
#define TAPS_ROWS 6
#else
#define TAPS_ROWS 3
#endif

/// One multiply-add for every pixel and output channel.
HK_INLINE void taps_step(const int rows, const float *const *x, int64_t place, const float *weights, f32v *sum) {
    f32v right = f32_load(weights);
    HK_UNROLL for (int i = 0; i < rows; i++) sum[i] = f32_fma(winograd_all(x[i][place]), right, sum[i]);
}

HK_INLINE void taps_tile(
    const int rows, const hk_taps_call *call, const float *x, const hk_taps_pixel *pixels, const float *weights, const float *bias,
    float *y) {
    f32v sum[TAPS_ROWS];
    const float *from[TAPS_ROWS];
    HK_UNROLL for (int i = 0; i < rows; i++) {
        sum[i] = (f32v){};
        from[i] = x + pixels[i].x;
    }
    const int64_t *place = call->places, *end = place + call->steps;
    if (call->single) {
        for (; place < end; place++, weights += HK_TAPS_LANES) taps_step(rows, from, *place, weights, sum);
    } else {
        for (; place < end; place++) {
            int64_t at = *place;
            HK_COUNTED for (int c = 0; c < HK_TAPS_LANES; c++, weights += HK_TAPS_LANES) {
                taps_step(rows, from, at + c, weights, sum);
            }
        }
    }
    f32v more = bias ? f32_load(bias) : (f32v){};
    HK_UNROLL for (int i = 0; i < rows; i++) {
        float *to = y + pixels[i].y;
        f32v value = sum[i] + more;
        if (call->adds) value += f32_load(to);
        // NaN passes, as in torch.relu.
        if (call->relu) value = (f32v)((i32v)value & ~(value < 0));
        f32_store(to, value);
    }
}

typedef void (*taps_function)(
    const hk_taps_call *call, const float *x, const hk_taps_pixel *pixels, const float *weights, const float *bias, float *y);
#define TAPS_TILE(R)                                                                                                  \
    static void taps_##R(                                                                                             \
        const hk_taps_call *call, const float *x, const hk_taps_pixel *pixels, const float *weights,                  \
        const float *bias, float *y) {                                                                                \
        taps_tile(R, call, x, pixels, weights, bias, y);                                                              \
    }
TAPS_TILE(1)
TAPS_TILE(2)
TAPS_TILE(3)
#if TAPS_ROWS > 3
TAPS_TILE(4)
TAPS_TILE(5)
TAPS_TILE(6)
#endif
#if TAPS_ROWS > 6
TAPS_TILE(7)
TAPS_TILE(8)
TAPS_TILE(9)
TAPS_TILE(10)
TAPS_TILE(11)
TAPS_TILE(12)
TAPS_TILE(13)
TAPS_TILE(14)
#endif
static const taps_function taps_tiles[TAPS_ROWS] = {
    taps_1, taps_2, taps_3,
#if TAPS_ROWS > 3
    taps_4, taps_5, taps_6,
#endif
#if TAPS_ROWS > 6
    taps_7, taps_8, taps_9, taps_10, taps_11, taps_12, taps_13, taps_14,
#endif
};

/// y[pixel.y ...][16] = relu?(the sum over steps of x[pixel.x + place ...] times weights[step][channel][16] + bias + y?) for `count` pixels.
static void taps(
    const hk_taps_call *call, int64_t count, const float *x, const hk_taps_pixel *pixels, const float *weights, const float *bias,
    float *y) {
    // Tiles of nearly equal height: a low last one would wait for its few sums.
    int64_t tiles = (count + TAPS_ROWS - 1) / TAPS_ROWS;
    for (int64_t tile = 0; tile < tiles; tile++) {
        int64_t row = count * tile / tiles, rows = count * (tile + 1) / tiles - row;
        taps_tiles[rows - 1](call, x, pixels + row, weights, bias, y);
    }
}
