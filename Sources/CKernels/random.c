// Random numbers from Philox, in parallel over batches of 64 words.
#include "internal.h"
#include <math.h>
#include <string.h>

/// Words that are made at once.
#define BATCH 64

enum kind { bits, uniform32, uniform64, normal32, normal64 };

typedef struct {
    const hk_variant *variant;
    uint64_t key, first;
    int64_t count;
    enum kind kind;
    char *output;
} stream;

/// Elements that a batch gives, and bytes of each.
static const int64_t batch_elements[] = {64, 64, 32, 64, 32};
static const int64_t element_bytes[] = {4, 4, 8, 4, 8};

static void make_batch(const stream *s, uint64_t batch, void *output) {
    uint32_t words[BATCH];
    s->variant->philox(s->key, batch * (BATCH / 4), s->kind == bits ? output : words);
    float *f32 = output;
    double *f64 = output;
    switch (s->kind) {
    case bits: break;
    case uniform32: s->variant->uniform(words, f32); break;
    case uniform64:
        for (int i = 0; i < BATCH / 2; i++) {
            uint64_t value = (uint64_t)(words[2 * i] >> 5) << 26 | words[2 * i + 1] >> 6;
            f64[i] = (double)(int64_t)value * 0x1p-53;
        }
        break;
    case normal32: s->variant->normal(words, f32); break;
    case normal64:
        for (int i = 0; i < BATCH / 4; i++) {
            uint64_t a = (uint64_t)(words[4 * i] >> 5) << 26 | words[4 * i + 1] >> 6;
            uint64_t b = (uint64_t)(words[4 * i + 2] >> 5) << 26 | words[4 * i + 3] >> 6;
            double radius = sqrt(-2 * log((double)(int64_t)(a + 1) * 0x1p-53));
            double angle = 6.283185307179586 * ((double)(int64_t)b * 0x1p-53);
            f64[2 * i] = radius * cos(angle);
            f64[2 * i + 1] = radius * sin(angle);
        }
    }
}

static void make_batches(void *context, int64_t begin, int64_t end) {
    const stream *s = context;
    int64_t elements = batch_elements[s->kind], bytes = element_bytes[s->kind];
    uint64_t first_batch = s->first / (uint64_t)elements;
    for (int64_t i = begin; i < end; i++) {
        // Where the batch lies in what was asked for; the first and the last may stick out.
        int64_t start = i * elements - (int64_t)(s->first % (uint64_t)elements);
        int64_t from = start < 0 ? -start : 0, to = s->count - start < elements ? s->count - start : elements;
        if (from == 0 && to == elements) {
            make_batch(s, first_batch + (uint64_t)i, s->output + start * bytes);
        } else if (from < to) {
            uint64_t whole[BATCH];
            make_batch(s, first_batch + (uint64_t)i, whole);
            memcpy(s->output + (start + from) * bytes, (char *)whole + from * bytes, (size_t)((to - from) * bytes));
        }
    }
}

static void run(enum kind kind, uint64_t key, uint64_t first, void *output, int64_t count) {
    if (count <= 0) return;
    static const double costs[] = {0.4, 0.5, 1, 1, 20};
    stream s = {hk_variant_current(), key, first, count, kind, output};
    int64_t elements = batch_elements[kind], offset = (int64_t)(first % (uint64_t)elements);
    hk_parallel((offset + count + elements - 1) / elements, (double)count * costs[kind], make_batches, &s);
}

void hk_draw_uniform(uint64_t key, uint64_t first, float *output, int64_t count) {
    stream s = {hk_variant_current(), key, first, count, uniform32, (char *)output};
    int64_t elements = batch_elements[uniform32], offset = (int64_t)(first % (uint64_t)elements);
    make_batches(&s, 0, (offset + count + elements - 1) / elements);
}

void hk_philox_bits(uint64_t key, uint64_t first, uint32_t *output, int64_t count) {
    run(bits, key, first, output, count);
}
void hk_philox_uniform_f32(uint64_t key, uint64_t first, float *output, int64_t count) {
    run(uniform32, key, first, output, count);
}
void hk_philox_uniform_f64(uint64_t key, uint64_t first, double *output, int64_t count) {
    run(uniform64, key, first, output, count);
}
void hk_philox_normal_f32(uint64_t key, uint64_t first, float *output, int64_t count) {
    run(normal32, key, first, output, count);
}
void hk_philox_normal_f64(uint64_t key, uint64_t first, double *output, int64_t count) {
    run(normal64, key, first, output, count);
}
