// One variant: all templates, and the table of what they define.
#include "vector.h"
#include "functions.h"
#include "conversion.h"
#include "operations.h"
#include "reduction.h"
#include "softmax.h"
#include "philox.h"
#include "transpose.h"
#include "pooling.h"
#include "product.h"
#include "peak.h"

const hk_variant HK_VARIANT = {
    .name = HK_VARIANT_NAME,
    .elementwise = HK_ELEMENTWISE_TABLE,
    .convert = {
        [hk_type_f32] = HK_CONVERT_ROW(f32),
        [hk_type_f64] = HK_CONVERT_ROW(f64),
        [hk_type_i32] = HK_CONVERT_ROW(i32),
        [hk_type_i64] = HK_CONVERT_ROW(i64),
        [hk_type_u8] = HK_CONVERT_ROW(u8),
        [hk_type_bool] = HK_CONVERT_ROW(bool),
        [hk_type_bf16] = HK_CONVERT_ROW(bf16),
        [hk_type_f16] = HK_CONVERT_ROW(f16),
    },
    .reduce = HK_REDUCE_TABLE,
    .argument = HK_ARGUMENT_TABLE(argument),
    .argument_columns = HK_ARGUMENT_TABLE(argument_columns),
    .softmax = softmax_row,
    .log_softmax = log_softmax_row,
    .softmax_gradient = softmax_gradient_row,
    .log_softmax_gradient = log_softmax_gradient_row,
    .philox = philox_blocks,
    .uniform = uniforms,
    .normal = normals,
    .transpose = {transpose1, transpose2, transpose4, transpose8},
    .maxpool_2x2 = {maxpool_2x2_f32, maxpool_2x2_f64},
    .maxpool_select_2x2 = {maxpool_select_2x2_f32, maxpool_select_2x2_f64},
    .maxpool_scatter_2x2 = {maxpool_scatter_2x2_f32, maxpool_scatter_2x2_f64},
    .pool_max = {pool_max_f32, pool_max_f64},
    .pool_place = {pool_place_f32, pool_place_f64},
    .pool_sum = {pool_sum_f32, pool_sum_f64},
    .pool_spread = {pool_spread_f32, pool_spread_f64},
    .product = {
        [hk_type_f32] = product_f32,
        [hk_type_f64] = product_f64,
        [hk_type_i32] = product_i32,
        [hk_type_i64] = product_i64,
    },
    .multiply_adds = multiply_add_chains,
    .multiply_add_chains = HK_PEAK_CHAINS,
    .streaming_copy = streaming_copy,
};
