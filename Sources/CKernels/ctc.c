// Connectionist temporal classification: forward and backward variables of each sample, samples over the team.
//
// The states of a sample are blank, symbol 1, blank, symbol 2, ..., blank. Rows of states are padded to whole granules with minus
// infinity, and have a granule of it on both sides, so that neighbours can be read without asking where the row ends.
#include "internal.h"
#include <math.h>
#include <string.h>

typedef struct {
    const hk_variant *variant;
    const hk_ctc_batch *batch;
    const float *upstream;
    int64_t upstream_stride;
    float *losses, *gradient;
} call;

static int64_t integer_at(const void *values, int type, int64_t i) {
    return type == hk_type_i32 ? ((const int32_t *)values)[i] : ((const int64_t *)values)[i];
}

static void fill(float *output, float value, int64_t count) {
    for (int64_t i = 0; i < count; i++) output[i] = value;
}

/// log(e^a + e^b)
static float log_add(float a, float b) {
    float most = a > b ? a : b;
    if (most == -INFINITY) return most;
    return most + log1pf(expf((a > b ? b : a) - most));
}

static void sample(const call *c, int64_t b) {
    const hk_ctc_batch *p = c->batch;
    int64_t time = integer_at(p->input_lengths, p->length_type, b);
    int64_t length = integer_at(p->target_lengths, p->length_type, b), states = 2 * length + 1;
    int64_t granules = (states + HK_GRANULE - 1) / HK_GRANULE, pitch = (granules + 2) * HK_GRANULE;
    if (c->gradient) {
        for (int64_t t = 0; t < p->time; t++) {
            memset(c->gradient + (t * p->batch + b) * p->symbols, 0, (size_t)p->symbols * sizeof(float));
        }
    }
    // alpha of all time steps where the gradient wants them, else of two; beta of two; skips; one row of emissions; symbols.
    int64_t kept = c->gradient ? time + 1 : 2;
    float *memory = hk_scratch(hk_scratch_thread, (size_t)((kept + 6) * pitch) * sizeof(float) + (size_t)states * 8);
    float *alphas = memory + HK_GRANULE, *betas = alphas + kept * pitch, *skip = betas + 2 * pitch;
    float *skip_back = skip + pitch, *emission = skip_back + pitch, *posterior = emission + pitch;
    int64_t *symbols = (int64_t *)(memory + (kept + 6) * pitch);
    fill(memory, -INFINITY, (kept + 6) * pitch);
    for (int64_t s = 0; s < states; s++) {
        symbols[s] = s % 2 == 0 ? p->blank : integer_at(p->targets, p->target_type, b * p->target_width + s / 2);
    }
    // A symbol may follow another without a blank between if the two differ.
    for (int64_t s = 3; s < states; s += 2) {
        if (symbols[s] != symbols[s - 2]) skip[s] = skip_back[s - 2] = 0;
    }
    const float *log_p = p->log_probabilities + b * p->strides[1];

    // Before the first step the path stands before the first two states: as if it came from state 0 without having emitted anything.
    float *row = alphas;
    row[0] = 0;
    for (int64_t t = 0; t < time; t++) {
        for (int64_t s = 0; s < states; s++) emission[s] = log_p[t * p->strides[0] + symbols[s] * p->strides[2]];
        float *next = alphas + (c->gradient ? t + 1 : (t + 1) % 2) * pitch;
        c->variant->ctc_step(row, row - 1, row - 2, skip, emission, next, granules);
        // Padding states have no emission but minus infinity, and stay impossible.
        row = next;
    }
    float total = log_add(row[states - 1], length > 0 ? row[states - 2] : -INFINITY);
    bool impossible = total == -INFINITY;
    c->losses[b] = impossible && p->zero_infinity ? 0 : -total;
    if (!c->gradient || (impossible && p->zero_infinity)) return;

    float upstream = c->upstream[b * c->upstream_stride];
    // Beta without the emission of its own time: after the last step every path that stands in the last two states has ended.
    float *beta = betas, *other = betas + pitch;
    beta[states - 1] = 0;
    if (length > 0) beta[states - 2] = 0;
    for (int64_t t = time - 1; t >= 0; t--) {
        float *gradient = c->gradient + (t * p->batch + b) * p->symbols;
        c->variant->ctc_posterior(alphas + (t + 1) * pitch, beta, -total, posterior, granules);
        for (int64_t s = 0; s < states; s++) gradient[symbols[s]] -= posterior[s];
        for (int64_t j = 0; j < p->symbols; j++) gradient[j] = impossible ? NAN : gradient[j] * upstream;
        for (int64_t s = 0; s < states; s++) beta[s] += log_p[t * p->strides[0] + symbols[s] * p->strides[2]];
        c->variant->ctc_step(beta, beta + 1, beta + 2, skip_back, NULL, other, granules);
        float *swap = beta;
        beta = other;
        other = swap;
    }
}

static void samples(void *context, int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; b++) sample(context, b);
}

/// The first sample with a length or a target out of range, or -1.
static int64_t first_bad(const hk_ctc_batch *p) {
    for (int64_t b = 0; b < p->batch; b++) {
        int64_t time = integer_at(p->input_lengths, p->length_type, b);
        int64_t length = integer_at(p->target_lengths, p->length_type, b);
        if (time < 0 || time > p->time || length < 0 || length > p->target_width) return b;
        for (int64_t s = 0; s < length; s++) {
            int64_t symbol = integer_at(p->targets, p->target_type, b * p->target_width + s);
            if (symbol < 0 || symbol >= p->symbols) return b;
        }
    }
    return -1;
}

int64_t hk_ctc(
    const hk_ctc_batch *batch, const float *upstream, int64_t upstream_stride, float *losses, float *gradient) {
    int64_t bad = first_bad(batch);
    if (bad >= 0) return bad;
    call c = {hk_variant_current(), batch, upstream, upstream_stride, losses, gradient};
    double states = 2 * (double)batch->target_width + 17;
    hk_parallel(
        batch->batch, (double)batch->batch * (double)batch->time * states * (gradient ? 8 : 4), samples, &c);
    return -1;
}
