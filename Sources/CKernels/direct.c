// Weight gradients as one matrix product a tap: dw[tap] = xᵀ at the tap's positions times dy.
#include "internal.h"
#include <string.h>

#define LANES HK_WINOGRAD_LANES
#define PANEL HK_WINOGRAD_PANEL
/// Positions that are added up at a time: two blocks of dy stay in the nearest cache over all taps.
#define DEPTH 256
/// Positions that are rounded to bf16 at a time.
#define CHUNK 32

typedef struct {
    const hk_variant *variant;
    /// Those of f32 or of bf16.
    const hk_winograd_kernels *kernels;
    const hk_convolution *convolution;
    const float *x, *dy;
    float *dw, *db;
    int64_t in_blocks, out_blocks, taps, positions;
    /// [channel block][tap][position][16], and [channel block][position][16]; bf16 in pairs, [position / 2][16][2].
    char *inputs, *outputs;
} direct;

static direct make_direct(const hk_convolution *c) {
    const hk_variant *variant = hk_variant_current();
    return (direct){
        .variant = variant, .kernels = c->bf16 ? &variant->bf16.winograd : &variant->winograd, .convolution = c,
        .in_blocks = c->in_channels / LANES,
        .out_blocks = c->out_channels / LANES, .taps = (int64_t)c->kernel * c->kernel,
        .positions = c->images * c->out_height * c->out_width};
}

bool hk_direct_supports(const hk_convolution *c) {
    return c->in_channels > 0 && c->out_channels > 0 && c->in_channels % LANES == 0 && c->out_channels % LANES == 0
        && c->kernel > 0 && c->stride > 0 && c->images > 0 && c->height > 0 && c->width > 0 && c->out_height > 0
        && c->out_width > 0 && c->padding_y >= 0 && c->padding_x >= 0;
}

/// Bytes of so many positions, and of all of a channel block.
static int64_t position_bytes(const direct *d, int64_t positions) {
    int64_t together = d->kernels->together;
    return (positions + together - 1) / together * together * LANES * d->kernels->bytes;
}
static int64_t block_bytes(const direct *d) { return position_bytes(d, d->positions); }

/// A task's sums, for one tap after another, and its weights on their way out.
static size_t task_floats(const direct *d) { return (size_t)(d->taps * LANES * (PANEL + LANES)); }

size_t hk_direct_scratch_bytes(const hk_convolution *convolution) {
    direct d = make_direct(convolution);
    return (size_t)((d.in_blocks * d.taps + d.out_blocks) * block_bytes(&d));
}

/// Where positions are copied to, one after the other.
typedef struct {
    const direct *d;
    char *to;
    /// Those of bf16 that wait to be rounded.
    int64_t waiting;
    float lines[CHUNK * LANES];
} copying;

static void flush(copying *k) {
    if (k->waiting == 0) return;
    k->d->variant->bf16.pair_rows(k->lines, k->waiting, (uint32_t *)k->to);
    k->to += position_bytes(k->d, k->waiting);
    k->waiting = 0;
}

/// The place of the next position.
static inline float *next_line(copying *k) {
    if (!k->d->convolution->bf16) {
        float *line = (float *)k->to;
        k->to += LANES * sizeof(float);
        return line;
    }
    if (k->waiting == CHUNK) flush(k);
    return k->lines + LANES * k->waiting++;
}

/// Copies the block of channels of x that a tap meets, position by position.
static void copy_inputs(const direct *d, int64_t block, int64_t tap, char *to) {
    const hk_convolution *c = d->convolution;
    copying copying = {.d = d, .to = to};
    int64_t pixel = c->channels_last ? c->in_channels : LANES, row = c->width * pixel;
    int64_t from = c->channels_last ? block * LANES : block * c->height * c->width * LANES;
    int64_t down = tap / c->kernel - c->padding_y, right = tap % c->kernel - c->padding_x;
    for (int64_t image = 0; image < c->images; image++) {
        const float *plane = d->x + image * c->in_channels * c->height * c->width + from;
        for (int64_t i = 0; i < c->out_height; i++) {
            int64_t y = i * c->stride + down;
            for (int64_t j = 0; j < c->out_width; j++) {
                int64_t x = j * c->stride + right;
                float *line = next_line(&copying);
                if (y >= 0 && y < c->height && x >= 0 && x < c->width) {
                    memcpy(line, plane + y * row + x * pixel, LANES * sizeof(float));
                } else {
                    memset(line, 0, LANES * sizeof(float));
                }
            }
        }
    }
    flush(&copying);
}

/// Copies a block of channels of dy, and adds it up.
static void copy_outputs(const direct *d, int64_t block, char *to) {
    const hk_convolution *c = d->convolution;
    int64_t plane = c->out_height * c->out_width, pixel = c->channels_last ? c->out_channels : LANES;
    copying copying = {.d = d, .to = to};
    float sum[LANES] = {0};
    for (int64_t image = 0; image < c->images; image++) {
        const float *from = d->dy + image * c->out_channels * plane + block * (c->channels_last ? LANES : plane * LANES);
        for (int64_t p = 0; p < plane; p++, from += pixel) {
            float *line = next_line(&copying);
            for (int lane = 0; lane < LANES; lane++) {
                line[lane] = from[lane];
                sum[lane] += from[lane];
            }
        }
    }
    flush(&copying);
    if (d->db) memcpy(d->db + block * LANES, sum, sizeof sum);
}

static void copy(void *context, int64_t begin, int64_t end) {
    const direct *d = context;
    for (int64_t task = begin; task < end; task++) {
        if (task < d->in_blocks * d->taps) {
            copy_inputs(d, task / d->taps, task % d->taps, d->inputs + task * block_bytes(d));
        } else {
            int64_t block = task - d->in_blocks * d->taps;
            copy_outputs(d, block, d->outputs + block * block_bytes(d));
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
        int64_t step = out + 1 < d->out_blocks ? block_bytes(d) : 0;
        for (int64_t first = 0; first < d->positions; first += DEPTH) {
            int64_t count = d->positions - first < DEPTH ? d->positions - first : DEPTH;
            const char *outputs = d->outputs + out * block_bytes(d) + position_bytes(d, first);
            for (int64_t tap = 0; tap < d->taps; tap++) {
                const char *inputs = d->inputs + (in * d->taps + tap) * block_bytes(d) + position_bytes(d, first);
                d->kernels->accumulate(count, inputs, outputs, step, sums + tap * LANES * PANEL, first == 0);
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
    d.outputs = d.inputs + d.in_blocks * d.taps * block_bytes(&d);
    int64_t copies = d.in_blocks * d.taps + d.out_blocks;
    hk_parallel(copies, (double)copies * (double)d.positions * 4, copy, &d);
    int64_t tasks = (d.out_blocks + 1) / (PANEL / LANES) * d.in_blocks;
    hk_parallel(tasks, (double)tasks * (double)(d.taps * d.positions) * 5, multiply, &d);
}
