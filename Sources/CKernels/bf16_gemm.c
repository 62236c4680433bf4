// Matrix products of bf16 numbers: both operands are packed on the team, then rows and columns are shared out.
#include "bf16_gemm.h"
#include "internal.h"
#include <string.h>

#define COLUMNS HK_BF16_GEMM_COLUMNS
/// Pairs that are summed before they are added up: a panel of them stays in the second level of cache.
#define PART_PAIRS 1024
/// Pairs of the left operand that a task packs for itself: 256 KiB stay in the second level of cache.
#define TASK_PAIRS 65536
/// Rows of a task, at least while there are columns to share out, and at most.
#define LEAST_ROWS (4 * HK_BF16_ROWS)
#define MOST_ROWS (16 * HK_BF16_ROWS)
/// Tasks from which on several threads are kept busy.
#define TASKS 16
/// Pairs that are turned round at a time.
#define CHUNK 64

static int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t pairs_of(int64_t k) { return (k + 1) / 2; }
static int64_t panels_of(int64_t n) { return divide_up(n, COLUMNS); }

static const void *element(int type, const void *x, int64_t offset) {
    return (const char *)x + offset * (type == hk_type_bf16 ? 2 : 4);
}

/// `count` elements `stride` apart as neighbours, in `row`.
static void gather(int type, const void *x, int64_t stride, int64_t count, void *row) {
    hk_gather(row, x, stride, type == hk_type_bf16 ? 2 : 4, count);
}

/// One panel of B from `columns` columns on: [pairs][32].
static void pack_panel(
    const hk_bf16_kernels *kernels, int type, const void *b, int64_t row, int64_t column, int64_t k, int64_t columns,
    uint32_t *out) {
    if (column == 1) {
        kernels->pack_pairs(type, b, row, k, columns, COLUMNS, out, 0);
        return;
    }
    // Columns are packed like rows and turned round.
    uint32_t rows[COLUMNS * CHUNK];
    float gathered[2 * CHUNK];
    if (columns < COLUMNS) memset(rows, 0, sizeof rows);
    for (int64_t begin = 0; begin < k; begin += 2 * CHUNK, out += CHUNK * COLUMNS) {
        int64_t count = least(k - begin, 2 * CHUNK), pairs = pairs_of(count);
        const void *from = element(type, b, begin * row);
        if (row == 1) {
            kernels->pack_rows(type, from, column, columns, count, rows, CHUNK);
        } else {
            for (int64_t j = 0; j < columns; j++) {
                gather(type, element(type, from, j * column), row, count, gathered);
                kernels->pack_rows(type, gathered, 0, 1, count, rows + j * CHUNK, CHUNK);
            }
        }
        hk_variant_current()->transpose[2]((const char *)rows, CHUNK, (char *)out, COLUMNS, COLUMNS, pairs);
    }
}

typedef struct {
    const hk_bf16_kernels *kernels;
    int type;
    const void *b;
    int64_t row, column, k, n;
    uint32_t *packed;
} packing;

static void pack_panels(void *context, int64_t begin, int64_t end) {
    const packing *p = context;
    for (int64_t panel = begin; panel < end; panel++) {
        pack_panel(
            p->kernels, p->type, element(p->type, p->b, panel * COLUMNS * p->column), p->row, p->column, p->k,
            least(p->n - panel * COLUMNS, COLUMNS), p->packed + panel * COLUMNS * pairs_of(p->k));
    }
}

size_t hk_bf16_gemm_packed_bytes(int64_t k, int64_t n) {
    return (size_t)(panels_of(n) * COLUMNS * pairs_of(k)) * sizeof(uint32_t);
}

void hk_bf16_gemm_pack(
    int type, const void *b, int64_t row_stride, int64_t column_stride, int64_t k, int64_t n, void *packed) {
    packing p = {&hk_variant_current()->bf16, type, b, row_stride, column_stride, k, n, packed};
    hk_parallel(panels_of(n), (double)k * (double)n * 0.1, pack_panels, &p);
}

// MARK: - Products

/// How the left operand is read.
enum { in_place, by_rows, by_tiles };

typedef struct {
    const hk_bf16_gemm_product *p;
    const hk_bf16_kernels *kernels;
    int64_t pairs, panels, row_tasks, rows, column_tasks;
    int way;
    /// From 14 rows of a packed left operand to the next, and from a row to the next; in pairs.
    int64_t a_tile, a_row;
    /// The packed operands; `left` only if several tasks share rows.
    const uint32_t *right;
    uint32_t *left;
    /// From one element of the batch to the next; 0 where all have the same.
    int64_t right_step;
} division;

