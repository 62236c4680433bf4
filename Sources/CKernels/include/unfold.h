/// Convolutions as one product of channels and taps at every pixel, for activations whose channels come in blocks of sixteen.
///
/// With one tap that is a product of the image as it lies, with more taps of the image unfolded: a copy of it for each tap (im2col; Chellapilla,
/// Puri, Simard, High performance convolutional neural networks for document processing, 2006), which is worth it where pixels are few. On one
/// image there are few, and this keeps all threads and registers busy where kernels that divide the work by rows of pixels do not.
/// Every sum runs in order by fused multiply-add. The same bits for any number of threads.
#pragma once
#include "convolution.h"

/// Bytes of an unfolded image up to which more than one tap is taken: what stays near until the product reads it.
#define HK_UNFOLD_BYTES (2 << 20)

/// Whether `hk_unfold_convolve` takes it: channels in blocks of sixteen and multiples of them; one tap without padding, or forward up to 7 x 7
/// taps and few pixels for the channels; backwards, one tap at stride 1.
bool hk_unfold_supports(const hk_convolution *convolution, hk_convolution_direction direction);

/// Bytes of packed weights, a multiple of 64.
size_t hk_unfold_weight_bytes(const hk_convolution *convolution);

/// Bytes of scratch memory, aligned to 64, that a call wants: those of the unfolded image. Weights that are packed in the call come on top.
size_t hk_unfold_scratch_bytes(const hk_convolution *convolution);

/// Packs weights [out, in, kernel, kernel] of a direction (forward or data) for many calls. `packed` is aligned to 64.
void hk_unfold_pack_weights(
    const hk_convolution *convolution, hk_convolution_direction direction, const float *weights, float *packed);

/// Forward: y = relu?(x * weights + bias + what y holds, if `adds`); data: dx from dy, in the places of y and x.
/// `bias` [channels of y] may be NULL. `packed`: what `hk_unfold_pack_weights` made, or NULL to pack `weights` into `scratch`.
void hk_unfold_convolve(
    const hk_convolution *convolution, hk_convolution_direction direction, const float *x, const float *weights, const float *packed,
    const float *bias, bool adds, bool relu, float *y, void *scratch);
