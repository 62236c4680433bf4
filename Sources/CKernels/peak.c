// The machine's peak rates, measured: what kernels are compared with.
#include "internal.h"
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

// All threads work for the whole time, in pieces of a few microseconds, and what each has done is noted by slots of time: on a machine
// where others take the cores now and then, slots that nobody disturbed are found all the same.
#define SLOT_SECONDS 5e-4
#define SLOTS 1024

/// Does a piece of work and says how much it is.
typedef int64_t (*race_piece)(const void *context, int thread, int threads, int64_t number);

typedef struct {
    double start, seconds;
    race_piece piece;
    const void *context;
    int threads;
    /// By thread, then by slot.
    int64_t *work;
} race;

static double seconds_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void run_race(void *context, int thread, int threads) {
    race *r = context;
    if (thread >= r->threads) return;
    for (int64_t number = 0;; number++) {
        int64_t work = r->piece(r->context, thread, threads, number);
        double slot = (seconds_now() - r->start) / SLOT_SECONDS;
        if (slot >= SLOTS || slot * SLOT_SECONDS >= r->seconds) return;
        r->work[(int64_t)thread * SLOTS + (int64_t)slot] += work;
    }
}

/// Work in a second: of the best slot of all threads together if they share what they work with, else of each thread's best slot.
static double best_rate(double seconds, bool is_shared, race_piece piece, const void *context) {
    race r = {.piece = piece, .context = context, .threads = hk_threads()};
    // Two slots at least, so that one is whole.
    r.seconds = seconds < 2 * SLOT_SECONDS ? 2 * SLOT_SECONDS : seconds;
    r.work = calloc((size_t)r.threads * SLOTS, sizeof *r.work);
    if (!r.work) return 0;
    int64_t sum = 0;
    // Where no thread got a turn nothing is done: then once more.
    while (sum == 0) {
        r.start = seconds_now();
        hk_team_run(run_race, &r);
        int64_t together = 0;
        for (int thread = 0; thread < r.threads; thread++) {
            int64_t best = 0;
            for (int slot = 0; slot < SLOTS; slot++) {
                if (r.work[(int64_t)thread * SLOTS + slot] > best) best = r.work[(int64_t)thread * SLOTS + slot];
            }
            sum += best;
        }
        for (int slot = 0; slot < SLOTS; slot++) {
            int64_t all = 0;
            for (int thread = 0; thread < r.threads; thread++) all += r.work[(int64_t)thread * SLOTS + slot];
            if (all > together) together = all;
        }
        if (is_shared) sum = together;
    }
    free(r.work);
    return (double)sum / SLOT_SECONDS;
}

/// Steps of every chain in a piece.
#define ROUNDS 2000

static int64_t multiply_adds(const void *context, int thread, int threads, int64_t number) {
    (void)thread, (void)threads, (void)number;
    const hk_variant *variant = context;
    // Factor and term keep the numbers between 0 and 16, whatever their number of steps.
    volatile float sink = variant->multiply_adds(ROUNDS, 0.5f, 0.5f);
    (void)sink;
    return (int64_t)2 * HK_GRANULE * variant->multiply_add_chains * ROUNDS;
}

double hk_peak_flops(double seconds) { return best_rate(seconds, false, multiply_adds, hk_variant_current()); }

static int64_t bf16_multiply_adds(const void *context, int thread, int threads, int64_t number) {
    (void)thread, (void)threads, (void)number;
    const hk_variant *variant = context;
    volatile float sink = variant->bf16.multiply_adds(ROUNDS);
    (void)sink;
    return (int64_t)4 * HK_GRANULE * variant->bf16.multiply_add_chains * ROUNDS;
}

double hk_peak_bf16_flops(double seconds) { return best_rate(seconds, false, bf16_multiply_adds, hk_variant_current()); }

/// Bytes that are copied, more than the last level of cache of common processors, and those of a piece.
#define WHOLE ((int64_t)64 << 20)
#define PIECE ((int64_t)64 << 10)
#define HUGE_PAGE ((size_t)2 << 20)

typedef struct {
    const hk_variant *variant;
    float *from, *to;
} stream;

static int64_t copy_piece(const void *context, int thread, int threads, int64_t number) {
    const stream *s = context;
    // Each thread walks through a part of its own, again and again.
    int64_t pieces = WHOLE / PIECE, first = pieces * thread / threads, count = pieces * (thread + 1) / threads - first;
    int64_t at = (first + number % (count < 1 ? 1 : count)) * (PIECE / 4);
    s->variant->streaming_copy(s->from + at, s->to + at, PIECE / 64);
    return 2 * PIECE;
}

double hk_peak_bandwidth(double seconds) {
    float *memory = aligned_alloc(HUGE_PAGE, (size_t)(2 * WHOLE));
    if (!memory) return 0;
    // Touching 128 MiB page by page takes longer than measuring.
    (void)madvise(memory, (size_t)(2 * WHOLE), MADV_HUGEPAGE);
    float zero = 0;
    hk_fill(4, &zero, memory, 2 * WHOLE / 4);
    stream s = {hk_variant_current(), memory, memory + WHOLE / 4};
    double rate = best_rate(seconds, true, copy_piece, &s);
    free(memory);
    return rate;
}
