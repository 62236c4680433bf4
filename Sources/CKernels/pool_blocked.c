// Pooling in blocked layouts. Rows of what is written are shared out.
#include "internal.h"

typedef struct {
    void (*kernel)(const hk_blocked_pool *pool, int64_t begin, int64_t end);
    hk_blocked_pool pool;
} call;

static void body(void *context, int64_t begin, int64_t end) {
    const call *c = context;
    c->kernel(&c->pool, begin, end);
}

/// Runs a kernel that writes rows of `width` pixels.
static void run(call *c, int64_t width) {
    const hk_pool *p = &c->pool.pool;
    int64_t written = p->planes * c->pool.rows * width * c->pool.block * (c->pool.pairs ? 2 : 1);
    c->pool.stream = written * (int64_t)sizeof(float) >= HK_STREAM_BYTES && (uintptr_t)c->pool.y % 64 == 0;
    double windows = (double)p->out_height * (double)p->out_width;
    double places = windows * (double)p->kernel_height * (double)p->kernel_width;
    double elements = (double)p->height * (double)p->width + windows + 0.3 * places;
    hk_parallel(p->planes * c->pool.rows, (double)(p->planes * c->pool.block) * elements * 0.1, body, c);
}

bool hk_pools_blocked(const hk_pool *pool, int64_t block) {
    return (block == 8 || block == 16) && pool->dilation_height == 1 && pool->dilation_width == 1
        && pool->kernel_height * pool->kernel_width <= HK_POOL_PLACES;
}

void hk_maxpool_blocked(const hk_pool *pool, int64_t block, const float *x, float *y, uint8_t *places) {
    int mode = places ? hk_blocked_max_places : hk_blocked_max;
    call c = {
        .kernel = hk_variant_current()->blocked_pool[mode],
        .pool = {.pool = *pool, .block = block, .x = x, .y = y, .places = places, .rows = pool->out_height}};
    run(&c, pool->out_width);
}

void hk_maxpool_blocked_gradient(
    const hk_pool *pool, int64_t block, const uint8_t *places, const float *dy, float *dx) {
    int64_t kernel = pool->kernel_height;
    bool pairs = pool->stride_height == 2 && pool->stride_width == 2 && kernel == pool->kernel_width
        && (kernel == 2 || kernel == 3);
    call c = {
        .kernel = hk_variant_current()->blocked_max_gradient,
        .pool = {
            .pool = *pool, .block = block, .x = dy, .y = dx, .places = (uint8_t *)places, .pairs = pairs,
            .rows = pairs ? (pool->height + pool->pad_top + 1) / 2 : pool->height}};
    run(&c, pool->width);
}

void hk_avgpool_blocked(const hk_pool *pool, int64_t block, const float *x, float *y) {
    call c = {
        .kernel = hk_variant_current()->blocked_pool[hk_blocked_average],
        .pool = {.pool = *pool, .block = block, .x = x, .y = y, .rows = pool->out_height}};
    run(&c, pool->out_width);
}

void hk_avgpool_blocked_gradient(const hk_pool *pool, int64_t block, const float *dy, float *dx) {
    call c = {
        .kernel = hk_variant_current()->blocked_average_gradient,
        .pool = {.pool = *pool, .block = block, .x = dy, .y = dx, .rows = pool->height}};
    run(&c, pool->width);
}
