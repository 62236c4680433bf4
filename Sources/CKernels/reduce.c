// Reductions: the shapes they come in, and the fixed order in which partial results meet.
//
// Axes are sorted by stride and joined, so what is left is one of two cases: the innermost axis is reduced (neighbours fall
// into one element) or it is kept (rows fall onto one row). Either is cut into leaves of a fixed size; leaves are combined as
// a binary tree within chunks, and so are the chunks. Where leaves and chunks begin depends on the shape only.
#include "internal.h"
#include <string.h>

/// Rows that a leaf takes, and the columns that are worked on together.
#define LEAF_ROWS 32
#define STRIP 512
#define CHUNKS_MOST 64
/// An input of as many bytes comes from memory, or from a cache that all cores share.
#define STREAM_BYTES (4 << 20)
/// Chunks are read side by side only if they have as many leaves: shorter streams end before the processor follows them.
#define STREAMS_LEAVES 8

typedef struct {
    hk_reducer reducer;
    int bytes;
    const char *input;
    char *output;
    /// Where chunks leave their results when there is more than one for an output.
    char *partial;
    hk_axes kept, reduced;
    int64_t leaves, chunks;
    // Innermost axis reduced: runs of `run` elements, each in `pieces` leaves.
    int64_t run, run_stride, pieces, tasks, together;
    // Innermost axis kept.
    int64_t columns, column_stride, column_out, strips, rows;
} reduction;

static void leaf(const reduction *r, const char *from, int64_t count, char *buffer, char *result) {
    if (r->run_stride == 1) {
        r->reducer.leaf(from, count, result);
    } else {
        hk_gather(buffer, from, r->run_stride, r->bytes, count);
        r->reducer.leaf(buffer, count, result);
    }
}

/// A chunk on its way: its next leaf, and the binary tree of those before, a level for each bit of their count.
typedef struct {
    const char *base;
    hk_odometer walk;
    int64_t piece, leaves, count;
    int levels;
    uint64_t tree[64];
} chunk_walk;

/// Where a task's result goes, and where its input begins.
static char *task_result(const reduction *r, int64_t task, const char **base) {
    hk_odometer at;
    hk_odometer_start(&at, &r->kept, task / r->chunks);
    *base = r->input + at.offset * r->bytes;
    return r->chunks == 1 ? r->output + at.other * r->bytes : r->partial + task * 8;
}

static void start_chunk(chunk_walk *chunk, const reduction *r, int64_t number, const char *base) {
    int64_t first = r->leaves * number / r->chunks, last = r->leaves * (number + 1) / r->chunks;
    chunk->base = base;
    chunk->piece = first % r->pieces;
    chunk->leaves = last - first;
    chunk->count = chunk->levels = 0;
    hk_odometer_start(&chunk->walk, &r->reduced, first / r->pieces);
}

/// The next leaf, and its length.
static const char *next_leaf(chunk_walk *chunk, const reduction *r, int64_t *length) {
    int64_t place = chunk->piece * HK_LEAF;
    const char *from = chunk->base + (chunk->walk.offset + place * r->run_stride) * r->bytes;
    *length = r->run - place < HK_LEAF ? r->run - place : HK_LEAF;
    if (++chunk->piece == r->pieces) {
        chunk->piece = 0;
        hk_odometer_next(&chunk->walk, &r->reduced);
    }
    return from;
}

/// Takes the leaf whose result was left at the tree's top.
static void add_leaf(chunk_walk *chunk, const reduction *r) {
    for (int64_t bits = chunk->count++; bits & 1; bits >>= 1) {
        chunk->levels--;
        r->reducer.combine((char *)&chunk->tree[chunk->levels], (char *)&chunk->tree[chunk->levels + 1], 1);
    }
    chunk->levels++;
}

/// Takes a leaf of each of HK_STREAMS chunks.
static void add_leaves(chunk_walk *chunks, const reduction *r, char *buffer) {
    const char *from[HK_STREAMS];
    char *to[HK_STREAMS];
    int64_t lengths[HK_STREAMS];
    bool whole = true;
    for (int q = 0; q < HK_STREAMS; q++) {
        from[q] = next_leaf(&chunks[q], r, &lengths[q]);
        to[q] = (char *)&chunks[q].tree[chunks[q].levels];
        whole &= lengths[q] == HK_LEAF;
    }
    if (whole) {
        r->reducer.streams(from, to);
    } else {
        for (int q = 0; q < HK_STREAMS; q++) leaf(r, from[q], lengths[q], buffer, to[q]);
    }
    for (int q = 0; q < HK_STREAMS; q++) add_leaf(&chunks[q], r);
}

