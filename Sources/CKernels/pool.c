// Two-dimensional pooling. Planes are independent, so they are what threads share out.
#include "internal.h"
#include <string.h>

typedef struct {
    const hk_variant *variant;
    hk_pool pool;
    const void *x, *v;
    void *y;
} call;

static inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

/// Places `first ..< last` of a window along one axis that lie on the plane: `origin + k * dilation` in `0 ..< extent`.
static inline void inside(int64_t origin, int64_t dilation, int64_t kernel, int64_t extent, int64_t *first, int64_t *last) {
    *first = origin < 0 ? (-origin + dilation - 1) / dilation : 0;
    *last = origin >= extent ? 0 : smaller(kernel, (extent - 1 - origin) / dilation + 1);
}

static bool is_2x2(const hk_pool *p) {
    return p->kernel_height == 2 && p->kernel_width == 2 && p->stride_height == 2 && p->stride_width == 2
        && p->dilation_height == 1 && p->dilation_width == 1 && p->pad_top == 0 && p->pad_left == 0
        && p->out_height * 2 <= p->height && p->out_width * 2 <= p->width;
}

#define POOLING(T, NUMBER)                                                                                            \
    /* Place of the window's maximum on the plane, or -1. */                                                          \
    static inline int64_t winner_##NUMBER(const hk_pool *p, const T *x, int64_t i, int64_t j) {                       \
        int64_t top = i * p->stride_height - p->pad_top, left = j * p->stride_width - p->pad_left;                    \
        int64_t k0, k1, l0, l1, best = -1;                                                                            \
        inside(top, p->dilation_height, p->kernel_height, p->height, &k0, &k1);                                       \
        inside(left, p->dilation_width, p->kernel_width, p->width, &l0, &l1);                                         \
        T most = 0;                                                                                                   \
        for (int64_t k = k0; k < k1; k++) {                                                                           \
            int64_t row = (top + k * p->dilation_height) * p->width + left;                                           \
            for (int64_t l = l0; l < l1; l++) {                                                                       \
                T value = x[row + l * p->dilation_width];                                                             \
                if (best < 0 || value > most || (value != value && most == most)) {                                   \
                    best = row + l * p->dilation_width;                                                               \
                    most = value;                                                                                     \
                }                                                                                                     \
            }                                                                                                         \
        }                                                                                                             \
        return best;                                                                                                  \
    }                                                                                                                 \
    static void maxpool_##NUMBER(void *context, int64_t begin, int64_t end) {                                         \
        const call *c = context;                                                                                      \
        const hk_pool *p = &c->pool;                                                                                  \
        for (int64_t plane = begin; plane < end; plane++) {                                                           \
            const T *x = (const T *)c->x + plane * p->height * p->width;                                              \
            T *y = (T *)c->y + plane * p->out_height * p->out_width;                                                  \
            for (int64_t i = 0; i < p->out_height; i++, y += p->out_width) {                                          \
                if (is_2x2(p)) {                                                                                      \
                    c->variant->maxpool_2x2[NUMBER](                                                                  \
                        (const char *)(x + 2 * i * p->width), (const char *)(x + (2 * i + 1) * p->width), (char *)y,  \
                        p->out_width);                                                                                \
                    continue;                                                                                         \
                }                                                                                                     \
                for (int64_t j = 0; j < p->out_width; j++) {                                                          \
                    int64_t place = winner_##NUMBER(p, x, i, j);                                                      \
                    y[j] = place < 0 ? -(T)__builtin_inf() : x[place];                                                \
                }                                                                                                     \
            }                                                                                                         \
        }                                                                                                             \
    }                                                                                                                 \
    static void maxpool_select_##NUMBER(void *context, int64_t begin, int64_t end) {                                  \
        const call *c = context;                                                                                      \
        const hk_pool *p = &c->pool;                                                                                  \
        for (int64_t plane = begin; plane < end; plane++) {                                                           \
            const T *x = (const T *)c->x + plane * p->height * p->width;                                              \
            const T *v = (const T *)c->v + plane * p->height * p->width;                                              \
            T *y = (T *)c->y + plane * p->out_height * p->out_width;                                                  \
            for (int64_t i = 0; i < p->out_height; i++, y += p->out_width) {                                          \
                int64_t top = 2 * i * p->width, bottom = top + p->width;                                              \
                if (is_2x2(p)) {                                                                                      \
                    c->variant->maxpool_select_2x2[NUMBER](                                                           \
                        (const char *)(x + top), (const char *)(x + bottom), (const char *)(v + top),                 \
                        (const char *)(v + bottom), (char *)y, p->out_width);                                         \
                    continue;                                                                                         \
                }                                                                                                     \
                for (int64_t j = 0; j < p->out_width; j++) {                                                          \
                    int64_t place = winner_##NUMBER(p, x, i, j);                                                      \
                    y[j] = place < 0 ? 0 : v[place];                                                                  \
                }                                                                                                     \
            }                                                                                                         \
        }                                                                                                             \
    }                                                                                                                 \
    static void maxpool_scatter_##NUMBER(void *context, int64_t begin, int64_t end) {                                 \
        const call *c = context;                                                                                      \
        const hk_pool *p = &c->pool;                                                                                  \
        int64_t in = p->height * p->width, out = p->out_height * p->out_width;                                        \
        for (int64_t plane = begin; plane < end; plane++) {                                                           \
            const T *x = (const T *)c->x + plane * in, *dy = (const T *)c->v + plane * out;                           \
            T *dx = (T *)c->y + plane * in;                                                                           \
            if (is_2x2(p)) {                                                                                          \
                for (int64_t i = 0; i < p->out_height; i++, dy += p->out_width) {                                     \
                    int64_t top = 2 * i * p->width, bottom = top + p->width;                                          \
                    c->variant->maxpool_scatter_2x2[NUMBER](                                                          \
                        (const char *)(x + top), (const char *)(x + bottom), (const char *)dy, (char *)(dx + top),    \
                        (char *)(dx + bottom), p->out_width);                                                         \
                    for (int64_t j = 2 * p->out_width; j < p->width; j++) dx[top + j] = dx[bottom + j] = 0;           \
                }                                                                                                     \
                int64_t covered = 2 * p->out_height * p->width;                                                       \
                memset(dx + covered, 0, (size_t)(in - covered) * sizeof(T));                                          \
                continue;                                                                                             \
            }                                                                                                         \
            memset(dx, 0, (size_t)in * sizeof(T));                                                                    \
            for (int64_t i = 0; i < p->out_height; i++, dy += p->out_width) {                                         \
                for (int64_t j = 0; j < p->out_width; j++) {                                                          \
                    int64_t place = winner_##NUMBER(p, x, i, j);                                                      \
                    if (place >= 0) dx[place] += dy[j];                                                               \
                }                                                                                                     \
            }                                                                                                         \
        }                                                                                                             \
    }                                                                                                                 \
    static void avgpool_##NUMBER(void *context, int64_t begin, int64_t end) {                                         \
        const call *c = context;                                                                                      \
        const hk_pool *p = &c->pool;                                                                                  \
        for (int64_t plane = begin; plane < end; plane++) {                                                           \
            const T *x = (const T *)c->x + plane * p->height * p->width;                                              \
            T *y = (T *)c->y + plane * p->out_height * p->out_width;                                                  \
            for (int64_t i = 0; i < p->out_height; i++) {                                                             \
                for (int64_t j = 0; j < p->out_width; j++, y++) {                                                     \
                    window w = window_at(p, i, j);                                                                    \
                    T sum = 0;                                                                                        \
                    for (int64_t k = w.top; k < w.bottom; k++) {                                                      \
                        for (int64_t l = w.left; l < w.right; l++) sum += x[k * p->width + l];                        \
                    }                                                                                                 \
                    *y = w.divisor > 0 ? sum / (T)w.divisor : 0;                                                      \
                }                                                                                                     \
            }                                                                                                         \
        }                                                                                                             \
    }                                                                                                                 \
    static void avgpool_gradient_##NUMBER(void *context, int64_t begin, int64_t end) {                                \
        const call *c = context;                                                                                      \
        const hk_pool *p = &c->pool;                                                                                  \
        for (int64_t plane = begin; plane < end; plane++) {                                                           \
            const T *dy = (const T *)c->x + plane * p->out_height * p->out_width;                                     \
            T *dx = (T *)c->y + plane * p->height * p->width;                                                         \
            memset(dx, 0, (size_t)(p->height * p->width) * sizeof(T));                                                \
            for (int64_t i = 0; i < p->out_height; i++) {                                                             \
                for (int64_t j = 0; j < p->out_width; j++, dy++) {                                                    \
                    window w = window_at(p, i, j);                                                                    \
                    if (w.divisor <= 0) continue;                                                                     \
                    T share = *dy / (T)w.divisor;                                                                     \
                    for (int64_t k = w.top; k < w.bottom; k++) {                                                      \
                        for (int64_t l = w.left; l < w.right; l++) dx[k * p->width + l] += share;                     \
                    }                                                                                                 \
                }                                                                                                     \
            }                                                                                                         \
        }                                                                                                             \
    }

