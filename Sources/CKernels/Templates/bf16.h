// Pairs of bf16 numbers, 32 bits each, the first one in the lower half: rounding to them, and sums of their products.

#if HK_BF16
/// sum[i] += a[i].first * b[i].first + a[i].second * b[i].second
HK_INLINE f32v bf16_dot(f32v sum, u32v a, u32v b) {
    return (f32v)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
}
/// Sixteen f32, rounded to the nearest.
HK_INLINE u16v bf16_narrow(f32v x) { return (u16v)_mm512_cvtneps_pbh((__m512)x); }
/// (first[i], second[i])
HK_INLINE u32v bf16_pairs(f32v first, f32v second) {
    const __m512i order = _mm512_set_epi16(
        31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return (u32v)_mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first));
}
/// (low[0], low[1]), (low[2], low[3]), ... (high[14], high[15])
HK_INLINE u32v bf16_neighbours(f32v low, f32v high) {
    return (u32v)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low);
}
#else
HK_INLINE f32v bf16_dot(f32v sum, u32v a, u32v b) {
    sum = f32_fma((f32v)(a << 16), (f32v)(b << 16), sum);
    return f32_fma((f32v)(a & 0xffff0000), (f32v)(b & 0xffff0000), sum);
}
HK_INLINE u16v bf16_narrow(f32v x) { return bf16_from_f32(x); }
HK_INLINE u32v bf16_pairs(f32v first, f32v second) {
    return HK_CAST(u32v, bf16_narrow(first)) | (HK_CAST(u32v, bf16_narrow(second)) << 16);
}
HK_INLINE u32v bf16_neighbours(f32v low, f32v high) {
    u16v halves[2] = {bf16_narrow(low), bf16_narrow(high)};
    return u32_load(halves);
}
#endif

/// `pair` in all lanes.
HK_INLINE u32v bf16_all(uint32_t pair) { return (u32v){} + pair; }

HK_INLINE f32v bf16_load_f32(const float *x, int64_t count) {
    return count >= HK_GRANULE ? f32_load(x) : f32_load_partial(x, count, 0);
}
HK_INLINE u16v bf16_load_bf16(const uint16_t *x, int64_t count) {
    if (count >= HK_GRANULE) return bf16_load(x);
#if HK_AVX512
    return (u16v)_mm256_maskz_loadu_epi16((__mmask16)((1u << count) - 1), x);
#else
    u16v value = {};
    memcpy(&value, x, (size_t)count * sizeof(uint16_t));
    return value;
#endif
}

HK_INLINE void bf16_store_bf16(uint16_t *to, int64_t count, u16v value) {
    if (count == HK_GRANULE) {
        bf16_store(to, value);
        return;
    }
#if HK_AVX512
    _mm256_mask_storeu_epi16(to, (__mmask16)((1u << count) - 1), (__m256i)value);
#else
    memcpy(to, &value, (size_t)count * sizeof(uint16_t));
#endif
}

// MARK: - Packing

static void bf16_pack_rows(
    int type, const void *x, int64_t row_stride, int64_t rows, int64_t columns, uint32_t *out, int64_t pitch) {
    for (int64_t r = 0; r < rows; r++, out += pitch) {
        uint32_t *to = out;
        if (type == hk_type_f32) {
            const float *from = (const float *)x + r * row_stride;
            for (int64_t left = columns; left > 0; left -= 2 * HK_GRANULE, from += 2 * HK_GRANULE, to += HK_GRANULE) {
                f32v high = left > HK_GRANULE ? bf16_load_f32(from + HK_GRANULE, left - HK_GRANULE) : (f32v){};
                u32_store(to, bf16_neighbours(bf16_load_f32(from, left), high));
            }
        } else {
            const uint16_t *from = (const uint16_t *)x + r * row_stride;
            for (int64_t left = columns; left > 0; left -= 2 * HK_GRANULE, from += 2 * HK_GRANULE, to += HK_GRANULE) {
                u16v high = left > HK_GRANULE ? bf16_load_bf16(from + HK_GRANULE, left - HK_GRANULE) : (u16v){};
                bf16_store(to, bf16_load_bf16(from, left));
                bf16_store(to + HK_GRANULE / 2, high);
            }
        }
    }
}

/// Columns `j ..< j + 16` of two rows, of which `count` exist.
HK_INLINE u32v bf16_pair_of_rows(int type, const void *x, int64_t row, int64_t row_stride, _Bool has_second, int64_t j, int64_t count) {
    if (type == hk_type_f32) {
        const float *first = (const float *)x + row * row_stride + j;
        f32v second = has_second ? bf16_load_f32(first + row_stride, count) : (f32v){};
        return bf16_pairs(bf16_load_f32(first, count), second);
    }
    const uint16_t *first = (const uint16_t *)x + row * row_stride + j;
    u16v second = has_second ? bf16_load_bf16(first + row_stride, count) : (u16v){};
    return HK_CAST(u32v, bf16_load_bf16(first, count)) | (HK_CAST(u32v, second) << 16);
}

