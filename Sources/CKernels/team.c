// The team of threads, parallel loops over it, and each thread's scratch memory.
#include "internal.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

// libgomp's entry points, declared here so that no compiler flag is needed.
extern void GOMP_parallel(void (*body)(void *), void *context, unsigned threads, unsigned flags);
extern int omp_get_thread_num(void);
extern int omp_get_num_threads(void);
extern int omp_get_max_threads(void);
extern int omp_in_parallel(void);
extern void omp_set_num_threads(int threads);

#define MAX_THREADS 256
/// Below this much work, in nanoseconds, the calling thread does it faster alone than with others to wake.
#define PARALLEL_COST 30000.0
/// The same while the others are still awake from the last time: then they take up work in less than a microsecond.
#define AWAKE_COST 6000.0
/// For so long, in nanoseconds, threads that are done are counted on to be awake: libgomp's wait some milliseconds before they sleep.
#define AWAKE_TIME 200000
/// They are woken for work between the two costs once so much of it came without a pause.
#define WAKE_COST 200000.0
/// So much work in all, in nanoseconds, is done alone before the team is first asked: starting its threads takes up to a millisecond, longer
/// on a busy machine, and a program that is done by then never needs them.
#define START_COST 1000000

static atomic_int thread_count;
static atomic_llong work_done_alone;
/// When this thread's team was last done, when it last could have been used, and what work was done without it since.
static _Thread_local int64_t last_team_time, last_chance;
static _Thread_local double missed;

static int64_t nanoseconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/// Whether threads that have nothing to do sleep at once, since the user wants it so.
static bool sleeps_at_once(void) {
    static atomic_int known;
    int answer = atomic_load_explicit(&known, memory_order_relaxed);
    if (answer == 0) {
        const char *policy = getenv("OMP_WAIT_POLICY");
        answer = policy && (policy[0] == 'p' || policy[0] == 'P') ? 1 : 2;
        atomic_store_explicit(&known, answer, memory_order_relaxed);
    }
    return answer == 1;
}

/// Whether so much work is worth the team.
static bool is_for_team(double cost) {
    if (cost >= PARALLEL_COST) return true;
    if (cost < AWAKE_COST || sleeps_at_once()) return false;
    int64_t now = nanoseconds();
    if (now - last_team_time < AWAKE_TIME) return true;
    if (now - last_chance > AWAKE_TIME) missed = 0;
    last_chance = now;
    missed += cost;
    if (missed < WAKE_COST) return false;
    missed = 0;
    return true;
}

/// Whether work of this cost is still part of what is done before the team starts.
static bool is_done_before_team(double cost) {
    if (atomic_load_explicit(&work_done_alone, memory_order_relaxed) >= START_COST) return false;
    // Longer work counts only as much as it takes to stop: it is for the team at once.
    if (cost > START_COST) cost = START_COST;
    return atomic_fetch_add_explicit(&work_done_alone, (long long)cost, memory_order_relaxed) + (long long)cost < START_COST;
}

int hk_threads(void) {
    int threads = atomic_load_explicit(&thread_count, memory_order_relaxed);
    if (threads > 0) return threads;
    hk_set_threads(0);
    return atomic_load_explicit(&thread_count, memory_order_relaxed);
}

void hk_set_threads(int threads) {
    static atomic_int all;
    if (atomic_load(&all) == 0) {
        int count = omp_get_max_threads();
        atomic_store(&all, count < 1 ? 1 : count);
    }
    if (threads < 1) threads = atomic_load(&all);
    if (threads > MAX_THREADS) threads = MAX_THREADS;
    atomic_store(&thread_count, threads);
    omp_set_num_threads(threads);
}

/// Turns on flush-to-zero and denormals-are-zero; returns the control register as it was.
static inline uint64_t flush_denormals(void) {
#if defined(__SSE__)
    unsigned state = _mm_getcsr();
    if ((state & 0x8040) != 0x8040) _mm_setcsr(state | 0x8040);
    return state;
#elif defined(__aarch64__)
    uint64_t state;
    __asm__ volatile("mrs %0, fpcr" : "=r"(state));
    __asm__ volatile("msr fpcr, %0" : : "r"(state | (1u << 24)));
    return state;
#else
    return 0;
#endif
}

