// Weight gradients as direct sums over positions: how the work is cut up. The arithmetic is in Templates/correlate.h.
#include "internal.h"
#include <string.h>

#define LANES HK_GRANULE
/// Positions of a chunk: what they take of a channel block of x and of dy stays in the nearest cache over all taps.
#define POSITIONS 192
/// Positions of a group at least: sums are written and read once for each group.
#define GROUP_POSITIONS 512
/// Floats of a task's sums at most, which stay in the second-level cache.
#define SUM_FLOATS (32 * 1024)
/// Tasks to be had, where that costs little.
#define TASKS 32
/// Bytes that a task may read for each cycle of its sums.
#define RATE 1
/// Rows of weights that are added up and turned at a time.
#define FINISH_ROWS 256

typedef struct {
    const hk_variant *variant;
    const hk_convolution *convolution;
    const float *x, *dy;
    float *dw, *db;
    /// x is row-major, with all its channels in one block.
    bool is_few;
    int64_t taps, in_blocks, out_blocks;
    /// Rows of weights: of a channel block, and of all.
    int64_t block_rows, rows;
    /// Channel blocks of a task, and how many such groups there are.
    int64_t in_step, out_step, in_groups, out_groups;
    /// Chunks of positions: of the images, and of an image's lines. Groups of chunks.
    int64_t image_chunks, line_chunks, groups;
    /// Of each group: sums [out block][row][16], and the totals of dy.
    float *partial, *totals;
} plan;

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

/// Bytes that a task reads for each cycle, with so many channel blocks.
static double rate(const plan *p, int64_t in, int64_t out) {
    int64_t stride = p->convolution->stride, pixels = p->taps > 1 ? stride * stride : 1;
    return 64.0 * (double)(in * pixels + out) / (double)(p->block_rows * in * out);
}

/// Cuts weights and positions, by shape alone.
static void divide(plan *p) {
    const hk_convolution *c = p->convolution;
    int64_t plane = c->out_height * c->out_width, positions = c->images * plane;
    if (2 * plane <= POSITIONS) {
        p->image_chunks = hk_divide_up(c->images, POSITIONS / plane);
        p->line_chunks = 1;
    } else {
        p->image_chunks = c->images;
        p->line_chunks = hk_divide_up(c->out_height, most(1, POSITIONS / c->out_width));
    }
    p->in_step = p->in_blocks;
    p->out_step = p->out_blocks;
    int64_t pairs = most(1, SUM_FLOATS / (p->block_rows * LANES));
    for (;;) {
        p->in_groups = hk_divide_up(p->in_blocks, p->in_step);
        p->out_groups = hk_divide_up(p->out_blocks, p->out_step);
        bool is_large = p->in_step * p->out_step > pairs;
        if (!is_large && p->in_groups * p->out_groups >= TASKS) break;
        int64_t in = hk_divide_up(p->in_step, 2), out = hk_divide_up(p->out_step, 2);
        double by_in = in < p->in_step ? rate(p, in, p->out_step) : 1e9, by_out = out < p->out_step ? rate(p, p->in_step, out) : 1e9;
        if (by_in == 1e9 && by_out == 1e9) break;
        if (!is_large && (by_in < by_out ? by_in : by_out) > RATE) break;
        if (by_in <= by_out) p->in_step = in; else p->out_step = out;
    }
    int64_t wanted = hk_divide_up(TASKS, p->in_groups * p->out_groups);
    p->groups = most(1, least(least(wanted, positions / GROUP_POSITIONS), p->image_chunks * p->line_chunks));
}

static plan make_plan(const hk_convolution *c) {
    plan p = {.variant = hk_variant_current(), .convolution = c, .taps = (int64_t)c->kernel * c->kernel};
    p.is_few = c->in_channels % LANES != 0;
    p.in_blocks = p.is_few ? 1 : c->in_channels / LANES;
    p.out_blocks = c->out_channels / LANES;
    p.rows = c->in_channels * p.taps;
    p.block_rows = p.rows / p.in_blocks;
    divide(&p);
    return p;
}

bool hk_correlate_supports(const hk_convolution *c) {
    return c->images > 0 && c->in_channels > 0 && (c->in_channels % LANES == 0 || c->in_channels <= HK_CORRELATE_FEW)
        && c->out_channels > 0 && c->out_channels % LANES == 0 && !c->channels_last && !c->bf16 && c->kernel > 0 && c->stride > 0
        && c->height > 0 && c->width > 0 && c->out_height > 0 && c->out_width > 0 && c->padding_y >= 0 && c->padding_x >= 0;
}

static size_t partial_floats(const plan *p) { return (size_t)(p->groups * p->out_blocks * p->rows * LANES); }