/// Where an element of the batch begins, in elements.
static int64_t batch_offset(const hk_bf16_gemm_product *p, int64_t batch, const int64_t *strides) {
    int64_t offset = 0;
    for (int axis = p->batch_rank - 1; axis >= 0; axis--) {
        offset += batch % p->batch_extents[axis] * strides[axis];
        batch /= p->batch_extents[axis];
    }
    return offset;
}

static int64_t task_pairs(const division *d) { return d->rows / HK_BF16_ROWS * d->a_tile + HK_GRANULE; }

/// Packs the rows of a task.
static void pack_left(const division *d, int64_t batch, int64_t row_task, uint32_t *out) {
    const hk_bf16_gemm_product *p = d->p;
    int64_t first = row_task * d->rows, rows = least(p->m - first, d->rows);
    const void *a = element(p->a_type, p->a, batch_offset(p, batch, p->a_batch) + first * p->a_row);
    if (d->way == by_tiles) {
        d->kernels->pack_pairs(p->a_type, a, p->a_column, p->k, rows, HK_BF16_ROWS, out, d->a_tile);
    } else if (p->a_column == 1) {
        d->kernels->pack_rows(p->a_type, a, p->a_row, rows, p->k, out, d->a_row);
    } else {
        float gathered[2 * CHUNK];
        for (int64_t r = 0; r < rows; r++) {
            for (int64_t begin = 0; begin < p->k; begin += 2 * CHUNK) {
                int64_t count = least(p->k - begin, 2 * CHUNK);
                gather(p->a_type, element(p->a_type, a, r * p->a_row + begin * p->a_column), p->a_column, count, gathered);
                d->kernels->pack_rows(p->a_type, gathered, 0, 1, count, out + r * d->a_row + begin / 2, 0);
            }
        }
    }
}

static void pack_tasks(void *context, int64_t begin, int64_t end) {
    const division *d = context;
    for (int64_t task = begin; task < end; task++) {
        pack_left(d, task / d->row_tasks, task % d->row_tasks, d->left + task * task_pairs(d));
    }
}

typedef struct {
    const division *d;
    uint32_t *right;
} batch_packing;

static void pack_batches(void *context, int64_t begin, int64_t end) {
    const batch_packing *b = context;
    const division *d = b->d;
    const hk_bf16_gemm_product *p = d->p;
    for (int64_t task = begin; task < end; task++) {
        int64_t batch = task / d->panels, column = task % d->panels * COLUMNS;
        const void *from = element(p->b_type, p->b, batch_offset(p, batch, p->b_batch) + column * p->b_column);
        pack_panel(
            d->kernels, p->b_type, from, p->b_row, p->b_column, p->k, least(p->n - column, COLUMNS),
            b->right + task * d->pairs * COLUMNS);
    }
}

static void multiply_tasks(void *context, int64_t begin, int64_t end) {
    const division *d = context;
    const hk_bf16_gemm_product *p = d->p;
    int64_t parts = divide_up(d->pairs, PART_PAIRS), packed = 0;
    if (parts < 1) parts = 1;
    bool narrows = p->c_type == hk_type_bf16 && parts > 1, packs = d->way != in_place && !d->left;
    if (packs) packed = task_pairs(d);
    uint32_t *memory = hk_scratch(
        hk_scratch_thread, (size_t)(packed + (narrows ? d->rows * COLUMNS : 0)) * sizeof(uint32_t));
    float *sums = (float *)(memory + packed);
    int64_t held = -1;
    for (int64_t task = begin; task < end; task++) {
        int64_t number = task / d->column_tasks, batch = number / d->row_tasks, row_task = number % d->row_tasks;
        int64_t row = row_task * d->rows, rows = least(p->m - row, d->rows);
        const uint32_t *left = memory;
        if (d->way == in_place) {
            left = element(hk_type_bf16, p->a, batch_offset(p, batch, p->a_batch) + row * p->a_row);
        } else if (d->left) {
            left = d->left + number * task_pairs(d);
        } else if (held != number) {
            pack_left(d, batch, row_task, memory);
            held = number;
        }
        const uint32_t *right = d->right + batch * d->right_step;
        int64_t split = task % d->column_tasks;
        int64_t c_offset = batch_offset(p, batch, p->c_batch) + row * p->c_row;
        for (int64_t panel = d->panels * split / d->column_tasks; panel < d->panels * (split + 1) / d->column_tasks;) {
            // Few rows take two panels at once, to have enough sums.
            int64_t take = rows <= 6 && panel + 1 < d->panels * (split + 1) / d->column_tasks && !narrows ? 2 : 1;
            int64_t column = panel * COLUMNS, columns = least(p->n - column, take * COLUMNS);
            void *c = (void *)element(p->c_type, p->c, c_offset + column);
            for (int64_t part = 0; part < parts; part++) {
                int64_t from = d->pairs * part / parts;
                bool is_last = part == parts - 1;
                hk_bf16_call call = {
                    .pairs = d->pairs * (part + 1) / parts - from, .a_tile = d->a_tile, .a_row = d->a_row,
                    .a_step = d->way == by_tiles ? HK_BF16_ROWS : 1, .panel_step = d->pairs * COLUMNS,
                    .from = part == 0 ? NULL : narrows ? sums : c, .from_row = narrows ? COLUMNS : p->c_row,
                    .c_type = narrows && !is_last ? hk_type_f32 : p->c_type, .c_row = narrows && !is_last ? COLUMNS : p->c_row,
                    .alpha = 1, .bias = is_last && p->bias ? p->bias + column : NULL, .relu = is_last && p->relu};
                d->kernels->gemm(
                    &call, rows, columns, left + from * call.a_step, right + (panel * d->pairs + from) * COLUMNS,
                    narrows && !is_last ? sums : c);
            }
            panel += take;
        }
    }
}

