/// Small and medium matrix products in f32.
///
/// Every element is one sum over k in order (fused multiply-add), so its bits depend neither on the division of the work nor on the
/// other elements. `beta` 0 does not read C.
#pragma once
#include "types.h"

/// Columns of one panel of a packed right operand.
#define HK_GEMM_COLUMNS 32

/// Bytes of a packed `[k, n]` operand.
size_t hk_gemm_packed_bytes(int64_t k, int64_t n);

/// Packs B, `[k, n]` with the given strides in elements, into panels of `HK_GEMM_COLUMNS` columns, each `[k, HK_GEMM_COLUMNS]`, one
/// after the other, filled up with zeros. `packed` is aligned to 64 bytes. A transposed B is the same pointer with its strides exchanged.
void hk_gemm_pack(const float *b, int64_t row_stride, int64_t column_stride, int64_t k, int64_t n, float *packed);

/// C[:, n0 ..< n1] = alpha * A * B[:, n0 ..< n1] + beta * C[:, n0 ..< n1], on the calling thread, without scratch memory.
///
/// A is `[m, k]` with any strides, `packed` is the whole B, `n0` a multiple of `HK_GEMM_COLUMNS`; `c` is the first element of the whole C,
/// whose rows are dense and `c_row` elements apart. Best where A and one panel fit into the second-level cache. Denormals are what the
/// caller's thread makes of them: call it from the body of a parallel loop.
void hk_gemm_packed(
    int64_t m, int64_t n0, int64_t n1, int64_t k, float alpha, const float *a, int64_t a_row, int64_t a_column,
    const float *packed, float beta, float *c, int64_t c_row);

/// A matrix product, or a batch of them: c[b, i, j] = sum over l of a[b, i, l] * b[b, l, j], plus bias[j] unless `bias` is null, and with
/// `relu` the larger of that and 0; with a gate 0 wherever that is at most 0.
///
/// All strides are in elements; batch strides of `a` and `b` may be 0, which broadcasts. The rows of C are dense and `c_row` apart.
typedef struct {
    int32_t batch_rank;
    int64_t batch_extents[HK_MAX_RANK];
    int64_t m, n, k;
    const float *a;
    int64_t a_batch[HK_MAX_RANK], a_row, a_column;
    const float *b;
    int64_t b_batch[HK_MAX_RANK], b_row, b_column;
    float *c;
    int64_t c_batch[HK_MAX_RANK], c_row;
    const float *bias;
    bool relu;
    /// Of C's shape and strides, or null: the rectified values whose gradient C is.
    const float *gate;
    /// B once more as `hk_gemm_pack` leaves it, where it is the same in many products; or null. One B for the whole batch only.
    const float *packed;
    /// Written unless null: the sums of A's rows over k, `[m]`, as a bias's gradient is of what its weight's is a product of. Of a single
    /// product only, not of a batch.
    float *a_sums;
} hk_gemm_product;

/// Whether A is packed, so that its sums cost little more than writing them; elsewhere they are a pass over A of their own.
bool hk_gemm_packs_left(const hk_gemm_product *product);

/// Computes the product on the team. Nothing is allocated once the threads' scratch memory has grown.
///
/// Against oneDNN 2.6's matmul (AVX-512, one Zen 5 core; time of oneDNN over time of this), A being [m, k], B [k, n], T a transposed B:
///
///     m x k x n        ratio      m x k x n        ratio      m x k x n         ratio
///     1 x 16 x 16 T     10        1 x 512 x 512     2.7       32 x 512 x 512 T   1.0
///     1 x 512 x 10 T    10        4 x 512 x 512 T   2.6       32 x 256 x 256     1.0
///     1 x 784 x 512 T   2.7       8 x 512 x 512 T   1.6       128 x 256 x 768 T  1.0
///     1 x 2048 x 1000 T 2.7       16 x 512 x 512 T  1.25      128 x 1024 x 256 T 0.9
///     640 of 1 x 64 x 1 4.7       16 x 512 x 512    1.25      128 x 64 x 64 T    0.85
///
/// So it wins up to about 16 rows, or where m * n * k is below 10,000; above both do 90 % of the core's peak and more. With AVX2 (Zen 3)
/// oneDNN does 40 % of the peak from 128 rows on, this 76 to 83 %. On two cores of Zen 4 the ratio is 0.93 to 1.04 from
/// 256 x 256 x 256 on, and more where T is to be turned for few terms: 1120 x 256 x 10000 T 1.07 to 1.16, 4096 x 64 x 32 T 1.06 to 1.33.
void hk_gemm(const hk_gemm_product *product);
