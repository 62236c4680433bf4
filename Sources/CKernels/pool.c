// Two-dimensional pooling. Planes are independent, so they are what threads share out.
#include "internal.h"
#include <string.h>

typedef struct {
    const hk_variant *variant;
    hk_pool pool;
    const void *x, *v;
    void *y;
} call;

static bool is_2x2(const hk_pool *p) {
    return p->kernel_height == 2 && p->kernel_width == 2 && p->stride_height == 2 && p->stride_width == 2
        && p->dilation_height == 1 && p->dilation_width == 1 && p->pad_top == 0 && p->pad_left == 0
        && p->out_height * 2 <= p->height && p->out_width * 2 <= p->width;
}

/// For a place of a window: from a row's beginning to where it lies for the first window, in elements; the windows for which it lies on the
/// plane.
typedef struct {
    int64_t at, first, count;
} reach;

/// What a thread works with.
typedef struct {
    /// For each column of the windows.
    reach *columns;
    /// A row of inputs; of maxima or shares; and of places on the plane.
    char *row, *best;
    int32_t *place;
} work;

static work make_work(const hk_pool *p) {
    size_t columns = (size_t)p->kernel_width * sizeof(reach), row = (size_t)p->width * 8, best = (size_t)p->out_width * 8;
    char *memory = hk_scratch(hk_scratch_thread, columns + row + 2 * best);
    work w = {(reach *)memory, memory + columns, memory + columns + row, (int32_t *)(memory + columns + row + best)};
    for (int64_t l = 0; l < p->kernel_width; l++) {
        int64_t offset = l * p->dilation_width - p->pad_left, stride = p->stride_width;
        int64_t first = offset < 0 ? (-offset + stride - 1) / stride : 0;
        int64_t last = offset >= p->width ? 0 : hk_smaller(p->out_width, (p->width - 1 - offset) / stride + 1);
        w.columns[l] = (reach){offset + first * stride, first, hk_larger(0, last - first)};
    }
    return w;
}

static void fill_lowest(int number, char *row, int64_t count) {
    if (number == 0) {
        for (int64_t j = 0; j < count; j++) ((float *)row)[j] = -__builtin_inff();
    } else {
        for (int64_t j = 0; j < count; j++) ((double *)row)[j] = -__builtin_inf();
    }
}

/// The maxima of a row `i` of outputs: first those of columns, then of neighbours among these.
static void maxima(const call *c, const work *w, int number, const char *x, int64_t i, char *best) {
    const hk_pool *p = &c->pool;
    int bytes = number == 0 ? 4 : 8;
    fill_lowest(number, best, p->out_width);
    const char *columns = NULL;
    for (int64_t k = 0; k < p->kernel_height; k++) {
        int64_t row = i * p->stride_height - p->pad_top + k * p->dilation_height;
        if (row < 0 || row >= p->height) continue;
        const char *line = x + row * p->width * bytes;
        if (!columns) {
            columns = line;
            continue;
        }
        if (columns != w->row) memcpy(w->row, columns, (size_t)(p->width * bytes));
        columns = w->row;
        c->variant->pool_max[number](line, 1, p->width, w->row);
    }
    if (!columns) return;
    for (int64_t l = 0; l < p->kernel_width; l++) {
        reach r = w->columns[l];
        c->variant->pool_max[number](columns + r.at * bytes, p->stride_width, r.count, best + r.first * bytes);
    }
}

/// The same in `w->best`, and in `w->place` their places on the plane (-1: padding only).
static void places(const call *c, const work *w, int number, const char *x, int64_t i) {
    const hk_pool *p = &c->pool;
    int bytes = number == 0 ? 4 : 8;
    fill_lowest(number, w->best, p->out_width);
    memset(w->place, -1, (size_t)p->out_width * sizeof *w->place);
    for (int64_t k = 0; k < p->kernel_height; k++) {
        int64_t row = i * p->stride_height - p->pad_top + k * p->dilation_height;
        if (row < 0 || row >= p->height) continue;
        for (int64_t l = 0; l < p->kernel_width; l++) {
            reach r = w->columns[l];
            int64_t at = row * p->width + r.at;
            c->variant->pool_place[number](
                x + at * bytes, p->stride_width, r.count, (int32_t)at, w->best + r.first * bytes, w->place + r.first);
        }
    }
}

static void maxpool(const call *c, int number, int64_t begin, int64_t end) {
    const hk_pool *p = &c->pool;
    int bytes = number == 0 ? 4 : 8;
    work w = make_work(p);
    for (int64_t plane = begin; plane < end; plane++) {
        const char *x = (const char *)c->x + plane * p->height * p->width * bytes;
        char *y = (char *)c->y + plane * p->out_height * p->out_width * bytes;
        for (int64_t i = 0; i < p->out_height; i++, y += p->out_width * bytes) {
            if (is_2x2(p)) {
                const char *top = x + 2 * i * p->width * bytes;
                c->variant->maxpool_2x2[number](top, top + p->width * bytes, y, p->out_width);
            } else {
                maxima(c, &w, number, x, i, y);
            }
        }
    }
}