static inline void restore_denormals(uint64_t state) {
#if defined(__SSE__)
    if ((state & 0x8040) != 0x8040) _mm_setcsr((unsigned)state);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(state));
#else
    (void)state;
#endif
}

typedef struct {
    void (*body)(void *context, int thread, int threads);
    void *context;
} team_call;

static void team_thread(void *data) {
    team_call *call = data;
    uint64_t state = flush_denormals();
    call->body(call->context, omp_get_thread_num(), omp_get_num_threads());
    restore_denormals(state);
}

void hk_team_run(void (*body)(void *context, int thread, int threads), void *context) {
    int threads = hk_threads();
    if (threads == 1 || omp_in_parallel()) {
        uint64_t state = flush_denormals();
        body(context, 0, 1);
        restore_denormals(state);
        return;
    }
    team_call call = {body, context};
    GOMP_parallel(team_thread, &call, (unsigned)threads, 0);
    last_team_time = nanoseconds();
}

/// A range of pieces that belongs to one thread, from which idle threads help themselves.
typedef struct {
    _Alignas(64) atomic_llong next;
    int64_t end;
} share;

typedef struct {
    void (*body)(void *context, int64_t begin, int64_t end);
    void *context;
    int64_t count, pieces;
    int shares;
    share *share;
} loop;

static void loop_thread(void *context, int thread, int threads) {
    (void)threads;
    loop *loop = context;
    // A thread begins with its own share, the same in every loop, so that what it wrote is still in its cache.
    for (int turn = 0; turn < loop->shares; turn++) {
        share *share = &loop->share[(thread + turn) % loop->shares];
        for (;;) {
            if (atomic_load_explicit(&share->next, memory_order_relaxed) >= share->end) break;
            int64_t piece = atomic_fetch_add_explicit(&share->next, 1, memory_order_relaxed);
            if (piece >= share->end) break;
            int64_t begin = (int64_t)((__int128)loop->count * piece / loop->pieces);
            int64_t end = (int64_t)((__int128)loop->count * (piece + 1) / loop->pieces);
            loop->body(loop->context, begin, end);
        }
    }
}

void hk_parallel(
    int64_t count, double cost, void (*body)(void *context, int64_t begin, int64_t end), void *context) {
    if (count <= 0) return;
    int threads = count == 1 || !is_for_team(cost) ? 1 : hk_threads();
    if (threads == 1 || is_done_before_team(cost)) {
        uint64_t state = flush_denormals();
        body(context, 0, count);
        restore_denormals(state);
        return;
    }
    // Pieces of at least a few microseconds, as many for each thread, at most 16.
    int64_t pieces = (int64_t)(cost / 5000) + threads;
    pieces -= pieces % threads;
    if (pieces > 16 * (int64_t)threads) pieces = 16 * (int64_t)threads;
    if (pieces > count) pieces = count;
    if (pieces < threads) threads = (int)pieces;
    share shares[MAX_THREADS];
    for (int i = 0; i < threads; i++) {
        atomic_init(&shares[i].next, pieces * i / threads);
        shares[i].end = pieces * (i + 1) / threads;
    }
    loop loop = {body, context, count, pieces, threads, shares};
    hk_team_run(loop_thread, &loop);
}

typedef struct {
    void *memory[hk_scratch_count];
    size_t bytes[hk_scratch_count];
} scratch;

static _Thread_local scratch *thread_scratch;
static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;

static void free_scratch(void *value) {
    scratch *scratch = value;
    for (int slot = 0; slot < hk_scratch_count; slot++) free(scratch->memory[slot]);
    free(scratch);
}

static void make_scratch_key(void) { pthread_key_create(&scratch_key, free_scratch); }

void *hk_scratch(int slot, size_t bytes) {
    scratch *own = thread_scratch;
    if (__builtin_expect(own && own->bytes[slot] >= bytes, 1)) return own->memory[slot];
    if (!own) {
        pthread_once(&scratch_once, make_scratch_key);
        own = calloc(1, sizeof *own);
        if (!own) abort();
        pthread_setspecific(scratch_key, own);
        thread_scratch = own;
    }
    size_t size = 256 * 1024;
    while (size < bytes) size *= 2;
    free(own->memory[slot]);
    void *memory = aligned_alloc(64, size);
    if (!memory) abort();
    own->memory[slot] = memory;
    own->bytes[slot] = size;
    return memory;
}
