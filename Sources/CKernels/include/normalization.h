/// Normalisation: batch, instance, group and layer norm, forward and backward, f32.
///
/// Mean and variance are taken in parts by shape: each part around a shift that is the mean of some of its own elements (so that at
/// most six bits cancel, whatever the data; Chan, Golub, LeVeque 1983), the parts merged in f64 in a fixed order.
#pragma once
#include "types.h"

/// How the activations `[images, channels, positions]` lie, and what is normalised together.
typedef struct {
    int64_t images, channels;
    /// Extents of all spatial axes, multiplied.
    int64_t positions;
    /// Channels that lie side by side; memory is `[images, channels / block, positions, block]`. 1: row-major; 16: oneDNN's nChw16c;
    /// `channels`: channels last. Divides `channels`.
    int64_t block;
    /// 0: each channel over all images and positions (batch norm, Ioffe and Szegedy 2015). Else each image by itself, the channels in
    /// this many groups: group norm (Wu and He 2018); `channels` groups are instance norm (Ulyanov et al. 2016).
    int64_t groups;
    /// Added to the variance.
    float epsilon;
} hk_norm;

/// How many means and variances there are: `channels`, or `images * groups`, image by image.
static inline int64_t hk_norm_sets(const hk_norm *norm) {
    return norm->groups > 0 ? norm->images * norm->groups : norm->channels;
}

/// y = (x - mean) / sqrt(variance + epsilon) * scale + bias, then + residual, then max(0, ·).
///
/// `scale` and `bias` `[channels]` may be null (1 and 0), as may `residual`, laid out as `x`. `mean` and `variance` (divided by n)
/// `[hk_norm_sets]` are written. `y` may be `x` or `residual`. With no element in a set its mean and variance are NaN.
void hk_norm_forward(
    const hk_norm *norm, const float *x, const float *scale, const float *bias, const float *residual, bool relu, float *y,
    float *mean, float *variance);

/// Mean and variance alone.
void hk_norm_statistics(const hk_norm *norm, const float *x, float *mean, float *variance);

/// `hk_norm_forward` with given statistics: `mean` and `variance` `[hk_norm_sets]` are read.
void hk_norm_inference(
    const hk_norm *norm, const float *x, const float *mean, const float *variance, const float *scale, const float *bias,
    const float *residual, bool relu, float *y);

/// What the gradient of a maximum with 0 that followed is found by.
enum hk_norm_mask {
    /// There was none.
    hk_norm_mask_none,
    /// The sign of the output `y`.
    hk_norm_mask_output,
    /// The sign of what the forward pass computed, computed again: where there was no residual.
    hk_norm_mask_again,
};

/// Gradient of `hk_norm_forward`. With g = dy where the mask lets it pass, elsewhere 0, and sums over a set of n elements:
///
///     dbias = sum g        dscale = sum g * xhat        xhat = (x - mean) * r,  r = 1 / sqrt(variance + epsilon)
///     dx = r * (scale * g - sum(scale * g) / n - xhat * sum(scale * g * xhat) / n)        dresidual = g
///
/// `mean` and `variance` are those of the forward pass. `y` is read with `hk_norm_mask_output` only, `bias` with
/// `hk_norm_mask_again` only. `dresidual`, `dscale` and `dbias` may be null, as may `dx`. `dx` may be `dy`;
/// `dresidual` may be `dy`; it is for `hk_norm_mask_output`, since without a mask it is `dy` itself.
void hk_norm_gradient(
    const hk_norm *norm, const float *x, const float *dy, int mask, const float *y, const float *mean, const float *variance,
    const float *scale, const float *bias, float *dx, float *dresidual, float *dscale, float *dbias);

/// Layer norm (Ba, Kiros, Hinton 2016) of the rows of a dense `[rows, width]`: y = (x - mean) / sqrt(variance + epsilon) * scale + bias.
///
/// `scale` and `bias` `[width]` may be null (1 and 0). `mean` and `variance` (divided by width) `[rows]` are written unless null.
/// `y` may be `x`, or null: then only the statistics are computed.
void hk_layer_norm(
    int64_t rows, int64_t width, float epsilon, const float *x, const float *scale, const float *bias, float *y, float *mean,
    float *variance);

/// Gradient of `hk_layer_norm` from the forward pass' `mean` and `variance`; formulas as at `hk_norm_gradient`, where a set is a
/// row and dscale and dbias are sums over rows. `dscale`, `dbias` and `dx` may be null. `dx` may be `dy`.
void hk_layer_norm_gradient(
    int64_t rows, int64_t width, float epsilon, const float *x, const float *dy, const float *mean, const float *variance,
    const float *scale, float *dx, float *dscale, float *dbias);
