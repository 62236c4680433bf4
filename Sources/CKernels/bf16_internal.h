// What the files of the bf16 kernels share. Operands are pairs of bf16 numbers that are multiplied together, 32 bits each.
#pragma once
#include "winograd_internal.h"

/// The kernels that an instruction set for bf16 brings.
typedef struct {
    bool is_native;
    /// pairs[r / 2][16] = x[r][16], x[r + 1][16], rounded; an odd last row is paired with zeros.
    void (*pair_rows)(const float *x, int64_t rows, uint32_t *pairs);
    /// Steps of `multiply_add_chains` chains of 32 multiply-adds each, `rounds` times; the result depends on all.
    float (*multiply_adds)(int64_t rounds);
    int multiply_add_chains;
    hk_winograd_kernels winograd;
} hk_bf16_kernels;

#if defined(__x86_64__)
/// Those of AVX512-BF16.
extern const hk_bf16_kernels hk_bf16_avx512;
#endif