static void finish_chunk(chunk_walk *chunk, const reduction *r, char *buffer, char *result) {
    while (chunk->count < chunk->leaves) {
        int64_t length;
        const char *from = next_leaf(chunk, r, &length);
        leaf(r, from, length, buffer, (char *)&chunk->tree[chunk->levels]);
        add_leaf(chunk, r);
    }
    for (int level = chunk->levels - 1; level > 0; level--) {
        r->reducer.combine((char *)&chunk->tree[level - 1], (char *)&chunk->tree[level], 1);
    }
    memcpy(result, chunk->tree, (size_t)r->bytes);
}

/// Neighbours into one element. A task is one chunk of one output; `together` of them are done side by side.
static void reduce_runs(void *context, int64_t begin, int64_t end) {
    const reduction *r = context;
    char *buffer = hk_scratch(hk_scratch_thread, (size_t)HK_LEAF * 8);
    const char *base;
    if (r->leaves == 1) {
        for (int64_t task = begin; task < end; task++) {
            char *result = task_result(r, task, &base);
            leaf(r, base, r->run, buffer, result);
        }
        return;
    }
    chunk_walk chunks[HK_STREAMS];
    for (int64_t group = begin; group < end; group++) {
        int64_t first = group * r->together, count = r->tasks - first < r->together ? r->tasks - first : r->together;
        char *results[HK_STREAMS];
        int64_t shared = INT64_MAX;
        for (int64_t q = 0; q < count; q++) {
            results[q] = task_result(r, first + q, &base);
            start_chunk(&chunks[q], r, (first + q) % r->chunks, base);
            if (chunks[q].leaves < shared) shared = chunks[q].leaves;
        }
        for (int64_t i = 0; count == HK_STREAMS && i < shared; i++) add_leaves(chunks, r, buffer);
        for (int64_t q = 0; q < count; q++) finish_chunk(&chunks[q], r, buffer, results[q]);
    }
}

/// Rows onto one row; one task is one chunk of rows of one strip of columns.
static void reduce_rows(void *context, int64_t begin, int64_t end) {
    const reduction *r = context;
    int bytes = r->bytes;
    int64_t width = r->columns < STRIP ? r->columns : STRIP;
    size_t level_bytes = ((size_t)(width * bytes) + 63) & ~(size_t)63;
    int level_count = 2;
    for (int64_t leaves = r->leaves; leaves > 0; leaves >>= 1) level_count++;
    size_t gathered = r->column_stride == 1 ? 0 : LEAF_ROWS * level_bytes;
    char *tree = hk_scratch(hk_scratch_thread, (size_t)level_count * level_bytes + gathered);
    char *buffer = tree + (size_t)level_count * level_bytes;
    for (int64_t task = begin; task < end; task++) {
        int64_t chunk = task % r->chunks, strip = task / r->chunks % r->strips, outer = task / r->chunks / r->strips;
        int64_t column = strip * STRIP, count = r->columns - column < STRIP ? r->columns - column : STRIP;
        hk_odometer at, walk;
        hk_odometer_start(&at, &r->kept, outer);
        const char *base = r->input + (at.offset + column * r->column_stride) * bytes;
        int64_t first = r->leaves * chunk / r->chunks, last = r->leaves * (chunk + 1) / r->chunks;
        hk_odometer_start(&walk, &r->reduced, first * LEAF_ROWS);
        int levels = 0;
        for (int64_t l = first; l < last; l++) {
            int64_t rows = r->rows - l * LEAF_ROWS < LEAF_ROWS ? r->rows - l * LEAF_ROWS : LEAF_ROWS;
            const char *row[LEAF_ROWS];
            for (int64_t i = 0; i < rows; i++) {
                row[i] = base + walk.offset * bytes;
                if (r->column_stride != 1) {
                    hk_gather(buffer + (size_t)i * level_bytes, row[i], r->column_stride, bytes, count);
                    row[i] = buffer + (size_t)i * level_bytes;
                }
                hk_odometer_next(&walk, &r->reduced);
            }
            r->reducer.rows(row, rows, count, tree + (size_t)levels * level_bytes);
            for (int64_t bits = l - first; bits & 1; bits >>= 1) {
                levels--;
                r->reducer.combine(
                    tree + (size_t)levels * level_bytes, tree + (size_t)(levels + 1) * level_bytes, count);
            }
            levels++;
        }
        for (; levels > 1; levels--) {
            r->reducer.combine(
                tree + (size_t)(levels - 2) * level_bytes, tree + (size_t)(levels - 1) * level_bytes, count);
        }
        if (r->chunks > 1) {
            memcpy(r->partial + task * STRIP * 8, tree, (size_t)(count * bytes));
            continue;
        }
        char *to = r->output + (at.other + column * r->column_out) * bytes;
        if (r->column_out == 1) {
            memcpy(to, tree, (size_t)(count * bytes));
        } else {
            for (int64_t i = 0; i < count; i++) memcpy(to + i * r->column_out * bytes, tree + i * bytes, (size_t)bytes);
        }
    }
}

