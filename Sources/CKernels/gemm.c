// Small and medium matrix products in f32: packing, and products by packed panels.
#include "gemm_internal.h"
#include <string.h>

size_t hk_gemm_packed_bytes(int64_t k, int64_t n) {
    int64_t panels = (n + HK_GEMM_COLUMNS - 1) / HK_GEMM_COLUMNS;
    return (size_t)(panels * HK_GEMM_COLUMNS * k) * sizeof(float);
}

void hk_gemm_pack(const float *b, int64_t row_stride, int64_t column_stride, int64_t k, int64_t n, float *packed) {
    hk_variant_current()->gemm_pack_panels(HK_GEMM_COLUMNS, b, row_stride, column_stride, n, k, packed);
}

void hk_gemm_packed(
    int64_t m, int64_t n0, int64_t n1, int64_t k, float alpha, const float *a, int64_t a_row, int64_t a_column,
    const float *packed, float beta, float *c, int64_t c_row) {
    if (m <= 0 || n1 <= n0) return;
    hk_gemm_call call = {
        .k = k, .a_row = a_row, .a_column = a_column, .b_row = HK_GEMM_COLUMNS, .panel_step = k * HK_GEMM_COLUMNS,
        .c_row = c_row, .alpha = alpha, .beta = beta};
    hk_variant_current()->gemm(&call, m, n1 - n0, a, packed + n0 * k, c + n0, NULL);
}

/// Depth of B that is packed at once: a panel of it stays in the second level of cache, beside the rows of A that meet it.
#define DEPTH 512
/// The same where B is packed already.
#define PACKED_DEPTH 1024
/// The same where registers are few, so that tiles are low and each meets a panel again: it stays in the first level.
#define LOW_DEPTH 128
/// Rows of one task at most, for the same reason.
#define ROWS 256
/// Up to so many rows a B with dense rows is read where it lies.
#define DIRECT_ROWS 128
/// Columns of packed panels that one thread takes at once.
#define WIDEST (4 * HK_GEMM_COLUMNS)
/// Columns that dot products take at once where there is one row.
#define DOTS_COLUMNS 8

/// Columns and rows that one thread takes at once where sums are few and deep.
#define DEEP_COLUMNS 16
#define DEEP_ROWS 32

/// Multiplications from which on both sides are packed in blocks.
#define LARGE (1 << 21)

enum { direct, dots, packed, given };

typedef struct {
    const hk_gemm_product *p;
    const hk_variant *variant;
    int way;
    int64_t row_tasks, column_tasks, width;
} division;

/// Where registers are few, as with AVX2, a tile of dot products is 2 x 2, which reads as much as it multiplies, and one of a few rows by
/// columns in place 16 columns wide, a cache line of each row of B: so many rows are enough to pack B.
#define PACKING_ROWS 5

/// c = max(c, 0), NaN stays.
static void rectify(float *c, int64_t c_row, int64_t rows, int64_t columns) {
    for (int64_t i = 0; i < rows; i++, c += c_row) {
        for (int64_t j = 0; j < columns; j++) c[j] = c[j] < 0 ? 0 : c[j];
    }
}

/// c = 0 where the gate is at most 0.
static void close_gate(float *c, int64_t c_row, int64_t rows, int64_t columns, intptr_t gate) {
    for (int64_t i = 0; i < rows; i++, c += c_row) {
        const float *open = (const float *)((intptr_t)c + gate);
        for (int64_t j = 0; j < columns; j++) c[j] = open[j] <= 0 ? 0 : c[j];
    }
}

