// What the files of the weight gradients as direct sums share.
#pragma once
#include <stdint.h>

/// Rows of weights whose sums over positions are in registers together.
#define HK_CORRELATE_ROWS 6

/// A box of positions that are added up; strides in floats. A position of dy is the 16 channels of a block, the next pixel's lie beside it.
typedef struct {
    int64_t images, lines, pixels;
    int64_t x_image, x_line, x_pixel;
    int64_t dy_image, dy_line;
    /// From a row of sums to the next.
    int64_t sum;
    /// Where a box begins that will be read later, and whether it is one of x, else of dy: it is asked for while this one is added up.
    const float *ahead;
    bool is_x_ahead;
} hk_correlate_box;
