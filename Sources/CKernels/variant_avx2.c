// The kernels for x86-64 processors with AVX2: 256-bit vectors with fused multiply-add (processors from about 2013 on).
#if defined(__x86_64__)
#define HK_AVX2 1
#define HK_AVX512 0
#define HK_HAS_FMA 1
#define HK_VARIANT hk_variant_avx2
#define HK_VARIANT_NAME "avx2"
#include "Templates/prelude.h"
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#include "Templates/variant.h"
#pragma clang attribute pop
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#include "Templates/variant.h"
#pragma GCC pop_options
#endif
#else
typedef int hk_not_this_architecture;
#endif
