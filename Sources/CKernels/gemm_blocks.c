// Large matrix products in f32: both sides packed in blocks that stay in the caches, after Goto and van de Geijn (2008).
#include "gemm_internal.h"
#include "internal.h"

/// Depth of a block: a panel of B of that depth takes half of the first-level cache or less.
#define DEPTH 256
/// Rows of a task: its block of A stays in the second-level cache.
#define TASK_ROWS 168
/// Rows and columns whose blocks are packed at once.
#define SLAB_ROWS 2016
#define SLAB_COLUMNS 4096
/// Panels that a task takes at most.
#define TASK_PANELS 16
/// Columns from which on packing A costs less than reading it row by row.
#define PACKED_COLUMNS 512

typedef struct {
    const hk_variant *variant;
    hk_gemm_call call;
    int64_t a_row, a_column, b_row, b_column;
    /// The block: what is packed, and where the product stands.
    int64_t rows, columns, depth;
    const float *a, *b, *bias;
    float *c, *tiles, *panels;
    /// Instead of `panels`: the block in a B that was packed before, whose panels of `HK_GEMM_COLUMNS` lie `packed_step` floats apart.
    const float *packed;
    int64_t packed_step;
    int64_t panel_count, row_tasks, column_tasks;
} block;

static int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// Floats from one tile of packed rows to the next: whole cache lines, with room for what packing writes too much.
static int64_t tile_step(const hk_variant *variant, int64_t depth) { return (variant->gemm_block_rows * depth + 8 + 15) / 16 * 16; }

static void pack_panels(void *context, int64_t begin, int64_t end) {
    const block *block = context;
    int64_t width = block->variant->gemm_block_columns;
    int64_t column = begin * width, columns = block->columns - column;
    if (columns > (end - begin) * width) columns = (end - begin) * width;
    block->variant->gemm_pack_panels(
        width, block->b + column * block->b_column, block->b_row, block->b_column, columns, block->depth, block->panels + column * block->depth);
}

/// The rows of a task, whole tiles of their own.
static void task_rows(const block *block, int64_t task, int64_t *row, int64_t *rows) {
    *row = block->rows * task / block->row_tasks;
    *rows = block->rows * (task + 1) / block->row_tasks - *row;
}

/// Tiles that a task of rows takes at most.
static int64_t task_tiles(const block *block) {
    return divide_up(divide_up(block->rows, block->row_tasks), block->variant->gemm_block_rows);
}

static void pack_rows(void *context, int64_t begin, int64_t end) {
    const block *block = context;
    for (int64_t task = begin; task < end; task++) {
        int64_t row, rows;
        task_rows(block, task, &row, &rows);
        block->variant->gemm_pack_tiles(
            block->a + row * block->a_row, block->a_row, block->a_column, rows, block->depth,
            block->tiles + task * task_tiles(block) * block->call.a_tile, block->call.a_tile);
    }
}

static const float *find_panel(const block *block, int64_t column) {
    if (!block->packed) return block->panels + column * block->depth;
    return block->packed + column / HK_GEMM_COLUMNS * block->packed_step + column % HK_GEMM_COLUMNS;
}

static void multiply(void *context, int64_t begin, int64_t end) {
    const block *block = context;
    int64_t width = block->variant->gemm_block_columns;
    for (int64_t task = begin; task < end; task++) {
        int64_t row, rows, rows_task = task / block->column_tasks, columns_task = task % block->column_tasks;
        task_rows(block, rows_task, &row, &rows);
        const float *a = block->call.a_tile ? block->tiles + rows_task * task_tiles(block) * block->call.a_tile
                                            : block->a + row * block->a_row;
        int64_t first = block->panel_count * columns_task / block->column_tasks;
        int64_t last = block->panel_count * (columns_task + 1) / block->column_tasks;
        for (int64_t panel = first; panel < last; panel++) {
            int64_t column = panel * width, left = block->columns - column;
            block->variant->gemm_panel(
                &block->call, rows, left < width ? left : width, a, find_panel(block, column),
                block->c + row * block->call.c_row + column, block->bias ? block->bias + column : NULL);
        }
    }
}

