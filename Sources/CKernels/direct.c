// Weight gradients as one matrix product a tap: dw[tap] = xᵀ at the tap's positions times dy.
#include "internal.h"
#include <string.h>

#define LANES HK_WINOGRAD_LANES
#define PANEL HK_WINOGRAD_PANEL
/// Positions that are added up at a time: two blocks of dy stay in the nearest cache over all taps.
#define DEPTH 256

typedef struct {
    const hk_variant *variant;
    const hk_convolution *convolution;
    const float *x, *dy;
    float *dw, *db;
    int64_t in_blocks, out_blocks, taps, positions;
    /// [channel block][tap][position][16], and [channel block][position][16].
    float *inputs, *outputs;
} direct;

static direct make_direct(const hk_convolution *c) {
    return (direct){
        .variant = hk_variant_current(), .convolution = c, .in_blocks = c->in_channels / LANES,
        .out_blocks = c->out_channels / LANES, .taps = (int64_t)c->kernel * c->kernel,
        .positions = c->images * c->out_height * c->out_width};
}

bool hk_direct_supports(const hk_convolution *c) {
    return c->in_channels > 0 && c->out_channels > 0 && c->in_channels % LANES == 0 && c->out_channels % LANES == 0
        && c->kernel > 0 && c->stride > 0 && c->images > 0 && c->height > 0 && c->width > 0 && c->out_height > 0
        && c->out_width > 0 && c->padding_y >= 0 && c->padding_x >= 0;
}

static size_t input_floats(const direct *d) { return (size_t)(d->in_blocks * d->taps * d->positions * LANES); }

/// A task's sums, for one tap after another, and its weights on their way out.
static size_t task_floats(const direct *d) { return (size_t)(d->taps * LANES * (PANEL + LANES)); }

size_t hk_direct_scratch_bytes(const hk_convolution *convolution) {
    direct d = make_direct(convolution);
    return (input_floats(&d) + (size_t)(d.out_blocks * d.positions * LANES)) * sizeof(float);
}

/// Copies the block of channels of x that a tap meets, position by position.
static void copy_inputs(const direct *d, int64_t block, int64_t tap, float *to) {
    const hk_convolution *c = d->convolution;
    int64_t pixel = c->channels_last ? c->in_channels : LANES, row = c->width * pixel;
    int64_t from = c->channels_last ? block * LANES : block * c->height * c->width * LANES;
    int64_t down = tap / c->kernel - c->padding_y, right = tap % c->kernel - c->padding_x;
    for (int64_t image = 0; image < c->images; image++) {
        const float *plane = d->x + image * c->in_channels * c->height * c->width + from;
        for (int64_t i = 0; i < c->out_height; i++) {
            int64_t y = i * c->stride + down;
            for (int64_t j = 0; j < c->out_width; j++, to += LANES) {
                int64_t x = j * c->stride + right;
                if (y >= 0 && y < c->height && x >= 0 && x < c->width) {
                    memcpy(to, plane + y * row + x * pixel, LANES * sizeof(float));
                } else {
                    memset(to, 0, LANES * sizeof(float));
                }
            }
        }
    }
}

/// Copies a block of channels of dy, and adds it up.
static void copy_outputs(const direct *d, int64_t block, float *to) {
    const hk_convolution *c = d->convolution;
    int64_t plane = c->out_height * c->out_width, pixel = c->channels_last ? c->out_channels : LANES;
    float sum[LANES] = {0};
    for (int64_t image = 0; image < c->images; image++) {
        const float *from = d->dy + image * c->out_channels * plane + block * (c->channels_last ? LANES : plane * LANES);
        for (int64_t p = 0; p < plane; p++, from += pixel, to += LANES) {
            for (int lane = 0; lane < LANES; lane++) {
                to[lane] = from[lane];
                sum[lane] += from[lane];
            }
        }
    }
    if (d->db) memcpy(d->db + block * LANES, sum, sizeof sum);
}

static void copy(void *context, int64_t begin, int64_t end) {
    const direct *d = context;
    for (int64_t task = begin; task < end; task++) {
        if (task < d->in_blocks * d->taps) {
            copy_inputs(d, task / d->taps, task % d->taps, d->inputs + task * d->positions * LANES);
        } else {
            int64_t block = task - d->in_blocks * d->taps;
            copy_outputs(d, block, d->outputs + block * d->positions * LANES);
        }
    }
}

/// The weights of one panel of outputs and one block of inputs.
static void multiply(void *context, int64_t begin, int64_t end) {
    const direct *d = context;
    int64_t kernel = d->taps * LANES, out_step = d->convolution->in_channels * d->taps;
    float *sums = hk_scratch(hk_scratch_thread, task_floats(d) * sizeof(float)), *weights = sums + d->taps * LANES * PANEL;
    for (int64_t task = begin; task < end; task++) {
        int64_t panel = task / d->in_blocks, in = task % d->in_blocks, out = panel * (PANEL / LANES);
        // An odd last block is paired with itself; its twin's sums are not read.
        int64_t step = out + 1 < d->out_blocks ? d->positions * LANES * (int64_t)sizeof(float) : 0;
        for (int64_t first = 0; first < d->positions; first += DEPTH) {
            int64_t count = d->positions - first < DEPTH ? d->positions - first : DEPTH;
            const float *outputs = d->outputs + (out * d->positions + first) * LANES;
            for (int64_t tap = 0; tap < d->taps; tap++) {
                const float *inputs = d->inputs + ((in * d->taps + tap) * d->positions + first) * LANES;
                d->variant->winograd.accumulate(count, inputs, outputs, step, sums + tap * LANES * PANEL, first == 0);
            }
        }
        for (int64_t half = 0; half < PANEL / LANES && out + half < d->out_blocks; half++) {
            for (int64_t tap = 0; tap < d->taps; tap++) {
                for (int64_t c = 0; c < LANES; c++) {
                    const float *from = sums + (tap * LANES + c) * PANEL + half * LANES;
                    memcpy(weights + (c * d->taps + tap) * LANES, from, LANES * sizeof(float));
                }
            }
            float *to = d->dw + (out + half) * LANES * out_step + in * kernel;
            d->variant->transpose[2]((const char *)weights, LANES, (char *)to, out_step, kernel, LANES);
        }
    }
}

void hk_direct_convolve_weights(
    const hk_convolution *convolution, const float *x, const float *dy, float *dw, float *db, void *scratch) {
    direct d = make_direct(convolution);
    d.x = x;
    d.dy = dy;
    d.dw = dw;
    d.db = db;
    d.inputs = scratch;
    d.outputs = d.inputs + input_floats(&d);
    int64_t copies = d.in_blocks * d.taps + d.out_blocks;
    hk_parallel(copies, (double)copies * (double)d.positions * 4, copy, &d);
    int64_t tasks = (d.out_blocks + 1) / (PANEL / LANES) * d.in_blocks;
    hk_parallel(tasks, (double)tasks * (double)(d.taps * d.positions) * 5, multiply, &d);
}
