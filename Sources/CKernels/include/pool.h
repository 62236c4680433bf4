/// Two-dimensional pooling of dense planes `[planes, height, width]` (N and C together), f32 and f64.
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