/// One block of rows times one block of columns.
static void multiply_block(
    const division *d, int64_t row, int64_t rows, int64_t column, int64_t columns, const float *a, const float *b, float *c) {
    const hk_gemm_product *p = d->p;
    const float *bias = p->bias ? p->bias + column : NULL;
    a += row * p->a_row;
    b += column * p->b_column;
    c += row * p->c_row + column;
    if (d->way == dots) {
        d->variant->dots(rows, columns, p->k, a, p->a_row, b, p->b_column, c, p->c_row, bias);
        if (p->relu) rectify(c, p->c_row, rows, columns);
        if (p->gate) close_gate(c, p->c_row, rows, columns, hk_gemm_gate(p));
        return;
    }
    float *panel = d->way == given ? NULL : hk_scratch(hk_scratch_thread, hk_gemm_packed_bytes(DEPTH, d->width));
    const float *ready = d->way == given ? p->packed + column * p->k : NULL;
    int64_t most = hk_gemm_has_few_registers(d->variant) ? LOW_DEPTH : ready ? PACKED_DEPTH : DEPTH;
    int64_t whole = d->way == direct ? columns / 16 * 16 : 0, parts = (p->k + most - 1) / most;
    if (parts < 1) parts = 1;
    for (int64_t part = 0; part < parts; part++) {
        int64_t depth = p->k * part / parts, length = p->k * (part + 1) / parts - depth;
        hk_gemm_call call = {
            .k = length, .a_row = p->a_row, .a_column = p->a_column, .b_row = p->b_row,
            .panel_step = HK_GEMM_COLUMNS, .c_row = p->c_row, .alpha = 1, .beta = part > 0,
            .relu = p->relu && part == parts - 1, .gate = part == parts - 1 ? hk_gemm_gate(p) : 0};
        const float *left = a + depth * p->a_column, *right = b + depth * p->b_row;
        const float *offset = part == parts - 1 ? bias : NULL;
        if (ready) {
            call.b_row = HK_GEMM_COLUMNS;
            call.panel_step = p->k * HK_GEMM_COLUMNS;
            d->variant->gemm(&call, rows, columns, left, ready + depth * HK_GEMM_COLUMNS, c, offset);
            continue;
        }
        if (whole > 0) d->variant->gemm(&call, rows, whole, left, right, c, offset);
        if (whole == columns) continue;
        // What does not fill a granule is packed even so, since reading past its end may be reading past the end of memory.
        hk_gemm_pack(right + whole * p->b_column, p->b_row, p->b_column, length, columns - whole, panel);
        call.b_row = HK_GEMM_COLUMNS;
        call.panel_step = length * HK_GEMM_COLUMNS;
        d->variant->gemm(&call, rows, columns - whole, left, panel, c + whole, offset ? offset + whole : NULL);
    }
}

/// The matrices of one product of the batch.
static void find_matrices(const hk_gemm_product *p, int64_t batch, const float **a, const float **b, float **c) {
    *a = p->a;
    *b = p->b;
    *c = p->c;
    for (int axis = p->batch_rank - 1; axis >= 0; axis--) {
        int64_t place = batch % p->batch_extents[axis];
        batch /= p->batch_extents[axis];
        *a += place * p->a_batch[axis];
        *b += place * p->b_batch[axis];
        *c += place * p->c_batch[axis];
    }
}

static void multiply_tasks(void *context, int64_t begin, int64_t end) {
    const division *d = context;
    const hk_gemm_product *p = d->p;
    for (int64_t task = begin, tasks; task < end; task += tasks) {
        int64_t batch = task / (d->row_tasks * d->column_tasks), within = task % (d->row_tasks * d->column_tasks);
        const float *a, *b;
        float *c;
        find_matrices(p, batch, &a, &b, &c);
        int64_t row = within / d->column_tasks, column = within % d->column_tasks * d->width;
        int64_t from = p->m * row / d->row_tasks, to = p->m * (row + 1) / d->row_tasks;
        // Neighbours together: few rows by one panel of columns are too few sums to keep the processor busy.
        tasks = d->way == given ? WIDEST / d->width : 1;
        if (tasks > d->column_tasks - within % d->column_tasks) tasks = d->column_tasks - within % d->column_tasks;
        if (tasks > end - task) tasks = end - task;
        int64_t columns = tasks * d->width;
        multiply_block(d, from, to - from, column, p->n - column < columns ? p->n - column : columns, a, b, c);
    }
}

