// Convolutions as one product: how the work is cut up. The arithmetic is in Templates/unfold.h.
#include "internal.h"
#include <string.h>

#define LANES HK_WINOGRAD_LANES
#define PANEL HK_WINOGRAD_PANEL
/// Bytes of x that stay in the second-level cache while all weights pass, or of weights while all of x does.
#define NEAR_BYTES (384 * 1024)
/// Pixels of a task at least: as many as fill the registers twice.
#define LEAST_PIXELS 28

typedef struct {
    const hk_variant *variant;
    hk_unfold_call call;
    const float *x, *weights, *bias;
    float *y;
    int64_t images, in_blocks, out_blocks, panels;
    /// Pixels that lie one `x_pixel` after the other: an image's, or a row's where pixels are left out; how many such runs an image has.
    int64_t run, runs, x_run;
    int64_t x_image, y_image;
    /// Pieces that a run is cut into.
    int64_t pieces;
} plan;

static int64_t tap_count(const hk_convolution *c) { return (int64_t)c->kernel * c->kernel; }

bool hk_unfold_supports(const hk_convolution *c, hk_convolution_direction direction) {
    if (c->in_channels <= 0 || c->out_channels <= 0 || c->in_channels % LANES || c->out_channels % LANES || c->channels_last
        || c->images <= 0 || c->out_height <= 0 || c->out_width <= 0 || c->height <= 0 || c->width <= 0 || c->stride <= 0) {
        return false;
    }
    if (c->kernel == 1 && c->padding_y == 0 && c->padding_x == 0) {
        bool known = direction == hk_convolution_forward || (direction == hk_convolution_backward_data && c->stride == 1);
        return known && (c->out_height - 1) * c->stride < c->height && (c->out_width - 1) * c->stride < c->width
            && (c->stride > 1 || (c->out_height == c->height && c->out_width == c->width));
    }
    return direction == hk_convolution_forward && c->kernel > 1 && c->kernel <= 7 && c->padding_y >= 0 && c->padding_x >= 0
        && hk_unfold_scratch_bytes(c) <= HK_UNFOLD_BYTES;
}

static int64_t panel_count(int64_t channels) { return (channels + PANEL - 1) / PANEL; }

size_t hk_unfold_weight_bytes(const hk_convolution *c) {
    int64_t forward = panel_count(c->out_channels) * c->in_channels, backward = panel_count(c->in_channels) * c->out_channels;
    return (size_t)((forward > backward ? forward : backward) * tap_count(c) * PANEL) * sizeof(float);
}

size_t hk_unfold_scratch_bytes(const hk_convolution *c) {
    if (tap_count(c) == 1) return 0;
    return (size_t)(c->in_channels * tap_count(c) * c->images * c->out_height * c->out_width) * sizeof(float);
}

// MARK: - Weights: [panel of 32 channels of the result][channel block][tap][channel][32], the last panel filled up with zeros

typedef struct {
    const hk_variant *variant;
    const float *weights;
    float *packed;
    int64_t in, out, taps;
    bool backward;
} packing;

/// The channels of one block and panel, whose weights lie `[out][channel][tap]`.
static void pack_block(const packing *p, const float *weights, int64_t count, float *to) {
    int64_t rows = LANES * p->taps;
    float *rows_of = hk_scratch(hk_scratch_thread, (size_t)(rows * PANEL) * sizeof(float));
    p->variant->transpose[2]((const char *)weights, p->in * p->taps, (char *)rows_of, PANEL, count, rows);
    for (int64_t tap = 0; tap < p->taps; tap++) {
        for (int64_t c = 0; c < LANES; c++, to += PANEL) {
            memcpy(to, rows_of + (c * p->taps + tap) * PANEL, (size_t)count * sizeof(float));
        }
    }
}

static void pack_panels(void *context, int64_t begin, int64_t end) {
    const packing *p = context;
    for (int64_t panel = begin; panel < end; panel++) {
        float *to = p->packed + panel * p->in * p->taps * PANEL;
        int64_t first = panel * PANEL, count = p->out - first < PANEL ? p->out - first : PANEL;
        if (count < PANEL) memset(to, 0, (size_t)(p->in * p->taps * PANEL) * sizeof(float));
        if (p->backward) {
            for (int64_t c = 0; c < p->in; c++) memcpy(to + c * PANEL, p->weights + c * p->out + first, (size_t)count * sizeof(float));
        } else if (p->taps == 1) {
            p->variant->transpose[2]((const char *)(p->weights + first * p->in), p->in, (char *)to, PANEL, count, p->in);
        } else {
            for (int64_t c = 0; c < p->in; c += LANES) {
                pack_block(p, p->weights + (first * p->in + c) * p->taps, count, to + c * p->taps * PANEL);
            }
        }
    }
}

void hk_unfold_pack_weights(
    const hk_convolution *c, hk_convolution_direction direction, const float *weights, float *packed) {
    bool backward = direction == hk_convolution_backward_data;
    packing p = {hk_variant_current(), weights, packed, c->in_channels, c->out_channels, tap_count(c), backward};
    if (backward) {
        p.in = c->out_channels;
        p.out = c->in_channels;
    }
    int64_t panels = panel_count(p.out);
    hk_parallel(panels, (double)(panels * p.in * p.taps * PANEL) * 0.3, pack_panels, &p);
}

// MARK: - The unfolded image: [channel block][tap][pixel of all images][16]

typedef struct {
    const hk_convolution *convolution;
    const float *x;
    float *to;
} unfolding;

