// Convolutions by Winograd's minimal filtering: how the work is cut up. The arithmetic is in Templates/winograd.h.
//
// Transformed activations lie as [point 36][group of tiles][channel block][tile][16], so that a product reads them from end to
// end (the weight gradient has one group), weights as [panel of 32 outputs][point][channel][32]; bf16 in pairs of neighbouring channels,
// [channel / 2][32][2], and of neighbouring tiles where tiles are summed over, [tile / 2][16][2].
// Every product is a plain matrix product a point, so the order of a sum depends on shapes alone.
#include "internal.h"
#include "winograd_internal.h"
#include <string.h>

#define PLANE HK_WINOGRAD_PLANE
#define LANES HK_WINOGRAD_LANES
#define PANEL HK_WINOGRAD_PANEL

/// Tiles of a group: the rows of the largest micro-tile.
#define GROUP 14
/// Bytes of f32 that one thread takes through all stages, where all weights stay near, are those of so many tiles.
#define NEAR_TILES (2 * GROUP)
/// The same that all threads share, where each thread has panels of its own.
#define FAR_TILES (6 * GROUP)
/// Channel blocks whose weights are transformed at a time: 36 x 64 x 32 floats stay in the second level of cache.
#define WEIGHT_BLOCKS 4
/// A cache line.
#define LINE 64
/// Panels from which on threads share panels out instead of tiles, unless all weights take few bytes and there is enough else to share.
#define FAR_PANELS 8
#define NEAR_BYTES (10 << 20)
#define NEAR_TURNS 8

typedef struct {
    const hk_variant *variant;
    /// Those of f32 or of bf16.
    const hk_winograd_kernels *kernels;
    hk_winograd_side from, to;
    hk_winograd_tiles tiles;
    hk_winograd_weights weights;
    hk_winograd_finish finish;
    int64_t images, tile_count;
    /// Channel blocks with their phases; blocks of the input of the weights without.
    int64_t in_blocks, out_blocks, panels;
    const char *transformed;
    char *own, *patches;
    /// The tiles of the turn, where threads share panels out.
    int64_t begin, end;
} plan;

/// Bytes from one point to the next: an odd number of cache lines, since a tile's 36 values are written one a plane, and at a
/// power of two apart they would all fall into the same few lines of the nearest cache.
static int64_t plane_bytes(int64_t bytes) { return (hk_divide_up(bytes, LINE) | 1) * LINE; }
/// The same for sums, in floats.
static int64_t plane_floats(int64_t floats) { return plane_bytes(floats * (int64_t)sizeof(float)) / (int64_t)sizeof(float); }
/// Bytes of `count` tiles of one channel block.
static int64_t tile_bytes(const plan *p, int64_t count) { return count * LANES * p->kernels->bytes; }
/// Tiles of a turn that take as much memory as `tiles` do in f32.
static int64_t as_many(const plan *p, int64_t tiles) { return tiles * (int64_t)sizeof(float) / p->kernels->bytes; }

bool hk_winograd_supports(const hk_convolution *c) {
    int taps = c->stride > 0 ? (c->kernel + c->stride - 1) / c->stride : 0;
    return (c->stride == 1 || c->stride == 2) && taps >= 2 && taps <= HK_WINOGRAD_MAX_TAPS && c->kernel <= 8
        && c->in_channels > 0 && c->out_channels > 0 && c->in_channels % LANES == 0 && c->out_channels % LANES == 0
        && c->images > 0 && c->height > 0 && c->width > 0 && c->out_height > 0 && c->out_width > 0
        && c->padding_y >= 0 && c->padding_x >= 0 && c->padding_y < c->kernel && c->padding_x < c->kernel;
}

/// An activation tensor of the convolution as a side.
static hk_winograd_side side(const hk_convolution *c, const float *data, int64_t channels, int64_t height, int64_t width) {
    hk_winograd_side s = {.data = (float *)data, .height = height, .width = width, .stride = 1};
    s.image = channels * height * width;
    s.pixel = c->channels_last ? channels : LANES;
    s.row = width * s.pixel;
    s.block = c->channels_last ? LANES : height * width * LANES;
    return s;
}

