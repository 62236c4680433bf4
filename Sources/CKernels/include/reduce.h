/// Reductions, arg max, softmax.
#pragma once
#include "types.h"

enum hk_reduction {
    hk_reduce_sum,      ///< f32 f64 i32 i64 u8; integers wrap
    hk_reduce_product,  ///< f32 f64 i32 i64 u8
    hk_reduce_max,      ///< all of f32 f64 i32 i64 u8 bool; NaN wins
    hk_reduce_min,      ///< the same
    hk_reduce_and,      ///< bool: logical; i32 i64 u8: bitwise
    hk_reduce_or,       ///< the same
    hk_reduce_count,
};

/// Reduces the axes whose flag is set. `input` has `extents` and `strides` (in elements, any sign, 0 broadcasts); `output` is
/// dense row-major over the axes that are kept and has the input's type. An empty reduction gives the identity: 0, 1, the
/// lowest and the highest value (infinities for floats), all ones (bool 1), 0.
///
/// Sums and products are taken in a fixed pairwise order (blocks of 2,048 in lanes, then a binary tree), so the rounding
/// error grows with the logarithm of the count, and the bits do not depend on the number of threads.
///
/// `is_interleaved`: memory of 4 MiB and more that falls into one element is read in four places at once instead of from end to end. The bits
/// are the same; which is faster is the processor's matter (four places: 1.4 times on Zen 3, 0.83 times on Zen 5).
void hk_reduce(
    int reduction, int type, int rank, const int64_t *extents, const int64_t *strides, const bool *reduced,
    bool is_interleaved, const void *input, void *output);

/// Index of the largest element along the middle axis of a dense `[outer, n, inner]`, as `[outer, inner]` of `index_type`
/// (i32 or i64). The first of equals wins; NaN counts as larger than anything, as in NumPy. `n` must be positive.
/// Types f32 f64 i32 i64 u8 bool.
void hk_argmax(
    int type, int64_t outer, int64_t n, int64_t inner, const void *input, int index_type, void *output);

/// Index of the smallest element; NaN counts as smaller than anything. Otherwise as `hk_argmax`.
void hk_argmin(
    int type, int64_t outer, int64_t n, int64_t inner, const void *input, int index_type, void *output);

/// Softmax of each row of a dense f32 `[rows, n]`: exp(x - max) / sum, or its logarithm when `log` is set.
/// `output` may be `input`.
void hk_softmax(int64_t rows, int64_t n, bool log, const float *input, float *output);

/// Gradient of softmax from its output `y`: y * (dy - sum(y * dy)); of log-softmax: dy - exp(y) * sum(dy).
/// `dx` may be `dy` or `y`.
void hk_softmax_gradient(int64_t rows, int64_t n, bool log, const float *y, const float *dy, float *dx);
