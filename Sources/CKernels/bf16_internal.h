// What the files of the bf16 kernels share.
#pragma once
#include "bf16_gemm.h"
#include "winograd_internal.h"

/// Rows of the largest micro-tile of AVX512-BF16, and of a tile of a left operand that is packed by pairs.
#define HK_BF16_ROWS 14

/// What the tiles of one bf16 product share. Operands are pairs of neighbours in k, 32 bits each.
typedef struct {
    int64_t pairs;
    /// Of the left operand, in pairs: from 14 rows to the next 14, from a row of them to the next, and from a pair to the next.
    int64_t a_tile, a_row, a_step;
    /// Of the right operand, in pairs, from one panel of 32 columns to the next.
    int64_t panel_step;
    /// What was summed so far is added unless null; elements between its rows.
    const float *from;
    int64_t from_row;
    /// f32 or bf16.
    int c_type;
    int64_t c_row;
    float alpha;
    const float *bias;
    bool relu;
} hk_bf16_call;

/// The kernels that an instruction set for bf16 brings.
typedef struct {
    bool is_native;
    /// C[m, n] = relu?(alpha A B + from + bias); C, `from` and `bias` begin at the first column.
    void (*gemm)(const hk_bf16_call *call, int64_t m, int64_t n, const uint32_t *a, const uint32_t *b, void *c);
    /// Rows with dense columns to rows of pairs: out[r * pitch + l / 2] = x[r, l], x[r, l + 1], filled up with zeros to whole granules.
    void (*pack_rows)(
        int type, const void *x, int64_t row_stride, int64_t rows, int64_t columns, uint32_t *out, int64_t pitch);
    /// Pairs of rows with dense columns: out[j / width * step + r / 2 * width + j % width] = x[r, j], x[r + 1, j]. Widths are 14, 16
    /// and 32; the last tile of 32 is filled up with zeros. Each tile of 14 needs room for 2 more pairs.
    void (*pack_pairs)(
        int type, const void *x, int64_t row_stride, int64_t rows, int64_t columns, int width, uint32_t *out, int64_t step);
    /// Steps of `multiply_add_chains` chains of 32 multiply-adds each, `rounds` times; the result depends on all.
    float (*multiply_adds)(int64_t rounds);
    int multiply_add_chains;
    hk_winograd_kernels winograd;
} hk_bf16_kernels;

#if defined(__x86_64__)
/// Those of AVX512-BF16.
extern const hk_bf16_kernels hk_bf16_avx512;
#endif