static plan make_plan(
    const hk_convolution *c, hk_convolution_direction direction, const float *input, const float *weights, const float *output) {
    plan p = {.variant = hk_variant_current(), .images = c->images};
    p.kernels = c->bf16 ? &p.variant->bf16.winograd : &p.variant->winograd;
    int taps = (c->kernel + c->stride - 1) / c->stride, phases = c->stride * c->stride;
    p.tiles.taps = taps;
    p.tiles.step = HK_WINOGRAD_POINTS + 1 - taps;
    int64_t kernel = (int64_t)c->kernel * c->kernel;
    p.weights = (hk_winograd_weights){
        .data = (float *)weights, .out = c->in_channels * kernel, .in = kernel, .kernel = c->kernel, .taps = taps,
        .out_stride = 1, .in_stride = c->stride};
    p.from = side(c, input, c->in_channels, c->height, c->width);
    p.from.stride = c->stride;
    p.from.offset_y = -c->padding_y;
    p.from.offset_x = -c->padding_x;
    p.to = side(c, output, c->out_channels, c->out_height, c->out_width);
    p.in_blocks = c->in_channels / LANES * phases;
    p.out_blocks = c->out_channels / LANES;
    int64_t rows = c->out_height, columns = c->out_width;
    if (direction == hk_convolution_backward_data) {
        // dx[s q + phase - padding] = sum over taps of dy[q - tap] w[s tap + phase].
        p.from = side(c, input, c->out_channels, c->out_height, c->out_width);
        p.from.offset_y = p.from.offset_x = 1 - taps;
        p.to = side(c, output, c->in_channels, c->height, c->width);
        p.to.stride = c->stride;
        p.to.offset_y = -c->padding_y;
        p.to.offset_x = -c->padding_x;
        p.in_blocks = c->out_channels / LANES;
        p.out_blocks = c->in_channels / LANES * phases;
        p.tiles.first_y = c->padding_y / c->stride;
        p.tiles.first_x = c->padding_x / c->stride;
        rows = (c->height - 1 + c->padding_y) / c->stride - p.tiles.first_y + 1;
        columns = (c->width - 1 + c->padding_x) / c->stride - p.tiles.first_x + 1;
        p.weights.flipped = true;
        p.weights.out_stride = c->stride;
        p.weights.in_stride = 1;
        p.weights.out = kernel;
        p.weights.in = c->in_channels * kernel;
    }
    p.tiles.rows = hk_divide_up(rows, p.tiles.step);
    p.tiles.columns = hk_divide_up(columns, p.tiles.step);
    p.tile_count = c->images * p.tiles.rows * p.tiles.columns;
    p.panels = hk_divide_up(p.out_blocks * LANES, PANEL);
    return p;
}

// MARK: - Weights

static int64_t in_channels(const plan *p) { return p->in_blocks * LANES; }

/// Bytes of the weights of `channels` input channels for a panel, at one point.
static int64_t channel_bytes(const plan *p, int64_t channels) { return channels * PANEL * p->kernels->bytes; }

/// Bytes from one point of a panel of all weights to the next, and of a panel.
static int64_t weight_plane(const plan *p) { return plane_bytes(channel_bytes(p, in_channels(p))); }
static int64_t panel_bytes(const plan *p) { return PLANE * weight_plane(p); }

/// Transforms the channel blocks `begin ..< end` (whole ones, with their phases) of a panel: out[point][channel][32].
static void transform_panel(const plan *p, int64_t panel, int64_t begin, int64_t end, char *out, int64_t plane) {
    int64_t phases = (int64_t)p->weights.in_stride * p->weights.in_stride;
    for (int64_t half = 0; half < PANEL / LANES; half++) {
        int64_t block = panel * (PANEL / LANES) + half;
        for (int64_t in = begin; in < end; in += phases) {
            // Sixteen outputs of a channel, or of a pair of them in bf16, are one line.
            char *to = out + channel_bytes(p, (in - begin) * LANES) + half * LINE;
            if (block < p->out_blocks) {
                p->kernels->weights(&p->weights, block, in / phases, to, plane);
                continue;
            }
            for (int64_t point = 0; point < PLANE; point++) {
                for (int64_t row = 0; row < channel_bytes(p, phases * LANES); row += PANEL / LANES * LINE) {
                    memset(to + point * plane + row, 0, LINE);
                }
            }
        }
    }
}

static void transform_panels(void *context, int64_t begin, int64_t end) {
    const plan *p = context;
    int64_t phases = (int64_t)p->weights.in_stride * p->weights.in_stride, blocks = p->in_blocks / phases;
    for (int64_t task = begin; task < end; task++) {
        int64_t panel = task / blocks, block = task % blocks * phases;
        char *to = p->own + panel * panel_bytes(p) + channel_bytes(p, block * LANES);
        transform_panel(p, panel, block, block + phases, to, weight_plane(p));
    }
}

