/// Weight gradients as direct sums over positions, from activations as they lie: nothing is copied but the input of a first layer.
#pragma once
#include "convolution.h"

/// Input channels, not a multiple of sixteen, that `hk_correlate_weights` takes at most.
#define HK_CORRELATE_FEW 15

/// Whether `hk_correlate_weights` takes it: output channels that are a multiple of sixteen, input channels that are one too or few.
bool hk_correlate_supports(const hk_convolution *convolution);

/// Bytes of scratch memory, aligned to 64: sums of groups of positions, where there are several.
size_t hk_correlate_scratch_bytes(const hk_convolution *convolution);

/// dw = the gradient with respect to the weights, row-major [out, in, kernel, kernel]; db, unless NULL, that with respect to
/// the bias: the sum of dy, [out]. dy lies in blocks of channels, and so does x where its channels are a multiple of sixteen; few
/// channels lie row-major (nchw).
///
/// Work is divided by weights and by positions, what groups of positions sum is added up in their order. The same bits for any number
/// of threads.
void hk_correlate_weights(
    const hk_convolution *convolution, const float *x, const float *dy, float *dw, float *db, void *scratch);
