// Large matrix products in f32: both sides packed in blocks that stay in the caches, after Goto and van de Geijn (2008).
#include "gemm_internal.h"
#include <stdatomic.h>

/// Depth of a part: a panel of B of that depth takes half of the first-level cache or less.
#define DEPTH 256
/// The same where B came packed and tiles are tall: panels come from the second-level cache, which is fast enough for tall tiles, and C is met
/// less often. On Zen 5 products of 20 to 2,048 rows are 1.02 to 1.06 times as fast; 1,024 gave 1.03 to 1.08, and sums of so many terms in order
/// twice the rounding.
#define PACKED_DEPTH 512
/// Rows of a task, and panels that it takes at most: its parts of A and of C stay in the second-level cache.
#define TASK_ROWS 168
#define TASK_PANELS 16
/// Tasks that a run should have, and the fewest rows that a task is cut down to for that: below, panels pass through the caches too often.
#define TASKS 32
#define LEAST_ROWS 96
/// Columns of a slab.
#define SLAB_COLUMNS 4096
/// Floats that are packed of B, and of A for one task, in so many parts as they hold, at least one. Small products with a great depth are
/// worth the team only so; large ones are faster part by part, since the caches are shared with others: with 8 MiB by 4 to 12 % where these
/// are busy.
#define SLAB_FLOATS ((int64_t)1 << 18)
/// Columns from which on packing A costs less than reading it row by row; and where B came packed and tiles are tall, as with AVX-512, which
/// gains applied models 1 to 4 %.
#define PACKED_COLUMNS 512
#define TALL_PACKED_COLUMNS 1600

/// What is packed, then multiplied, at once: columns, and parts of the depth.
typedef struct {
    const hk_variant *variant;
    const hk_gemm_product *product;
    const float *a, *b;
    float *c;
    int64_t column, columns, part, parts;
    /// Parts of the whole product's depth, and the deepest's.
    int64_t all_parts, depth_most;
    int64_t panel_count, row_tasks, column_tasks;
    /// A is read where it lies.
    bool in_place;
    /// B in panels, of each part `panel_floats`, or 0 where it came packed.
    float *panels;
    int64_t panel_floats;
    /// Which run this is, of all that there were.
    uint_fast64_t run;
} slab;

/// The rows of A that this thread has packed: of which run, and which task's.
static _Thread_local struct {
    uint_fast64_t run;
    int64_t row_task;
} packed;

/// Where a part of the slab begins, and the next one.
static int64_t part_start(const slab *slab, int64_t part) { return slab->product->k * (slab->part + part) / slab->all_parts; }

/// Floats from one tile of packed rows to the next: whole cache lines, with room for what packing writes too much.
static int64_t tile_step(const slab *slab) { return (slab->variant->gemm_block_rows * slab->depth_most + 8 + 15) / 16 * 16; }

/// Floats of a task's rows in tiles, of one part.
static int64_t tile_floats(const slab *slab) {
    return hk_divide_up(hk_divide_up(slab->product->m, slab->row_tasks), slab->variant->gemm_block_rows) * tile_step(slab);
}

/// The rows of a task, whole tiles of their own.
static void task_rows(const slab *slab, int64_t task, int64_t *row, int64_t *rows) {
    *row = slab->product->m * task / slab->row_tasks;
    *rows = slab->product->m * (task + 1) / slab->row_tasks - *row;
}

/// Packs pieces `begin ..< end`: panels, part by part.
static void pack_panels(void *context, int64_t begin, int64_t end) {
    const slab *slab = context;
    const hk_gemm_product *p = slab->product;
    int64_t width = slab->variant->gemm_block_columns;
    for (int64_t count; begin < end; begin += count) {
        // All of a part that are asked for, since rows are read from end to end.
        int64_t part = begin / slab->panel_count, panel = begin % slab->panel_count, column = panel * width;
        count = slab->panel_count - panel < end - begin ? slab->panel_count - panel : end - begin;
        int64_t columns = slab->columns - column < count * width ? slab->columns - column : count * width;
        int64_t from = part_start(slab, part), depth = part_start(slab, part + 1) - from;
        slab->variant->gemm_pack_panels(
            width, slab->b + from * p->b_row + (slab->column + column) * p->b_column, p->b_row, p->b_column, columns, depth,
            slab->panels + part * slab->panel_floats + column * depth);
    }
}