void hk_bf16_gemm(const hk_bf16_gemm_product *p) {
    int64_t batches = 1;
    bool shares_right = true;
    for (int axis = 0; axis < p->batch_rank; axis++) {
        batches *= p->batch_extents[axis];
        shares_right = shares_right && (p->b_batch[axis] == 0 || p->batch_extents[axis] == 1);
    }
    if (batches * p->m * p->n <= 0) return;
    division d = {.p = p, .kernels = &hk_variant_current()->bf16, .pairs = pairs_of(p->k), .panels = panels_of(p->n)};
    // Rows that lie a multiple of 4,096 bytes apart share their place in the first-level cache.
    bool is_even = p->k % 2 == 0 && p->a_row % 2 == 0 && p->a_row % 2048 != 0;
    for (int axis = 0; axis < p->batch_rank; axis++) is_even = is_even && p->a_batch[axis] % 2 == 0;
    if (p->a_type == hk_type_bf16 && p->a_column == 1 && is_even && (uintptr_t)p->a % 4 == 0) {
        d.way = in_place;
        d.a_row = p->a_row / 2;
    } else if (p->a_row == 1 && p->a_column != 1) {
        d.way = by_tiles;
        d.a_row = 1;
    } else {
        d.way = by_rows;
        // An odd number of cache lines.
        d.a_row = (divide_up(d.pairs, HK_GRANULE) | 1) * HK_GRANULE;
    }
    d.a_tile = d.way == by_tiles ? d.pairs * HK_BF16_ROWS + HK_GRANULE : HK_BF16_ROWS * d.a_row;
    // Enough tasks for many threads: first of fewer rows, then of fewer columns. By shape alone.
    int64_t tiles = TASK_PAIRS / (HK_BF16_ROWS * (d.pairs < 1 ? 1 : d.pairs));
    d.rows = HK_BF16_ROWS * (tiles < 1 ? 1 : tiles);
    if (d.rows > MOST_ROWS) d.rows = MOST_ROWS;
    int64_t even = divide_up(divide_up(p->m * batches, TASKS), HK_BF16_ROWS) * HK_BF16_ROWS;
    if (d.rows > even) d.rows = even < LEAST_ROWS ? least(d.rows, LEAST_ROWS) : even;
    d.row_tasks = divide_up(p->m, d.rows);
    d.column_tasks = least(divide_up(TASKS, d.row_tasks * batches), d.panels);
    int64_t left = d.way != in_place && d.column_tasks > 1 ? batches * d.row_tasks * task_pairs(&d) : 0;
    int64_t panel = d.pairs * COLUMNS, copies = p->packed ? 0 : shares_right ? 1 : batches;
    left = divide_up(left, HK_GRANULE) * HK_GRANULE;
    uint32_t *memory = hk_scratch(hk_scratch_call, (size_t)(left + copies * d.panels * panel) * sizeof(uint32_t));
    d.right = p->packed ? p->packed : memory + left;
    d.right_step = shares_right ? 0 : d.panels * panel;
    if (copies > 0) {
        batch_packing packing = {&d, (uint32_t *)d.right};
        hk_parallel(copies * d.panels, (double)(copies * p->n) * (double)p->k * 0.1, pack_batches, &packing);
    }
    if (left > 0) {
        d.left = memory;
        hk_parallel(batches * d.row_tasks, (double)(batches * p->m) * (double)p->k * 0.1, pack_tasks, &d);
    }
    double work = (double)batches * (double)p->m * (double)p->n * (double)p->k;
    hk_parallel(batches * d.row_tasks * d.column_tasks, work * 0.0025, multiply_tasks, &d);
}