static void maxpool_select(const call *c, int number, int64_t begin, int64_t end) {
    const hk_pool *p = &c->pool;
    int bytes = number == 0 ? 4 : 8;
    work w = make_work(p);
    const int32_t *place = w.place;
    for (int64_t plane = begin; plane < end; plane++) {
        const char *x = (const char *)c->x + plane * p->height * p->width * bytes;
        const char *v = (const char *)c->v + plane * p->height * p->width * bytes;
        char *y = (char *)c->y + plane * p->out_height * p->out_width * bytes;
        for (int64_t i = 0; i < p->out_height; i++, y += p->out_width * bytes) {
            if (is_2x2(p)) {
                int64_t top = 2 * i * p->width * bytes, bottom = top + p->width * bytes;
                c->variant->maxpool_select_2x2[number](x + top, x + bottom, v + top, v + bottom, y, p->out_width);
                continue;
            }
            places(c, &w, number, x, i);
            for (int64_t j = 0; j < p->out_width; j++) {
                if (number == 0) {
                    ((float *)y)[j] = place[j] < 0 ? 0 : ((const float *)v)[place[j]];
                } else {
                    ((double *)y)[j] = place[j] < 0 ? 0 : ((const double *)v)[place[j]];
                }
            }
        }
    }
}

static void maxpool_scatter(const call *c, int number, int64_t begin, int64_t end) {
    const hk_pool *p = &c->pool;
    int bytes = number == 0 ? 4 : 8;
    int64_t in = p->height * p->width * bytes, line = p->width * bytes;
    work w = make_work(p);
    const int32_t *place = w.place;
    for (int64_t plane = begin; plane < end; plane++) {
        const char *x = (const char *)c->x + plane * in;
        const char *dy = (const char *)c->v + plane * p->out_height * p->out_width * bytes;
        char *dx = (char *)c->y + plane * in;
        if (is_2x2(p)) {
            int64_t beside = 2 * p->out_width * bytes;
            for (int64_t i = 0; i < p->out_height; i++, dy += p->out_width * bytes) {
                int64_t top = 2 * i * line, bottom = top + line;
                c->variant->maxpool_scatter_2x2[number](
                    x + top, x + bottom, dy, p->rectified, dx + top, dx + bottom, p->out_width);
                memset(dx + top + beside, 0, (size_t)(line - beside));
                memset(dx + bottom + beside, 0, (size_t)(line - beside));
            }
            int64_t covered = 2 * p->out_height * line;
            memset(dx + covered, 0, (size_t)(in - covered));
            continue;
        }
        memset(dx, 0, (size_t)in);
        for (int64_t i = 0; i < p->out_height; i++, dy += p->out_width * bytes) {
            places(c, &w, number, x, i);
            for (int64_t j = 0; j < p->out_width; j++) {
                if (place[j] < 0) continue;
                if (p->rectified && (number == 0 ? ((float *)w.best)[j] <= 0 : ((double *)w.best)[j] <= 0)) continue;
                if (number == 0) {
                    ((float *)dx)[place[j]] += ((const float *)dy)[j];
                } else {
                    ((double *)dx)[place[j]] += ((const double *)dy)[j];
                }
            }
        }
    }
}

/// row[j] /= divisor of window (i, j); 0 for windows that have padding only.
static void divide_row(const hk_pool *p, int number, int64_t i, const char *from, char *row) {
    for (int64_t j = 0; j < p->out_width; j++) {
        int64_t count = hk_pool_divisor(p, i, j);
        if (number == 0) {
            ((float *)row)[j] = count > 0 ? ((const float *)from)[j] / (float)count : 0;
        } else {
            ((double *)row)[j] = count > 0 ? ((const double *)from)[j] / (double)count : 0;
        }
    }
}

static void avgpool(const call *c, int number, bool gradient, int64_t begin, int64_t end) {
    const hk_pool *p = &c->pool;
    int bytes = number == 0 ? 4 : 8;
    int64_t in = p->height * p->width * bytes, out = p->out_height * p->out_width * bytes;
    work w = make_work(p);
    char *share = w.best;
    for (int64_t plane = begin; plane < end; plane++) {
        const char *from = (const char *)c->x + plane * (gradient ? out : in);
        char *to = (char *)c->y + plane * (gradient ? in : out);
        memset(to, 0, (size_t)(gradient ? in : out));
        for (int64_t i = 0; i < p->out_height; i++) {
            int64_t line = i * p->out_width * bytes;
            if (gradient) divide_row(p, number, i, from + line, share);
            for (int64_t k = 0; k < p->kernel_height; k++) {
                int64_t row = i * p->stride_height - p->pad_top + k;
                if (row < 0 || row >= p->height) continue;
                for (int64_t l = 0; l < p->kernel_width; l++) {
                    reach r = w.columns[l];
                    int64_t at = (row * p->width + r.at) * bytes;
                    if (gradient) {
                        c->variant->pool_spread[number](share + r.first * bytes, p->stride_width, r.count, to + at);
                    } else {
                        c->variant->pool_sum[number](
                            from + at, p->stride_width, r.count, to + line + r.first * bytes);
                    }
                }
            }
            if (!gradient) divide_row(p, number, i, to + line, to + line);
        }
    }
}

#define BODY(name, call_it)                                                                                           \
    static void name##_0(void *context, int64_t begin, int64_t end) {                                                 \
        const int number = 0;                                                                                         \
        call_it;                                                                                                      \
    }                                                                                                                 \
    static void name##_1(void *context, int64_t begin, int64_t end) {                                                 \
        const int number = 1;                                                                                         \
        call_it;                                                                                                      \
    }
BODY(maxpool, maxpool(context, number, begin, end))
BODY(maxpool_select, maxpool_select(context, number, begin, end))
BODY(maxpool_scatter, maxpool_scatter(context, number, begin, end))
BODY(avgpool, avgpool(context, number, false, begin, end))
BODY(avgpool_gradient, avgpool(context, number, true, begin, end))

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