size_t hk_correlate_scratch_bytes(const hk_convolution *convolution) {
    plan p = make_plan(convolution);
    if (p.groups == 1) return 0;
    return (partial_floats(&p) + (size_t)(p.groups * convolution->out_channels)) * sizeof(float);
}

/// Positions of a chunk: lines of some images.
typedef struct {
    int64_t image, images, line, lines;
} chunk;

static chunk chunk_at(const plan *p, int64_t index) {
    const hk_convolution *c = p->convolution;
    int64_t images = index / p->line_chunks, lines = index % p->line_chunks;
    chunk k = {.image = hk_cut(c->images, p->image_chunks, images), .line = hk_cut(c->out_height, p->line_chunks, lines)};
    k.images = hk_cut(c->images, p->image_chunks, images + 1) - k.image;
    k.lines = hk_cut(c->out_height, p->line_chunks, lines + 1) - k.line;
    return k;
}

/// A box of that many lines and pixels of a chunk.
static hk_correlate_box box_of(
    const plan *p, chunk k, int64_t lines, int64_t pixels, int64_t x_image, int64_t x_line, int64_t x_pixel) {
    const hk_convolution *c = p->convolution;
    hk_correlate_box box = {
        .images = k.images, .lines = lines, .pixels = pixels, .x_image = x_image, .x_line = x_line, .x_pixel = x_pixel,
        .dy_image = c->out_channels * c->out_height * c->out_width, .dy_line = c->out_width * LANES};
    if (x_line == pixels * x_pixel && pixels == c->out_width) {
        // No gap between lines.
        box.pixels *= lines;
        box.lines = 1;
    }
    return box;
}

/// Outputs along an axis.
typedef struct {
    int64_t first, count;
} span;

/// Those of `count` from `from` on whose tap is one of `extent` inputs; it lies `offset` from `stride` times the output.
static span inside(int64_t from, int64_t count, int64_t stride, int64_t offset, int64_t extent) {
    int64_t first = offset < 0 ? hk_divide_up(-offset, stride) : 0;
    int64_t end = extent > offset ? (extent - offset - 1) / stride + 1 : 0;
    first = most(first, from);
    return (span){first, most(0, least(end, from + count) - first)};
}

/// Where blocks of x and of dy begin at a chunk.
static const float *inputs_at(const plan *p, chunk k, int64_t block) {
    const hk_convolution *c = p->convolution;
    return p->x + (((k.image * p->in_blocks + block) * c->height) + k.line * c->stride) * c->width * LANES;
}
static const float *outputs_at(const plan *p, chunk k, int64_t block) {
    const hk_convolution *c = p->convolution;
    return p->dy + ((k.image * p->out_blocks + block) * c->out_height + k.line) * c->out_width * LANES;
}

/// What a task adds up.
typedef struct {
    /// Channel blocks.
    int64_t in, in_end, out, out_end;
    /// A chunk and the one after it, which may be the same.
    chunk now, then;
    /// Whether it is the first.
    bool is_first;
} piece;

/// The sums of a block of input channels with one of outputs. Positions whose tap falls outside of x are left out.
///
/// Meanwhile a block of the next chunk is asked for: with the first block of outputs those of x, under each tap what it will meet, with the
/// first of inputs those of dy.
static void sum_block(const plan *p, const piece *piece, int64_t in, int64_t out, float *sums) {
    static const int64_t channels[LANES] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const hk_convolution *c = p->convolution;
    const chunk k = piece->now;
    int64_t stride = c->stride, row = c->width * LANES;
    const float *x = inputs_at(p, k, in), *dy = outputs_at(p, k, out), *ahead = dy;
    bool is_last = in == piece->in_end - 1 && out == piece->out_end - 1 && in + out > piece->in + piece->out;
    bool is_x_ahead = out == piece->out && !is_last;
    if (is_x_ahead) ahead = inputs_at(p, piece->then, in);
    if (!is_x_ahead && (in == piece->in || is_last)) ahead = outputs_at(p, piece->then, is_last ? piece->out : out);
    for (int64_t tap = 0; tap < p->taps; tap++, sums += LANES) {
        int64_t down = tap / c->kernel - c->padding_y, right = tap % c->kernel - c->padding_x;
        span lines = inside(k.line, k.lines, stride, down, c->height), pixels = inside(0, c->out_width, stride, right, c->width);
        if (lines.count == 0 || pixels.count == 0) {
            for (int64_t i = 0; piece->is_first && i < LANES; i++) {
                memset(sums + i * p->taps * LANES, 0, LANES * sizeof(float));
            }
            continue;
        }
        hk_correlate_box box = box_of(
            p, k, lines.count, pixels.count, c->in_channels * c->height * c->width, stride * row, stride * LANES);
        int64_t skipped = lines.first - k.line;
        int64_t in_offset = (skipped * stride + down) * row + (pixels.first * stride + right) * LANES;
        int64_t out_offset = (skipped * c->out_width + pixels.first) * LANES;
        box.sum = p->taps * LANES;
        box.is_x_ahead = is_x_ahead;
        box.ahead = ahead + (is_x_ahead ? in_offset : out_offset);
        p->variant->correlate(LANES, &box, x + in_offset, channels, dy + out_offset, sums, piece->is_first);
    }
}

