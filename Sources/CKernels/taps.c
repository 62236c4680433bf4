// Convolutions as direct sums: how the work is cut up. The arithmetic is in Templates/taps.h.
//
// A task makes some rows and columns of the result, or some whole small images, for some panels of sixteen channels. Going back at a stride
// s the result's pixels fall into s * s phases, each of which sums over taps of its own.
#include "taps_plan.h"
#include <string.h>

#define LANES HK_TAPS_LANES
/// Numbers that a sum takes in a go, about: 16 KiB of weights, which stay in the nearest cache while pixels pass.
#define DEPTH 256
/// Bytes of x that stay in the second-level cache while panels pass, and pixels of a task, at least and at most.
#define NEAR_BYTES (160 * 1024)
#define LEAST_PIXELS 48
#define MOST_PIXELS 256
/// Pixels of an image that is not divided, however many channels it has.
#define WHOLE_PIXELS 64
/// Tasks at least, where panels can be shared out, and panels of such a task.
#define LEAST_TASKS 16
#define LEAST_PANELS 2

typedef hk_taps_plan plan;
typedef hk_taps_axis axis;

/// A range of the result, or of what is read for it.
typedef struct {
    int64_t begin, end;
} range;

/// Pixels `q` of a phase that fall into a range of the result.
static range inner(const axis *a, range r) {
    return (range){hk_divide_up(r.begin - a->to, a->to_step), hk_divide_up(r.end - a->to, a->to_step)};
}

/// What tap `t` reads for some pixels.
static range tap_reads(const axis *a, range q, int t) {
    int64_t at = a->tap_step * t + a->from;
    return (range){a->step * q.begin + at, a->step * (q.end - 1) + at + 1};
}

/// What all phases read along an axis for a range of the result; nothing where no phase has taps.
static range reads(const axis *axes, int phases, range r) {
    range all = {INT64_MAX, INT64_MIN};
    for (int phase = 0; phase < phases; phase++) {
        const axis *a = &axes[phase];
        range q = inner(a, r);
        if (q.begin >= q.end) continue;
        for (int t = a->first; t < a->first + a->taps; t++) {
            range at = tap_reads(a, q, t);
            if (at.begin < all.begin) all.begin = at.begin;
            if (at.end > all.end) all.end = at.end;
        }
    }
    return all.begin < all.end ? all : (range){0, 0};
}

static void make_axes(const plan *p, int64_t padding, int64_t extent, int64_t out_extent, axis *axes) {
    for (int phase = 0; phase < p->phases; phase++) {
        axis *a = &axes[phase];
        *a = (axis){.to_step = 1, .step = p->stride, .tap_step = 1, .from = -padding, .taps = p->kernel};
        if (p->back) {
            // dx[s q + phase - padding] = sum over taps of dy[q - tap] w[s tap + phase].
            int taps = phase < p->kernel ? (p->kernel - phase + p->stride - 1) / p->stride : 0;
            *a = (axis){.to_step = p->stride, .to = phase - padding, .step = 1, .tap_step = -1, .taps = taps};
        }
        range q = inner(a, (range){0, out_extent});
        if (q.begin >= q.end) a->taps = 0;
        for (; a->taps > 0; a->first++, a->taps--) {
            range at = tap_reads(a, q, a->first);
            if (at.begin < extent && at.end > 0) break;
        }
        for (; a->taps > 0; a->taps--) {
            range at = tap_reads(a, q, a->first + a->taps - 1);
            if (at.begin < extent && at.end > 0) break;
        }
    }
}

bool hk_taps_supports(const hk_convolution *c, hk_convolution_direction direction) {
    if (direction == hk_convolution_backward_weights || c->channels_last || c->bf16) return false;
    int64_t out = direction == hk_convolution_forward ? c->out_channels : c->in_channels;
    return c->in_channels > 0 && c->out_channels > 0 && out % LANES == 0 && c->images > 0 && c->height > 0 && c->width > 0
        && c->out_height > 0 && c->out_width > 0 && c->kernel > 0 && c->stride > 0 && c->padding_y >= 0 && c->padding_x >= 0
        && (direction == hk_convolution_forward || c->stride <= HK_TAPS_PHASES);
}

size_t hk_taps_weight_bytes(const hk_convolution *c) {
    return (size_t)(c->in_channels * c->out_channels * c->kernel * c->kernel) * sizeof(float);
}