static void transform_all(plan *p) {
    int64_t phases = (int64_t)p->weights.in_stride * p->weights.in_stride;
    double cost = (double)p->panels * (double)in_channels(p) * 60;
    hk_parallel(p->panels * (p->in_blocks / phases), cost, transform_panels, p);
    p->transformed = p->own;
}

static size_t weight_bytes(const plan *p) { return (size_t)(p->panels * panel_bytes(p)); }

size_t hk_winograd_weight_bytes(const hk_convolution *convolution, hk_convolution_direction direction) {
    plan p = make_plan(convolution, direction, NULL, NULL, NULL);
    return weight_bytes(&p);
}

void hk_winograd_transform_weights(
    const hk_convolution *convolution, hk_convolution_direction direction, const float *weights, void *transformed) {
    plan p = make_plan(convolution, direction, NULL, weights, NULL);
    p.own = transformed;
    transform_all(&p);
}

// MARK: - Forward, and the gradient of the data

/// Channel blocks, with their phases, whose weights are transformed at a time.
static int64_t weight_blocks(const plan *p) {
    int64_t phases = (int64_t)p->weights.in_stride * p->weights.in_stride;
    return hk_divide_up(as_many(p, WEIGHT_BLOCKS), phases) * phases;
}

/// Bytes from one point of the patches of `count` tiles to the next.
static int64_t patch_plane(const plan *p, int64_t count) { return plane_bytes(tile_bytes(p, p->in_blocks * count)); }

/// Transforms the patches of one channel block, group by group.
static void transform_patches(const plan *p, int64_t block, int64_t begin, int64_t end, char *patches) {
    int64_t plane = patch_plane(p, end - begin);
    for (int64_t tile = begin; tile < end; tile += GROUP) {
        int64_t last = tile + GROUP < end ? tile + GROUP : end;
        char *to = patches + tile_bytes(p, (tile - begin) * p->in_blocks + block * (last - tile));
        p->kernels->patches(&p->from, &p->tiles, block, tile, last, to, plane);
    }
}

/// The products of a panel for tiles whose patches lie in `patches`, and what becomes of them.
static void make_panel(
    const plan *p, int64_t panel, const char *patches, int64_t begin, int64_t end, float *sums, char *weights) {
    int64_t count = end - begin, plane = patch_plane(p, count), sum_plane = plane_floats(PANEL * count);
    int64_t blocks = p->transformed ? p->in_blocks : weight_blocks(p);
    for (int64_t in = 0; in < p->in_blocks; in += blocks) {
        int64_t take = p->in_blocks - in < blocks ? p->in_blocks - in : blocks;
        const char *from = p->transformed + panel * panel_bytes(p) + channel_bytes(p, in * LANES);
        int64_t step = weight_plane(p);
        if (!p->transformed) {
            step = plane_bytes(channel_bytes(p, take * LANES));
            transform_panel(p, panel, in, in + take, weights, step);
            from = weights;
        }
        for (int64_t point = 0; point < PLANE; point++) {
            for (int64_t tile = 0; tile < count; tile += GROUP) {
                int64_t rows = count - tile < GROUP ? count - tile : GROUP;
                p->kernels->product(
                    rows, take, patches + point * plane + tile_bytes(p, tile * p->in_blocks + in * rows), tile_bytes(p, rows),
                    from + point * step, sums + point * sum_plane + tile * LANES, count * LANES, in == 0);
            }
        }
    }
    for (int64_t half = 0; half < PANEL / LANES; half++) {
        int64_t block = panel * (PANEL / LANES) + half;
        if (block >= p->out_blocks) break;
        p->variant->winograd_finish(
            &p->to, &p->tiles, &p->finish, block, begin, end, sums + half * count * LANES, sum_plane);
    }
}

/// Where all weights stay near: a thread takes a few tiles through all stages.
static void run_near(void *context, int64_t begin, int64_t end) {
    const plan *p = context;
    int64_t tiles = as_many(p, NEAR_TILES);
    int64_t patches = PLANE * patch_plane(p, tiles), sums = PLANE * plane_floats(tiles * PANEL);
    char *own = hk_scratch(hk_scratch_thread, (size_t)patches + (size_t)sums * sizeof(float));
    for (int64_t turn = begin; turn < end; turn++) {
        int64_t first = turn * tiles, last = first + tiles < p->tile_count ? first + tiles : p->tile_count;
        for (int64_t block = 0; block < p->in_blocks; block++) transform_patches(p, block, first, last, own);
        for (int64_t panel = 0; panel < p->panels; panel++) {
            make_panel(p, panel, own, first, last, (float *)(own + patches), NULL);
        }
    }
}