static void bf16_pack_pairs(
    int type, const void *x, int64_t row_stride, int64_t rows, int64_t columns, int width, uint32_t *out, int64_t step) {
    for (int64_t row = 0; row < rows; row += 2, out += width) {
        _Bool has_second = row + 1 < rows;
        uint32_t *to = out;
        for (int64_t j = 0; j < columns; j += width, to += step) {
            int64_t count = columns - j;
            if (width <= HK_GRANULE) {
                // What is written behind the row of a tile of 14 is written again by the next row.
                u32_store(to, bf16_pair_of_rows(type, x, row, row_stride, has_second, j, count < width ? count : width));
                continue;
            }
            u32_store(to, bf16_pair_of_rows(type, x, row, row_stride, has_second, j, count));
            u32v second = {};
            if (count > HK_GRANULE) {
                second = bf16_pair_of_rows(type, x, row, row_stride, has_second, j + HK_GRANULE, count - HK_GRANULE);
            }
            u32_store(to + HK_GRANULE, second);
        }
    }
}

// MARK: - Products

// Rows of the largest tiles of 1, 2 and 4 granules of columns.
#if HK_BF16
#define BF16_TILE_ROWS HK_BF16_ROWS
static const int bf16_tile_rows[3] = {14, 14, 6};
#else
#define BF16_TILE_ROWS 7
static const int bf16_tile_rows[3] = {7, 0, 0};
#endif

#if defined(__clang__)
#define BF16_UNROLL _Pragma("clang loop unroll(full)")
#else
#define BF16_UNROLL _Pragma("GCC unroll 16")
#endif

HK_INLINE void bf16_tile(
    const int rows, const int granules, const hk_bf16_call *call, const uint32_t *a, const uint32_t *b, const float *from,
    void *c, const float *bias, int64_t last) {
    f32v sums[BF16_TILE_ROWS][4];
    BF16_UNROLL for (int r = 0; r < rows; r++) {
        BF16_UNROLL for (int v = 0; v < granules; v++) sums[r][v] = (f32v){};
    }
    const int64_t a_row = call->a_row, a_step = call->a_step, panel_step = call->panel_step;
    // A pointer for every third row: the two between are reached by the index.
    const uint32_t *bases[(BF16_TILE_ROWS + 2) / 3];
    BF16_UNROLL for (int g = 0; g < (rows + 2) / 3; g++) bases[g] = a + 3 * g * a_row;
    for (int64_t l = call->pairs; l > 0; l--) {
        u32v right[4];
        BF16_UNROLL for (int v = 0; v < granules; v++) right[v] = u32_load(b + v / 2 * panel_step + v % 2 * HK_GRANULE);
        b += HK_BF16_GEMM_COLUMNS;
        BF16_UNROLL for (int r = 0; r < rows; r++) {
            u32v left = bf16_all(bases[r / 3][r % 3 * a_row]);
            BF16_UNROLL for (int v = 0; v < granules; v++) sums[r][v] = bf16_dot(sums[r][v], left, right[v]);
        }
        BF16_UNROLL for (int g = 0; g < (rows + 2) / 3; g++) bases[g] += a_step;
    }
    const float alpha = call->alpha;
    BF16_UNROLL for (int r = 0; r < rows; r++) {
        BF16_UNROLL for (int v = 0; v < granules; v++) {
            int64_t count = v == granules - 1 ? last : HK_GRANULE, place = r * call->c_row + v * HK_GRANULE;
            f32v value = sums[r][v] * alpha;
            if (from) value += bf16_load_f32(from + r * call->from_row + v * HK_GRANULE, count);
            if (bias) value += bf16_load_f32(bias + v * HK_GRANULE, count);
            // NaN passes, as in torch.relu.
            if (call->relu) value = (f32v)((i32v)value & ~(value < 0));
            if (call->c_type == hk_type_bf16) {
                bf16_store_bf16((uint16_t *)c + place, count, bf16_narrow(value));
            } else if (count == HK_GRANULE) {
                f32_store((float *)c + place, value);
            } else {
                f32_store_partial((float *)c + place, count, value);
            }
        }
    }
}

typedef void (*bf16_function)(
    const hk_bf16_call *call, const uint32_t *a, const uint32_t *b, const float *from, void *c, const float *bias,
    int64_t last);
