// Convolutions by Winograd's minimal filtering: how the work is cut up. The arithmetic is in Templates/winograd.h.
//
// Transformed activations lie as [point 36][group of tiles][channel block][tile][16], so that a product reads them from end to
// end (the weight gradient has one group), weights as [panel of 32 outputs][point][channel][32].
// Every product is a plain matrix product a point, so the order of a sum depends on shapes alone.
#include "internal.h"
#include "winograd_internal.h"
#include <string.h>

#define PLANE HK_WINOGRAD_PLANE
#define LANES HK_WINOGRAD_LANES
#define PANEL HK_WINOGRAD_PANEL

/// Tiles of a group: the rows of the largest micro-tile.
#define GROUP 14
/// Tiles that one thread takes through all stages, where all weights stay near.
#define NEAR_TILES (2 * GROUP)
/// Tiles that all threads share, where each thread has panels of its own.
#define FAR_TILES (6 * GROUP)
/// Channel blocks whose weights are transformed at a time: 36 x 64 x 32 floats stay in the second level of cache.
#define WEIGHT_BLOCKS 4
/// Panels from which on threads share panels out instead of tiles.
#define FAR_PANELS 8

typedef struct {
    const hk_variant *variant;
    hk_winograd_side from, to;
    hk_winograd_tiles tiles;
    hk_winograd_weights weights;
    hk_winograd_finish finish;
    int64_t images, tile_count;
    /// Channel blocks with their phases; blocks of the input of the weights without.
    int64_t in_blocks, out_blocks, panels;
    const float *transformed;
    float *own, *patches;
    /// The tiles of the turn, where threads share panels out.
    int64_t begin, end;
} plan;

static int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// Floats from one point to the next: an odd number of cache lines, since a tile's 36 values are written one a plane, and at a
/// power of two apart they would all fall into the same few lines of the nearest cache.
static int64_t plane_floats(int64_t floats) { return (floats / LANES | 1) * LANES; }

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
    p.tiles.rows = divide_up(rows, p.tiles.step);
    p.tiles.columns = divide_up(columns, p.tiles.step);
    p.tile_count = c->images * p.tiles.rows * p.tiles.columns;
    p.panels = divide_up(p.out_blocks * LANES, PANEL);
    return p;
}

// MARK: - Weights

static int64_t in_channels(const plan *p) { return p->in_blocks * LANES; }

/// Floats from one point of a panel of all weights to the next, and of a panel.
static int64_t weight_plane(const plan *p) { return plane_floats(in_channels(p) * PANEL); }
static int64_t panel_floats(const plan *p) { return PLANE * weight_plane(p); }

