// Convolutions with few output channels: lanes are neighbouring pixels of a row, accumulators its rows of outputs.

// Accumulators in registers: channels times vectors of columns.
#if HK_AVX512
#define NARROW_ACCUMULATORS 24
#else
#define NARROW_ACCUMULATORS 6
#endif
#define NARROW_VECTORS(channels) \
    (NARROW_ACCUMULATORS / (channels) > 8 ? 8 : NARROW_ACCUMULATORS / (channels) < 1 ? 1 : NARROW_ACCUMULATORS / (channels))

HK_INLINE void narrow_columns(
    int channels, int vectors, const hk_narrow_row *row, const float *input, float *sums, _Bool first) {
    f32v sum[HK_NARROW_CHANNELS][8];
    HK_UNROLL for (int o = 0; o < channels; o++) {
        HK_UNROLL for (int j = 0; j < vectors; j++) {
            sum[o][j] = first ? (f32v){} : f32_load(sums + o * row->sum_pitch + j * HK_GRANULE);
        }
    }
    const float *weights = row->weights;
    for (int c = 0; c < HK_GRANULE; c++) {
        for (int y = 0; y < row->taps; y++) {
            const float *from = input + y * row->line + c * row->plane;
            for (int x = 0; x < row->taps; x++, weights += channels) {
                f32v values[8];
                HK_UNROLL for (int j = 0; j < vectors; j++) values[j] = f32_load(from + x + j * HK_GRANULE);
                HK_UNROLL for (int o = 0; o < channels; o++) {
                    f32v weight = winograd_all(weights[o]);
                    HK_UNROLL for (int j = 0; j < vectors; j++) sum[o][j] = f32_fma(values[j], weight, sum[o][j]);
                }
            }
        }
    }
    HK_UNROLL for (int o = 0; o < channels; o++) {
        HK_UNROLL for (int j = 0; j < vectors; j++) f32_store(sums + o * row->sum_pitch + j * HK_GRANULE, sum[o][j]);
    }
}

HK_INLINE void narrow_row_of(int channels, const hk_narrow_row *row, const float *input, float *sums, _Bool first) {
    int64_t left = row->vectors;
    int vectors = NARROW_VECTORS(channels);
    for (; left >= vectors; left -= vectors, input += vectors * HK_GRANULE, sums += vectors * HK_GRANULE) {
        narrow_columns(channels, NARROW_VECTORS(channels), row, input, sums, first);
    }
    for (; left >= 2; left -= 2, input += 2 * HK_GRANULE, sums += 2 * HK_GRANULE) {
        narrow_columns(channels, 2, row, input, sums, first);
    }
    if (left > 0) narrow_columns(channels, 1, row, input, sums, first);
}

/// One row of outputs from one block of 16 input channels: sums[channel][column] (+)= the sum over channel, y, x of
/// input[channel][y][column + x] weights[channel][y][x][output channel].
static void narrow_row(const hk_narrow_row *row, const float *input, float *sums, _Bool first) {
    switch (row->channels) {
    case 1: narrow_row_of(1, row, input, sums, first); break;
    case 2: narrow_row_of(2, row, input, sums, first); break;
    case 3: narrow_row_of(3, row, input, sums, first); break;
    case 4: narrow_row_of(4, row, input, sums, first); break;
    case 8: narrow_row_of(8, row, input, sums, first); break;
    case 12: narrow_row_of(12, row, input, sums, first); break;
    default: narrow_row_of(16, row, input, sums, first);
    }
}

/// Pixels that are multiplied at once: as many accumulators as registers.
#define NARROW_PIXELS NARROW_ACCUMULATORS

HK_INLINE void narrow_tile(
    const int pixels, int64_t channels, int64_t pixel, int64_t block, const float *input, const float *weights, float *products) {
    f32v sum[NARROW_PIXELS];
    HK_UNROLL for (int j = 0; j < pixels; j++) sum[j] = (f32v){};
    for (int64_t c = 0; c < channels; c += HK_GRANULE, input += block) {
        for (int lane = 0; lane < HK_GRANULE; lane++, weights += HK_GRANULE) {
            f32v weight = f32_load(weights);
            HK_UNROLL for (int j = 0; j < pixels; j++) sum[j] = f32_fma(weight, winograd_all(input[j * pixel + lane]), sum[j]);
        }
    }
    HK_UNROLL for (int j = 0; j < pixels; j++) f32_store(products + j * HK_GRANULE, sum[j]);
}

/// products[pixel][16] = the sum over channels of input[channel] weights[channel][16]; blocks of 16 channels lie `block` apart, pixels `pixel`.
static void narrow_pixels(
    int64_t channels, int64_t count, int64_t pixel, int64_t block, const float *input, const float *weights, float *products) {
    for (; count >= NARROW_PIXELS; count -= NARROW_PIXELS, input += NARROW_PIXELS * pixel, products += NARROW_PIXELS * HK_GRANULE) {
        narrow_tile(NARROW_PIXELS, channels, pixel, block, input, weights, products);
    }
    for (; count >= 4; count -= 4, input += 4 * pixel, products += 4 * HK_GRANULE) {
        narrow_tile(4, channels, pixel, block, input, weights, products);
    }
    for (; count > 0; count--, input += pixel, products += HK_GRANULE) {
        narrow_tile(1, channels, pixel, block, input, weights, products);
    }
}
