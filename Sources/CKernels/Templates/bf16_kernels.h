// The kernels that instructions for bf16 make faster, and the table of them.

/// Blocks of 16 lanes of neighbouring rows, one after the other, to pairs; an odd last row is paired with zeros.
static void bf16_pair_rows(const float *x, int64_t rows, uint32_t *pairs) {
    for (int64_t row = 0; row < rows; row += 2, x += 2 * HK_GRANULE, pairs += HK_GRANULE) {
        f32v second = row + 1 < rows ? f32_load(x + HK_GRANULE) : (f32v){};
        u32_store(pairs, bf16_pairs(f32_load(x), second));
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
        HK_UNROLL for (int c = 0; c < BF16_CHAINS; c++) chains[c] = bf16_dot(chains[c], a, b);
    }
    f32v sum = chains[0];
    for (int c = 1; c < BF16_CHAINS; c++) sum += chains[c];
    return sum[0];
}

WINOGRAD_PATCHES(bf16)
WINOGRAD_PATCHES(bf16_pairs)
WINOGRAD_KERNELS(bf16, bf16_pairs)

#define HK_BF16_TABLE                                                                                                 \
    {                                                                                                                 \
        .is_native = HK_BF16, .pair_rows = bf16_pair_rows, .multiply_adds = bf16_chains,                              \
        .multiply_add_chains = BF16_CHAINS, .winograd = HK_WINOGRAD_TABLE(bf16, bf16_pairs, 2, 2),                    \
    }
