// What the files of the convolutions as direct sums share.
#pragma once
#include <stdbool.h>
#include <stdint.h>

/// Output channels of a panel of weights, and channels of a block of activations.
#define HK_TAPS_LANES 16
/// Phases along an axis at most: the largest stride.
#define HK_TAPS_PHASES 8

/// Where a pixel of the result finds what it sums over, and where it lies itself; in floats.
typedef struct {
    int64_t x, y;
} hk_taps_pixel;

/// What is summed: `steps` places of x, relative to a pixel's. At each lie `HK_TAPS_LANES` channels, or, if `single`, one number.
typedef struct {
    const int64_t *places;
    int64_t steps;
    bool single;
    /// Whether what y holds is added, and the result rectified.
    bool adds, relu;
} hk_taps_call;