/// The rows of a task in tiles, part by part, packed by the thread that needs them: they stay in its second-level cache.
static const float *pack_rows(const slab *slab, int64_t row_task) {
    const hk_gemm_product *p = slab->product;
    float *tiles = hk_scratch(hk_scratch_thread, (size_t)(slab->parts * tile_floats(slab)) * sizeof(float));
    if (packed.run == slab->run && packed.row_task == row_task) return tiles;
    int64_t row, rows;
    task_rows(slab, row_task, &row, &rows);
    for (int64_t part = 0; part < slab->parts; part++) {
        int64_t from = part_start(slab, part);
        slab->variant->gemm_pack_tiles(
            slab->a + row * p->a_row + from * p->a_column, p->a_row, p->a_column, rows, part_start(slab, part + 1) - from,
            tiles + part * tile_floats(slab), tile_step(slab));
    }
    packed.run = slab->run;
    packed.row_task = row_task;
    return tiles;
}

/// Adds what a task's tiles hold to the sums of its rows.
static void sum_tiles(const slab *slab, int64_t row_task, const float *tiles) {
    int64_t row, rows;
    task_rows(slab, row_task, &row, &rows);
    for (int64_t part = 0; part < slab->parts; part++) {
        slab->variant->gemm_sum_tiles(
            tiles + part * tile_floats(slab), tile_step(slab), rows, part_start(slab, part + 1) - part_start(slab, part),
            slab->product->a_sums + row, slab->part + part == 0);
    }
}

static const float *find_panel(const slab *slab, int64_t part, int64_t column) {
    int64_t from = part_start(slab, part);
    if (!slab->product->packed) return slab->panels + part * slab->panel_floats + column * (part_start(slab, part + 1) - from);
    column += slab->column;
    return slab->product->packed + column / HK_GEMM_COLUMNS * HK_GEMM_COLUMNS * slab->product->k + from * HK_GEMM_COLUMNS
        + column % HK_GEMM_COLUMNS;
}

/// Tasks `begin ..< end`: some rows of C by some panels of columns, all parts of the slab one after the other.
static void multiply(void *context, int64_t begin, int64_t end) {
    const slab *slab = context;
    const hk_gemm_product *p = slab->product;
    int64_t width = slab->variant->gemm_block_columns;
    for (int64_t task = begin; task < end; task++) {
        int64_t row, rows, row_task = task / slab->column_tasks, column_task = task % slab->column_tasks;
        task_rows(slab, row_task, &row, &rows);
        int64_t first = slab->panel_count * column_task / slab->column_tasks;
        int64_t last = slab->panel_count * (column_task + 1) / slab->column_tasks;
        const float *tiles = slab->in_place ? NULL : pack_rows(slab, row_task);
        if (p->a_sums && tiles && slab->column == 0 && column_task == 0) sum_tiles(slab, row_task, tiles);
        for (int64_t part = 0; part < slab->parts; part++) {
            bool is_last = slab->part + part == slab->all_parts - 1;
            int64_t from = part_start(slab, part);
            hk_gemm_call call = {
                .k = part_start(slab, part + 1) - from, .alpha = 1, .beta = slab->part + part > 0, .relu = is_last && p->relu,
                .gate = is_last ? hk_gemm_gate(p) : 0,
                .b_row = p->packed ? HK_GEMM_COLUMNS : width, .c_row = p->c_row, .a_row = 1,
                .a_column = slab->variant->gemm_block_rows, .a_tile = tile_step(slab)};
            const float *a;
            if (slab->in_place) {
                call.a_row = p->a_row;
                call.a_column = p->a_column;
                call.a_tile = 0;
                a = slab->a + row * p->a_row + from * p->a_column;
            } else {
                a = tiles + part * tile_floats(slab);
            }
            for (int64_t panel = first; panel < last; panel++) {
                int64_t column = panel * width, left = slab->columns - column;
                slab->variant->gemm_panel(
                    &call, rows, left < width ? left : width, a, find_panel(slab, part, column),
                    slab->c + row * p->c_row + slab->column + column,
                    is_last && p->bias ? p->bias + slab->column + column : NULL);
            }
        }
    }
}