/// How many chunks an output's leaves are cut into: more than one only where there are few outputs.
static int64_t chunk_count(int64_t leaves, int64_t outputs, int64_t leaf_elements) {
    if (outputs >= 16 || leaves * leaf_elements < 65536) return 1;
    int64_t chunks = leaves * leaf_elements / 32768;
    if (chunks > CHUNKS_MOST) chunks = CHUNKS_MOST;
    return chunks < leaves ? chunks : leaves;
}

/// Combines the chunks of one output, `pitch` bytes apart, as a binary tree into the first.
static void combine_chunks(const reduction *r, char *partial, int64_t pitch, int64_t count) {
    for (int64_t width = 1; width < r->chunks; width *= 2) {
        for (int64_t chunk = 0; chunk + width < r->chunks; chunk += 2 * width) {
            r->reducer.combine(partial + chunk * pitch, partial + (chunk + width) * pitch, count);
        }
    }
}

static void run_rows(reduction *r, double cost) {
    r->strips = (r->columns + STRIP - 1) / STRIP;
    r->leaves = (r->rows + LEAF_ROWS - 1) / LEAF_ROWS;
    int64_t outer = hk_axes_count(&r->kept), width = r->columns < STRIP ? r->columns : STRIP;
    r->chunks = chunk_count(r->leaves, outer * r->strips, LEAF_ROWS * width);
    int64_t tasks = outer * r->strips * r->chunks;
    if (r->chunks > 1) r->partial = hk_scratch(hk_scratch_call, (size_t)tasks * STRIP * 8);
    hk_parallel(tasks, cost, reduce_rows, r);
    if (r->chunks == 1) return;
    for (int64_t task = 0; task < tasks; task += r->chunks) {
        int64_t strip = task / r->chunks % r->strips, column = strip * STRIP;
        int64_t count = r->columns - column < STRIP ? r->columns - column : STRIP;
        char *total = r->partial + task * STRIP * 8;
        combine_chunks(r, total, STRIP * 8, count);
        hk_odometer at;
        hk_odometer_start(&at, &r->kept, task / r->chunks / r->strips);
        char *to = r->output + (at.other + column * r->column_out) * r->bytes;
        for (int64_t i = 0; i < count; i++) {
            memcpy(to + i * r->column_out * r->bytes, total + i * r->bytes, (size_t)r->bytes);
        }
    }
}

/// A dense `[rows, columns]` with few columns onto one row: sixteen rows are taken as one wide row, and folded at the end.
static void run_narrow_rows(reduction *r, double cost) {
    enum { fold = 16, narrow = 64 };
    int64_t columns = r->columns, column_out = r->column_out, rows = r->rows;
    char wide[fold * narrow * 8], folded[narrow * 8], *output = r->output;
    r->columns = columns * fold;
    r->column_out = 1;
    r->rows = rows / fold;
    r->output = wide;
    r->reduced = (hk_axes){.rank = 1, .extents = {r->rows}, .strides = {r->columns}};
    run_rows(r, cost);
    const char *row[2 * fold];
    int64_t count = 0;
    for (; count < fold; count++) row[count] = wide + count * columns * r->bytes;
    for (int64_t rest = rows / fold * fold; rest < rows; rest++) row[count++] = r->input + rest * columns * r->bytes;
    r->reducer.rows(row, count, columns, folded);
    for (int64_t i = 0; i < columns; i++) {
        memcpy(output + i * column_out * r->bytes, folded + i * r->bytes, (size_t)r->bytes);
    }
}

