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
