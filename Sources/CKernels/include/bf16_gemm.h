/// Matrix products of bf16 numbers, summed in f32.
///
/// bf16 is the upper half of an f32: its range, with 8 significant bits. Operands that are f32 are rounded to the nearest bf16, ties to
/// even, while they are packed. Processors with AVX512-BF16 multiply pairs of them at twice the rate of f32; on all others the same is
/// computed by f32 arithmetic, slower than `hk_gemm`, so ask `hk_has_bf16` first. The two differ in how the two products of a pair are
/// rounded, and where numbers are denormal, which the instruction takes as zero.
///
/// Every element is a sum over pairs of k in order, in parts of at most 2,048, so its bits depend neither on the number of threads nor on
/// other elements.
#pragma once
#include "types.h"

/// Whether the instruction set in use multiplies bf16 numbers itself.
bool hk_has_bf16(void);

/// Columns of one panel of a packed right operand.
#define HK_BF16_GEMM_COLUMNS 32

/// Bytes of a packed `[k, n]` operand.
size_t hk_bf16_gemm_packed_bytes(int64_t k, int64_t n);

/// Packs B, `[k, n]` of f32 or bf16 (`type`) with the given strides in elements, into panels of `HK_BF16_GEMM_COLUMNS` columns, each
/// `[(k + 1) / 2, HK_BF16_GEMM_COLUMNS, 2]` bf16, filled up with zeros. `packed` is aligned to 64 bytes. On the team.
void hk_bf16_gemm_pack(
    int type, const void *b, int64_t row_stride, int64_t column_stride, int64_t k, int64_t n, void *packed);

/// A matrix product, or a batch of them: c[b, i, j] = sum over l of a[b, i, l] * b[b, l, j], plus bias[j] unless `bias` is null, and with
/// `relu` the larger of that and 0.
///
/// Types are `hk_type_f32` or `hk_type_bf16`, each on its own; the bias is f32. All strides are in elements; batch strides of `a` and `b`
/// may be 0, which broadcasts. The rows of C are dense and `c_row` apart.
typedef struct {
    int32_t batch_rank;
    int64_t batch_extents[HK_MAX_RANK];
    int64_t m, n, k;
    int32_t a_type, b_type, c_type;
    const void *a;
    int64_t a_batch[HK_MAX_RANK], a_row, a_column;
    const void *b;
    int64_t b_batch[HK_MAX_RANK], b_row, b_column;
    void *c;
    int64_t c_batch[HK_MAX_RANK], c_row;
    const float *bias;
    bool relu;
    /// B once more as `hk_bf16_gemm_pack` leaves it, where it is the same in many products; or null. One B for the whole batch only.
    const void *packed;
} hk_bf16_gemm_product;

/// Computes the product on the team. Nothing is allocated once the threads' scratch memory has grown.
///
/// GFLOP/s on one Zen 5 core (peak 520; 260 in f32), beside oneDNN 2.6's f32 matmul and its bf16 one with the reorders of f32 operands
/// that it needs; operands and results are f32. A being [m, k], B [k, n], T a transposed A or B:
///
///       m x k x n             this   oneDNN f32   bf16         m x k x n             this   oneDNN f32   bf16
///     2048 x 256 x 768 BT     445       220       439        1024 x 384 x 1536 BT    428       228       448
///     2048 x 768 x 256        418       220       409        1024 x 1536 x 384       446       242       448
///     768 x 2048 x 256 AT     369       222       357        1536 x 1024 x 384 AT    372       226       418
///     2048 x 1024 x 256 BT    437       223       425        1024 x 1536 x 384 BT    451       237       449
///     256 x 2048 x 1024 AT    344       189       317        384 x 1024 x 1536 AT    416       237       429
///
/// With operands that are bf16 already it is 2 to 10 % faster, with B packed before up to 20 %.
void hk_bf16_gemm(const hk_bf16_gemm_product *product);