/// Divides the work, by the shape alone.
static void divide(plan *p) {
    int64_t pixels = NEAR_BYTES / (p->blocks * p->lanes * (int64_t)sizeof(float));
    if (pixels < LEAST_PIXELS) pixels = LEAST_PIXELS;
    if (pixels > MOST_PIXELS) pixels = MOST_PIXELS;
    p->column_pieces = hk_divide_up(p->out_width, MOST_PIXELS);
    int64_t columns = hk_divide_up(p->out_width, p->column_pieces), rows = pixels / columns;
    p->images_together = p->row_pieces = 1;
    if (rows < p->out_height && p->out_height * columns <= WHOLE_PIXELS) rows = p->out_height;
    if (rows < p->out_height) {
        p->row_pieces = hk_divide_up(p->out_height, rows > 0 ? rows : 1);
    } else {
        p->images_together = rows / p->out_height;
        if (p->images_together > p->images) p->images_together = p->images;
    }
    int64_t tasks = hk_divide_up(p->images, p->images_together) * p->row_pieces * p->column_pieces;
    p->panel_groups = hk_divide_up(LEAST_TASKS, tasks);
    int64_t most = hk_divide_up(p->panels, LEAST_PANELS);
    if (p->panel_groups > most) p->panel_groups = most;
    // Steps of a phase, on average.
    int64_t steps = hk_divide_up(p->blocks * p->taps * p->lanes, (int64_t)p->phases * p->phases * DEPTH);
    p->parts = steps < 1 ? 1 : steps < p->blocks ? steps : p->blocks;
}

static plan make_plan(const hk_convolution *c, hk_convolution_direction direction) {
    bool back = direction == hk_convolution_backward_data;
    plan p = {.variant = hk_variant_current(), .back = back, .images = c->images, .kernel = c->kernel, .stride = c->stride};
    // From a single pixel every pixel of the result has one tap, as if the stride were the kernel's.
    if (back && c->out_height == 1 && c->out_width == 1 && c->kernel > c->stride && c->kernel <= HK_TAPS_PHASES) p.stride = c->kernel;
    p.phases = back ? p.stride : 1;
    int64_t in = back ? c->out_channels : c->in_channels, out = back ? c->in_channels : c->out_channels;
    p.lanes = in % LANES == 0 ? LANES : 1;
    p.blocks = in / p.lanes;
    p.panels = out / LANES;
    p.height = back ? c->out_height : c->height;
    p.width = back ? c->out_width : c->width;
    p.out_height = back ? c->height : c->out_height;
    p.out_width = back ? c->width : c->out_width;
    make_axes(&p, c->padding_y, p.height, p.out_height, p.down);
    make_axes(&p, c->padding_x, p.width, p.out_width, p.across);
    int64_t down = 0, across = 0;
    for (int phase = 0; phase < p.phases; phase++) {
        down += p.down[phase].taps;
        across += p.across[phase].taps;
    }
    p.taps = down * across;
    range y = reads(p.down, p.phases, (range){0, p.out_height}), x = reads(p.across, p.phases, (range){0, p.out_width});
    p.is_padded = y.begin < 0 || y.end > p.height || x.begin < 0 || x.end > p.width;
    divide(&p);
    return p;
}

static int64_t pixel_tasks(const plan *p) { return hk_divide_up(p->images, p->images_together) * p->row_pieces * p->column_pieces; }

void hk_taps_pack_weights(
    const hk_convolution *c, hk_convolution_direction direction, const float *weights, float *packed) {
    plan p = make_plan(c, direction);
    p.weights = weights;
    hk_taps_pack(&p, packed);
}

// MARK: - What a task reads

/// The image as it lies, or a copy of some rows and columns with zeros around. In floats.
typedef struct {
    const float *data;
    int64_t image, block, row, first_row, first_column;
} source;