/// Transforms the channel blocks `begin ..< end` (whole ones, with their phases) of a panel: out[point][channel][32].
static void transform_panel(const plan *p, int64_t panel, int64_t begin, int64_t end, float *out, int64_t plane) {
    int64_t phases = (int64_t)p->weights.in_stride * p->weights.in_stride;
    for (int64_t half = 0; half < PANEL / LANES; half++) {
        int64_t block = panel * (PANEL / LANES) + half;
        for (int64_t in = begin; in < end; in += phases) {
            float *to = out + (in - begin) * LANES * PANEL + half * LANES;
            if (block < p->out_blocks) {
                p->variant->winograd_weights(&p->weights, block, in / phases, to, plane);
                continue;
            }
            for (int64_t point = 0; point < PLANE; point++) {
                for (int64_t row = 0; row < phases * LANES; row++) {
                    memset(to + point * plane + row * PANEL, 0, LANES * sizeof(float));
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
        float *to = p->own + panel * panel_floats(p) + block * LANES * PANEL;
        transform_panel(p, panel, block, block + phases, to, weight_plane(p));
    }
}

static void transform_all(plan *p) {
    int64_t phases = (int64_t)p->weights.in_stride * p->weights.in_stride;
    double cost = (double)p->panels * (double)in_channels(p) * 60;
    hk_parallel(p->panels * (p->in_blocks / phases), cost, transform_panels, p);
    p->transformed = p->own;
}

static size_t weight_floats(const plan *p) { return (size_t)(p->panels * panel_floats(p)); }

size_t hk_winograd_weight_bytes(const hk_convolution *convolution, hk_convolution_direction direction) {
    plan p = make_plan(convolution, direction, NULL, NULL, NULL);
    return weight_floats(&p) * sizeof(float);
}

void hk_winograd_transform_weights(
    const hk_convolution *convolution, hk_convolution_direction direction, const float *weights, float *transformed) {
    plan p = make_plan(convolution, direction, NULL, weights, NULL);
    p.own = transformed;
    transform_all(&p);
}

// MARK: - Forward, and the gradient of the data

/// Transforms the patches of one channel block, group by group.
static void transform_patches(const plan *p, int64_t block, int64_t begin, int64_t end, float *patches) {
    int64_t plane = plane_floats(p->in_blocks * (end - begin) * LANES);
    for (int64_t tile = begin; tile < end; tile += GROUP) {
        int64_t last = tile + GROUP < end ? tile + GROUP : end;
        float *to = patches + ((tile - begin) * p->in_blocks + block * (last - tile)) * LANES;
        p->variant->winograd_patches(&p->from, &p->tiles, block, tile, last, to, plane);
    }
}

/// The products of a panel for tiles whose patches lie in `patches`, and what becomes of them.
static void make_panel(
    const plan *p, int64_t panel, const float *patches, int64_t begin, int64_t end, float *sums, float *weights) {
    int64_t count = end - begin, plane = plane_floats(p->in_blocks * count * LANES);
    int64_t sum_plane = plane_floats(PANEL * count);
    int64_t phases = (int64_t)p->weights.in_stride * p->weights.in_stride;
    int64_t blocks = p->transformed ? p->in_blocks : divide_up(WEIGHT_BLOCKS, phases) * phases;
    for (int64_t in = 0; in < p->in_blocks; in += blocks) {
        int64_t take = p->in_blocks - in < blocks ? p->in_blocks - in : blocks;
        const float *from = p->transformed + panel * panel_floats(p) + in * LANES * PANEL;
        int64_t step = weight_plane(p);
        if (!p->transformed) {
            step = plane_floats(take * LANES * PANEL);
            transform_panel(p, panel, in, in + take, weights, step);
            from = weights;
        }
        for (int64_t point = 0; point < PLANE; point++) {
            for (int64_t tile = 0; tile < count; tile += GROUP) {
                int64_t rows = count - tile < GROUP ? count - tile : GROUP;
                p->variant->winograd_product(
                    rows, take, patches + point * plane + (tile * p->in_blocks + in * rows) * LANES, rows * LANES,
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
    int64_t patch_floats = PLANE * plane_floats(NEAR_TILES * in_channels(p)), sum_floats = PLANE * plane_floats(NEAR_TILES * PANEL);
    float *patches = hk_scratch(hk_scratch_thread, (size_t)(patch_floats + sum_floats) * sizeof(float));
    float *sums = patches + patch_floats;
    for (int64_t turn = begin; turn < end; turn++) {
        int64_t first = turn * NEAR_TILES, last = first + NEAR_TILES < p->tile_count ? first + NEAR_TILES : p->tile_count;
        for (int64_t block = 0; block < p->in_blocks; block++) transform_patches(p, block, first, last, patches);
        for (int64_t panel = 0; panel < p->panels; panel++) make_panel(p, panel, patches, first, last, sums, NULL);
    }
}

static void far_patches(void *context, int64_t begin, int64_t end) {
    const plan *p = context;
    for (int64_t block = begin; block < end; block++) transform_patches(p, block, p->begin, p->end, p->patches);
}

static void far_panels(void *context, int64_t begin, int64_t end) {
    const plan *p = context;
    int64_t sums = PLANE * plane_floats(PANEL * (p->end - p->begin)), phases = (int64_t)p->weights.in_stride * p->weights.in_stride;
    int64_t weights = PLANE * plane_floats(divide_up(WEIGHT_BLOCKS, phases) * phases * LANES * PANEL);
    float *own = hk_scratch(hk_scratch_thread, (size_t)(sums + weights) * sizeof(float));
    for (int64_t panel = begin; panel < end; panel++) {
        make_panel(p, panel, p->patches, p->begin, p->end, own, own + sums);
    }
}

static bool is_near(const plan *p) { return p->panels < FAR_PANELS; }

static double product_cost(const plan *p, int64_t tiles) {
    return (double)tiles * PLANE * (double)in_channels(p) * (double)p->panels * PANEL * 0.01;
}

static void run(plan *p, float *scratch) {
    if (is_near(p)) {
        p->own = scratch;
        if (!p->transformed) transform_all(p);
        hk_parallel(divide_up(p->tile_count, NEAR_TILES), product_cost(p, p->tile_count), run_near, p);
        return;
    }
    p->patches = scratch;
    int64_t turns = divide_up(p->tile_count, FAR_TILES);
    for (int64_t turn = 0; turn < turns; turn++) {
        p->begin = p->tile_count * turn / turns;
        p->end = p->tile_count * (turn + 1) / turns;
        double cost = (double)(p->end - p->begin) * (double)p->in_blocks * 100;
        hk_parallel(p->in_blocks, cost, far_patches, p);
        hk_parallel(p->panels, product_cost(p, p->end - p->begin), far_panels, p);
    }
}

void hk_winograd_convolve(
    const hk_convolution *convolution, const float *x, const float *weights, const float *transformed, const float *bias,
    const float *residual, bool relu, float *y, void *scratch) {
    plan p = make_plan(convolution, hk_convolution_forward, x, weights, y);
    p.transformed = transformed;
    p.finish = (hk_winograd_finish){.bias = bias, .residual = residual, .relu = relu};
    run(&p, scratch);
}

void hk_winograd_convolve_transposed(
    const hk_convolution *convolution, const float *dy, const float *weights, const float *transformed, const float *bias,
    bool relu, float *dx, void *scratch) {
    plan p = make_plan(convolution, hk_convolution_backward_data, dy, weights, dx);
    p.transformed = transformed;
    p.finish = (hk_winograd_finish){.bias = bias, .relu = relu};
    run(&p, scratch);
}

// MARK: - The gradient of the weights

/// Tiles whose transforms, of both sides, the last level of cache holds: 12 MB.
static int64_t cached_tiles(const plan *p) {
    return (12 << 20) / (PLANE * (int64_t)sizeof(float) * (p->in_blocks + p->out_blocks) * LANES);
}

/// Tiles of a turn: those, but as each turn reads and writes all sums, at least what makes more than that rereads.
static int64_t gradient_tiles(const plan *p) {
    int64_t tiles = cached_tiles(p), worth = p->in_blocks * p->out_blocks * LANES / (p->in_blocks + p->out_blocks);
    if (tiles < worth) tiles = worth;
    if (tiles < 32) tiles = 32;
    return divide_up(p->tile_count, divide_up(p->tile_count, tiles));
}

/// Channel blocks of a task that keeps its sums to itself: 36 x 64 x 32 floats stay in the second level of cache.
#define SUM_BLOCKS 4
/// Tasks from which on sums are kept so; it takes a single turn.
#define OWN_TASKS 16

static int64_t own_tasks(const plan *p) {
    int64_t phases = (int64_t)p->weights.in_stride * p->weights.in_stride;
    return p->panels * divide_up(p->in_blocks, divide_up(SUM_BLOCKS, phases) * phases);
}

static bool keeps_sums(const plan *p) {
    return p->tile_count <= (cached_tiles(p) < 32 ? 32 : cached_tiles(p)) && own_tasks(p) >= OWN_TASKS;
}

/// The transforms of both sides, and the sums [point][panel][channel block][16][32].
typedef struct {
    plan plan;
    float *outputs, *sums, *bias;
    int64_t sum_plane;
} gradient;

static void gradient_transforms(void *context, int64_t begin, int64_t end) {
    const gradient *g = context;
    const plan *p = &g->plan;
    int64_t count = p->end - p->begin;
    for (int64_t block = begin; block < end; block++) {
        if (block < p->in_blocks) {
            p->variant->winograd_patches(
                &p->from, &p->tiles, block, p->begin, p->end, p->patches + block * count * LANES,
                plane_floats(p->in_blocks * count * LANES));
        } else {
            int64_t out = block - p->in_blocks;
            float *total = g->bias ? g->bias + out * LANES : NULL;
            if (total && p->begin == 0) memset(total, 0, LANES * sizeof(float));
            p->variant->winograd_outputs(
                &p->to, &p->tiles, out, p->begin, p->end, g->outputs + out * count * LANES,
                plane_floats(p->out_blocks * count * LANES), total);
        }
    }
}

/// The sums of one point and panel over `blocks` channel blocks from `in` on.
static void gradient_sums(
    const gradient *g, int64_t point, int64_t panel, int64_t in, int64_t blocks, float *sums, bool first) {
    const plan *p = &g->plan;
    int64_t count = p->end - p->begin;
    const float *from = p->patches + point * plane_floats(p->in_blocks * count * LANES) + in * count * LANES;
    const float *outputs = g->outputs + point * plane_floats(p->out_blocks * count * LANES) + panel * PANEL * count;
    // An odd last block is paired with itself; its twin's sums are not read.
    int64_t step = panel * (PANEL / LANES) + 1 < p->out_blocks ? count * LANES : 0;
    for (int64_t block = 0; block < blocks; block++) {
        p->variant->winograd_accumulate(
            count, from + block * count * LANES, outputs, step, sums + block * LANES * PANEL, first);
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
    int64_t blocks = divide_up(SUM_BLOCKS, phases) * phases, groups = divide_up(p->in_blocks, blocks);
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
    int64_t tiles = gradient_tiles(p), turns = divide_up(p->tile_count, tiles);
    p->patches = scratch;
    g.outputs = p->patches + PLANE * plane_floats(p->in_blocks * LANES * tiles);
    g.sums = g.outputs + PLANE * plane_floats(p->out_blocks * LANES * tiles);
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
    size_t floats;
    if (direction == hk_convolution_backward_weights) {
        int64_t tiles = gradient_tiles(&p) * LANES;
        floats = (size_t)(PLANE * (plane_floats(p.in_blocks * tiles) + plane_floats(p.out_blocks * tiles)));
        if (!keeps_sums(&p)) floats += (size_t)(PLANE * sum_plane(&p));
    } else if (is_near(&p)) {
        floats = weight_floats(&p);
    } else {
        floats = (size_t)(PLANE * plane_floats(in_channels(&p) * (p.tile_count < FAR_TILES ? p.tile_count : FAR_TILES)));
    }
    return floats * sizeof(float);
}
