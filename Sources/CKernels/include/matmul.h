/// Matrix products of the types that oneDNN lacks.
#pragma once
#include "types.h"

/// c[b, i, j] = sum over l of a[b, i, l] * b[b, l, j], for f32, f64, i32, i64 (integers wrap).
///
/// `c` is dense `[batch..., m, n]`; `a` and `b` have any strides in elements (`*_batch_strides` along the batch axes, 0 broadcasts;
/// then row and column), so a transposed matrix is the same pointer with its two strides exchanged.
void hk_matmul(
    int type, int batch_rank, const int64_t *batch_extents, int64_t m, int64_t n, int64_t k, const void *a,
    const int64_t *a_batch_strides, int64_t a_row_stride, int64_t a_column_stride, const void *b,
    const int64_t *b_batch_strides, int64_t b_row_stride, int64_t b_column_stride, void *c);
