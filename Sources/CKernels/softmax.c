// Softmax and its gradient, a row at a time.
#include "internal.h"

typedef struct {
    int64_t n;
    const float *a, *b;
    float *output;
    bool stream;
    void (*forward)(const float *x, float *y, int64_t rows, int64_t n, float *terms);
    void (*backward)(const float *y, const float *dy, float *dx, int64_t n);
} rows;

static void forward(void *context, int64_t begin, int64_t end) {
    const rows *r = context;
    float *terms = r->stream ? hk_scratch(hk_scratch_thread, (size_t)r->n * sizeof(float)) : NULL;
    r->forward(r->a + begin * r->n, r->output + begin * r->n, end - begin, r->n, terms);
}

static void backward(void *context, int64_t begin, int64_t end) {
    const rows *r = context;
    for (int64_t row = begin; row < end; row++) {
        r->backward(r->a + row * r->n, r->b + row * r->n, r->output + row * r->n, r->n);
    }
}

void hk_softmax(int64_t count, int64_t n, bool log, const float *input, float *output) {
    if (n <= 0) return;
    const hk_variant *variant = hk_variant_current();
    rows r = {
        .n = n, .a = input, .output = output, .stream = count * n * (int64_t)sizeof(float) >= HK_STREAM_BYTES,
        .forward = log ? variant->log_softmax : variant->softmax};
    hk_parallel(count, (double)count * (20 + (double)n * 0.3), forward, &r);
}

void hk_softmax_gradient(int64_t count, int64_t n, bool log, const float *y, const float *dy, float *dx) {
    if (n <= 0) return;
    const hk_variant *variant = hk_variant_current();
    rows r = {
        .n = n, .a = y, .b = dy, .output = dx,
        .backward = log ? variant->log_softmax_gradient : variant->softmax_gradient};
    hk_parallel(count, (double)count * (20 + (double)n * 0.3), backward, &r);
}