/// Copies what some images have in these rows and columns.
static source copy_strip(const plan *p, range images, range rows, range columns, float *to) {
    int64_t lanes = p->lanes, wide = columns.end - columns.begin, high = rows.end - rows.begin, row = wide * lanes;
    source s = {to, high * row, (images.end - images.begin) * high * row, row, rows.begin, columns.begin};
    int64_t left = columns.begin < 0 ? -columns.begin : 0, right = columns.end > p->width ? columns.end - p->width : 0;
    if (left > wide) left = wide;
    if (right > wide - left) right = wide - left;
    for (int64_t block = 0; block < p->blocks; block++) {
        for (int64_t image = images.begin; image < images.end; image++) {
            const float *from = p->x + (image * p->blocks + block) * p->height * p->width * lanes;
            for (int64_t y = rows.begin; y < rows.end; y++, to += row) {
                if (y < 0 || y >= p->height) {
                    memset(to, 0, (size_t)row * sizeof(float));
                    continue;
                }
                memset(to, 0, (size_t)(left * lanes) * sizeof(float));
                memcpy(
                    to + left * lanes, from + (y * p->width + columns.begin + left) * lanes,
                    (size_t)((wide - left - right) * lanes) * sizeof(float));
                memset(to + (wide - right) * lanes, 0, (size_t)(right * lanes) * sizeof(float));
            }
        }
    }
    return s;
}

static source in_place(const plan *p, range images) {
    int64_t plane = p->height * p->width * p->lanes;
    return (source){p->x + images.begin * p->blocks * plane, p->blocks * plane, plane, p->width * p->lanes, 0, 0};
}

/// The largest strip of a task, in floats, a multiple of 16.
static int64_t strip_floats(const plan *p) {
    if (!p->is_padded) return 0;
    int64_t rows = hk_divide_up(p->out_height, p->row_pieces), columns = hk_divide_up(p->out_width, p->column_pieces);
    int64_t high = 0, wide = 0;
    for (int64_t i = 0; i < p->row_pieces; i++) {
        int64_t first = p->out_height * i / p->row_pieces;
        range y = reads(p->down, p->phases, (range){first, first + rows});
        if (y.end - y.begin > high) high = y.end - y.begin;
    }
    for (int64_t i = 0; i < p->column_pieces; i++) {
        int64_t first = p->out_width * i / p->column_pieces;
        range x = reads(p->across, p->phases, (range){first, first + columns});
        if (x.end - x.begin > wide) wide = x.end - x.begin;
    }
    return (high * wide * p->images_together * p->blocks * p->lanes + 15) & ~(int64_t)15;
}

// MARK: - Products

/// The pixels of one phase and the distances of its taps.
typedef struct {
    hk_taps_pixel *pixels;
    int64_t *places;
    int64_t count, taps;
} phase;

/// What a task works on: memory of its thread.
typedef struct {
    float *strip, *turned, *weights;
    hk_taps_pixel *pixels;
    int64_t *places;
    phase phases[HK_TAPS_PHASES * HK_TAPS_PHASES];
} bench;

static phase make_phase(
    const plan *p, const source *s, const axis *down, const axis *across, range images, range rows, range columns,
    hk_taps_pixel *pixels, int64_t *places) {
    phase f = {pixels, places, 0, (int64_t)down->taps * across->taps};
    range high = inner(down, rows), wide = inner(across, columns);
    int64_t plane = p->out_height * p->out_width * LANES;
    for (int64_t image = images.begin; image < images.end; image++) {
        for (int64_t i = high.begin; i < high.end; i++) {
            int64_t x = (image - images.begin) * s->image + (down->step * i + down->from - s->first_row) * s->row;
            int64_t y = image * p->panels * plane + (down->to_step * i + down->to) * p->out_width * LANES;
            for (int64_t j = wide.begin; j < wide.end; j++) {
                pixels[f.count++] = (hk_taps_pixel){
                    x + (across->step * j + across->from - s->first_column) * p->lanes, y + (across->to_step * j + across->to) * LANES};
            }
        }
    }
    for (int64_t block = 0; block < p->blocks; block++) {
        for (int i = down->first; i < down->first + down->taps; i++) {
            for (int j = across->first; j < across->first + across->taps; j++) {
                *places++ = block * s->block + i * down->tap_step * s->row + j * across->tap_step * p->lanes;
            }
        }
    }
    return f;
}

