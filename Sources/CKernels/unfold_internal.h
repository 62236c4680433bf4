// What the files of the convolutions as one product share.
#pragma once
#include <stdbool.h>
#include <stdint.h>

/// The products of some pixels; strides in floats.
typedef struct {
    /// Channel blocks of x, once for each tap.
    int64_t blocks;
    /// From one pixel, and channel block, of x to the next; from an output block of y to the next.
    int64_t x_pixel, x_block, y_block;
    /// Output blocks, of the two that the weights are for, that there are.
    int halves;
    /// Whether what y holds is added, and the result rectified.
    bool adds, relu;
} hk_unfold_call;
