// Which instruction set the kernels use: chosen once, at run time.
#include "internal.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static _Atomic(const hk_variant *) current;

static const hk_variant *named(const char *name) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    if (avx512 && (!name || strcmp(name, "avx512") == 0)) return &hk_variant_avx512;
    if (avx2 && (!name || strcmp(name, "avx2") == 0)) return &hk_variant_avx2;
#endif
    return !name || strcmp(name, "plain") == 0 ? &hk_variant_plain : NULL;
}

const hk_variant *hk_variant_current(void) {
    const hk_variant *variant = atomic_load_explicit(&current, memory_order_acquire);
    if (__builtin_expect(variant != NULL, 1)) return variant;
    const char *wanted = getenv("HILLOCK_ISA");
    variant = wanted ? named(wanted) : NULL;
    if (!variant) variant = named(NULL);
    atomic_store_explicit(&current, variant, memory_order_release);
    return variant;
}

const char *hk_isa(void) { return hk_variant_current()->name; }

bool hk_set_isa(const char *name) {
    const hk_variant *variant = named(name);
    if (!name || !variant) return false;
    atomic_store_explicit(&current, variant, memory_order_release);
    return true;
}

bool hk_has_bf16(void) {
#if defined(__x86_64__)
    return hk_variant_current() == &hk_variant_avx512 && __builtin_cpu_supports("avx512bf16");
#else
    return false;
#endif
}