#define BF16_TILE(R, V)                                                                                               \
    static void bf16_##R##x##V(                                                                                       \
        const hk_bf16_call *call, const uint32_t *a, const uint32_t *b, const float *from, void *c, const float *bias, \
        int64_t last) {                                                                                               \
        bf16_tile(R, V, call, a, b, from, c, bias, last);                                                             \
    }
#define BF16_6(V) BF16_TILE(1, V) BF16_TILE(2, V) BF16_TILE(3, V) BF16_TILE(4, V) BF16_TILE(5, V) BF16_TILE(6, V)
#define BF16_7(V) BF16_6(V) BF16_TILE(7, V)
#define BF16_14(V)                                                                                                    \
    BF16_7(V) BF16_TILE(8, V) BF16_TILE(9, V) BF16_TILE(10, V) BF16_TILE(11, V) BF16_TILE(12, V) BF16_TILE(13, V)     \
    BF16_TILE(14, V)
#define BF16_NAMES_6(V) bf16_1x##V, bf16_2x##V, bf16_3x##V, bf16_4x##V, bf16_5x##V, bf16_6x##V
#define BF16_NAMES_7(V) BF16_NAMES_6(V), bf16_7x##V
#define BF16_NAMES_14(V)                                                                                              \
    BF16_NAMES_7(V), bf16_8x##V, bf16_9x##V, bf16_10x##V, bf16_11x##V, bf16_12x##V, bf16_13x##V, bf16_14x##V
#if HK_BF16
BF16_14(1)
BF16_14(2)
BF16_6(4)
static const bf16_function bf16_tiles[3][BF16_TILE_ROWS] = {{BF16_NAMES_14(1)}, {BF16_NAMES_14(2)}, {BF16_NAMES_6(4)}};
#else
BF16_7(1)
static const bf16_function bf16_tiles[3][BF16_TILE_ROWS] = {{BF16_NAMES_7(1)}};
#endif

static void bf16_gemm(const hk_bf16_call *call, int64_t m, int64_t n, const uint32_t *a, const uint32_t *b, void *c) {
    int64_t bytes = call->c_type == hk_type_bf16 ? 2 : 4;
    for (int64_t column = 0; column < n;) {
        int64_t granules = (n - column + HK_GRANULE - 1) / HK_GRANULE;
        int width = granules >= 4 ? 2 : granules >= 2 ? 1 : 0;
        while (bf16_tile_rows[width] < (m < BF16_TILE_ROWS ? m : BF16_TILE_ROWS)) width--;
        int64_t columns = (int64_t)HK_GRANULE << width;
        int64_t last = n - column >= columns ? HK_GRANULE : n - column - (columns - HK_GRANULE);
        const uint32_t *panel = b + column / HK_BF16_GEMM_COLUMNS * call->panel_step + column % HK_BF16_GEMM_COLUMNS;
        for (int64_t row = 0; row < m; row += BF16_TILE_ROWS) {
            int64_t rows = m - row < BF16_TILE_ROWS ? m - row : BF16_TILE_ROWS;
            const uint32_t *left = a + row / HK_BF16_ROWS * call->a_tile + row % HK_BF16_ROWS * call->a_row;
            bf16_tiles[width][rows - 1](
                call, left, panel, call->from ? call->from + row * call->from_row + column : NULL,
                (char *)c + (row * call->c_row + column) * bytes, call->bias ? call->bias + column : NULL, last);
        }
        column += columns;
    }
}

// As many chains as hide the latency of the instruction and fit the registers together with the two factors.
#if HK_BF16
#define BF16_CHAINS 16
#else
#define BF16_CHAINS 3
#endif

/// `rounds` times a step of every chain; returns something that depends on all of them.
static float bf16_chains(int64_t rounds) {
    f32v chains[BF16_CHAINS];
    u32v a = bf16_pairs(splat(0.5f), splat(-0.25f)), b = bf16_pairs(splat(0.5f), splat(1));
    for (int c = 0; c < BF16_CHAINS; c++) chains[c] = splat((float)c);
    for (int64_t round = 0; round < rounds; round++) {
        BF16_UNROLL for (int c = 0; c < BF16_CHAINS; c++) chains[c] = bf16_dot(chains[c], a, b);
    }
    f32v sum = chains[0];
    for (int c = 1; c < BF16_CHAINS; c++) sum += chains[c];
    return sum[0];
}

#define HK_BF16_TABLE                                                                                                 \
    {                                                                                                                 \
        .is_native = HK_BF16, .gemm = bf16_gemm, .pack_rows = bf16_pack_rows, .pack_pairs = bf16_pack_pairs,          \
        .multiply_adds = bf16_chains, .multiply_add_chains = BF16_CHAINS,                                             \
        .winograd = HK_WINOGRAD_BF16_TABLE,                                                                           \
    }
