// Rows by index.
#include "internal.h"
#include <stdatomic.h>
#include <string.h>

static inline int64_t index_at(const void *indices, int type, int64_t i) {
    return type == hk_type_i32 ? ((const int32_t *)indices)[i] : ((const int64_t *)indices)[i];
}

/// The first position of `begin ..< end` whose index is out of range, or -1.
static int64_t first_bad(const void *indices, int type, int64_t begin, int64_t end, int64_t rows) {
    bool bad = false;
    if (type == hk_type_i32) {
        for (int64_t i = begin; i < end; i++) bad |= (uint64_t)(int64_t)((const int32_t *)indices)[i] >= (uint64_t)rows;
    } else {
        for (int64_t i = begin; i < end; i++) bad |= (uint64_t)((const int64_t *)indices)[i] >= (uint64_t)rows;
    }
    if (!bad) return -1;
    for (int64_t i = begin;; i++) {
        if ((uint64_t)index_at(indices, type, i) >= (uint64_t)rows) return i;
    }
}

/// How many rows ahead memory is asked for: rows lie anywhere, and the processor cannot guess where. Sums read two rows for each that is
/// gathered: as far ahead, rows of 16 floats take 1.4 to 1.9 times as long.
#define GATHER_AHEAD 32
#define SCATTER_AHEAD 12

static inline void prefetch_row(const char *row, int64_t bytes) {
    int64_t most = bytes < 512 ? bytes : 512;
    for (int64_t at = 0; at < most; at += 64) __builtin_prefetch(row + at);
}

typedef struct {
    const char *table;
    char *output;
    const void *indices;
    int index_type;
    /// `ahead` ends what memory is asked for ahead: nothing where the table stays in cache.
    int64_t rows, row_bytes, output_bytes, ahead;
    /// The first index that is out of range.
    atomic_llong bad;
} gather;

#define GATHER_LOOP(size)                                                                                             \
    for (int64_t i = begin; i < end; i++) {                                                                           \
        if (i + GATHER_AHEAD < g->ahead) prefetch_row(g->table + gather_row(g, i + GATHER_AHEAD) * (size), size);     \
        memcpy(g->output + i * g->output_bytes, g->table + gather_row(g, i) * (size), (size_t)(size));                \
    }

static inline int64_t gather_row(const gather *g, int64_t i) {
    int64_t row = index_at(g->indices, g->index_type, i);
    return row < 0 ? 0 : row >= g->rows ? g->rows - 1 : row;
}

static void gather_rows(void *context, int64_t begin, int64_t end) {
    gather *g = context;
    int64_t bad = first_bad(g->indices, g->index_type, begin, end, g->rows);
    long long first = atomic_load(&g->bad);
    while (bad >= 0 && bad < first && !atomic_compare_exchange_weak(&g->bad, &first, bad)) {}
    // With a size that the compiler knows a row is a few moves.
    switch (g->row_bytes) {
    case 1: GATHER_LOOP(1) break;
    case 4: GATHER_LOOP(4) break;
    case 8: GATHER_LOOP(8) break;
    case 16: GATHER_LOOP(16) break;
    case 32: GATHER_LOOP(32) break;
    case 64: GATHER_LOOP(64) break;
    case 128: GATHER_LOOP(128) break;
    default: GATHER_LOOP(g->row_bytes)
    }
}

int64_t hk_gather_rows(
    int type_bytes, const void *table, int64_t rows, int64_t width, int index_type, const void *indices, int64_t count,
    void *output, int64_t output_row) {
    if (rows <= 0 || width <= 0) return first_bad(indices, index_type, 0, count, rows);
    gather g = {
        .table = table, .output = output, .indices = indices, .index_type = index_type, .rows = rows,
        .row_bytes = width * type_bytes, .output_bytes = output_row * type_bytes};
    g.ahead = rows * g.row_bytes > 512 * 1024 ? count : 0;
    atomic_init(&g.bad, count);
    hk_parallel(count, (double)count * (1.5 + (double)g.row_bytes * 0.1), gather_rows, &g);
    int64_t bad = atomic_load(&g.bad);
    return bad < count ? bad : -1;
}

typedef struct {
    hk_reducer sum;
    /// f32 with a factor; else null.
    void (*add_scaled)(float *y, const float *x, float alpha, int64_t n);
    float alpha;
    char *table;
    const char *updates;
    const void *indices;
    int type, index_type, bytes;
    int64_t rows, width, count, strips, strip, parts;
} scatter;

