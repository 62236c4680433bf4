// Index of the largest or smallest element along an axis.
#include "internal.h"
#include <string.h>

typedef struct {
    const char *input;
    char *output;
    int64_t n, inner, strips;
    int bytes, index_type;
    bool smallest;
    int64_t (*row)(const char *input, int64_t n, bool smallest);
    void (*columns)(const char *input, int64_t n, int64_t pitch, int64_t columns, bool smallest, int64_t *index);
} search;

static void put(const search *s, int64_t place, int64_t index) {
    if (s->index_type == hk_type_i32) {
        ((int32_t *)s->output)[place] = (int32_t)index;
    } else {
        ((int64_t *)s->output)[place] = index;
    }
}

static void search_rows(void *context, int64_t begin, int64_t end) {
    const search *s = context;
    for (int64_t row = begin; row < end; row++) put(s, row, s->row(s->input + row * s->n * s->bytes, s->n, s->smallest));
}

static void search_columns(void *context, int64_t begin, int64_t end) {
    const search *s = context;
    for (int64_t task = begin; task < end; task++) {
        int64_t outer = task / s->strips, column = task % s->strips * 64, index[64];
        int64_t count = s->inner - column < 64 ? s->inner - column : 64;
        s->columns(
            s->input + (outer * s->n * s->inner + column) * s->bytes, s->n, s->inner, count, s->smallest, index);
        for (int64_t j = 0; j < count; j++) put(s, outer * s->inner + column + j, index[j]);
    }
}

static void run(
    int type, int64_t outer, int64_t n, int64_t inner, const void *input, int index_type, void *output, bool smallest) {
    if (n <= 0) return;
    const hk_variant *variant = hk_variant_current();
    search s = {
        .input = input, .output = output, .n = n, .inner = inner, .strips = (inner + 63) / 64,
        .bytes = (int)hk_type_bytes(type), .index_type = index_type, .smallest = smallest,
        .row = variant->argument[type], .columns = variant->argument_columns[type]};
    double cost = (double)outer * (double)n * (double)inner * 0.3;
    if (inner == 1) {
        hk_parallel(outer, cost, search_rows, &s);
    } else {
        hk_parallel(outer * s.strips, cost, search_columns, &s);
    }
}

void hk_argmax(
    int type, int64_t outer, int64_t n, int64_t inner, const void *input, int index_type, void *output) {
    run(type, outer, n, inner, input, index_type, output, false);
}

void hk_argmin(
    int type, int64_t outer, int64_t n, int64_t inner, const void *input, int index_type, void *output) {
    run(type, outer, n, inner, input, index_type, output, true);
}
