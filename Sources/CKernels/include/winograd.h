/// Convolutions by Winograd's minimal filtering, for activations whose channels come in blocks of sixteen.
///
/// A kernel of `k` taps at stride `s` is taken as `s * s` kernels of r = ceil(k / s) taps at stride 1, one for each phase, and the
/// image in tiles of (7 - r) x (7 - r) outputs, each of which takes 36 products a channel: 4 times fewer than the direct sum
/// for 3 x 3, 2.8 times fewer for 5 x 5 and for 4 x 4 at stride 2 (Lavin and Gray, Fast algorithms for convolutional neural
/// networks, 2016). The weights are read, and their gradient is written, as they lie: row-major [out, in, kernel, kernel].
///
/// Accuracy, in f32 against f64 on normal inputs, relative to the result's standard deviation (64 channels; 400 tiles for the
/// weight gradient): root mean square 8e-7 to 9e-7 and largest 9e-6 (direct sum 3e-7 to 8e-7); weight gradient 2e-6, 1e-5.
/// The same bits for any number of threads.
///
/// With `bf16` transformed tiles and weights are rounded to bf16, so that products are twice as fast and take half the memory. The errors
/// of their rounding are carried on between the points of a tile (Templates/winograd_rounding.h), without which results would be 4.9 times
/// less accurate than those of the direct sum of rounded operands. Root mean square error relative to the result's standard deviation,
/// 3 x 3, any number of channels, with that of the direct sum after it:
///
///     normal numbers             7.4e-3   2.4e-3        smooth images              2.8e-3   2.3e-3
///     the same after a ReLU      6.0e-3   2.3e-3        smooth images and kernels  2.3e-3   1.1e-3
///     uniform between 0 and 1    3.9e-3   2.1e-3        gradient of weights        7.1e-3   2.4e-3
///
/// Largest on normal numbers 5e-2 (direct 1.3e-2); 2 and 5 taps 7.5e-3 to 8.5e-3. On a Zen 5 core 1.4 to 1.6 times as fast as f32.
#pragma once
#include "convolution.h"

/// Whether the functions below take it: channels that are multiples of sixteen; 2 to 5 taps at stride 1, 3 to 8 at stride 2.
bool hk_winograd_supports(const hk_convolution *convolution);

/// Bytes of scratch memory, aligned to 64, that a call wants.
size_t hk_winograd_scratch_bytes(const hk_convolution *convolution, hk_convolution_direction direction);

/// Bytes of the transformed weights of a direction (forward or data).
size_t hk_winograd_weight_bytes(const hk_convolution *convolution, hk_convolution_direction direction);

/// Transforms weights once for many calls, as inference wants it. `transformed` is aligned to 64.
void hk_winograd_transform_weights(
    const hk_convolution *convolution, hk_convolution_direction direction, const float *weights, void *transformed);

/// y = relu?(x * weights + bias + residual). `bias` [out_channels] and `residual` (laid out as y) may be NULL.
/// `transformed`: what `hk_winograd_transform_weights` made, or NULL to transform `weights` on the way.
void hk_winograd_convolve(
    const hk_convolution *convolution, const float *x, const float *weights, const void *transformed, const float *bias,
    const float *residual, bool relu, float *y, void *scratch);

/// dx = the gradient with respect to the input from `dy`, that with respect to the output; all of dx is written. As a
/// transposed convolution it takes a bias [in_channels] and relu; NULL and false for a gradient.
void hk_winograd_convolve_transposed(
    const hk_convolution *convolution, const float *dy, const float *weights, const void *transformed, const float *bias,
    bool relu, float *dx, void *scratch);

/// dw = the gradient with respect to the weights, row-major [out, in, kernel, kernel]; db, unless NULL, that with respect to
/// the bias: the sum of dy, [out].
void hk_winograd_convolve_weights(
    const hk_convolution *convolution, const float *x, const float *dy, float *dw, float *db, void *scratch);
