// What the files of pooling in blocked layouts share.
#pragma once
#include "pool.h"

/// Places of a window that a byte can tell apart, and what stands for none: a window of padding only.
#define HK_POOL_PLACES 127
#define HK_POOL_NONE 127
/// Set beside the place where the maximum is not above 0.
#define HK_POOL_RECTIFIED 128

/// One pooling, or gradient of one, of `pool.planes` blocks of channels of images.
typedef struct {
    hk_pool pool;
    /// Channels of a pixel that lie together: 8 or 16.
    int64_t block;
    /// What is pooled, or what is upstream.
    const float *x;
    float *y;
    /// A byte for each pooled element.
    uint8_t *places;
    /// `y` is too large to stay in cache.
    bool stream;
    /// The gradient goes by pairs of rows: windows of 2x2 or 3x3 with stride 2.
    bool pairs;
    /// Rows of `y`, or pairs of rows, that a plane has.
    int64_t rows;
} hk_blocked_pool;

enum { hk_blocked_max, hk_blocked_max_places, hk_blocked_average, hk_blocked_pool_count };

static inline int64_t hk_smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t hk_larger(int64_t a, int64_t b) { return a > b ? a : b; }

/// What an average's sum is divided by: places of window (i, j) on the plane, or inside the padded plane.
static inline int64_t hk_pool_divisor(const hk_pool *p, int64_t i, int64_t j) {
    int64_t top = i * p->stride_height - p->pad_top, left = j * p->stride_width - p->pad_left;
    int64_t bottom = top + p->kernel_height, right = left + p->kernel_width;
    if (p->include_padding) {
        return (hk_smaller(bottom, p->height + p->pad_bottom) - top) * (hk_smaller(right, p->width + p->pad_right) - left);
    }
    int64_t height = hk_smaller(bottom, p->height) - hk_larger(top, 0);
    int64_t width = hk_smaller(right, p->width) - hk_larger(left, 0);
    return height > 0 && width > 0 ? height * width : 0;
}
