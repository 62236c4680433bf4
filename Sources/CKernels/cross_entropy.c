// Softmax cross-entropy over rows: the loss, its gradient, or both at once.
#include "internal.h"
#include <string.h>

/// Parts of the rows of a gradient whose sums are computed apart.
#define MOST_PARTS 16

typedef struct {
    const hk_variant *variant;
    const hk_cross_entropy_rows *rows;
    /// What the one-hot part and the even part of a row count in the mean, before the weights.
    double hard, soft;
    /// Sum of the class weights.
    double weights;
    float *log_sums, *losses, *gradient;
    double upstream;
    /// Parts of the gradient's rows, and their sums, `[parts, classes]`.
    int64_t parts;
    float *sums;
    /// What is done with some rows.
    void (*work)(void *call, int64_t begin, int64_t end);
} call;

/// A row's label, or -1 if it is no class.
static int64_t label_at(const hk_cross_entropy_rows *r, int64_t row) {
    int64_t label = r->label_type == hk_type_i32 ? ((const int32_t *)r->labels)[row] : ((const int64_t *)r->labels)[row];
    return label < 0 || label >= r->classes ? -1 : label;
}

static double weight_at(const hk_cross_entropy_rows *r, int64_t label) {
    return label < 0 ? 0 : r->class_weights ? (double)r->class_weights[label] : 1;
}

/// Shares of a row's one-hot and even part in the mean over all rows.
static call prepare(const hk_cross_entropy_rows *r) {
    call c = {.variant = hk_variant_current(), .rows = r};
    double total = 0;
    c.weights = (double)r->classes;
    if (r->class_weights) {
        c.weights = 0;
        for (int64_t j = 0; j < r->classes; j++) c.weights += (double)r->class_weights[j];
        for (int64_t row = 0; row < r->rows; row++) total += weight_at(r, label_at(r, row));
    } else {
        total = r->rows > 1 ? (double)r->rows : 1;
    }
    c.hard = (1 - r->smoothing) / total;
    c.soft = r->smoothing == 0 ? 0 : r->smoothing / ((double)r->classes * total);
    return c;
}

/// A row's part of the loss. `x_label` is its logit at the label, `x_sum` the weighted sum of the differences from `from`.
static float row_loss(const call *c, int64_t label, float x_label, double x_sum, float from, float log_sum) {
    double loss = 0;
    if (label >= 0) loss = c->hard * weight_at(c->rows, label) * ((double)log_sum - ((double)x_label - (double)from));
    if (c->soft != 0) loss += c->soft * (c->weights * (double)log_sum - x_sum);
    return (float)loss;
}

static void losses(void *context, int64_t begin, int64_t end) {
    const call *c = context;
    const hk_cross_entropy_rows *r = c->rows;
    for (int64_t row = begin; row < end; row++) {
        const float *x = r->logits + row * r->classes;
        int64_t label = label_at(r, row);
        float from, log_sum;
        c->variant->log_sum(x, r->classes, &from, &log_sum);
        double x_sum = c->soft == 0 ? 0 : c->variant->weighted_sum(x, r->class_weights, r->classes, from);
        c->losses[row] = row_loss(c, label, label < 0 ? 0 : x[label], x_sum, from, log_sum);
        if (c->log_sums) {
            c->log_sums[2 * row] = from;
            c->log_sums[2 * row + 1] = log_sum;
        }
    }
}

/// What the row's softmax is multiplied by, and what the one-hot and the even part take away.
static void shares(const call *c, int64_t label, float *softmax, float *hard, float *soft) {
    double one = c->hard * weight_at(c->rows, label) * c->upstream;
    *hard = (float)one;
    *soft = (float)(c->soft * c->upstream);
    *softmax = (float)(one + c->soft * c->weights * c->upstream);
}

/// The part of the rows that a row is in.
static int64_t part_of(const call *c, int64_t row) { return row * c->parts / c->rows->rows; }

/// Adds a row of the gradient, which is in the cache, to the sum of its part.
static void add_to_sums(const call *c, int64_t row, const float *dx) {
    if (!c->sums) return;
    float *sums = c->sums + part_of(c, row) * c->rows->classes;
    if (row == 0 || part_of(c, row - 1) != part_of(c, row)) {
        memcpy(sums, dx, (size_t)c->rows->classes * sizeof *sums);
    } else {
        c->variant->add_scaled(sums, dx, 1, c->rows->classes);
    }
}