/// Summing the lanes of a dot product costs about 6 cycles an element of C, packing 0.3 cycles an element of B.
static bool dots_beat_packing(const hk_gemm_product *p, const hk_variant *variant) {
    return p->m <= (hk_gemm_has_few_registers(variant) ? PACKING_ROWS - 1 : 64) && p->m * 16 <= p->k;
}

/// Where columns are so few that most of a granule would lie idle.
static bool dots_beat_lanes(const hk_gemm_product *p) { return p->n < 16 && p->n * (p->k + 192) < 16 * p->k; }

/// Whether packing both sides pays.
static bool is_large(const hk_gemm_product *p) {
    return p->m > 16 && p->n > 16 && (double)p->m * (double)p->n * (double)p->k >= LARGE;
}

/// Where packing costs more than it saves: few sums of many terms each, whose factors lie side by side, as in the weight gradients of narrow
/// layers. With AVX2 that is 1.1 times faster at 64 x 4096 x 64, 1.2 times at 32 x 4096 x 64, twice at 16 x 4096 x 32.
static bool is_deep(const hk_gemm_product *p, const hk_variant *variant) {
    return hk_gemm_has_few_registers(variant) && !p->packed && p->a_row == 1 && p->b_column == 1 && p->k >= 1024 && p->m >= PACKING_ROWS
        && p->m <= 64 && p->n % DEEP_COLUMNS == 0 && p->n <= 64;
}

bool hk_gemm_packs_left(const hk_gemm_product *p) {
    return is_large(p) && !is_deep(p, hk_variant_current()) && hk_gemm_blocks_pack_left(p);
}

/// The sums of A's rows where no packing gives them.
static void sum_left(const hk_gemm_product *p) {
    hk_reduce(
        hk_reduce_sum, hk_type_f32, 2, (int64_t[]){p->m, p->k}, (int64_t[]){p->a_row, p->a_column}, (bool[]){false, true}, false,
        p->a, p->a_sums);
}

/// Parts of B's rows whose sums are computed apart where C is one row.
#define ROW_PARTS 8

/// Whether C is one row of sums of so many terms that B may come from memory, where a strip of its columns is read in pieces too short to be
/// foreseen: rows from end to end take half as long. Of few columns a strip is a whole row.
static bool is_long_row(const hk_gemm_product *p, int64_t batches) {
    return p->m == 1 && batches == 1 && !p->packed && p->b_column == 1 && p->n >= 64 && p->n <= 2048 && p->k >= 256;
}

typedef struct {
    const hk_gemm_product *p;
    const hk_variant *variant;
    float *sums;
} long_row;

static void add_up_parts(void *context, int64_t begin, int64_t end) {
    const long_row *row = context;
    const hk_gemm_product *p = row->p;
    for (int64_t part = begin; part < end; part++) {
        int64_t from = p->k * part / ROW_PARTS, to = p->k * (part + 1) / ROW_PARTS;
        float *sums = row->sums + part * p->n;
        memset(sums, 0, (size_t)p->n * sizeof *sums);
        row->variant->add_scaled_rows(
            sums, p->b + from * p->b_row, p->b_row, p->a + from * p->a_column, p->a_column, to - from, p->n);
    }
}

/// One row by many rows: parts of them from end to end, then the sum of the parts.
static void multiply_long_row(const hk_gemm_product *p, const hk_variant *variant) {
    long_row row = {p, variant, hk_scratch(hk_scratch_call, (size_t)(ROW_PARTS * p->n) * sizeof(float))};
    hk_parallel(ROW_PARTS, (double)(p->n * p->k) * 0.03, add_up_parts, &row);
    for (int part = 1; part < ROW_PARTS; part++) variant->add_scaled(row.sums, row.sums + part * p->n, 1, p->n);
    for (int64_t j = 0; j < p->n; j++) p->c[j] = row.sums[j] + (p->bias ? p->bias[j] : 0);
    if (p->relu) rectify(p->c, p->c_row, 1, p->n);
    if (p->gate) close_gate(p->c, p->c_row, 1, p->n, hk_gemm_gate(p));
}

