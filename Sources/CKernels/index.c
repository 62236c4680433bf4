// Rows by index.
#include "internal.h"
#include <string.h>

static inline int64_t index_at(const void *indices, int type, int64_t i) {
    return type == hk_type_i32 ? ((const int32_t *)indices)[i] : ((const int64_t *)indices)[i];
}

/// The first index that is out of range, or -1.
static int64_t first_bad(const void *indices, int type, int64_t count, int64_t rows) {
    bool bad = false;
    if (type == hk_type_i32) {
        for (int64_t i = 0; i < count; i++) bad |= (uint64_t)(int64_t)((const int32_t *)indices)[i] >= (uint64_t)rows;
    } else {
        for (int64_t i = 0; i < count; i++) bad |= (uint64_t)((const int64_t *)indices)[i] >= (uint64_t)rows;
    }
    if (!bad) return -1;
    for (int64_t i = 0;; i++) {
        if ((uint64_t)index_at(indices, type, i) >= (uint64_t)rows) return i;
    }
}

typedef struct {
    const char *table;
    char *output;
    const void *indices;
    int index_type, bytes;
    int64_t rows, row_bytes;
} gather;

static void gather_rows(void *context, int64_t begin, int64_t end) {
    const gather *g = context;
    for (int64_t i = begin; i < end; i++) {
        int64_t row = index_at(g->indices, g->index_type, i);
        row = row < 0 ? 0 : row >= g->rows ? g->rows - 1 : row;
        const char *from = g->table + row * g->row_bytes;
        char *to = g->output + i * g->row_bytes;
        switch (g->row_bytes) {
        case 1: *to = *from; break;
        case 4: memcpy(to, from, 4); break;
        case 8: memcpy(to, from, 8); break;
        default: memcpy(to, from, (size_t)g->row_bytes);
        }
    }
}

int64_t hk_gather_rows(
    int type_bytes, const void *table, int64_t rows, int64_t width, int index_type, const void *indices, int64_t count,
    void *output) {
    int64_t bad = first_bad(indices, index_type, count, rows);
    if (rows <= 0 || width <= 0) return bad;
    gather g = {
        .table = table, .output = output, .indices = indices, .index_type = index_type, .bytes = type_bytes,
        .rows = rows, .row_bytes = width * type_bytes};
    hk_parallel(count, (double)count * (4 + (double)g.row_bytes * 0.1), gather_rows, &g);
    return bad;
}

typedef struct {
    hk_reducer sum;
    char *table;
    const char *updates;
    const void *indices;
    int index_type, bytes;
    int64_t rows, width, count, strips, strip, parts;
} scatter;

/// One task is a strip of columns of a range of the table's rows: whoever owns an element adds to it in the order of indices.
static void scatter_rows(void *context, int64_t begin, int64_t end) {
    const scatter *s = context;
    for (int64_t task = begin; task < end; task++) {
        int64_t part = task / s->strips, column = task % s->strips * s->strip;
        int64_t columns = s->width - column < s->strip ? s->width - column : s->strip;
        int64_t low = s->rows * part / s->parts, high = s->rows * (part + 1) / s->parts;
        for (int64_t i = 0; i < s->count; i++) {
            int64_t row = index_at(s->indices, s->index_type, i);
            if (row < low || row >= high) continue;
            s->sum.combine(
                s->table + (row * s->width + column) * s->bytes,
                s->updates + (i * s->width + column) * s->bytes, columns);
        }
    }
}

int64_t hk_scatter_add_rows(
    int type, void *table, int64_t rows, int64_t width, int index_type, const void *indices, int64_t count,
    const void *updates) {
    int64_t bad = first_bad(indices, index_type, count, rows);
    if (rows <= 0 || width <= 0 || count <= 0) return bad;
    int bytes = (int)hk_type_bytes(type);
    scatter s = {
        .sum = hk_variant_current()->reduce[hk_reduce_sum][type], .table = table, .updates = updates,
        .indices = indices, .index_type = index_type, .bytes = bytes, .rows = rows, .width = width, .count = count};
    double cost = (double)count * (5 + (double)width * bytes * 0.15);
    // Every part reads all indices, so no more parts than threads; wide rows are shared by columns instead.
    int64_t threads = hk_threads();
    s.strip = width;
    s.strips = s.parts = 1;
    if (width >= 256 * threads) {
        s.strip = (width / threads + 63) & ~(int64_t)63;
        s.strips = (width + s.strip - 1) / s.strip;
    } else {
        s.parts = rows < threads ? rows : threads;
    }
    hk_parallel(s.parts * s.strips, cost, scatter_rows, &s);
    return bad;
}