static void gradients(void *context, int64_t begin, int64_t end) {
    const call *c = context;
    const hk_cross_entropy_rows *r = c->rows;
    for (int64_t row = begin; row < end; row++) {
        float *dx = c->gradient + row * r->classes;
        int64_t label = label_at(r, row);
        float softmax, hard, soft;
        shares(c, label, &softmax, &hard, &soft);
        c->variant->cross_entropy_gradient(
            r->logits + row * r->classes, c->soft == 0 ? NULL : r->class_weights, dx, r->classes, c->log_sums[2 * row],
            c->log_sums[2 * row + 1], softmax, soft);
        if (label >= 0) dx[label] -= hard;
        add_to_sums(c, row, dx);
    }
}

static void both(void *context, int64_t begin, int64_t end) {
    const call *c = context;
    const hk_cross_entropy_rows *r = c->rows;
    for (int64_t row = begin; row < end; row++) {
        const float *x = r->logits + row * r->classes;
        float *dx = c->gradient + row * r->classes;
        int64_t label = label_at(r, row);
        float softmax, hard, soft, from, log_sum, x_label = label < 0 ? 0 : x[label];
        shares(c, label, &softmax, &hard, &soft);
        // The label's logit was read before: the gradient may overwrite the row.
        double x_sum = 0;
        c->variant->cross_entropy_both(
            x, c->soft == 0 ? NULL : r->class_weights, dx, r->classes, softmax, soft, &from, &log_sum,
            c->soft == 0 ? NULL : &x_sum);
        c->losses[row] = row_loss(c, label, x_label, x_sum, from, log_sum);
        if (label >= 0) dx[label] -= hard;
        add_to_sums(c, row, dx);
    }
}

static void run_parts(void *context, int64_t begin, int64_t end) {
    call *c = context;
    int64_t rows = c->rows->rows;
    // Row by row `part_of` is the division rounded down.
    c->work(c, (begin * rows + c->parts - 1) / c->parts, (end * rows + c->parts - 1) / c->parts);
}

/// Rows on the team; where the sum of the gradient's rows is wanted, in parts by the shape alone, whatever the threads.
static void run(call *c, double cost, void (*work)(void *, int64_t, int64_t), bool sums) {
    int64_t rows = c->rows->rows;
    if (!sums) {
        hk_parallel(rows, cost, work, c);
        return;
    }
    c->parts = rows < MOST_PARTS ? rows : MOST_PARTS;
    c->sums = hk_scratch(hk_scratch_folds, (size_t)(c->parts * c->rows->classes) * sizeof *c->sums);
    c->work = work;
    hk_parallel(c->parts, cost, run_parts, c);
}

/// Last of all: it uses the memory that the losses are in.
static void add_up_parts(const call *c, float *gradient_sums) {
    int64_t classes = c->rows->classes;
    if (!gradient_sums) return;
    hk_reduce(
        hk_reduce_sum, hk_type_f32, 2, (int64_t[]){c->parts, classes}, (int64_t[]){classes, 1}, (bool[]){true, false}, false,
        c->sums, gradient_sums);
}

static float sum_of(const call *c) {
    // In f64, one after the other: far fewer numbers than the rows have elements.
    double total = 0;
    for (int64_t row = 0; row < c->rows->rows; row++) total += (double)c->losses[row];
    return (float)total;
}

void hk_cross_entropy(const hk_cross_entropy_rows *rows, float *log_sums, float *loss) {
    call c = prepare(rows);
    c.log_sums = log_sums;
    c.losses = hk_scratch(hk_scratch_call, (size_t)rows->rows * sizeof *c.losses);
    hk_parallel(rows->rows, (double)rows->rows * (60 + (double)rows->classes * 0.15), losses, &c);
    *loss = sum_of(&c);
}

void hk_cross_entropy_gradient(
    const hk_cross_entropy_rows *rows, const float *log_sums, float upstream, float *gradient, float *gradient_sums) {
    call c = prepare(rows);
    c.log_sums = (float *)log_sums;
    c.gradient = gradient;
    c.upstream = (double)upstream;
    run(&c, (double)rows->rows * (40 + (double)rows->classes * 0.2), gradients, gradient_sums != NULL);
    add_up_parts(&c, gradient_sums);
}

void hk_cross_entropy_with_gradient(
    const hk_cross_entropy_rows *rows, float upstream, float *gradient, float *gradient_sums, float *loss) {
    call c = prepare(rows);
    c.gradient = gradient;
    c.upstream = (double)upstream;
    c.losses = hk_scratch(hk_scratch_call, (size_t)rows->rows * sizeof *c.losses);
    run(&c, (double)rows->rows * (80 + (double)rows->classes * 0.3), both, gradient_sums != NULL);
    *loss = sum_of(&c);
    add_up_parts(&c, gradient_sums);
}
