// Which instruction set the kernels use: chosen once, at run time.
#include "internal.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static _Atomic(const hk_variant *) current;

#if defined(__x86_64__)
/// AVX-512 with the instructions for bf16, which only some of its kernels are compiled for.
static hk_variant avx512bf16;
static pthread_once_t avx512bf16_once = PTHREAD_ONCE_INIT;

static void make_avx512bf16(void) {
    avx512bf16 = hk_variant_avx512;
    avx512bf16.name = "avx512bf16";
    avx512bf16.bf16 = hk_bf16_avx512;
}
#endif

static const hk_variant *named(const char *name) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    if (avx512 && __builtin_cpu_supports("avx512bf16") && (!name || strcmp(name, "avx512bf16") == 0)) {
        pthread_once(&avx512bf16_once, make_avx512bf16);
        return &avx512bf16;
    }
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

bool hk_has_bf16(void) { return hk_variant_current()->bf16.is_native; }
