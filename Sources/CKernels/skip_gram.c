// Skip-gram with negative sampling: every thread has strips of columns of both tables, and threads exchange only parts of scores.
#include "internal.h"
#include <sched.h>
#include <stdatomic.h>

/// Columns of a strip: what a kernel keeps in registers.
#define STRIP_MOST 64

typedef struct {
    const hk_variant *variant;
    const hk_skip_gram_batch *batch;
    float *input, *output;
    /// `[count, slots]` words that are there, twice the word plus whether it was seen, and how many.
    uint32_t *entries;
    int32_t *entry_counts;
    int64_t strips, strip;
    /// `[2, strips, block * slots]`: parts of the scores, of every other block.
    float *parts;
    _Alignas(64) atomic_llong arrived;
    /// From this turn on the first thread goes on alone.
    _Alignas(64) atomic_llong alone_from;
} call;

/// Turns of a waiting loop that the first thread may spend in a call; then another program has the others' processors, and waiting costs
/// more than the work does.
#define PATIENCE 10000

static void gather_entries(void *context, int64_t begin, int64_t end) {
    const call *c = context;
    int64_t slots = c->batch->slots, period = c->batch->period;
    for (int64_t i = begin; i < end; i++) {
        const int32_t *targets = c->batch->targets + i * slots;
        uint32_t *entries = c->entries + i * slots;
        int32_t count = 0;
        int64_t phase = 0;
        for (int64_t k = 0; k < slots; k++) {
            entries[count] = (uint32_t)targets[k] << 1 | (phase == 0);
            count += targets[k] >= 0;
            if (++phase == period) phase = 0;
        }
        c->entry_counts[i] = count;
    }
}

/// Waits until all threads have come here `turn` times; says how long that took.
static int64_t meet(call *c, int64_t turn, int threads) {
    int64_t spins = 0;
    atomic_fetch_add_explicit(&c->arrived, 1, memory_order_acq_rel);
    while (atomic_load_explicit(&c->arrived, memory_order_acquire) < turn * threads) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
        // Somebody else may need the processor to get here.
        if (++spins > 2000) {
            sched_yield();
            spins += 50;
        }
    }
    return spins;
}

static void run(void *context, int thread, int threads) {
    call *c = context;
    const hk_skip_gram_batch *b = c->batch;
    int64_t slots = b->slots, columns = b->dimensions, most = HK_SKIP_GRAM_BLOCK * slots;
    int64_t turn = 0, waited = 0;
    float *steps = hk_scratch(hk_scratch_thread, (size_t)most * sizeof *steps);
    for (int64_t begin = 0; begin < b->count; begin += HK_SKIP_GRAM_BLOCK) {
        int64_t end = begin + HK_SKIP_GRAM_BLOCK < b->count ? begin + HK_SKIP_GRAM_BLOCK : b->count;
        float *parts = c->parts + turn % 2 * c->strips * most;
        for (int64_t strip = thread; strip < c->strips; strip += threads) {
            int64_t column = strip * c->strip, width = columns - column < c->strip ? columns - column : c->strip;
            float *scores = parts + strip * most;
            for (int64_t i = begin; i < end; i++) {
                int64_t next = i + HK_SKIP_GRAM_BLOCK;
                bool more = next < b->count;
                if (more) __builtin_prefetch(c->input + (int64_t)b->centers[next] * columns + column, 1);
                c->variant->skip_gram_scores(
                    c->input + (int64_t)b->centers[i] * columns + column, c->output + column, columns, width,
                    c->entries + i * slots, c->entry_counts[i], c->entries + next * slots, more ? c->entry_counts[next] : 0,
                    scores);
                scores += c->entry_counts[i];
            }
        }
        turn++;
        if (threads > 1) {
            if (thread == 0 && waited > PATIENCE) {
                atomic_store_explicit(&c->alone_from, turn, memory_order_relaxed);
            }
            waited += meet(c, turn, threads);
            if (atomic_load_explicit(&c->alone_from, memory_order_relaxed) <= turn) {
                if (thread > 0) return;
                threads = 1;
            }
        }
        // Every thread adds the parts up for itself, in the same order.
        float *step = steps;
        int64_t at = 0;
        for (int64_t i = begin; i < end; i++) {
            int64_t n = c->entry_counts[i];
            for (int64_t k = 0; k < n; k++) {
                float score = parts[at + k];
                for (int64_t strip = 1; strip < c->strips; strip++) score += parts[strip * most + at + k];
                step[k] = score;
            }
            c->variant->skip_gram_steps(c->entries + i * slots, n, b->rate, step);
            step += n;
            at += n;
        }
        for (int64_t strip = thread; strip < c->strips; strip += threads) {
            int64_t column = strip * c->strip, width = columns - column < c->strip ? columns - column : c->strip;
            step = steps;
            for (int64_t i = begin; i < end; i++) {
                c->variant->skip_gram_update(
                    c->input + (int64_t)b->centers[i] * columns + column, c->output + column, columns, width,
                    c->entries + i * slots, c->entry_counts[i], step);
                step += c->entry_counts[i];
            }
        }
    }
}

static void run_alone(void *context, int64_t begin, int64_t end) {
    (void)begin;
    (void)end;
    run(context, 0, 1);
}

/// The first word that is out of range, or -1.
static int64_t first_bad(const hk_skip_gram_batch *b) {
    for (int64_t i = 0; i < b->count; i++) {
        if ((uint64_t)(int64_t)b->centers[i] >= (uint64_t)b->vocabulary) return -2 - i;
    }
    bool bad = false;
    for (int64_t k = 0; k < b->count * b->slots; k++) bad |= b->targets[k] >= b->vocabulary;
    for (int64_t k = 0; bad; k++) {
        if (b->targets[k] >= b->vocabulary) return k;
    }
    return -1;
}

int64_t hk_skip_gram(const hk_skip_gram_batch *batch, float *input, float *output) {
    int64_t bad = first_bad(batch);
    if (bad != -1 || batch->count <= 0 || batch->slots <= 0 || batch->dimensions <= 0) return bad;
    call c = {.variant = hk_variant_current(), .batch = batch, .input = input, .output = output, .alone_from = INT64_MAX};
    int64_t granules = (batch->dimensions + HK_GRANULE - 1) / HK_GRANULE;
    c.strips = (batch->dimensions + STRIP_MOST - 1) / STRIP_MOST;
    c.strip = (granules + c.strips - 1) / c.strips * HK_GRANULE;
    c.strips = (batch->dimensions + c.strip - 1) / c.strip;
    int64_t cells = batch->count * batch->slots;
    char *memory = hk_scratch(
        hk_scratch_call, (size_t)(cells + batch->count) * 4
            + (size_t)(2 * c.strips * HK_SKIP_GRAM_BLOCK * batch->slots) * sizeof(float) + 64);
    c.entries = (uint32_t *)memory;
    c.entry_counts = (int32_t *)(c.entries + cells);
    c.parts = (float *)(((uintptr_t)(c.entry_counts + batch->count) + 63) & ~(uintptr_t)63);
    hk_parallel(batch->count, (double)cells, gather_entries, &c);
    if ((double)cells * (double)batch->dimensions < 20000) {
        // Too little to wake others for.
        hk_parallel(1, 0, run_alone, &c);
    } else {
        hk_team_run(run, &c);
    }
    return -1;
}
