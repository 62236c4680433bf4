/// Rows by index: embedding's forward and backward.
#pragma once
#include "types.h"

/// output[i, :] = table[indices[i], :] for a dense `[rows, width]` table of elements of `type_bytes` bytes and `count` indices
/// (i32 or i64); rows of the output are `output_row` elements apart. An index out of range is clamped to the nearest row, as in StableHLO.
/// Returns the first position whose index was out of range, or -1. With no rows at all nothing is written.
int64_t hk_gather_rows(
    int type_bytes, const void *table, int64_t rows, int64_t width, int index_type, const void *indices, int64_t count,
    void *output, int64_t output_row);

/// table[indices[i], :] += updates[i, :], in the order of i for every row, whatever the number of threads. f32 f64 i32 i64.
/// An index out of range is skipped, as in StableHLO. Returns the first such position, or -1.
int64_t hk_scatter_add_rows(
    int type, void *table, int64_t rows, int64_t width, int index_type, const void *indices, int64_t count,
    const void *updates);

/// table[indices[i], :] += alpha * updates[i, :] for f32, rounded once each; otherwise as `hk_scatter_add_rows`. It costs what it touches,
/// however many rows there are.
int64_t hk_scatter_add_scaled_rows(
    float *table, int64_t rows, int64_t width, int index_type, const void *indices, int64_t count, const float *updates,
    float alpha);

/// Positions grouped by the row that they name: rows ascending, positions ascending within a row.
typedef struct {
    /// Rows named at least once.
    int64_t count;
    /// `[count]`
    const uint32_t *rows;
    /// `[count + 1]`: where each row's positions begin in `positions`.
    const uint32_t *starts;
    const uint32_t *positions;
} hk_row_groups;

/// Bytes of memory that groups of `count` indices take.
size_t hk_row_groups_bytes(int64_t count);

/// Groups `count` (below 2^31) indices of a table of `rows` (at most 2^32) rows in `memory`, by a radix sort. An index out of range is
/// left out. Returns the first such position, or -1.
int64_t hk_group_rows(
    int64_t rows, int index_type, const void *indices, int64_t count, void *memory, hk_row_groups *groups);
