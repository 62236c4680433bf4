// Strided copies: runs, broadcasts, transposes, and what is none of them. Fills.
#include "internal.h"
#include <string.h>

/// Side of the squares that a transpose works in: a square of reads and one of writes fit the first level of cache.
#define SQUARE 64
/// Bytes of a long run that one task copies.
#define PIECE (256 * 1024)

typedef struct {
    const hk_variant *variant;
    const char *input;
    char *output;
    int bytes, log2;
    /// The axes around the innermost one, or around the two of a transpose.
    hk_axes outer;
    int64_t extent, stride, other;  // innermost axis: of the output the fastest
    int64_t rows, row_other;  // transpose: the axis that is fastest in the input, and its step in the output
    int64_t pieces, piece;
} copy;

static void copy_element(char *to, const char *from, int bytes) {
    switch (bytes) {
    case 1: *to = *from; break;
    case 2: memcpy(to, from, 2); break;
    case 4: memcpy(to, from, 4); break;
    default: memcpy(to, from, 8);
    }
}

static void copy_runs(void *context, int64_t begin, int64_t end) {
    const copy *c = context;
    hk_odometer at;
    hk_odometer_start(&at, &c->outer, begin / c->pieces);
    int64_t piece = begin % c->pieces;
    int bytes = c->bytes;
    for (int64_t task = begin; task < end; task++) {
        int64_t place = piece * c->piece, count = c->extent - place < c->piece ? c->extent - place : c->piece;
        const char *from = c->input + (at.offset + place * c->stride) * bytes;
        char *to = c->output + (at.other + place * c->other) * bytes;
        if (c->other == 1 && c->stride == 1) {
            if (count == 1) {
                copy_element(to, from, bytes);
            } else {
                memcpy(to, from, (size_t)(count * bytes));
            }
        } else if (c->other == 1 && c->stride == 0) {
            hk_splat(to, from, bytes, count);
        } else if (c->other == 1) {
            hk_gather(to, from, c->stride, bytes, count);
        } else {
            for (int64_t i = 0; i < count; i++) {
                copy_element(to + i * c->other * bytes, from + i * c->stride * bytes, bytes);
            }
        }
        if (++piece == c->pieces) {
            piece = 0;
            hk_odometer_next(&at, &c->outer);
        }
    }
}

/// One task is a band of SQUARE rows of the output.
static void copy_transposed(void *context, int64_t begin, int64_t end) {
    const copy *c = context;
    for (int64_t task = begin; task < end; task++) {
        hk_odometer at;
        hk_odometer_start(&at, &c->outer, task / c->pieces);
        int64_t row = task % c->pieces * SQUARE, rows = c->rows - row < SQUARE ? c->rows - row : SQUARE;
        for (int64_t column = 0; column < c->extent; column += SQUARE) {
            int64_t columns = c->extent - column < SQUARE ? c->extent - column : SQUARE;
            // In the input `column` walks by stride and `row` by 1. The square is put together beside, since rows that lie a
            // power of two apart would drive each other out of the cache.
            char square[SQUARE * (SQUARE + 16) * 8];
            c->variant->transpose[c->log2](
                c->input + (at.offset + column * c->stride + row) * c->bytes, c->stride, square, SQUARE + 16, columns,
                rows);
            char *to = c->output + (at.other + row * c->row_other + column) * c->bytes;
            for (int64_t i = 0; i < rows; i++) {
                memcpy(
                    to + i * c->row_other * c->bytes, square + i * (SQUARE + 16) * c->bytes,
                    (size_t)(columns * c->bytes));
            }
        }
    }
}

