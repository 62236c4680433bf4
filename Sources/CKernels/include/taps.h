/// Convolutions as direct sums over channels and taps, each read where it lies: for many pixels and any square window and stride.
///
/// The result's channels come in blocks of sixteen (nChw16c). What is summed over lies so too, or, where its channels are not a multiple of
/// sixteen (an image of three), row-major. Padding is copied together with the rows that a task reads; without padding nothing is copied.
/// Every sum runs in order by fused multiply-add, in parts of 256 numbers. The same bits for any number of threads.
#pragma once
#include "convolution.h"

/// Whether `hk_taps_convolve` takes it: forward or the gradient of the data, the result's channels a multiple of sixteen.
bool hk_taps_supports(const hk_convolution *convolution, hk_convolution_direction direction);

/// Bytes of packed weights, a multiple of 64, which is also the scratch memory that a call wants if it has to pack them.
size_t hk_taps_weight_bytes(const hk_convolution *convolution);

/// Packs weights [out, in, kernel, kernel] of a direction (forward or data) for many calls. `packed` is aligned to 64.
void hk_taps_pack_weights(
    const hk_convolution *convolution, hk_convolution_direction direction, const float *weights, float *packed);

/// Forward: y = relu?(x * weights + bias + what y holds, if `adds`); data: dx from dy, in the places of y and x.
/// `bias` [channels of y] may be NULL. `packed`: what `hk_taps_pack_weights` made, or NULL to pack `weights` into `scratch`.
void hk_taps_convolve(
    const hk_convolution *convolution, hk_convolution_direction direction, const float *x, const float *weights, const float *packed,
    const float *bias, bool adds, bool relu, float *y, void *scratch);
