// The kernels for what every processor of the architecture has: SSE2 on x86-64, NEON on 64-bit ARM.
#define HK_AVX2 0
#define HK_AVX512 0
#if defined(__ARM_FEATURE_FMA)
#define HK_HAS_FMA 1
#else
#define HK_HAS_FMA 0
#endif
#define HK_VARIANT hk_variant_plain
#define HK_VARIANT_NAME "plain"
#include "Templates/prelude.h"
#include "Templates/variant.h"
