/// What a convolution is, as the kernels that make one take it.
#pragma once
#include "types.h"

/// A convolution: two-dimensional, not grouped, not dilated, in f32.
///
/// y[n, o, i, j] = sum over c, k, l of x[n, c, stride i + k - padding_y, stride j + l - padding_x] w[o, c, k, l], where x is zero
/// outside. Weights are row-major [out, in, kernel, kernel].
typedef struct {
    int64_t images, in_channels, out_channels;
    /// Of x and of y. What x lacks at the end is zero too; what y does not reach is not used.
    int64_t height, width, out_height, out_width;
    /// Taps along both axes, and the step of both.
    int kernel, stride;
    /// Zeros before the first row and column.
    int64_t padding_y, padding_x;
    /// Activations lie channels last (nhwc) instead of in blocks of sixteen channels (nChw16c).
    bool channels_last;
    /// Products are of bf16 numbers, summed in f32: `hk_winograd_` functions transform in f32 and round what they multiply,
    /// `hk_direct_convolve_weights` rounds x and dy, and `hk_narrow_convolve` does not know it.
    bool bf16;
} hk_convolution;

typedef enum {
    hk_convolution_forward = 0,
    /// The gradient with respect to x; the transposed convolution.
    hk_convolution_backward_data = 1,
    hk_convolution_backward_weights = 2,
} hk_convolution_direction;