/// The part of an average's window that lies on the plane, and what its sum is divided by.
typedef struct {
    int64_t top, bottom, left, right, divisor;
} window;

static inline window window_at(const hk_pool *p, int64_t i, int64_t j) {
    int64_t top = i * p->stride_height - p->pad_top, left = j * p->stride_width - p->pad_left;
    int64_t bottom = top + p->kernel_height, right = left + p->kernel_width;
    window w = {larger(top, 0), smaller(bottom, p->height), larger(left, 0), smaller(right, p->width), 0};
    if (p->include_padding) {
        w.divisor = (smaller(bottom, p->height + p->pad_bottom) - top) * (smaller(right, p->width + p->pad_right) - left);
    } else if (w.bottom > w.top && w.right > w.left) {
        w.divisor = (w.bottom - w.top) * (w.right - w.left);
    }
    return w;
}

POOLING(float, 0)
POOLING(double, 1)

typedef void (*body)(void *context, int64_t begin, int64_t end);

static void run(
    int type, const hk_pool *pool, const void *x, const void *v, void *y, body f32, body f64, double place_cost) {
    call c = {hk_variant_current(), *pool, x, v, y};
    double windows = (double)pool->out_height * (double)pool->out_width;
    double places = windows * (double)pool->kernel_height * (double)pool->kernel_width;
    double cost = (double)pool->planes * ((double)pool->height * (double)pool->width * 0.3 + places * place_cost);
    hk_parallel(pool->planes, cost, type == hk_type_f64 ? f64 : f32, &c);
}

void hk_maxpool(int type, const hk_pool *pool, const void *x, void *y) {
    run(type, pool, x, NULL, y, maxpool_0, maxpool_1, is_2x2(pool) ? 0.1 : 1);
}

void hk_maxpool_select(int type, const hk_pool *pool, const void *x, const void *v, void *y) {
    run(type, pool, x, v, y, maxpool_select_0, maxpool_select_1, is_2x2(pool) ? 0.2 : 1);
}

void hk_maxpool_scatter(int type, const hk_pool *pool, const void *x, const void *dy, void *dx) {
    run(type, pool, x, dy, dx, maxpool_scatter_0, maxpool_scatter_1, is_2x2(pool) ? 0.2 : 1);
}

void hk_avgpool(int type, const hk_pool *pool, const void *x, void *y) {
    run(type, pool, x, NULL, y, avgpool_0, avgpool_1, 0.5);
}

void hk_avgpool_gradient(int type, const hk_pool *pool, const void *dy, void *dx) {
    run(type, pool, dy, NULL, dx, avgpool_gradient_0, avgpool_gradient_1, 0.5);
}