/// One panel: part by part, so that a part's weights are near for all pixels.
static void make_panel(const plan *p, const source *s, const bench *b, int64_t panel) {
    float *y = p->y + panel * p->out_height * p->out_width * LANES;
    for (int64_t part = 0; part < p->parts; part++) {
        int64_t first = p->blocks * part / p->parts, last = p->blocks * (part + 1) / p->parts;
        bool is_last = part == p->parts - 1;
        const float *weights = b->weights;
        if (p->packed) {
            weights = p->packed + hk_taps_floats(p, panel * p->blocks + first);
        } else if (p->taps > 0) {
            hk_taps_pack_part(p, panel, first, last, b->turned, b->weights);
        }
        int64_t size = (last - first) * p->lanes * LANES;
        for (const phase *f = b->phases; f < b->phases + p->phases * p->phases; weights += f->taps * size, f++) {
            // A phase without taps is what is added to it, once.
            bool ends = is_last || f->taps == 0;
            if (f->count == 0 || (f->taps == 0 && part > 0)) continue;
            hk_taps_call call = {
                .places = f->places + first * f->taps, .steps = (last - first) * f->taps, .single = p->lanes == 1,
                .adds = part > 0 || p->adds, .relu = ends && p->relu};
            const float *bias = ends && p->bias ? p->bias + panel * LANES : NULL;
            p->variant->taps(&call, f->count, s->data, f->pixels, weights, bias, y);
        }
    }
}

/// Carves the memory out of the thread's.
static void make_bench(const plan *p, bench *b) {
    int64_t strip = strip_floats(p), steps = p->blocks * p->taps;
    int64_t turned = p->packed ? 0 : hk_taps_turned_floats(p), weights = p->packed ? 0 : hk_taps_floats(p, hk_divide_up(p->blocks, p->parts));
    int64_t pixels = hk_divide_up(p->out_height, p->row_pieces) * hk_divide_up(p->out_width, p->column_pieces) * p->images_together;
    size_t bytes = (size_t)(strip + turned + weights) * sizeof(float) + (size_t)pixels * sizeof(hk_taps_pixel)
        + (size_t)steps * sizeof(int64_t);
    b->strip = hk_scratch(hk_scratch_thread, bytes);
    b->turned = b->strip + strip;
    b->weights = b->turned + turned;
    b->pixels = (hk_taps_pixel *)(b->weights + weights);
    b->places = (int64_t *)(b->pixels + pixels);
}

static void run_tasks(void *context, int64_t begin, int64_t end) {
    const plan *p = context;
    bench b;
    source s = {0};
    int64_t made = -1, image_tasks = hk_divide_up(p->images, p->images_together);
    make_bench(p, &b);
    for (int64_t task = begin; task < end; task++) {
        int64_t group = task % p->panel_groups, place = task / p->panel_groups;
        if (made != place) {
            int64_t column = place % p->column_pieces, row = place / p->column_pieces % p->row_pieces;
            int64_t image = place / p->column_pieces / p->row_pieces;
            range images = {p->images * image / image_tasks, p->images * (image + 1) / image_tasks};
            range rows = {p->out_height * row / p->row_pieces, p->out_height * (row + 1) / p->row_pieces};
            range columns = {p->out_width * column / p->column_pieces, p->out_width * (column + 1) / p->column_pieces};
            s = in_place(p, images);
            if (p->is_padded) {
                range y = reads(p->down, p->phases, rows), x = reads(p->across, p->phases, columns);
                s = copy_strip(p, images, y, x, b.strip);
            }
            hk_taps_pixel *pixels = b.pixels;
            int64_t *places = b.places;
            for (int i = 0; i < p->phases * p->phases; i++) {
                const axis *down = &p->down[i / p->phases], *across = &p->across[i % p->phases];
                phase f = make_phase(p, &s, down, across, images, rows, columns, pixels, places);
                pixels += f.count;
                places += f.taps * p->blocks;
                b.phases[i] = f;
            }
            made = place;
        }
        int64_t last = p->panels * (group + 1) / p->panel_groups;
        for (int64_t panel = p->panels * group / p->panel_groups; panel < last; panel++) make_panel(p, &s, &b, panel);
    }
}

void hk_taps_convolve(
    const hk_convolution *c, hk_convolution_direction direction, const float *x, const float *weights, const float *packed,
    const float *bias, bool adds, bool relu, float *y, void *scratch) {
    plan p = make_plan(c, direction);
    p.weights = weights;
    // Where one task takes all pixels through a panel, it packs that panel's weights itself, and they never reach the memory.
    if (!packed && pixel_tasks(&p) > 1) {
        hk_taps_pack(&p, scratch);
        packed = scratch;
    }
    p.packed = packed;
    p.x = x;
    p.bias = bias;
    p.y = y;
    p.adds = adds;
    p.relu = relu;
    double products = (double)(p.images * c->out_height * c->out_width * p.blocks * p.lanes * p.panels * LANES) * (double)p.taps;
    hk_parallel(pixel_tasks(&p) * p.panel_groups, products * 0.01, run_tasks, &p);
}
