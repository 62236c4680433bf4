/// Word vectors: skip-gram with negative sampling.
#pragma once
#include "types.h"

/// Centers whose scores are taken from the same tables, before any of them changes these.
#define HK_SKIP_GRAM_BLOCK 16

/// Words and what is to be predicted from them.
typedef struct {
    int64_t vocabulary, dimensions;
    /// Words, and for each the number of slots: places for a word that was seen near it or drawn as noise.
    int64_t count, slots;
    /// Every `period`-th slot, from the first on, is a word that was seen; the others are noise.
    int64_t period;
    /// `[count]`
    const int32_t *centers;
    /// `[count, slots]`; negative: nothing there.
    const int32_t *targets;
    float rate;
} hk_skip_gram_batch;

/// One pass of stochastic gradient ascent on log σ(u·v) over the words seen and log σ(-u·v) over the noise (Mikolov, Sutskever, Chen,
/// Corrado, Dean 2013, equation 4), with v the center's row of `input` and u the target's row of `output`, both dense
/// `[vocabulary, dimensions]` and changed in place:
///
///     g = rate ((seen ? 1 : 0) - σ(u·v))  for all targets of HK_SKIP_GRAM_BLOCK centers, from the tables as they are
///     then center by center, target by target: e += g u, u += g v; at the center's end v += e, e = 0
///
/// Columns are divided into strips by their number alone and every strip is one thread's, so no row is shared and the bits do not
/// depend on the number of threads. Returns the first word (center or target, counted as in `targets`; centers as
/// -2 - their position) that is out of range, or -1; then nothing was changed.
int64_t hk_skip_gram(const hk_skip_gram_batch *batch, float *input, float *output);