// MARK: - Few input channels: chunks of x are copied with zeros around, [image][channel][line][pixel]

/// Lines and pixels that the taps of a chunk's positions meet.
static int64_t strip_lines(const plan *p, int64_t lines) { return (lines - 1) * p->convolution->stride + p->convolution->kernel; }
static int64_t strip_pixels(const plan *p) { return strip_lines(p, p->convolution->out_width); }

static int64_t strip_floats(const plan *p) {
    const hk_convolution *c = p->convolution;
    int64_t lines = hk_divide_up(c->out_height, p->line_chunks), images = hk_divide_up(c->images, p->image_chunks);
    return images * c->in_channels * strip_lines(p, lines) * strip_pixels(p);
}

static void copy_strip(const plan *p, chunk k, float *to) {
    const hk_convolution *c = p->convolution;
    int64_t lines = strip_lines(p, k.lines), pixels = strip_pixels(p);
    int64_t left = least(c->padding_x, pixels), count = least(c->width, pixels - left);
    const float *x = p->x + k.image * c->in_channels * c->height * c->width;
    for (int64_t plane = 0; plane < k.images * c->in_channels; plane++, x += c->height * c->width) {
        for (int64_t line = 0; line < lines; line++, to += pixels) {
            int64_t y = k.line * c->stride + line - c->padding_y;
            bool exists = y >= 0 && y < c->height;
            int64_t end = exists ? left + count : 0;
            if (exists) {
                memset(to, 0, (size_t)left * sizeof(float));
                memcpy(to + left, x + y * c->width, (size_t)count * sizeof(float));
            }
            memset(to + end, 0, (size_t)(pixels - end) * sizeof(float));
        }
    }
}

/// The sums of all rows of weights with one block of outputs.
static void sum_few(const plan *p, const piece *piece, int64_t out, const float *strip, const int64_t *offsets, float *sums) {
    const hk_convolution *c = p->convolution;
    int64_t pixels = strip_pixels(p), image = c->in_channels * strip_lines(p, piece->now.lines) * pixels;
    hk_correlate_box box = box_of(p, piece->now, piece->now.lines, c->out_width, image, c->stride * pixels, c->stride);
    box.sum = LANES;
    box.ahead = outputs_at(p, piece->then, out);
    p->variant->correlate(p->rows, &box, strip, offsets, outputs_at(p, piece->now, out), sums, piece->is_first);
}

/// Where each row of weights begins in a chunk's strip.
static void place_rows(const plan *p, chunk k, int64_t *offsets) {
    int kernel = p->convolution->kernel;
    int64_t lines = strip_lines(p, k.lines), pixels = strip_pixels(p);
    for (int64_t row = 0; row < p->rows; row++) {
        int64_t tap = row % p->taps;
        offsets[row] = (row / p->taps * lines + tap / kernel) * pixels + tap % kernel;
    }
}

// MARK: - Tasks

/// Turns sums [row][16] of an output block, from row `row` on, into weights.
static void store_rows(const plan *p, int64_t out, int64_t row, int64_t rows, const float *sums) {
    float *to = p->dw + out * LANES * p->rows + row;
    p->variant->transpose[2]((const char *)sums, LANES, (char *)to, p->rows, rows, LANES);
}

/// The sums of a chunk: of an output block `block` floats after those of the one before.
static void sum_chunk(const plan *p, const piece *piece, float *strip, float *sums, int64_t block, float *totals) {
    int64_t *offsets = (int64_t *)(strip + hk_divide_up(strip_floats(p), LANES) * LANES);
    if (p->is_few) {
        copy_strip(p, piece->now, strip);
        place_rows(p, piece->now, offsets);
    }
    for (int64_t out = piece->out; out < piece->out_end; out++, sums += block) {
        if (p->is_few) {
            sum_few(p, piece, out, strip, offsets, sums);
        } else {
            for (int64_t in = piece->in; in < piece->in_end; in++) {
                sum_block(p, piece, in, out, sums + (in - piece->in) * p->block_rows * LANES);
            }
        }
        if (!totals || piece->in > 0) continue;
        hk_correlate_box box = box_of(p, piece->now, piece->now.lines, p->convolution->out_width, 0, 0, 0);
        p->variant->correlate_total(&box, outputs_at(p, piece->now, out), totals + out * LANES, piece->is_first);
    }
}