static void run(slab *slab) {
    static atomic_uint_fast64_t runs;
    slab->run = atomic_fetch_add_explicit(&runs, 1, memory_order_relaxed) + 1;
    slab->panel_count = hk_divide_up(slab->columns, slab->variant->gemm_block_columns);
    // Enough tasks for many threads, by shape alone: rather fewer rows each than fewer columns, since who takes rows packs them.
    slab->column_tasks = hk_divide_up(slab->panel_count, TASK_PANELS);
    slab->row_tasks = hk_divide_up(slab->product->m, TASK_ROWS);
    while (slab->row_tasks * slab->column_tasks < TASKS && slab->row_tasks < slab->product->m / LEAST_ROWS) slab->row_tasks++;
    while (slab->row_tasks * slab->column_tasks < TASKS && slab->column_tasks < slab->panel_count) {
        slab->column_tasks = slab->column_tasks * 2 < slab->panel_count ? slab->column_tasks * 2 : slab->panel_count;
    }
    double right = (double)slab->columns * (double)(part_start(slab, slab->parts) - part_start(slab, 0)), rows = (double)slab->product->m;
    if (slab->panel_floats) hk_parallel(slab->parts * slab->panel_count, right * 0.2, pack_panels, slab);
    hk_parallel(slab->row_tasks * slab->column_tasks, rows * right * 0.01 * hk_gemm_slowness(slab->variant), multiply, slab);
}

/// Whether rows of A are read where they lie: dense, met by too few columns to be worth packing, and not a multiple of 1 KiB, more than two of
/// them, apart, at which they would share their places in the caches.
static bool reads_in_place(const hk_gemm_product *p) {
    int64_t columns = p->packed && !hk_gemm_has_few_registers(hk_variant_current()) ? TALL_PACKED_COLUMNS : PACKED_COLUMNS;
    return p->a_column == 1 && p->n < columns && ((p->a_row & 255) != 0 || p->a_row <= 512);
}

bool hk_gemm_blocks_pack_left(const hk_gemm_product *p) { return !reads_in_place(p); }

void hk_gemm_by_blocks(const hk_gemm_product *p, const float *a, const float *b, float *c) {
    const hk_variant *variant = hk_variant_current();
    // Half panels of a B that was packed before reach only half of the sets of the first-level cache.
    int64_t deepest = !p->packed ? DEPTH : hk_gemm_has_few_registers(variant) ? DEPTH / 2 : PACKED_DEPTH;
    slab slab = {.variant = variant, .product = p, .a = a, .b = b, .c = c, .all_parts = hk_divide_up(p->k, deepest)};
    slab.depth_most = hk_divide_up(p->k, slab.all_parts);
    slab.in_place = reads_in_place(p);
    // Whole panels, so that a slab begins with one.
    int64_t columns_most = hk_divide_up(hk_divide_up(p->n, hk_divide_up(p->n, SLAB_COLUMNS)), HK_GEMM_COLUMNS) * HK_GEMM_COLUMNS;
    if (!p->packed) {
        slab.panel_floats = hk_divide_up(columns_most, variant->gemm_block_columns) * variant->gemm_block_columns * slab.depth_most;
    }
    int64_t part_floats = slab.panel_floats + (slab.in_place ? 0 : TASK_ROWS * slab.depth_most);
    int64_t parts_most = part_floats == 0 ? slab.all_parts : SLAB_FLOATS / part_floats;
    if (parts_most < 1) parts_most = 1;
    if (parts_most > slab.all_parts) parts_most = slab.all_parts;
    slab.panels = hk_scratch(hk_scratch_call, (size_t)(slab.panel_floats * parts_most) * sizeof(float));
    for (slab.column = 0; slab.column < p->n; slab.column += columns_most) {
        slab.columns = p->n - slab.column < columns_most ? p->n - slab.column : columns_most;
        for (slab.part = 0; slab.part < slab.all_parts; slab.part += parts_most) {
            slab.parts = slab.all_parts - slab.part < parts_most ? slab.all_parts - slab.part : parts_most;
            run(&slab);
        }
    }
}
