// What a variant needs before its instruction set is switched on: headers, and how floating point is compiled.
#include "../internal.h"
#include <math.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#ifndef HK_BF16
/// Whether instructions for bf16 may be used.
#define HK_BF16 0
#endif

// The templates paste `bool` into names; the type is _Bool there.
#undef bool

// Unrolled loops keep arrays of vectors in registers. Rolled ones are long enough: unrolled, what they work on would not fit into registers.
#if defined(__clang__)
#define HK_UNROLL _Pragma("clang loop unroll(full)")
#define HK_ROLLED _Pragma("clang loop unroll(disable)")
#define HK_FOURFOLD _Pragma("clang loop unroll_count(4)")
#else
#define HK_UNROLL _Pragma("GCC unroll 36")
#define HK_ROLLED _Pragma("GCC unroll 1")
#define HK_FOURFOLD _Pragma("GCC unroll 4")
#endif

// Loops over low tiles of sums: where registers are few, counting is a tenth of their instructions.
#if HK_AVX512
#define HK_COUNTED HK_ROLLED
#else
#define HK_COUNTED HK_FOURFOLD
#endif

#if defined(__clang__)
// Vectors wider than the registers only pass between inlined functions, so no calling convention is at stake.
#pragma clang diagnostic ignored "-Wpsabi"
// Every rounding is where the source puts it: the same bits in all variants that have fused multiply-add.
#pragma STDC FP_CONTRACT OFF
#else
#pragma GCC diagnostic ignored "-Wpsabi"
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#pragma GCC optimize("O3", "fp-contract=off", "no-math-errno", "no-trapping-math")
#endif
