// One variant: all templates, and the table of what they define.
#include "vector.h"
#include "functions.h"
#include "conversion.h"
#include "operations.h"

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
};
