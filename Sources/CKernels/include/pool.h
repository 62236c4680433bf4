/// Two-dimensional pooling of dense planes `[planes, height, width]` (N and C together), f32 and f64; and where channels lie in blocks.
#pragma once
#include "types.h"

/// The windows. Window (i, j) covers rows `i * stride_height - pad_top + k * dilation_height`, likewise columns. The padded
/// places never win a maximum.
typedef struct {
    int64_t planes, height, width, out_height, out_width;
    int64_t kernel_height, kernel_width, stride_height, stride_width, dilation_height, dilation_width;
    int64_t pad_top, pad_left, pad_bottom, pad_right;
    /// Average only: padded places count in the divisor.
    bool include_padding;
    /// Gradient of a maximum only: nothing for windows whose maximum is at most 0, as if a rectifier before the pooling let nothing pass.
    bool rectified;
} hk_pool;

/// Largest element of each window; NaN wins. A window that has padding only gives minus infinity. Type f32 or f64.
void hk_maxpool(int type, const hk_pool *pool, const void *x, void *y);

/// The element of `v` (laid out as `x`) at the place of each window's maximum in `x`: the first of equals, the first NaN.
/// Zero for a window that has padding only.
void hk_maxpool_select(int type, const hk_pool *pool, const void *x, const void *v, void *y);

/// dx = 0, then dy of each window is added at the place of its maximum, window by window in order.
void hk_maxpool_scatter(int type, const hk_pool *pool, const void *x, const void *dy, void *dx);

/// Mean of each window: over the places that are not padding, or over all inside the padded plane with `include_padding`.
/// Dilation must be 1.
void hk_avgpool(int type, const hk_pool *pool, const void *x, void *y);

/// Gradient of `hk_avgpool`.
void hk_avgpool_gradient(int type, const hk_pool *pool, const void *dy, void *dx);

/// Whether pooling in a layout `[N, C / block, height, width, block]`, f32, has kernels: blocks of 8 and 16, dense windows of up to 127
/// places.
bool hk_pools_blocked(const hk_pool *pool, int64_t block);

/// `hk_maxpool` of `pool->planes` planes (N and C / block together) of blocks. `places`, if not null, gets a byte for each output that
/// `hk_maxpool_blocked_gradient` finds the maximum by.
void hk_maxpool_blocked(const hk_pool *pool, int64_t block, const float *x, float *y, uint8_t *places);

/// `hk_maxpool_scatter` by what the pooling recorded; of windows that overlap, each element adds up what reaches it window by window in
/// order.
void hk_maxpool_blocked_gradient(const hk_pool *pool, int64_t block, const uint8_t *places, const float *dy, float *dx);

/// `hk_avgpool` and its gradient.
void hk_avgpool_blocked(const hk_pool *pool, int64_t block, const float *x, float *y);
void hk_avgpool_blocked_gradient(const hk_pool *pool, int64_t block, const float *dy, float *dx);
