// Matrix products: panels of both factors packed densely, then micro-tiles in registers.
#include "internal.h"
#include <string.h>

/// Columns of a band of the result, and the depth that is packed at once: a packed band stays in the second level of cache.
#define BAND 64
#define DEPTH 256
/// Rows that one task takes.
#define ROWS 64

typedef struct {
    const hk_variant *variant;
    int type, bytes;
    int64_t m, n, k, row_tasks, column_tasks;
    const char *a, *b;
    char *c;
    int64_t a_row, a_column, b_row, b_column;
    hk_axes batch;
} product;

/// Copies a `rows` x `columns` block with any strides to a dense one of `pitch` columns, filled up with zeros.
static void pack(
    const char *from, int64_t row_stride, int64_t column_stride, int64_t rows, int64_t columns, int64_t pitch,
    int bytes, char *to) {
    if (columns < pitch) memset(to, 0, (size_t)(rows * pitch * bytes));
    for (int64_t i = 0; i < rows; i++) {
        hk_gather(to + i * pitch * bytes, from + i * row_stride * bytes, column_stride, bytes, columns);
    }
}

static void multiply(void *context, int64_t begin, int64_t end) {
    const product *p = context;
    int bytes = p->bytes;
    char *packed_a = hk_scratch(hk_scratch_thread, (size_t)(ROWS + BAND) * DEPTH * 8);
    char *packed_b = packed_a + (size_t)ROWS * DEPTH * 8;
    for (int64_t task = begin; task < end; task++) {
        int64_t batch = task / (p->row_tasks * p->column_tasks), within = task % (p->row_tasks * p->column_tasks);
        int64_t row = within / p->column_tasks * ROWS, column = within % p->column_tasks * BAND;
        int64_t rows = p->m - row < ROWS ? p->m - row : ROWS, columns = p->n - column < BAND ? p->n - column : BAND;
        hk_odometer at;
        hk_odometer_start(&at, &p->batch, batch);
        const char *a = p->a + (at.offset + row * p->a_row) * bytes;
        const char *b = p->b + (at.other + column * p->b_column) * bytes;
        char *c = p->c + ((batch * p->m + row) * p->n + column) * bytes;
        for (int64_t depth = 0; depth < p->k; depth += DEPTH) {
            int64_t length = p->k - depth < DEPTH ? p->k - depth : DEPTH;
            for (int64_t i = 0; i < rows; i += HK_PRODUCT_ROWS) {
                int64_t count = rows - i < HK_PRODUCT_ROWS ? rows - i : HK_PRODUCT_ROWS;
                pack(
                    a + (i * p->a_row + depth * p->a_column) * bytes, p->a_column, p->a_row, length, count,
                    HK_PRODUCT_ROWS, bytes, packed_a + i * DEPTH * bytes);
            }
            for (int64_t j = 0; j < columns; j += HK_PRODUCT_COLUMNS) {
                int64_t count = columns - j < HK_PRODUCT_COLUMNS ? columns - j : HK_PRODUCT_COLUMNS;
                pack(
                    b + (depth * p->b_row + j * p->b_column) * bytes, p->b_row, p->b_column, length, count,
                    HK_PRODUCT_COLUMNS, bytes, packed_b);
                for (int64_t i = 0; i < rows; i += HK_PRODUCT_ROWS) {
                    int64_t heights = rows - i < HK_PRODUCT_ROWS ? rows - i : HK_PRODUCT_ROWS;
                    p->variant->product[p->type](
                        length, packed_a + i * DEPTH * bytes, packed_b, c + (i * p->n + j) * bytes, p->n, heights,
                        count, depth == 0);
                }
            }
        }
    }
}

void hk_matmul(
    int type, int batch_rank, const int64_t *batch_extents, int64_t m, int64_t n, int64_t k, const void *a,
    const int64_t *a_batch_strides, int64_t a_row_stride, int64_t a_column_stride, const void *b,
    const int64_t *b_batch_strides, int64_t b_row_stride, int64_t b_column_stride, void *c) {
    product p = {
        .variant = hk_variant_current(), .type = type, .bytes = (int)hk_type_bytes(type), .m = m, .n = n, .k = k,
        .row_tasks = (m + ROWS - 1) / ROWS, .column_tasks = (n + BAND - 1) / BAND, .a = a, .b = b, .c = c,
        .a_row = a_row_stride, .a_column = a_column_stride, .b_row = b_row_stride, .b_column = b_column_stride};
    for (int axis = 0; axis < batch_rank; axis++) {
        hk_axes_add(&p.batch, batch_extents[axis], a_batch_strides[axis], b_batch_strides[axis]);
    }
    int64_t batches = hk_axes_count(&p.batch);
    if (batches * m * n <= 0) return;
    if (k <= 0) {
        memset(c, 0, (size_t)(batches * m * n * p.bytes));
        return;
    }
    hk_parallel(
        batches * p.row_tasks * p.column_tasks, (double)(batches * m) * (double)n * (double)k * 0.2, multiply, &p);
}