static void far_patches(void *context, int64_t begin, int64_t end) {
    const plan *p = context;
    for (int64_t block = begin; block < end; block++) transform_patches(p, block, p->begin, p->end, p->patches);
}

static void far_panels(void *context, int64_t begin, int64_t end) {
    const plan *p = context;
    int64_t sums = PLANE * plane_floats(PANEL * (p->end - p->begin)) * (int64_t)sizeof(float);
    int64_t weights = PLANE * plane_bytes(channel_bytes(p, weight_blocks(p) * LANES));
    char *own = hk_scratch(hk_scratch_thread, (size_t)(sums + weights));
    for (int64_t panel = begin; panel < end; panel++) {
        make_panel(p, panel, p->patches, p->begin, p->end, (float *)own, own + sums);
    }
}

static bool is_near(const plan *p) {
    return p->panels < FAR_PANELS
        || (weight_bytes(p) <= NEAR_BYTES && p->tile_count >= NEAR_TURNS * as_many(p, NEAR_TILES));
}

static double product_cost(const plan *p, int64_t tiles) {
    return (double)tiles * PLANE * (double)in_channels(p) * (double)p->panels * PANEL * 0.01;
}

static void run(plan *p, void *scratch) {
    int64_t bytes = p->images * p->to.image * (int64_t)sizeof(float);
    p->finish.streams = bytes >= HK_STREAM_BYTES && (uintptr_t)p->to.data % LINE == 0;
    if (is_near(p)) {
        p->own = scratch;
        if (!p->transformed) transform_all(p);
        hk_parallel(hk_divide_up(p->tile_count, as_many(p, NEAR_TILES)), product_cost(p, p->tile_count), run_near, p);
        return;
    }
    p->patches = scratch;
    // Whole groups, of which only the last may be short.
    int64_t groups = hk_divide_up(p->tile_count, GROUP), turns = hk_divide_up(groups, as_many(p, FAR_TILES) / GROUP);
    for (int64_t turn = 0; turn < turns; turn++) {
        p->begin = groups * turn / turns * GROUP;
        p->end = turn + 1 < turns ? groups * (turn + 1) / turns * GROUP : p->tile_count;
        double cost = (double)(p->end - p->begin) * (double)p->in_blocks * 100;
        hk_parallel(p->in_blocks, cost, far_patches, p);
        hk_parallel(p->panels, product_cost(p, p->end - p->begin), far_panels, p);
    }
}

void hk_winograd_convolve(
    const hk_convolution *convolution, const float *x, const float *weights, const void *transformed, const float *bias,
    const float *residual, bool relu, float *y, void *scratch) {
    plan p = make_plan(convolution, hk_convolution_forward, x, weights, y);
    p.transformed = transformed;
    p.finish = (hk_winograd_finish){.bias = bias, .residual = residual, .relu = relu};
    run(&p, scratch);
}

void hk_winograd_convolve_transposed(
    const hk_convolution *convolution, const float *dy, const float *weights, const void *transformed, const float *bias,
    bool relu, float *dx, void *scratch) {
    plan p = make_plan(convolution, hk_convolution_backward_data, dy, weights, dx);
    p.transformed = transformed;
    p.finish = (hk_winograd_finish){.bias = bias, .relu = relu};
    run(&p, scratch);
}

// MARK: - The gradient of the weights

/// Tiles whose transforms, of both sides, take so much memory.
static int64_t tiles_in(const plan *p, int64_t bytes) { return bytes / (PLANE * tile_bytes(p, p->in_blocks + p->out_blocks)); }

/// Tiles whose transforms the last level of cache holds.
static int64_t cached_tiles(const plan *p) { return tiles_in(p, 12 << 20); }

/// Channel blocks of a task that keeps its sums to itself: 36 x 64 x 32 floats stay in the second level of cache.
#define SUM_BLOCKS 4
/// Tasks from which on sums are kept so; it takes a single turn.
#define OWN_TASKS 16
/// Bytes of transforms of a turn otherwise, unless sums make it worth more.
#define TURN_BYTES (2 << 20)

