/// Weight gradients as direct sums, divided among threads by channels: for few or small images.
#pragma once
#include "convolution.h"

/// Whether `hk_direct_convolve_weights` takes it: channels that are multiples of sixteen.
bool hk_direct_supports(const hk_convolution *convolution);

/// Bytes of scratch memory, aligned to 64: x once for each tap (at stride 1 as large as x, each), and dy.
size_t hk_direct_scratch_bytes(const hk_convolution *convolution);

/// dw = the gradient with respect to the weights, row-major [out, in, kernel, kernel]; db, unless NULL, that with respect to
/// the bias: the sum of dy, [out]. x and dy lie in blocks of channels or channels last.
///
/// With `bf16` x and dy are rounded while they are copied and multiplied as bf16: 256 to 512 channels, 3 x 3 at stride 2 on 32 images
/// of 8 x 8, takes 3.3 ms instead of 5.7 on a Zen 5 core (oneDNN's bf16 kernel 5.5).
///
/// Every thread makes whole weights, so that one image is divided as well as many, and nothing is added up afterwards. The same
/// bits for any number of threads.
void hk_direct_convolve_weights(
    const hk_convolution *convolution, const float *x, const float *dy, float *dw, float *db, void *scratch);