/// The sums of a group of input blocks with one of output blocks over a group of chunks.
static void sum_tasks(void *context, int64_t begin, int64_t end) {
    const plan *p = context;
    int64_t own = p->groups > 1 ? 0 : p->out_step * p->in_step * p->block_rows * LANES;
    size_t bytes = (size_t)own * sizeof(float);
    if (p->is_few) bytes += (size_t)(strip_floats(p) + LANES) * sizeof(float) + (size_t)p->rows * sizeof(int64_t);
    float *scratch = hk_scratch(hk_scratch_thread, bytes);
    for (int64_t task = begin; task < end; task++) {
        int64_t group = task % p->groups, in = task / p->groups % p->in_groups, out = task / p->groups / p->in_groups;
        int64_t chunks = p->image_chunks * p->line_chunks, last = hk_cut(chunks, p->groups, group + 1) - 1;
        piece piece = {
            .in = hk_cut(p->in_blocks, p->in_groups, in), .in_end = hk_cut(p->in_blocks, p->in_groups, in + 1),
            .out = hk_cut(p->out_blocks, p->out_groups, out), .out_end = hk_cut(p->out_blocks, p->out_groups, out + 1)};
        int64_t row = piece.in * p->block_rows, rows = (piece.in_end - piece.in) * p->block_rows;
        float *sums = scratch, *totals = p->db;
        int64_t block = rows * LANES;
        if (p->groups > 1) {
            // Where `finish_tasks` finds them.
            block = p->rows * LANES;
            sums = p->partial + (group * p->out_blocks + piece.out) * block + row * LANES;
            if (p->db) totals = p->totals + group * p->out_blocks * LANES;
        }
        int64_t first = hk_cut(chunks, p->groups, group);
        for (int64_t index = first; index <= last; index++) {
            piece.now = chunk_at(p, index);
            piece.then = chunk_at(p, least(index + 1, last));
            piece.is_first = index == first;
            sum_chunk(p, &piece, scratch + own, sums, block, totals);
        }
        for (int64_t o = piece.out; p->groups == 1 && o < piece.out_end; o++) {
            store_rows(p, o, row, rows, sums + (o - piece.out) * block);
        }
    }
}

/// Adds up the sums of all groups of chunks.
static void finish_tasks(void *context, int64_t begin, int64_t end) {
    const plan *p = context;
    int64_t pieces = hk_divide_up(p->rows, FINISH_ROWS), step = p->out_blocks * p->rows * LANES;
    float *sums = hk_scratch(hk_scratch_thread, FINISH_ROWS * LANES * sizeof(float));
    for (int64_t task = begin; task < end; task++) {
        int64_t out = task / pieces, row = task % pieces * FINISH_ROWS, rows = least(FINISH_ROWS, p->rows - row);
        const float *from = p->partial + (out * p->rows + row) * LANES;
        memcpy(sums, from, (size_t)(rows * LANES) * sizeof(float));
        for (int64_t group = 1; group < p->groups; group++) p->variant->add_scaled(sums, from + group * step, 1, rows * LANES);
        store_rows(p, out, row, rows, sums);
        if (!p->db || row > 0) continue;
        memcpy(p->db + out * LANES, p->totals + out * LANES, LANES * sizeof(float));
        for (int64_t group = 1; group < p->groups; group++) {
            p->variant->add_scaled(p->db + out * LANES, p->totals + (group * p->out_blocks + out) * LANES, 1, LANES);
        }
    }
}

void hk_correlate_weights(
    const hk_convolution *convolution, const float *x, const float *dy, float *dw, float *db, void *scratch) {
    plan p = make_plan(convolution);
    p.x = x;
    p.dy = dy;
    p.dw = dw;
    p.db = db;
    p.partial = scratch;
    p.totals = p.partial + partial_floats(&p);
    double weights = (double)(p.out_blocks * LANES * p.rows);
    double positions = (double)(convolution->images * convolution->out_height * convolution->out_width);
    hk_parallel(p.in_groups * p.out_groups * p.groups, weights * positions * 0.025, sum_tasks, &p);
    if (p.groups == 1) return;
    hk_parallel(p.out_blocks * hk_divide_up(p.rows, FINISH_ROWS), weights * (double)p.groups * 0.2, finish_tasks, &p);
}
