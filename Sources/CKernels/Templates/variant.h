// One variant: all templates, and the table of what they define.
#include "vector.h"
#include "functions.h"
#include "conversion.h"
#include "bf16.h"
#include "operations.h"
#include "reduction.h"
#include "softmax.h"
#include "cross_entropy.h"
#include "ctc.h"
#include "optimizer.h"
#include "skip_gram.h"
#include "normalization.h"
#include "layer_norm.h"
#include "philox.h"
#include "transpose.h"
#include "pooling.h"
#include "pooling_blocked.h"
#include "product.h"
#include "winograd_rounding.h"
#include "winograd_transforms.h"
#include "winograd_products.h"
#include "winograd.h"
#include "bf16_kernels.h"
#include "unfold.h"
#include "taps.h"
#include "correlate.h"
#include "narrow.h"
#include "gemm.h"
#include "gemm_blocks.h"
#include "dots.h"
#include "attention.h"
#include "recurrent.h"
#include "recurrent_product.h"
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
    .softmax = softmax_rows,
    .log_softmax = log_softmax_rows,
    .softmax_gradient = softmax_gradient_row,
    .log_softmax_gradient = log_softmax_gradient_row,
    .log_sum = log_sum_row,
    .weighted_sum = weighted_sum_row,
    .cross_entropy_gradient = cross_entropy_gradient_row,
    .cross_entropy_both = cross_entropy_both_row,
    .ctc_step = ctc_step,
    .ctc_posterior = ctc_posterior,
    .skip_gram_scores = skip_gram_scores,
    .skip_gram_steps = skip_gram_steps,
    .skip_gram_update = skip_gram_update,
    .add_scaled = add_scaled,
    .add_scaled_rows = add_scaled_rows,
    .add_groups = add_groups,
    .combine_rows = combine_rows,
    .optimizer = {sgd_step, momentum_step, adam_step},
    .norm_moments = {norm_run_moments, norm_columns_moments},
    .norm_apply = {norm_run_apply, norm_columns_apply},
    .norm_sums = {norm_run_sums, norm_columns_sums},
    .norm_gradient = {norm_run_gradient, norm_columns_gradient},
    .norm_merge = norm_merge,
    .norm_total = norm_total,
    .layer_norm = layer_norm_rows,
    .layer_norm_gradient = layer_norm_gradient,
    .layer_norm_fold = layer_norm_fold,
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
    .blocked_pool = {blocked_max, blocked_max_places, blocked_average},
    .blocked_max_gradient = blocked_max_gradient,
    .blocked_average_gradient = blocked_average_gradient,
    .product = {
        [hk_type_f32] = product_f32,
        [hk_type_f64] = product_f64,
        [hk_type_i32] = product_i32,
        [hk_type_i64] = product_i64,
    },
    .narrow_row = narrow_row,
    .narrow_pixels = narrow_pixels,
    .winograd = HK_WINOGRAD_TABLE(f32, f32, 4, 1),
    .winograd_finish = winograd_finish,
    .winograd_weights_gradient = winograd_weights_gradient,
    .unfold = unfold,
    .taps = taps,
    .correlate = correlate,
    .correlate_total = correlate_total,
    .gemm = gemm,
    .gemm_panel = gemm_panel,
    .gemm_pack_tiles = gemm_pack_tiles,
    .gemm_pack_panels = gemm_pack_panels,
    .gemm_sum_tiles = gemm_sum_tiles,
    .gemm_block_rows = GEMM_ROWS,
    .gemm_block_columns = GEMM_BLOCK_COLUMNS,
    .bf16 = HK_BF16_TABLE,
    .dots = dots,
    .attention_row = attention_row,
    .attention_scale = attention_scale,
    .attention_dot = attention_dot,
    .attention_gradient_row = attention_gradient_row,
    .recurrent_product = HK_RECURRENT_PRODUCT,
    .lstm_forward = lstm_forward,
    .gru_forward = gru_forward,
    .lstm_backward = lstm_backward,
    .gru_backward = gru_backward,
    .multiply_adds = multiply_add_chains,
    .multiply_add_chains = HK_PEAK_CHAINS,
    .streaming_copy = streaming_copy,
};