void hk_reduce(
    int operation, int type, int rank, const int64_t *extents, const int64_t *strides, const bool *flags,
    bool is_interleaved, const void *input, void *output) {
    const hk_variant *variant = hk_variant_current();
    int bytes = (int)hk_type_bytes(type);
    reduction r = {
        .reducer = variant->reduce[operation][type], .bytes = bytes, .input = input, .output = output};
    hk_axes axes = {.rank = rank};
    int64_t outputs = 1, inputs = 1;
    for (int axis = rank - 1; axis >= 0; axis--) {
        axes.extents[axis] = extents[axis];
        axes.strides[axis] = strides[axis];
        axes.others[axis] = flags[axis] ? 0 : outputs;
        if (!flags[axis]) outputs *= extents[axis];
        inputs *= extents[axis];
    }
    if (outputs == 0) return;
    if (inputs == 0) {
        uint64_t identity;
        r.reducer.leaf(input, 0, (char *)&identity);
        if (type == hk_type_bool) *(uint8_t *)&identity &= 1;
        hk_splat(output, &identity, bytes, outputs);
        return;
    }
    hk_axes_sort(&axes, false);
    hk_axes_join(&axes);
    if (axes.rank == 0) {
        memcpy(output, input, (size_t)bytes);
        return;
    }
    int inner = axes.rank - 1;
    for (int axis = 0; axis < inner; axis++) {
        hk_axes *list = axes.others[axis] == 0 ? &r.reduced : &r.kept;
        hk_axes_add(list, axes.extents[axis], axes.strides[axis], axes.others[axis]);
    }
    double cost = (double)inputs * bytes * 0.06 + (double)outputs * 4;
    if (axes.others[inner] != 0) {
        r.columns = axes.extents[inner];
        r.column_stride = axes.strides[inner];
        r.column_out = axes.others[inner];
        r.rows = hk_axes_count(&r.reduced);
        bool dense = r.kept.rank == 0 && r.reduced.rank == 1 && r.reduced.strides[0] == r.columns && r.column_stride == 1;
        // The condition looks at extents alone, and strides: the same shape always takes the same way.
        if (dense && r.columns < 64 && r.rows >= 64) {
            run_narrow_rows(&r, cost);
        } else {
            run_rows(&r, cost);
        }
        return;
    }
    r.run = axes.extents[inner];
    r.run_stride = axes.strides[inner];
    r.pieces = (r.run + HK_LEAF - 1) / HK_LEAF;
    r.leaves = r.pieces * hk_axes_count(&r.reduced);
    r.chunks = chunk_count(r.leaves, outputs, r.run < HK_LEAF ? r.run : HK_LEAF);
    r.tasks = outputs * r.chunks;
    r.together = 1;
    if (r.run_stride == 1 && inputs * bytes >= STREAM_BYTES) {
        r.reducer.leaf = r.reducer.stream;
        bool far = r.leaves / r.chunks >= STREAMS_LEAVES, many = r.tasks >= (int64_t)hk_threads() * HK_STREAMS;
        if (is_interleaved && far && many) r.together = HK_STREAMS;
    }
    uint64_t partial[16 * CHUNKS_MOST];
    r.partial = (char *)partial;
    hk_parallel((r.tasks + r.together - 1) / r.together, cost, reduce_runs, &r);
    if (r.chunks == 1) return;
    for (int64_t o = 0; o < outputs; o++) {
        uint64_t *total = partial + o * r.chunks;
        combine_chunks(&r, (char *)total, 8, 1);
        hk_odometer at;
        hk_odometer_start(&at, &r.kept, o);
        memcpy(r.output + at.other * bytes, total, (size_t)bytes);
    }
}
