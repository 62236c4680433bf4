// The kernels for AVX512-BF16: AVX-512 with products of pairs of bf16 numbers (Zen 4 and later, Cooper Lake, Sapphire Rapids and later).
#if defined(__x86_64__)
#define HK_AVX2 0
#define HK_AVX512 1
#define HK_HAS_FMA 1
#define HK_BF16 1
#include "Templates/prelude.h"
#if defined(__clang__)
#pragma clang attribute push(                                                                                         \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx2,fma"))), apply_to = function)
#include "Templates/bf16_variant.h"
#pragma clang attribute pop
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx2,fma")
#include "Templates/bf16_variant.h"
#pragma GCC pop_options
#endif
#else
typedef int hk_not_this_architecture;
#endif
