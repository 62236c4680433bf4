// What the files of the narrow convolutions share.
#pragma once
#include <stdint.h>

/// Output channels, phases included, that the kernel takes at most.
#define HK_NARROW_CHANNELS 16

/// One row of outputs; strides in floats.
typedef struct {
    /// 1, 2, 3 or a multiple of four.
    int channels;
    /// Along both axes.
    int taps;
    /// Vectors of 16 columns.
    int64_t vectors;
    /// From a line, and a channel, of the input to the next; from a channel of the sums to the next.
    int64_t line, plane, sum_pitch;
    /// [16][taps][taps][channels]
    const float *weights;
} hk_narrow_row;
