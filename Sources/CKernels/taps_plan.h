// What the two files of the convolutions as direct sums share: how the work is cut up.
#pragma once
#include "internal.h"
#include "taps.h"

/// Along one axis, for one phase: pixel `q` of the result lies at `to_step * q + to`, and tap `t` of it at `step * q + tap_step * t + from`.
typedef struct {
    int64_t to_step, to, step, tap_step, from;
    /// Taps that are summed over. Those that lie outside of the image for every pixel are not: `first` is the first of the others.
    int first, taps;
} hk_taps_axis;

typedef struct {
    const hk_variant *variant;
    bool back;
    int kernel, stride;
    const float *x, *bias;
    /// Packed weights, or where they are packed by the task that needs them, the weights themselves.
    const float *packed, *weights;
    float *y;
    bool adds, relu;
    /// Channels that lie together, how many such blocks are summed over, in how many parts, and panels of the result.
    int64_t lanes, blocks, parts, panels;
    int64_t height, width, out_height, out_width;
    /// Phases along an axis, and taps of all of them.
    int phases;
    int64_t taps;
    hk_taps_axis down[HK_TAPS_PHASES], across[HK_TAPS_PHASES];
    /// Whether some tap lies outside of the image.
    bool is_padded;
    /// How the work is divided: images of a task, pieces of an image, groups of panels.
    int64_t images, images_together, row_pieces, column_pieces, panel_groups;
} hk_taps_plan;

/// Floats of the weights of one panel and so many blocks.
static inline int64_t hk_taps_floats(const hk_taps_plan *p, int64_t blocks) { return blocks * p->taps * p->lanes * HK_TAPS_LANES; }

/// Floats of memory that packing a part wants.
static inline int64_t hk_taps_turned_floats(const hk_taps_plan *p) {
    return (int64_t)p->kernel * p->kernel * p->lanes * HK_TAPS_LANES;
}

/// Packs the weights of one panel and the blocks `begin ..< end` of one part: [phase down][phase across][block][tap][channel][16].
void hk_taps_pack_part(const hk_taps_plan *p, int64_t panel, int64_t begin, int64_t end, float *turned, float *to);

/// Packs all weights: [panel][part]...
void hk_taps_pack(const hk_taps_plan *p, float *packed);