static int64_t own_tasks(const plan *p) {
    int64_t phases = (int64_t)p->weights.in_stride * p->weights.in_stride;
    return p->panels * hk_divide_up(p->in_blocks, hk_divide_up(SUM_BLOCKS, phases) * phases);
}

static bool keeps_sums(const plan *p) {
    return p->tile_count <= (cached_tiles(p) < 32 ? 32 : cached_tiles(p)) && own_tasks(p) >= OWN_TASKS;
}

/// `count` tiles, filled up to whole pairs where pairs lie side by side.
static int64_t whole(const plan *p, int64_t count) { return hk_divide_up(count, p->kernels->together) * p->kernels->together; }

/// Tiles of a turn: few megabytes of them, but as each turn reads and writes all sums, three times what is as much as these, as far as
/// the cache holds it. All of them where sums are kept.
static int64_t gradient_tiles(const plan *p) {
    if (keeps_sums(p)) return whole(p, p->tile_count);
    int64_t even = p->in_blocks * p->out_blocks * LANES / (p->in_blocks + p->out_blocks);
    int64_t tiles = tiles_in(p, TURN_BYTES);
    if (tiles < 3 * even) tiles = 3 * even;
    if (tiles > cached_tiles(p)) tiles = cached_tiles(p);
    if (tiles < even) tiles = even;
    if (tiles < 32) tiles = 32;
    return whole(p, hk_divide_up(p->tile_count, hk_divide_up(p->tile_count, tiles)));
}

/// The transforms of both sides, and the sums [point][panel][channel block][16][32].
typedef struct {
    plan plan;
    char *outputs;
    float *sums, *bias;
    int64_t sum_plane;
} gradient;

/// Bytes from one point of the outputs of `count` tiles to the next.
static int64_t output_plane(const plan *p, int64_t count) { return plane_bytes(tile_bytes(p, p->out_blocks * count)); }

static void gradient_transforms(void *context, int64_t begin, int64_t end) {
    const gradient *g = context;
    const plan *p = &g->plan;
    int64_t count = whole(p, p->end - p->begin);
    for (int64_t block = begin; block < end; block++) {
        if (block < p->in_blocks) {
            p->kernels->gradient_patches(
                &p->from, &p->tiles, block, p->begin, p->end, p->patches + tile_bytes(p, block * count), patch_plane(p, count));
        } else {
            int64_t out = block - p->in_blocks;
            float *total = g->bias ? g->bias + out * LANES : NULL;
            if (total && p->begin == 0) memset(total, 0, LANES * sizeof(float));
            p->kernels->outputs(
                &p->to, &p->tiles, out, p->begin, p->end, g->outputs + tile_bytes(p, out * count), output_plane(p, count), total);
        }
    }
}

/// The sums of one point and panel over `blocks` channel blocks from `in` on.
static void gradient_sums(
    const gradient *g, int64_t point, int64_t panel, int64_t in, int64_t blocks, float *sums, bool first) {
    const plan *p = &g->plan;
    int64_t count = whole(p, p->end - p->begin), out = panel * (PANEL / LANES);
    const char *from = p->patches + point * patch_plane(p, count) + tile_bytes(p, in * count);
    const char *outputs = g->outputs + point * output_plane(p, count) + tile_bytes(p, out * count);
    // An odd last block is paired with itself; its twin's sums are not read.
    int64_t step = out + 1 < p->out_blocks ? tile_bytes(p, count) : 0;
    for (int64_t block = 0; block < blocks; block++) {
        p->kernels->accumulate(
            count, from + tile_bytes(p, block * count), outputs, step, sums + block * LANES * PANEL, first);
    }
}

static void gradient_products(void *context, int64_t begin, int64_t end) {
    const gradient *g = context;
    const plan *p = &g->plan;
    for (int64_t task = begin; task < end; task++) {
        int64_t point = task / p->panels, panel = task % p->panels;
        float *sums = g->sums + point * g->sum_plane + panel * p->in_blocks * LANES * PANEL;
        gradient_sums(g, point, panel, 0, p->in_blocks, sums, p->begin == 0);
    }
}