/// One block: C of it (+)= A times B, both packed by the team, then multiplied.
static void run(block *block, int64_t work) {
    const hk_variant *variant = block->variant;
    block->panel_count = divide_up(block->columns, variant->gemm_block_columns);
    block->row_tasks = divide_up(block->rows, TASK_ROWS);
    // Enough tasks for many threads, by shape alone.
    block->column_tasks = divide_up(block->panel_count, TASK_PANELS);
    while (block->row_tasks * block->column_tasks < 32 && block->column_tasks < block->panel_count) {
        block->column_tasks = block->column_tasks * 2 < block->panel_count ? block->column_tasks * 2 : block->panel_count;
    }
    if (!block->packed) hk_parallel(block->panel_count, (double)(block->columns * block->depth) * 0.2, pack_panels, block);
    if (block->call.a_tile) hk_parallel(block->row_tasks, (double)(block->rows * block->depth) * 0.3, pack_rows, block);
    hk_parallel(block->row_tasks * block->column_tasks, (double)work * 0.01, multiply, block);
}

/// Whether rows of A are read where they lie: dense, met by too few columns to be worth packing, and not a multiple of 1,024 bytes apart, at
/// which they would share their places in the caches.
static bool reads_in_place(const hk_gemm_product *p) {
    return p->a_column == 1 && p->n < PACKED_COLUMNS && (p->a_row & 255) != 0;
}

void hk_gemm_by_blocks(const hk_gemm_product *p, const float *a, const float *b, float *c) {
    const hk_variant *variant = hk_variant_current();
    // Half panels of a B that was packed before reach only half of the sets of the first-level cache.
    int64_t deepest = p->packed && variant->gemm_block_columns < HK_GEMM_COLUMNS ? DEPTH / 2 : DEPTH;
    int64_t parts = divide_up(p->k, deepest), row_slabs = divide_up(p->m, SLAB_ROWS);
    int64_t depth_most = divide_up(p->k, parts), rows_most = divide_up(p->m, row_slabs);
    // Whole panels, so that a slab begins with one.
    int64_t columns_most = divide_up(divide_up(p->n, divide_up(p->n, SLAB_COLUMNS)), HK_GEMM_COLUMNS) * HK_GEMM_COLUMNS;
    int64_t column_slabs = divide_up(p->n, columns_most);
    block block = {
        .variant = variant, .a_row = p->a_row, .a_column = p->a_column, .b_row = p->b_row, .b_column = p->b_column,
        .packed_step = p->k * HK_GEMM_COLUMNS,
        .call = {.alpha = 1, .b_row = p->packed ? HK_GEMM_COLUMNS : variant->gemm_block_columns, .c_row = p->c_row}};
    bool in_place = reads_in_place(p);
    int64_t panel_floats =
        p->packed ? 0 : divide_up(columns_most, variant->gemm_block_columns) * variant->gemm_block_columns * depth_most;
    int64_t row_tasks = divide_up(rows_most, TASK_ROWS);
    int64_t tile_floats =
        in_place ? 0
                 : row_tasks * divide_up(divide_up(rows_most, row_tasks), variant->gemm_block_rows) * tile_step(variant, depth_most);
    block.panels = hk_scratch(hk_scratch_call, (size_t)(panel_floats + tile_floats) * sizeof(float));
    block.tiles = block.panels + panel_floats;
    for (int64_t column_slab = 0; column_slab < column_slabs; column_slab++) {
        int64_t column = column_slab * columns_most;
        block.columns = p->n - column < columns_most ? p->n - column : columns_most;
        for (int64_t row_slab = 0; row_slab < row_slabs; row_slab++) {
            int64_t row = p->m * row_slab / row_slabs;
            block.rows = p->m * (row_slab + 1) / row_slabs - row;
            for (int64_t part = 0; part < parts; part++) {
                int64_t from = p->k * part / parts;
                block.depth = p->k * (part + 1) / parts - from;
                block.a = a + row * p->a_row + from * p->a_column;
                if (p->packed) block.packed = p->packed + column * p->k + from * HK_GEMM_COLUMNS;
                block.b = b + from * p->b_row + column * p->b_column;
                block.c = c + row * p->c_row + column;
                bool is_last = part == parts - 1;
                block.bias = is_last && p->bias ? p->bias + column : NULL;
                block.call.k = block.depth;
                block.call.beta = part > 0;
                block.call.relu = is_last && p->relu;
                block.call.a_row = in_place ? p->a_row : 1;
                block.call.a_column = in_place ? p->a_column : variant->gemm_block_rows;
                block.call.a_tile = in_place ? 0 : tile_step(variant, block.depth);
                run(&block, block.rows * block.columns * block.depth);
            }
        }
    }
}
