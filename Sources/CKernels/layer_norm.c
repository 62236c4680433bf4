// Layer norm: rows over the team.
#include "internal.h"
#include <string.h>

/// Parts of rows, each with sums of dscale and dbias of its own, and rows of one at least.
#define PARTS_MOST 32
#define PART_ROWS 16

typedef struct {
    const hk_variant *variant;
    int64_t rows, width, parts, pitch;
    float epsilon;
    const float *x, *dy, *scale, *bias;
    float *y, *mean, *variance, *partial, *dscale, *dbias;
    bool stream;
} call;

static void forward(void *context, int64_t begin, int64_t end) {
    const call *c = context;
    int64_t at = begin * c->width;
    c->variant->layer_norm(
        c->x + at, end - begin, c->width, c->epsilon, c->scale, c->bias, c->y ? c->y + at : NULL, c->mean ? c->mean + begin : NULL,
        c->variance ? c->variance + begin : NULL, c->stream);
}

void hk_layer_norm(
    int64_t rows, int64_t width, float epsilon, const float *x, const float *scale, const float *bias, float *y, float *mean,
    float *variance) {
    if (rows <= 0 || width <= 0) return;
    call c = {
        .variant = hk_variant_current(), .rows = rows, .width = width, .epsilon = epsilon, .x = x, .scale = scale, .bias = bias,
        .y = y, .mean = mean, .variance = variance, .stream = rows * width * (int64_t)sizeof(float) >= HK_STREAM_BYTES};
    hk_parallel(rows, (double)rows * (30 + (double)width * 0.12), forward, &c);
}

static void backward(void *context, int64_t begin, int64_t end) {
    const call *c = context;
    for (int64_t part = begin; part < end; part++) {
        int64_t first = c->rows * part / c->parts, last = c->rows * (part + 1) / c->parts, at = first * c->width;
        float *dscale = NULL, *dbias = NULL;
        if (c->partial) {
            dscale = c->partial + 2 * part * c->pitch;
            dbias = dscale + c->pitch;
            memset(dscale, 0, (size_t)(2 * c->pitch) * sizeof(float));
        }
        c->variant->layer_norm_gradient(
            c->x + at, c->dy + at, c->mean + first, c->variance + first, c->epsilon, last - first, c->width, c->scale,
            c->y ? c->y + at : NULL, dscale, dbias, c->stream);
    }
}

static void fold(void *context, int64_t begin, int64_t end) {
    const call *c = context;
    if (c->dscale) c->variant->layer_norm_fold(c->partial, c->parts, 2 * c->pitch, begin, end, c->dscale);
    if (c->dbias) c->variant->layer_norm_fold(c->partial + c->pitch, c->parts, 2 * c->pitch, begin, end, c->dbias);
}

void hk_layer_norm_gradient(
    int64_t rows, int64_t width, float epsilon, const float *x, const float *dy, const float *mean, const float *variance,
    const float *scale, float *dx, float *dscale, float *dbias) {
    if (width <= 0) return;
    if (rows <= 0) {
        if (dscale) memset(dscale, 0, (size_t)width * sizeof(float));
        if (dbias) memset(dbias, 0, (size_t)width * sizeof(float));
        return;
    }
    call c = {
        .variant = hk_variant_current(), .rows = rows, .width = width, .epsilon = epsilon, .x = x, .dy = dy, .scale = scale,
        .y = dx, .mean = (float *)mean, .variance = (float *)variance, .dscale = dscale, .dbias = dbias,
        .stream = rows * width * (int64_t)sizeof(float) >= HK_STREAM_BYTES};
    c.parts = (rows + PART_ROWS - 1) / PART_ROWS;
    if (c.parts > PARTS_MOST) c.parts = PARTS_MOST;
    c.pitch = (width + 15) / 16 * 16;
    if (dscale || dbias) {
        c.partial = hk_scratch(hk_scratch_call, (size_t)(2 * c.parts * c.pitch) * sizeof(float));
    } else if (!dx) {
        return;
    }
    hk_parallel(c.parts, (double)rows * (60 + (double)width * 0.25), backward, &c);
    if (c.partial) hk_parallel(width, (double)(width * c.parts) * 0.2, fold, &c);
}
