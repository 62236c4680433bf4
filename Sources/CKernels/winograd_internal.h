// What the files of the Winograd convolutions share: how activations are cut into tiles, and the kernels' arguments.
#pragma once
#include "winograd.h"

/// Points of a tile along one axis, and in the plane.
#define HK_WINOGRAD_POINTS 6
#define HK_WINOGRAD_PLANE 36
/// Channels of a block, the lanes of a vector.
#define HK_WINOGRAD_LANES 16
/// Output channels of a panel: what the micro-kernel makes at a time.
#define HK_WINOGRAD_PANEL 32
#define HK_WINOGRAD_MAX_TAPS 5

/// One side of a convolution, an activation tensor, as tiles see it. Element `i` of tile `t` along an axis lies at
/// `stride * (first + t * step + i) + phase + offset`; what falls outside of the image is zero, or not written.
typedef struct {
    float *data;
    int64_t height, width;
    /// In floats: from one image, block of 16 channels, row and pixel to the next.
    int64_t image, block, row, pixel;
    /// Each channel is read as `stride * stride` channels, one for each phase: channel block `b` has the blocks
    /// `b * stride * stride + phase`.
    int stride;
    int64_t offset_y, offset_x;
} hk_winograd_side;

/// The tiles of all images: `rows * columns` an image, one after another.
typedef struct {
    /// Taps of the kernel along an axis, for one phase.
    int taps;
    /// Outputs of a tile along an axis: 7 - taps.
    int step;
    int64_t first_y, first_x, rows, columns;
} hk_winograd_tiles;

/// The weights as the kernels see them: element [out, in, tap] of a channel, taps row-major and dense.
typedef struct {
    float *data;
    /// In floats, from one output channel and input channel to the next.
    int64_t out, in;
    /// Taps along an axis of the kernel as it stands, and of one phase.
    int kernel, taps;
    /// Phases of the output and the input channels.
    int out_stride, in_stride;
    /// Taps are taken in reverse.
    bool flipped;
} hk_winograd_weights;

/// What happens to an output tile before it is stored.
typedef struct {
    const float *bias;
    /// Laid out as the output.
    const float *residual;
    bool relu;
    /// The output is aligned and too large to stay in cache: it is written past it.
    bool streams;
} hk_winograd_finish;

/// The kernels that depend on what transformed numbers are kept as; planes and blocks of such are in bytes. Described where they are
/// defined, in Templates/winograd_transforms.h and winograd_products.h.
typedef struct {
    /// Of a transformed number.
    int64_t bytes;
    /// Tiles that lie side by side where the gradient of the weights sums over tiles.
    int64_t together;
    void (*patches)(
        const hk_winograd_side *side, const hk_winograd_tiles *tiles, int64_t block, int64_t begin, int64_t end, void *out,
        int64_t plane);
    void (*gradient_patches)(
        const hk_winograd_side *side, const hk_winograd_tiles *tiles, int64_t block, int64_t begin, int64_t end, void *out,
        int64_t plane);
    void (*outputs)(
        const hk_winograd_side *side, const hk_winograd_tiles *tiles, int64_t block, int64_t begin, int64_t end, void *out,
        int64_t plane, float *total);
    void (*weights)(const hk_winograd_weights *w, int64_t out_block, int64_t in_block, void *out, int64_t plane);
    void (*product)(
        int64_t tiles, int64_t blocks, const void *v, int64_t v_block, const void *u, float *m, int64_t m_block, bool first);
    void (*accumulate)(int64_t tiles, const void *v, const void *z, int64_t z_block, float *s, bool first);
} hk_winograd_kernels;
