/// Convolutions with few output channels: an image at the end of a network.
#pragma once
#include "convolution.h"

/// Whether `hk_narrow_convolve` takes it. Forward: stride 1, at most 16 output channels, input channels a multiple of sixteen.
/// Transposed (`hk_convolution_backward_data`, from dy to x): at most 16 channels of x times stride squared, output channels
/// a multiple of sixteen. At most 16 taps along an axis, of one phase.
bool hk_narrow_supports(const hk_convolution *convolution, hk_convolution_direction direction);

/// Bytes of scratch memory, aligned to 64, that a call wants.
size_t hk_narrow_scratch_bytes(const hk_convolution *convolution, hk_convolution_direction direction);

/// y = x * weights + bias (forward), or the transposed convolution of dy (`hk_convolution_backward_data`).
///
/// `input` lies in blocks of channels or channels last; `output` is row-major [n, channel, height, width]. Where other kernels
/// fill the lanes of a vector with output channels, of which there are too few here, these lanes are neighbouring pixels; of a
/// transposed convolution, where they fit, all taps of all channels of x, which a pixel of dy adds to its surroundings.
/// `bias`, one an output channel, may be NULL. The same bits for any number of threads.
void hk_narrow_convolve(
    const hk_convolution *convolution, hk_convolution_direction direction, const float *input, const float *weights,
    const float *bias, float *output, void *scratch);