/// The gradient of the weights of a panel and `blocks` channel blocks from `in` on.
static void gradient_finish(
    const plan *p, int64_t panel, int64_t in, int64_t blocks, const float *sums, int64_t sum_plane) {
    int64_t phases = (int64_t)p->weights.in_stride * p->weights.in_stride;
    for (int64_t half = 0; half < PANEL / LANES; half++) {
        int64_t out = panel * (PANEL / LANES) + half;
        if (out >= p->out_blocks) return;
        for (int64_t block = 0; block < blocks; block += phases) {
            p->variant->winograd_weights_gradient(
                &p->weights, out, (in + block) / phases, sums + block * LANES * PANEL + half * LANES, sum_plane,
                LANES * PANEL);
        }
    }
}

static void gradient_finishes(void *context, int64_t begin, int64_t end) {
    const gradient *g = context;
    const plan *p = &g->plan;
    int64_t phases = (int64_t)p->weights.in_stride * p->weights.in_stride, blocks = p->in_blocks / phases;
    for (int64_t task = begin; task < end; task++) {
        int64_t panel = task / blocks, in = task % blocks * phases;
        const float *sums = g->sums + (panel * p->in_blocks + in) * LANES * PANEL;
        gradient_finish(p, panel, in, phases, sums, g->sum_plane);
    }
}

/// Sums that never leave their thread.
static void gradient_tasks(void *context, int64_t begin, int64_t end) {
    const gradient *g = context;
    const plan *p = &g->plan;
    int64_t phases = (int64_t)p->weights.in_stride * p->weights.in_stride;
    int64_t blocks = hk_divide_up(SUM_BLOCKS, phases) * phases, groups = hk_divide_up(p->in_blocks, blocks);
    int64_t plane = plane_floats(blocks * LANES * PANEL);
    float *sums = hk_scratch(hk_scratch_thread, (size_t)(PLANE * plane) * sizeof(float));
    for (int64_t task = begin; task < end; task++) {
        int64_t panel = task / groups, in = task % groups * blocks;
        int64_t take = p->in_blocks - in < blocks ? p->in_blocks - in : blocks;
        for (int64_t point = 0; point < PLANE; point++) {
            gradient_sums(g, point, panel, in, take, sums + point * plane, true);
        }
        gradient_finish(p, panel, in, take, sums, plane);
    }
}

static int64_t sum_plane(const plan *p) { return plane_floats(p->panels * p->in_blocks * LANES * PANEL); }

void hk_winograd_convolve_weights(
    const hk_convolution *convolution, const float *x, const float *dy, float *dw, float *db, void *scratch) {
    gradient g = {.bias = db, .plan = make_plan(convolution, hk_convolution_backward_weights, x, dw, dy)};
    plan *p = &g.plan;
    int64_t tiles = gradient_tiles(p), turns = hk_divide_up(p->tile_count, tiles);
    p->patches = scratch;
    g.outputs = p->patches + PLANE * patch_plane(p, tiles);
    g.sums = (float *)(g.outputs + PLANE * output_plane(p, tiles));
    g.sum_plane = sum_plane(p);
    for (int64_t turn = 0; turn < turns; turn++) {
        p->begin = turn * tiles;
        p->end = p->begin + tiles < p->tile_count ? p->begin + tiles : p->tile_count;
        double cost = (double)(p->end - p->begin) * (double)(p->in_blocks + p->out_blocks) * 100;
        hk_parallel(p->in_blocks + p->out_blocks, cost, gradient_transforms, &g);
        if (keeps_sums(p)) {
            hk_parallel(own_tasks(p), product_cost(p, p->tile_count), gradient_tasks, &g);
            return;
        }
        hk_parallel(PLANE * p->panels, product_cost(p, p->end - p->begin), gradient_products, &g);
    }
    int64_t blocks = p->in_blocks / ((int64_t)p->weights.in_stride * p->weights.in_stride);
    hk_parallel(p->panels * blocks, (double)(p->out_blocks * p->in_blocks) * 1000, gradient_finishes, &g);
}

size_t hk_winograd_scratch_bytes(const hk_convolution *convolution, hk_convolution_direction direction) {
    plan p = make_plan(convolution, direction, NULL, NULL, NULL);
    if (direction == hk_convolution_backward_weights) {
        int64_t tiles = gradient_tiles(&p), sums = keeps_sums(&p) ? 0 : PLANE * sum_plane(&p);
        return (size_t)(PLANE * (patch_plane(&p, tiles) + output_plane(&p, tiles))) + (size_t)sums * sizeof(float);
    }
    if (is_near(&p)) return weight_bytes(&p);
    int64_t tiles = as_many(&p, FAR_TILES);
    return (size_t)(PLANE * patch_plane(&p, p.tile_count < tiles ? p.tile_count : tiles));
}
