// The machine's peak rates, measured: what kernels are compared with.
#include "internal.h"
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

static double seconds_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

typedef struct {
    const hk_variant *variant;
    int64_t rounds;
    volatile float sink;
} chains;

static void run_chains(void *context, int thread, int threads) {
    (void)thread, (void)threads;
    chains *c = context;
    // Factor and term keep the numbers between 0 and 2, whatever their number of steps.
    c->sink = c->variant->multiply_adds(c->rounds, 0.5f, 0.5f);
}

double hk_peak_flops(double seconds) {
    chains c = {.variant = hk_variant_current(), .rounds = 20000};
    double operations = 2.0 * HK_GRANULE * c.variant->multiply_add_chains * hk_threads(), best = 0;
    double end = seconds_now() + seconds;
    // Repeats of some tenths of a millisecond: long beside waking the team, short beside whatever else interrupts it.
    do {
        double begin = seconds_now();
        hk_team_run(run_chains, &c);
        double taken = seconds_now() - begin, rate = operations * (double)c.rounds / taken;
        if (rate > best) best = rate;
        if (taken < 3e-4) c.rounds *= 2;
    } while (seconds_now() < end);
    return best;
}

typedef struct {
    const hk_variant *variant;
    const float *from;
    float *to;
    int64_t granules;
} stream;

static void run_stream(void *context, int thread, int threads) {
    const stream *s = context;
    int64_t begin = s->granules * thread / threads, end = s->granules * (thread + 1) / threads;
    s->variant->streaming_copy(s->from + begin * HK_GRANULE, s->to + begin * HK_GRANULE, end - begin);
}

/// Bytes copied in all, more than the last level of cache of common processors, and at once, short beside what interrupts it.
#define WHOLE ((int64_t)64 << 20)
#define PART ((int64_t)4 << 20)
#define HUGE_PAGE ((size_t)2 << 20)

double hk_peak_bandwidth(double seconds) {
    float *memory = aligned_alloc(HUGE_PAGE, (size_t)(2 * WHOLE));
    if (!memory) return 0;
    // Touching 128 MiB page by page takes longer than measuring.
    (void)madvise(memory, (size_t)(2 * WHOLE), MADV_HUGEPAGE);
    float zero = 0;
    hk_fill(4, &zero, memory, 2 * WHOLE / 4);
    double best = 0, end = seconds_now() + seconds;
    for (int64_t part = 0;; part = (part + PART) % WHOLE) {
        stream s = {hk_variant_current(), memory + part / 4, memory + (WHOLE + part) / 4, PART / 64};
        double begin = seconds_now();
        hk_team_run(run_stream, &s);
        double now = seconds_now(), rate = 2.0 * (double)PART / (now - begin);
        if (rate > best) best = rate;
        if (now >= end) break;
    }
    free(memory);
    return best;
}
