// What the files of the f32 matrix products share.
#pragma once
#include "internal.h"

/// One product of a batch, large enough that packing both sides pays; `a`, `b` and `c` are its matrices.
void hk_gemm_by_blocks(const hk_gemm_product *product, const float *a, const float *b, float *c);

/// How many times as long as with AVX-512 a multiplication takes, where there are few registers, as with AVX2: vectors of half the length, and
/// lower clocks of the processors that have no longer ones.
static inline double hk_gemm_slowness(const hk_variant *variant) { return variant->gemm_block_columns < HK_GEMM_COLUMNS ? 2.5 : 1; }
