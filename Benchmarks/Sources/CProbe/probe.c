#define _GNU_SOURCE
#include "probe.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_THREADS = 64, LANES = 12, ROUNDS = 20 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

/// Runs `work` on every thread at once, and gives the seconds until the last has ended.
static double together(int threads, void *(*work)(void *), void **arguments) {
    pthread_t ids[MAX_THREADS];
    double start = now();
    for (int i = 1; i < threads; i++) pthread_create(&ids[i], NULL, work, arguments[i]);
    work(arguments[0]);
    for (int i = 1; i < threads; i++) pthread_join(ids[i], NULL);
    return now() - start;
}

// As many independent chains as hide the latency of a multiply-add on two ports.
typedef float wide __attribute__((vector_size(64)));
typedef float half __attribute__((vector_size(32)));
typedef float quarter __attribute__((vector_size(16)));
enum { STEPS = 4 << 20 };

#define CHAINS(NAME, TYPE, TARGET)                                                      \
    TARGET static float NAME(float seed) {                                              \
        TYPE a[LANES], x = (TYPE){} + 0.999f, y = (TYPE){} + 1e-3f;                     \
        for (int k = 0; k < LANES; k++) a[k] = (TYPE){} + seed * k;                     \
        for (int i = 0; i < STEPS; i++) {                                               \
            _Pragma("clang loop unroll(full)") for (int k = 0; k < LANES; k++) a[k] = a[k] * x + y; \
        }                                                                               \
        float sum = 0;                                                                  \
        for (int k = 0; k < LANES; k++) sum += a[k][0];                                 \
        return sum;                                                                     \
    }

#pragma STDC FP_CONTRACT ON
#if defined(__x86_64__)
CHAINS(chains_avx512, wide, __attribute__((target("avx512f"))))
CHAINS(chains_avx2, half, __attribute__((target("avx2,fma"))))
#endif
CHAINS(chains_plain, quarter, )

static volatile float sink;

int probe_lanes(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) return 16;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 8;
#endif
    return 4;
}

/// Chains of this processor's widest vectors.
static void *multiply(void *argument) {
    switch (probe_lanes()) {
#if defined(__x86_64__)
    case 16: sink = chains_avx512(1); break;
    case 8: sink = chains_avx2(1); break;
#endif
    default: sink = chains_plain(1);
    }
    return argument;
}

double probe_peak_gflops(int threads) {
    if (threads > MAX_THREADS) threads = MAX_THREADS;
    void *arguments[MAX_THREADS] = {0};
    double best = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        double seconds = together(threads, multiply, arguments);
        if (seconds < best) best = seconds;
    }
    return 2.0 * STEPS * LANES * probe_lanes() * threads / best * 1e-9;
}

struct part {
    char *target, *source;
    size_t bytes;
};

static void *copy(void *argument) {
    struct part *part = argument;
    memcpy(part->target, part->source, part->bytes);
    return NULL;
}

double probe_copy_gbps(int threads) {
    if (threads > MAX_THREADS) threads = MAX_THREADS;
    size_t bytes = (size_t)256 << 20;
    char *source = malloc(bytes), *target = malloc(bytes);
    if (!source || !target) {
        free(source);
        free(target);
        return 0;
    }
    memset(source, 1, bytes);
    memset(target, 2, bytes);
    struct part parts[MAX_THREADS];
    void *arguments[MAX_THREADS];
    for (int i = 0; i < threads; i++) {
        size_t share = bytes / threads;
        parts[i] = (struct part){target + i * share, source + i * share, share};
        arguments[i] = &parts[i];
    }
    double best = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        double seconds = together(threads, copy, arguments);
        if (seconds < best) best = seconds;
    }
    free(source);
    free(target);
    return 2.0 * bytes / best * 1e-9;
}