void hk_strided_copy(
    int type_bytes, int rank, const int64_t *extents, const void *input, const int64_t *input_strides, void *output,
    const int64_t *output_strides) {
    hk_axes axes = {.rank = 0};
    int64_t first = 0, first_other = 0, count = 1;
    for (int axis = 0; axis < rank; axis++) {
        int64_t extent = extents[axis], stride = input_strides[axis], other = output_strides[axis];
        count *= extent;
        // Walking both ways at once changes nothing, so the output can always be walked forwards.
        if (other < 0) {
            first += stride * (extent - 1);
            first_other += other * (extent - 1);
            stride = -stride;
            other = -other;
        }
        hk_axes_add(&axes, extent, stride, other);
    }
    if (count == 0) return;
    hk_axes_sort(&axes, true);
    hk_axes_join(&axes);
    copy c = {
        .variant = hk_variant_current(), .bytes = type_bytes, .log2 = __builtin_ctz((unsigned)type_bytes),
        .input = (const char *)input + first * type_bytes, .output = (char *)output + first_other * type_bytes};
    double cost = (double)count * type_bytes * 0.12;
    if (axes.rank == 0) {
        copy_element(c.output, c.input, type_bytes);
        return;
    }
    int inner = axes.rank - 1;
    c.extent = axes.extents[inner];
    c.stride = axes.strides[inner];
    c.other = axes.others[inner];
    int fast = -1;
    for (int axis = 0; axis < inner; axis++) {
        if (axes.strides[axis] == 1) fast = axis;
    }
    bool transposed = c.other == 1 && c.stride != 1 && c.stride != 0 && fast >= 0 && c.extent >= 4
        && axes.extents[fast] >= 4;
    for (int axis = 0; axis < inner; axis++) {
        if (transposed && axis == fast) continue;
        hk_axes_add(&c.outer, axes.extents[axis], axes.strides[axis], axes.others[axis]);
    }
    int64_t outer = hk_axes_count(&c.outer);
    if (transposed) {
        c.rows = axes.extents[fast];
        c.row_other = axes.others[fast];
        c.pieces = (c.rows + SQUARE - 1) / SQUARE;
        hk_parallel(outer * c.pieces, cost * 1.5, copy_transposed, &c);
        return;
    }
    c.piece = PIECE / type_bytes;
    c.pieces = (c.extent + c.piece - 1) / c.piece;
    hk_parallel(outer * c.pieces, cost + (double)outer * 4, copy_runs, &c);
}

typedef struct {
    char *output;
    uint64_t pattern;
    int bytes;
} fill;

static void fill_range(void *context, int64_t begin, int64_t end) {
    const fill *f = context;
    hk_splat(f->output + begin * f->bytes, &f->pattern, f->bytes, end - begin);
}

void hk_fill(int type_bytes, const void *pattern, void *output, int64_t count) {
    fill f = {.output = output, .bytes = type_bytes};
    memcpy(&f.pattern, pattern, (size_t)type_bytes);
    hk_parallel(count, (double)count * type_bytes * 0.08, fill_range, &f);
}

typedef struct {
    void *output;
    int type;
    double start, step;
} iota;

static void iota_range(void *context, int64_t begin, int64_t end) {
    const iota *s = context;
    switch (s->type) {
    case hk_type_f32:
        for (int64_t i = begin; i < end; i++) ((float *)s->output)[i] = (float)(s->start + (double)i * s->step);
        break;
    case hk_type_f64:
        for (int64_t i = begin; i < end; i++) ((double *)s->output)[i] = s->start + (double)i * s->step;
        break;
    default: {
        uint64_t start = (uint64_t)(int64_t)s->start, step = (uint64_t)(int64_t)s->step;
        for (int64_t i = begin; i < end; i++) {
            uint64_t value = start + (uint64_t)i * step;
            if (s->type == hk_type_i32) {
                ((int32_t *)s->output)[i] = (int32_t)(uint32_t)value;
            } else if (s->type == hk_type_i64) {
                ((int64_t *)s->output)[i] = (int64_t)value;
            } else {
                ((uint8_t *)s->output)[i] = (uint8_t)value;
            }
        }
    }
    }
}

void hk_iota(int type, double start, double step, void *output, int64_t count) {
    iota s = {output, type, start, step};
    hk_parallel(count, (double)count * 0.5, iota_range, &s);
}
