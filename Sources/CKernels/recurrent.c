// Recurrent layers over time: the walk over the steps, and how the team shares a step.
//
// A task is a block of hidden units (all their gates) times a block of rows of the batch. A thread has the same tasks in every step, in an
// order in which blocks of units come first, so that its part of the packed weights stays in its own cache, and threads meet after each
// step. Every sum is one thread's and in a fixed order, so the bits do not depend on how many there are.
#include "gemm.h"
#include "internal.h"
#include "recurrent.h"
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#if defined(__SSE__)
#include <immintrin.h>
#endif

/// Rows of the batch that a task takes at most: their products for one block of units fit into the first-level cache.
#define ROWS 48
#define UNITS HK_GEMM_COLUMNS
/// Rows of matrices that the products read are this much longer, so that they do not share places in the first-level cache.
#define MARGIN 16
/// Nanoseconds of a step's work below which threads would only wait for each other.
#define STEP_COST 1500.0
#define LAYER_COST 30000.0
/// Rows from which on `recurrent_product` has sums enough to keep the processor busy.
#define TILE_ROWS 4
/// Turns of waiting before the processor is offered to others: about 50 microseconds.
#define PATIENCE 1500

/// How far a thread has come.
typedef struct {
    _Alignas(64) atomic_llong reached;
} milestone;

/// What both directions of time share.
typedef struct {
    int gates;
    int64_t steps, batch, hidden;
    int64_t row_blocks, unit_blocks;
    /// Blocks of units whose products are made in one go: more than one where the batch is small.
    int64_t group;
    /// Panels of the recurrent weights, `panel` elements for each block of units.
    float *packed;
    int64_t panel;
    /// What a step's product reads, and its successor's: two matrices of `batch` rows.
    float *left[2];
    int64_t left_row;
    /// `[batch, hidden]`: c (LSTM) forwards; the gradient that reaches the step before without a product, backwards.
    float *state;
    /// Sums of the gates' gradients, `[row blocks, unit blocks, 4, UNITS]`.
    float *sums;
    const hk_variant *variant;
    /// The variant's product, whose panels are narrower; null where it is `hk_gemm_packed`.
    hk_recurrent_product product;
    const hk_recurrent *forward;
    const hk_recurrent_gradient *backward;
    milestone *milestones;
} layer;

