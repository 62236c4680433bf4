// What the files of the f32 matrix products share.
#pragma once
#include "internal.h"

/// One product of a batch, large enough that packing both sides pays; `a`, `b` and `c` are its matrices.
void hk_gemm_by_blocks(const hk_gemm_product *product, const float *a, const float *b, float *c);

/// Whether such a product packs A; else it reads it where it lies.
bool hk_gemm_blocks_pack_left(const hk_gemm_product *product);

/// The distance of a product's gate, for its calls.
static inline intptr_t hk_gemm_gate(const hk_gemm_product *p) { return p->gate ? (intptr_t)p->gate - (intptr_t)p->c : 0; }

/// Whether registers are few, as with AVX2: tiles are low, and panels half as wide as those that are packed ahead.
static inline bool hk_gemm_has_few_registers(const hk_variant *variant) { return variant->gemm_block_columns < HK_GEMM_COLUMNS; }

/// How many times as long as with AVX-512 a product is taken to last, for the choice of threads alone.
static inline double hk_gemm_slowness(const hk_variant *variant) { return hk_gemm_has_few_registers(variant) ? 2.5 : 1; }
