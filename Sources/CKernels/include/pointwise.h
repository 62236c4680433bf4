/// Convolutions of one tap, plain products of channels at every pixel, for activations whose channels come in blocks of sixteen.
///
/// What oneDNN's kernel does well on a batch; on one image, where there are few pixels, this one keeps both threads and all registers busy.
/// Every sum runs over the channels in order by fused multiply-add. The same bits for any number of threads.
#pragma once
#include "convolution.h"

/// Whether `hk_pointwise_convolve` takes it: one tap without padding, channels in blocks of sixteen and multiples of them; backwards,
/// stride 1.
bool hk_pointwise_supports(const hk_convolution *convolution, hk_convolution_direction direction);

/// Bytes of scratch memory, aligned to 64, that a call with weights as they lie wants, and of weights that were packed once for many calls.
size_t hk_pointwise_weight_bytes(const hk_convolution *convolution);

/// Packs weights [out, in] of a direction (forward or data) for many calls. `packed` is aligned to 64.
void hk_pointwise_pack_weights(
    const hk_convolution *convolution, hk_convolution_direction direction, const float *weights, float *packed);

/// Forward: y = relu?(x * weights + bias + what y holds, if `adds`); data: dx from dy, in the places of y and x.
/// `bias` [channels of y] may be NULL. `packed`: what `hk_pointwise_pack_weights` made, or NULL to pack `weights` into `scratch`.
void hk_pointwise_convolve(
    const hk_convolution *convolution, hk_convolution_direction direction, const float *x, const float *weights, const float *packed,
    const float *bias, bool adds, bool relu, float *y, void *scratch);
