// Small and medium matrix products in f32: packing, and products by packed panels.
#include "gemm.h"
#include "internal.h"
#include <string.h>

size_t hk_gemm_packed_bytes(int64_t k, int64_t n) {
    int64_t panels = (n + HK_GEMM_COLUMNS - 1) / HK_GEMM_COLUMNS;
    return (size_t)(panels * HK_GEMM_COLUMNS * k) * sizeof(float);
}

void hk_gemm_pack(const float *b, int64_t row_stride, int64_t column_stride, int64_t k, int64_t n, float *packed) {
    const hk_variant *variant = hk_variant_current();
    for (int64_t column = 0; column < n; column += HK_GEMM_COLUMNS, packed += k * HK_GEMM_COLUMNS) {
        int64_t columns = n - column < HK_GEMM_COLUMNS ? n - column : HK_GEMM_COLUMNS;
        const float *from = b + column * column_stride;
        if (columns < HK_GEMM_COLUMNS) memset(packed, 0, (size_t)(k * HK_GEMM_COLUMNS) * sizeof(float));
        if (row_stride == 1 && column_stride != 1) {
            variant->transpose[2](
                (const char *)from, column_stride, (char *)packed, HK_GEMM_COLUMNS, columns, k);
        } else if (column_stride == 1 && columns == HK_GEMM_COLUMNS) {
            for (int64_t l = 0; l < k; l++) {
                memcpy(packed + l * HK_GEMM_COLUMNS, from + l * row_stride, HK_GEMM_COLUMNS * sizeof(float));
            }
        } else {
            for (int64_t l = 0; l < k; l++) {
                hk_gather(
                    (char *)(packed + l * HK_GEMM_COLUMNS), (const char *)(from + l * row_stride), column_stride,
                    sizeof(float), columns);
            }
        }
    }
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