static void unfold_taps(void *context, int64_t begin, int64_t end) {
    const unfolding *u = context;
    const hk_convolution *c = u->convolution;
    int64_t pixels = c->images * c->out_height * c->out_width, taps = tap_count(c), plane = c->height * c->width * LANES;
    for (int64_t task = begin; task < end; task++) {
        int64_t block = task / taps, tap = task % taps;
        int64_t down = tap / c->kernel - c->padding_y, right = tap % c->kernel - c->padding_x;
        float *to = u->to + task * pixels * LANES;
        for (int64_t image = 0; image < c->images; image++) {
            const float *from = u->x + (image * (c->in_channels / LANES) + block) * plane;
            for (int64_t i = 0; i < c->out_height; i++) {
                int64_t y = i * c->stride + down;
                bool is_inside = y >= 0 && y < c->height;
                for (int64_t j = 0; j < c->out_width; j++, to += LANES) {
                    int64_t x = j * c->stride + right;
                    if (is_inside && x >= 0 && x < c->width) {
                        memcpy(to, from + (y * c->width + x) * LANES, LANES * sizeof(float));
                    } else {
                        memset(to, 0, LANES * sizeof(float));
                    }
                }
            }
        }
    }
}

// MARK: - Products

/// The products of one panel for the pixels of a piece of a run.
static void multiply(const plan *p, int64_t image, int64_t run, int64_t begin, int64_t end, int64_t panel) {
    hk_unfold_call call = p->call;
    int64_t left = p->out_blocks - panel * (PANEL / LANES);
    call.halves = left < PANEL / LANES ? (int)left : PANEL / LANES;
    p->variant->unfold(
        &call, end - begin, p->x + image * p->x_image + run * p->x_run + begin * call.x_pixel,
        p->weights + panel * p->in_blocks * LANES * PANEL, p->bias ? p->bias + panel * PANEL : NULL,
        p->y + image * p->y_image + panel * (PANEL / LANES) * call.y_block + (run * p->run + begin) * LANES);
}

/// Each task takes some pixels through all panels.
static void run_pixels(void *context, int64_t begin, int64_t end) {
    const plan *p = context;
    for (int64_t task = begin; task < end; task++) {
        int64_t piece = task % p->pieces, run = task / p->pieces % p->runs, image = task / p->pieces / p->runs;
        int64_t first = p->run * piece / p->pieces, last = p->run * (piece + 1) / p->pieces;
        for (int64_t panel = 0; panel < p->panels; panel++) multiply(p, image, run, first, last, panel);
    }
}

/// Each task takes all pixels through one panel.
static void run_panels(void *context, int64_t begin, int64_t end) {
    const plan *p = context;
    for (int64_t panel = begin; panel < end; panel++) {
        for (int64_t task = 0; task < p->images * p->runs; task++) {
            multiply(p, task / p->runs, task % p->runs, 0, p->run, panel);
        }
    }
}

void hk_unfold_convolve(
    const hk_convolution *c, hk_convolution_direction direction, const float *x, const float *weights, const float *packed,
    const float *bias, bool adds, bool relu, float *y, void *scratch) {
    char *memory = scratch;
    if (!packed) {
        hk_unfold_pack_weights(c, direction, weights, (float *)memory);
        packed = (float *)memory;
        memory += hk_unfold_weight_bytes(c);
    }
    bool backward = direction == hk_convolution_backward_data, is_unfolded = tap_count(c) > 1;
    int64_t in = backward ? c->out_channels : c->in_channels, out = backward ? c->in_channels : c->out_channels;
    int64_t x_plane = c->height * c->width, y_plane = c->out_height * c->out_width, pixels = c->images * y_plane;
    plan p = {
        .variant = hk_variant_current(), .x = x, .weights = packed, .bias = bias, .y = y, .images = c->images, .in_blocks = in / LANES,
        .out_blocks = out / LANES, .panels = panel_count(out), .x_image = in * x_plane, .y_image = out * y_plane,
        .call = {
            .blocks = in / LANES, .x_pixel = c->stride * LANES, .x_block = x_plane * LANES, .y_block = y_plane * LANES, .adds = adds,
            .relu = relu}};
    p.run = c->stride == 1 ? y_plane : c->out_width;
    p.runs = c->stride == 1 ? 1 : c->out_height;
    p.x_run = c->stride * c->width * LANES;
    if (is_unfolded) {
        unfolding u = {c, x, (float *)memory};
        int64_t copies = p.in_blocks * tap_count(c);
        hk_parallel(copies, (double)(copies * pixels) * 3, unfold_taps, &u);
        p.x = u.to;
        p.in_blocks = p.call.blocks = copies;
        p.x_image = y_plane * LANES;
        p.call.x_pixel = LANES;
        p.call.x_block = pixels * LANES;
        p.run = y_plane;
        p.runs = 1;
    }
    in = p.in_blocks * LANES;
    double cost = (double)pixels * (double)in * (double)(p.panels * PANEL) * 0.01;
    // Where the weights are the larger part, each thread reads some of them, else some of the pixels.
    if (out > pixels && p.panels >= 2 * hk_threads()) {
        hk_parallel(p.panels, cost, run_panels, &p);
        return;
    }
    int64_t near = NEAR_BYTES / (in * (int64_t)sizeof(float));
    if (near < LEAST_PIXELS) near = LEAST_PIXELS;
    // At least eight tasks where that leaves enough for each, so that no thread waits long for another.
    if (near > pixels / 8) near = pixels / 8 > LEAST_PIXELS ? pixels / 8 : LEAST_PIXELS;
    p.pieces = (p.run + near - 1) / near;
    hk_parallel(p.images * p.runs * p.pieces, cost, run_pixels, &p);
}
