/// Rows by index: embedding's forward and backward.
#pragma once
#include "types.h"

/// output[i, :] = table[indices[i], :] for a dense `[rows, width]` table of elements of `type_bytes` bytes and `count` indices
/// (i32 or i64). An index out of range is clamped to the nearest row, as in StableHLO.
/// Returns the first position whose index was out of range, or -1. With no rows at all nothing is written.
int64_t hk_gather_rows(
    int type_bytes, const void *table, int64_t rows, int64_t width, int index_type, const void *indices, int64_t count,
    void *output);

/// table[indices[i], :] += updates[i, :], in the order of i for every row, whatever the number of threads. f32 f64 i32 i64.
/// An index out of range is skipped, as in StableHLO. Returns the first such position, or -1.
int64_t hk_scatter_add_rows(
    int type, void *table, int64_t rows, int64_t width, int index_type, const void *indices, int64_t count,
    const void *updates);
