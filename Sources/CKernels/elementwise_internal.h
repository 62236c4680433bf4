// Reading strided inputs of element-wise programs, tile by tile.
#pragma once
#include "internal.h"

/// Outputs that need a copy at the end, for which room is kept on the stack.
#define HK_MAX_DEFERRED 32

/// A strided input as a walk over the flat row-major index of the iteration space.
typedef struct {
    const char *base;
    hk_axes axes;
    int bytes;
    /// Elements after which the walk repeats itself, where that is short enough to unroll once; else 0.
    int64_t period;
} hk_walk;

enum { hk_walk_scalar, hk_walk_dense, hk_walk_strided };

/// Makes the walk of input `index`; says when it is in truth one scalar, or dense.
int hk_walk_make(hk_walk *walk, const hk_elementwise_program *program, int index, const void *base, int bytes);

/// Bytes of the buffer that the walk needs for tiles of `tile` elements.
size_t hk_walk_bytes(const hk_walk *walk, int64_t tile);

/// Fills a periodic walk's buffer, once for all tiles.
void hk_walk_unroll(const hk_walk *walk, int64_t tile, char *buffer);

/// Elements `start ..< start + count`: a pointer to them and the bytes between granules (0: one granule stands for all).
/// They may lie in the input itself, in which case all granules are whole.
const char *hk_walk_load(const hk_walk *walk, int64_t start, int64_t count, char *buffer, intptr_t *stride);