static inline void scatter_row(const scatter *s, int64_t row, int64_t i, int64_t column, int64_t columns) {
    char *to = s->table + (row * s->width + column) * s->bytes;
    const char *from = s->updates + (i * s->width + column) * s->bytes;
    if (s->add_scaled) {
        s->add_scaled((float *)to, (const float *)from, s->alpha, columns);
    } else if (s->width == 1 && s->type == hk_type_f32) {
        // A call would cost more than the sum.
        *(float *)to += *(const float *)from;
    } else {
        s->sum.combine(to, from, columns);
    }
}

/// Adds a strip of columns of all updates.
static void scatter_strip(const scatter *s, int64_t column, int64_t columns) {
    for (int64_t i = 0; i < s->count; i++) {
        if (i + SCATTER_AHEAD < s->count) {
            int64_t next = index_at(s->indices, s->index_type, i + SCATTER_AHEAD);
            if ((uint64_t)next < (uint64_t)s->rows) {
                prefetch_row(s->table + (next * s->width + column) * s->bytes, columns * s->bytes);
            }
        }
        int64_t row = index_at(s->indices, s->index_type, i);
        if ((uint64_t)row < (uint64_t)s->rows) scatter_row(s, row, i, column, columns);
    }
}

/// Adds the updates of the rows that belong to a part. Rows are dealt out by a hash, so that no part has all the frequent ones.
static void scatter_part(const scatter *s, int64_t part) {
    uint32_t *own = hk_scratch(hk_scratch_thread, (size_t)s->count * sizeof *own);
    int64_t own_count = 0;
    for (int64_t i = 0; i < s->count; i++) {
        uint64_t row = (uint64_t)index_at(s->indices, s->index_type, i);
        uint64_t hash = (row * 0x9E3779B97F4A7C15u) >> 32;
        own[own_count] = (uint32_t)i;
        own_count += (row < (uint64_t)s->rows) & ((int64_t)(hash * (uint64_t)s->parts >> 32) == part);
    }
    for (int64_t k = 0; k < own_count; k++) {
        if (k + SCATTER_AHEAD < own_count) {
            int64_t next = own[k + SCATTER_AHEAD];
            prefetch_row(
                s->table + index_at(s->indices, s->index_type, next) * s->width * s->bytes, s->width * s->bytes);
            prefetch_row(s->updates + next * s->width * s->bytes, s->width * s->bytes);
        }
        scatter_row(s, index_at(s->indices, s->index_type, own[k]), own[k], 0, s->width);
    }
}

/// One task is a strip of columns or a part of the rows: whoever owns an element adds to it in the order of indices.
static void scatter_tasks(void *context, int64_t begin, int64_t end) {
    const scatter *s = context;
    for (int64_t task = begin; task < end; task++) {
        if (s->parts > 1) {
            scatter_part(s, task);
        } else {
            int64_t column = task * s->strip;
            scatter_strip(s, column, s->width - column < s->strip ? s->width - column : s->strip);
        }
    }
}

static void scatter_rows(scatter *s) {
    double cost = (double)s->count * (5 + (double)s->width * s->bytes * 0.15);
    // Every part reads all indices, so no more parts than threads; wide rows are shared by columns instead.
    int64_t threads = hk_threads();
    s->strip = s->width;
    s->strips = s->parts = 1;
    if (s->width >= 256 * threads) {
        s->strip = (s->width / threads + 63) & ~(int64_t)63;
        s->strips = (s->width + s->strip - 1) / s->strip;
    } else if (cost >= 30000 && s->count < (int64_t)1 << 31) {
        s->parts = threads;
    }
    hk_parallel(s->parts * s->strips, cost, scatter_tasks, s);
}

int64_t hk_scatter_add_rows(
    int type, void *table, int64_t rows, int64_t width, int index_type, const void *indices, int64_t count,
    const void *updates) {
    int64_t bad = first_bad(indices, index_type, 0, count, rows);
    if (rows <= 0 || width <= 0 || count <= 0) return bad;
    scatter s = {
        .sum = hk_variant_current()->reduce[hk_reduce_sum][type], .table = table, .updates = updates,
        .indices = indices, .type = type, .index_type = index_type, .bytes = (int)hk_type_bytes(type), .rows = rows, .width = width,
        .count = count};
    scatter_rows(&s);
    return bad;
}

int64_t hk_scatter_add_scaled_rows(
    float *table, int64_t rows, int64_t width, int index_type, const void *indices, int64_t count, const float *updates,
    float alpha) {
    int64_t bad = first_bad(indices, index_type, 0, count, rows);
    if (rows <= 0 || width <= 0 || count <= 0) return bad;
    scatter s = {
        .add_scaled = hk_variant_current()->add_scaled, .alpha = alpha, .table = (char *)table,
        .updates = (const char *)updates, .indices = indices, .index_type = index_type, .bytes = 4, .rows = rows,
        .width = width, .count = count};
    scatter_rows(&s);
    return bad;
}