static inline void wait_a_moment(void) {
#if defined(__SSE__)
    _mm_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/// Waits until every thread of the team has come as far as this one.
static void meet(const layer *l, int thread, int threads, int64_t place) {
    if (threads == 1) return;
    atomic_store_explicit(&l->milestones[thread].reached, place, memory_order_release);
    for (int other = 0; other < threads; other++) {
        for (int turn = 0; atomic_load_explicit(&l->milestones[other].reached, memory_order_acquire) < place; turn++) {
            if (turn < PATIENCE) {
                wait_a_moment();
            } else {
                sched_yield();
            }
        }
    }
}

static inline float *at_step(hk_sequence sequence, int64_t step, int64_t row, int64_t column) {
    return sequence.data ? sequence.data + step * sequence.step + row * sequence.row + column : NULL;
}

/// The same sequence from another place on.
static inline hk_sequence from(hk_sequence sequence, int64_t step, int64_t row, int64_t column) {
    sequence.data = at_step(sequence, step, row, column);
    return sequence;
}

/// Copies columns of `[rows, hidden]`, zeros where there are none.
static void copy_block(
    const float *source, int64_t source_row, float *target, int64_t target_row, int64_t rows, int64_t columns) {
    for (int64_t row = 0; row < rows; row++) {
        if (source) {
            memcpy(target + row * target_row, source + row * source_row, (size_t)columns * sizeof(float));
        } else {
            memset(target + row * target_row, 0, (size_t)columns * sizeof(float));
        }
    }
}

/// One task: rows `row ..< row + rows`, units `unit ..< unit + units`.
typedef struct {
    int64_t row_block, unit_block, row, rows, unit, units;
} task;

static task task_at(const layer *l, int64_t index) {
    task t = {.row_block = index % l->row_blocks, .unit_block = index / l->row_blocks};
    t.row = l->batch * t.row_block / l->row_blocks;
    t.rows = l->batch * (t.row_block + 1) / l->row_blocks - t.row;
    t.unit = t.unit_block * UNITS;
    t.units = l->hidden - t.unit < UNITS ? l->hidden - t.unit : UNITS;
    return t;
}

/// The product of a task's rows and of as many blocks of units as are in one group from there on; returns how many. `begin ..< end` are the
/// thread's tasks, to which it comes back in the next step.
static int64_t multiply(
    const layer *l, const task *t, int64_t index, int64_t begin, int64_t end, int64_t k, int64_t width, const float *left,
    float *product) {
    int64_t blocks = l->row_blocks > 1 ? 1 : end - index < l->group ? end - index : l->group;
    if (l->product) {
        task next = task_at(l, index + blocks < end ? index + blocks : begin);
        l->product(
            t->rows, blocks * width / HK_GRANULE, k, left + t->row * l->left_row, l->left_row,
            l->packed + t->unit_block * l->panel, l->packed + next.unit_block * l->panel, product, blocks * width);
        return blocks;
    }
    hk_gemm_packed(
        t->rows, 0, blocks * width, k, 1, left + t->row * l->left_row, l->left_row, 1,
        l->packed + t->unit_block * l->panel, 0, product, blocks * width);
    return blocks;
}

/// Packs a block of units: columns of `[k, units]` with the given strides.
static void pack(
    const layer *l, const float *b, int64_t row_stride, int64_t column_stride, int64_t k, int64_t units, float *packed) {
    if (!l->product) {
        hk_gemm_pack(b, row_stride, column_stride, k, units, packed);
        return;
    }
    if (units < UNITS) memset(packed, 0, (size_t)(k * UNITS) * sizeof(float));
    for (int64_t unit = 0; unit < units; unit += HK_GRANULE, packed += k * HK_GRANULE) {
        int64_t columns = units - unit < HK_GRANULE ? units - unit : HK_GRANULE;
        const float *from = b + unit * column_stride;
        if (row_stride == 1) {
            l->variant->transpose[2]((const char *)from, column_stride, (char *)packed, HK_GRANULE, columns, k);
        } else {
            for (int64_t row = 0; row < k; row++) {
                memcpy(packed + row * HK_GRANULE, from + row * row_stride, (size_t)columns * sizeof(float));
            }
        }
    }
}

/// Packs the panels of a thread's units, forwards: U transposed, one panel for each gate.
static void pack_forward(const layer *l, int64_t block) {
    int64_t unit = block * UNITS, units = l->hidden - unit < UNITS ? l->hidden - unit : UNITS;
    for (int64_t gate = 0; gate < l->gates; gate++) {
        pack(
            l, l->forward->u + (gate * l->hidden + unit) * l->hidden, 1, l->hidden, l->hidden, units,
            l->packed + block * l->panel + gate * l->hidden * UNITS);
    }
}

static void forward_thread(void *context, int thread, int threads) {
    const layer *l = context;
    const hk_recurrent *r = l->forward;
    int64_t tasks = l->row_blocks * l->unit_blocks;
    int64_t begin = tasks * thread / threads, end = tasks * (thread + 1) / threads;
    int64_t first = l->unit_blocks * thread / threads, last = l->unit_blocks * (thread + 1) / threads;
    for (int64_t block = first; block < last; block++) pack_forward(l, block);
    for (int64_t index = begin; index < end; index++) {
        task t = task_at(l, index);
        int64_t place = t.row * l->hidden + t.unit;
        const float *h0 = r->h0 ? r->h0 + place : NULL;
        copy_block(h0, l->hidden, l->left[0] + t.row * l->left_row + t.unit, l->left_row, t.rows, t.units);
        float *before = l->steps > 0 ? at_step(r->before, 0, t.row, t.unit) : NULL;
        if (before) copy_block(h0, l->hidden, before, r->before.row, t.rows, t.units);
        if (r->cell == hk_cell_lstm) {
            copy_block(r->c0 ? r->c0 + place : NULL, l->hidden, l->state + place, l->hidden, t.rows, t.units);
        }
    }
    int64_t width = l->gates * UNITS;
    float *product = hk_scratch(hk_scratch_thread, (size_t)(ROWS * width) * sizeof(float));
    meet(l, thread, threads, 1);
    for (int64_t step = 0; step < l->steps; step++) {
        const float *left = l->left[step & 1];
        float *right = l->left[(step + 1) & 1];
        for (int64_t index = begin; index < end;) {
            task t = task_at(l, index);
            int64_t blocks = multiply(l, &t, index, begin, end, l->hidden, width, left, product);
            for (int64_t block = 0; block < blocks; block++, index++) {
                t = task_at(l, index);
                hk_cell_forward cell = {
                    .rows = t.rows, .units = t.units, .gate = l->hidden, .product = product + block * width,
                    .product_row = blocks * width, .bias = r->bias ? r->bias + t.unit : NULL,
                    .gates_x = from(r->gates_x, step, t.row, t.unit), .gates = from(r->gates, step, t.row, t.unit),
                    .kept = from(r->kept, step, t.row, t.unit), .y = from(r->y, step, t.row, t.unit),
                    .h = right + t.row * l->left_row + t.unit, .h_row = l->left_row};
                if (step + 1 < l->steps) {
                    cell.before = from(r->before, step + 1, t.row, t.unit);
                } else {
                    cell.gates_x.step = 0;
                }
                if (r->cell == hk_cell_lstm) {
                    cell.state = l->state + t.row * l->hidden + t.unit;
                    cell.state_row = l->hidden;
                    l->variant->lstm_forward(&cell);
                } else {
                    cell.state = (float *)left + t.row * l->left_row + t.unit;
                    cell.state_row = l->left_row;
                    l->variant->gru_forward(&cell);
                }
            }
        }
        meet(l, thread, threads, step + 2);
    }
    for (int64_t index = begin; index < end; index++) {
        task t = task_at(l, index);
        int64_t place = t.row * l->hidden + t.unit;
        const float *h = l->left[l->steps & 1] + t.row * l->left_row + t.unit;
        if (r->h_last) copy_block(h, l->left_row, r->h_last + place, l->hidden, t.rows, t.units);
        if (r->c_last) copy_block(l->state + place, l->hidden, r->c_last + place, l->hidden, t.rows, t.units);
    }
}

static void backward_thread(void *context, int thread, int threads) {
    const layer *l = context;
    const hk_recurrent_gradient *r = l->backward;
    static const float zeros[UNITS];
    bool lstm = r->cell == hk_cell_lstm;
    int64_t hidden = l->hidden, k = l->gates * hidden;
    int64_t tasks = l->row_blocks * l->unit_blocks;
    int64_t begin = tasks * thread / threads, end = tasks * (thread + 1) / threads;
    int64_t first = l->unit_blocks * thread / threads, last = l->unit_blocks * (thread + 1) / threads;
    for (int64_t block = first; block < last; block++) {
        int64_t unit = block * UNITS;
        pack(
            l, r->u + unit, hidden, 1, k, hidden - unit < UNITS ? hidden - unit : UNITS, l->packed + block * l->panel);
    }
    for (int64_t index = begin; index < end; index++) {
        task t = task_at(l, index);
        int64_t place = t.row * hidden + t.unit;
        copy_block(
            lstm && r->dc_last ? r->dc_last + place : NULL, hidden, l->state + place, hidden, t.rows, t.units);
        memset(l->sums + index * 4 * UNITS, 0, 4 * UNITS * sizeof(float));
    }
    float *product = hk_scratch(hk_scratch_thread, (size_t)(ROWS * UNITS) * sizeof(float));
    meet(l, thread, threads, 1);
    // Step -1 is the state before the first.
    for (int64_t step = l->steps - 1; step >= (r->dh0 ? -1 : 0); step--) {
        const float *left = l->left[(step + 1) & 1];
        float *right = l->left[step & 1];
        for (int64_t index = begin; index < end;) {
            task t = task_at(l, index);
            int64_t blocks = 1;
            if (step == l->steps - 1) {
                copy_block(
                    r->dh_last ? r->dh_last + t.row * hidden + t.unit : NULL, hidden, product, UNITS, t.rows, t.units);
            } else {
                blocks = multiply(l, &t, index, begin, end, k, UNITS, left, product);
            }
            for (int64_t block = 0; block < blocks; block++, index++) {
                t = task_at(l, index);
                float *state = l->state + t.row * hidden + t.unit;
                if (step < 0) {
                    for (int64_t row = 0; row < t.rows; row++) {
                        const float *made = product + (row * blocks + block) * UNITS;
                        float *to = r->dh0 + (t.row + row) * hidden + t.unit;
                        for (int64_t i = 0; i < t.units; i++) to[i] = made[i] + (lstm ? 0 : state[row * hidden + i]);
                    }
                    continue;
                }
                hk_cell_backward cell = {
                    .rows = t.rows, .units = t.units, .gate = hidden, .product = product + block * UNITS,
                    .product_row = blocks * UNITS, .gates = from(r->gates, step, t.row, t.unit),
                    .kept = from(r->kept, step, t.row, t.unit), .dy = from(r->dy, step, t.row, t.unit),
                    .dgates = from(r->dgates, step, t.row, t.unit), .dkept = from(r->dkept, step, t.row, t.unit),
                    .state = state, .state_row = hidden, .right = right + t.row * l->left_row + t.unit,
                    .right_row = l->left_row, .sums = l->sums + index * 4 * UNITS, .ahead = step > 0 ? -1 : 0};
                if (!lstm) {
                    cell.before = from(r->before, step, t.row, t.unit);
                    l->variant->gru_backward(&cell);
                    continue;
                }
                if (step > 0) {
                    cell.before = from(r->kept, step - 1, t.row, t.unit);
                } else if (r->c0) {
                    cell.before = (hk_sequence){(float *)r->c0 + t.row * hidden + t.unit, 0, hidden};
                } else {
                    cell.before = (hk_sequence){(float *)zeros, 0, 0};
                }
                l->variant->lstm_backward(&cell);
            }
        }
        meet(l, thread, threads, l->steps - step + 1);
    }
    if (lstm && r->dc0) {
        for (int64_t index = begin; index < end; index++) {
            task t = task_at(l, index);
            int64_t place = t.row * hidden + t.unit;
            copy_block(l->state + place, hidden, r->dc0 + place, hidden, t.rows, t.units);
        }
    }
}

/// The gradients of the biases from the sums of all tasks, rows in order.
static void finish_bias(const layer *l) {
    const hk_recurrent_gradient *r = l->backward;
    for (int64_t block = 0; block < l->unit_blocks; block++) {
        int64_t unit = block * UNITS, units = l->hidden - unit < UNITS ? l->hidden - unit : UNITS;
        float *total = l->sums + block * l->row_blocks * 4 * UNITS;
        for (int64_t row = 1; row < l->row_blocks; row++) {
            for (int64_t i = 0; i < 4 * UNITS; i++) total[i] += total[row * 4 * UNITS + i];
        }
        for (int64_t gate = 0; gate < l->gates; gate++) {
            int64_t place = gate * l->hidden + unit;
            // The GRU's fourth sum is that of what is added to its third gate's product.
            int64_t u = r->cell == hk_cell_gru && gate == 2 ? 3 : gate;
            if (r->dbias_x) copy_block(total + gate * UNITS, 0, r->dbias_x + place, 0, 1, units);
            if (r->dbias_u) copy_block(total + u * UNITS, 0, r->dbias_u + place, 0, 1, units);
        }
    }
}

/// Cuts `count` elements off, in whole cache lines.
static float *carve(float **memory, int64_t count) {
    float *start = *memory;
    *memory += (count + 15) & ~(int64_t)15;
    return start;
}

typedef struct {
    layer *layer;
    void (*body)(void *context, int thread, int threads);
} solo;

static void run_alone(void *context, int64_t begin, int64_t end) {
    (void)begin, (void)end;
    solo *call = context;
    call->body(call->layer, 0, 1);
}

/// Divides the work, finds memory, and runs `body` on the team or, where a step is too short to share, on this thread.
/// `width` is that of a row of `left`, `panels` the panels of one block of units, each of `depth` rows.
static void run(layer *l, int64_t width, int64_t panels, int64_t depth, void (*body)(void *, int, int)) {
    l->variant = hk_variant_current();
    l->row_blocks = (l->batch + ROWS - 1) / ROWS;
    l->unit_blocks = (l->hidden + UNITS - 1) / UNITS;
    l->product = l->batch >= TILE_ROWS ? l->variant->recurrent_product : NULL;
    l->group = l->batch == 0 || ROWS / l->batch < 1 ? 1 : ROWS / l->batch;
    l->left_row = width + MARGIN;
    l->panel = panels * depth * UNITS;
    int64_t packed = l->unit_blocks * l->panel, left = l->batch * l->left_row;
    int64_t sums = l->row_blocks * l->unit_blocks * 4 * UNITS;
    milestone milestones[256];
    size_t bytes = (size_t)(packed + 2 * (left + 16) + l->batch * l->hidden + sums + 64) * sizeof(float);
    float *memory = hk_scratch(hk_scratch_call, bytes);
    l->packed = carve(&memory, packed);
    l->left[0] = carve(&memory, left);
    l->left[1] = carve(&memory, left);
    l->state = carve(&memory, l->batch * l->hidden);
    l->sums = carve(&memory, sums);
    double step = (double)(l->batch * l->hidden * l->gates) * ((double)l->hidden * 0.01 + 0.3);
    if (l->batch < 4) step += (double)(l->hidden * l->hidden * l->gates) * 0.03;
    int threads = hk_threads();
    if (threads == 1 || step < STEP_COST || step * (double)l->steps < LAYER_COST) {
        solo call = {l, body};
        hk_parallel(1, 0, run_alone, &call);
        return;
    }
    for (int thread = 0; thread < threads; thread++) atomic_init(&milestones[thread].reached, 0);
    l->milestones = milestones;
    hk_team_run(body, l);
}

void hk_recurrent_forward(const hk_recurrent *operands) {
    layer l = {
        .gates = operands->cell == hk_cell_lstm ? 4 : 3, .steps = operands->steps, .batch = operands->batch,
        .hidden = operands->hidden, .forward = operands};
    if (l.batch <= 0 || l.hidden <= 0) return;
    run(&l, l.hidden, l.gates, l.hidden, forward_thread);
}

void hk_recurrent_backward(const hk_recurrent_gradient *operands) {
    layer l = {
        .gates = operands->cell == hk_cell_lstm ? 4 : 3, .steps = operands->steps, .batch = operands->batch,
        .hidden = operands->hidden, .backward = operands};
    if (l.hidden <= 0) return;
    run(&l, l.gates * l.hidden, 1, l.gates * l.hidden, backward_thread);
    finish_bias(&l);
}
