// What the files of the f32 matrix products share.
#pragma once
#include "gemm.h"

/// One product of a batch, large enough that packing both sides pays; `a`, `b` and `c` are its matrices.
void hk_gemm_by_blocks(const hk_gemm_product *product, const float *a, const float *b, float *c);
