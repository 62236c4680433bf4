/// Moving elements: strided copies, transposes, fills.
#pragma once
#include "types.h"

/// Copies elements of `type_bytes` (1, 2, 4 or 8) between strided arrays of the same extents. Strides are in elements; the
/// input's may be 0 (broadcast) or negative, the output's may be negative and must not make elements overlap.
/// Runs, broadcasts and transposes take fast paths. The arrays must not overlap.
void hk_strided_copy(
    int type_bytes, int rank, const int64_t *extents, const void *input, const int64_t *input_strides, void *output,
    const int64_t *output_strides);

/// Writes the element at `pattern` (1, 2, 4 or 8 bytes) `count` times.
void hk_fill(int type_bytes, const void *pattern, void *output, int64_t count);

/// output[i] = start + i * step, for f32, f64, i32, i64, u8. Floats are computed in f64; integers wrap.
void hk_iota(int type, double start, double step, void *output, int64_t count);