void hk_gemm(const hk_gemm_product *p) {
    if (p->a_sums && !hk_gemm_packs_left(p)) sum_left(p);
    int64_t batches = 1;
    for (int axis = 0; axis < p->batch_rank; axis++) batches *= p->batch_extents[axis];
    if (batches * p->m * p->n <= 0) return;
    hk_gemm_product turned;
    if (p->n == 1 && p->c_row == 1 && !p->bias && !p->packed) {
        // A matrix times a column is a row times the transposed matrix, which has columns for the lanes.
        turned = *p;
        turned.m = 1;
        turned.n = p->m;
        turned.a = p->b;
        turned.a_row = p->b_column;
        turned.a_column = p->b_row;
        turned.b = p->a;
        turned.b_row = p->a_column;
        turned.b_column = p->a_row;
        turned.c_row = p->m;
        memcpy(turned.a_batch, p->b_batch, sizeof turned.a_batch);
        memcpy(turned.b_batch, p->a_batch, sizeof turned.b_batch);
        p = &turned;
    }
    const hk_variant *variant = hk_variant_current();
    bool deep = is_deep(p, variant);
    if (is_large(p) && !deep) {
        for (int64_t batch = 0; batch < batches; batch++) {
            const float *a, *b;
            float *c;
            find_matrices(p, batch, &a, &b, &c);
            hk_gemm_by_blocks(p, a, b, c);
        }
        return;
    }
    if (is_long_row(p, batches)) {
        multiply_long_row(p, variant);
        return;
    }
    division d = {.p = p, .variant = variant, .width = p->m <= 6 ? WIDEST : HK_GEMM_COLUMNS};
    bool is_transposed = p->b_row == 1 && p->a_column == 1;
    if (p->packed) {
        d.way = given;
    } else if (is_transposed && (dots_beat_packing(p, d.variant) || dots_beat_lanes(p))) {
        d.way = dots;
    } else if (p->b_column == 1 && (deep || p->m <= (hk_gemm_has_few_registers(d.variant) ? PACKING_ROWS - 1 : DIRECT_ROWS))) {
        d.way = direct;
    } else {
        d.way = packed;
    }
    // Enough tasks for many threads, but never more than one packing of B for each 28 rows. By shape alone.
    int64_t least = deep ? DEEP_COLUMNS : d.way == dots && p->m <= 4 ? DOTS_COLUMNS : HK_GEMM_COLUMNS;
    while (d.width > least && batches * ((p->n + d.width - 1) / d.width) < 16) d.width /= 2;
    d.column_tasks = (p->n + d.width - 1) / d.width;
    d.row_tasks = (p->m + ROWS - 1) / ROWS;
    int64_t least_rows = d.way == dots ? 8 : deep ? DEEP_ROWS : 28;
    int64_t wanted = (16 + batches * d.column_tasks - 1) / (batches * d.column_tasks);
    int64_t possible = (p->m + least_rows - 1) / least_rows;
    if (wanted > possible) wanted = possible;
    if (d.row_tasks < wanted) d.row_tasks = wanted;
    double work = (double)batches * (double)p->m * (double)p->n * (double)p->k;
    // Nanoseconds: arithmetic, reading or packing B, writing C.
    double cost = work * hk_gemm_slowness(d.variant) * (d.way == dots ? 0.01 : 0.005);
    cost += (double)batches * (double)p->n * (double)p->k * (d.way == packed ? 0.07 : 0.03);
    cost += (double)batches * (double)p->m * (double)p->n * (p->gate ? 0.35 : 0.2);
    hk_parallel(batches * d.row_tasks * d.column_tasks, cost, multiply_tasks, &d);
}
