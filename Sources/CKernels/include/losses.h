/// Losses over rows and over sequences, f32.
#pragma once
#include "types.h"

/// Rows of logits and their wanted classes.
typedef struct {
    int64_t rows, classes;
    /// Dense `[rows, classes]`.
    const float *logits;
    /// `[rows]`, i32 or i64; a label that is no class counts as none: only the smoothed part of its row remains.
    int label_type;
    const void *labels;
    /// `[classes]`, or null: all 1.
    const float *class_weights;
    /// The part of the wanted distribution that is spread evenly over the classes, from 0 to 1.
    double smoothing;
} hk_cross_entropy_rows;

/// Softmax cross-entropy, its mean over the rows in `*loss`:
///
///     loss = sum over rows of -(1 - s) w[y] log p[y] - s / classes * sum over j of w[j] log p[j],  over  sum over rows of w[y]
///
/// with p the softmax of a row, y its label, s the smoothing (without class weights the divisor is the number of rows, at least
/// 1); as PyTorch's `cross_entropy`. `log_sums` `[rows, 2]` takes a number near each row's maximum and the logarithm of the
/// sum of exponentials of the differences from it, which the gradient wants; null where nobody wants them. Every row is read once.
void hk_cross_entropy(const hk_cross_entropy_rows *rows, float *log_sums, float *loss);

/// The gradient of `hk_cross_entropy` by the logits, times `upstream`: read once and written once; `gradient` may be `logits`.
/// Unless it is null, `gradient_sums` `[classes]` takes the sum of its rows.
void hk_cross_entropy_gradient(
    const hk_cross_entropy_rows *rows, const float *log_sums, float upstream, float *gradient, float *gradient_sums);

/// Both at once, for an `upstream` that is known before the loss: one read, one write, one exponential for each element.
/// `gradient` may be `logits`.
void hk_cross_entropy_with_gradient(
    const hk_cross_entropy_rows *rows, float upstream, float *gradient, float *gradient_sums, float *loss);

/// A batch of log-probabilities over time and the sequences of symbols that they should spell.
typedef struct {
    int64_t time, batch, symbols;
    /// Log-probabilities; elements from one time step, sample and symbol to the next in `strides`.
    const float *log_probabilities;
    int64_t strides[3];
    /// Dense `[batch, target_width]`, i32 or i64; of each sample the first `target_lengths[b]` count.
    int target_type;
    int64_t target_width;
    const void *targets;
    /// `[batch]`, i32 or i64. At most `time`, at most `target_width`, at least 0.
    int length_type;
    const void *input_lengths, *target_lengths;
    /// The symbol between symbols.
    int64_t blank;
    /// Samples whose targets do not fit into their time have loss 0 and gradient 0 rather than infinity and NaN.
    bool zero_infinity;
} hk_ctc_batch;

/// Connectionist temporal classification (Graves, Fernández, Gomez, Schmidhuber 2006): `losses[b]` = -log of the sum of the
/// probabilities of all paths that spell the targets, as PyTorch's `ctc_loss` without reduction. In the log domain throughout.
///
/// If `gradient` is not null it takes `upstream[b * upstream_stride]` times the derivative by the log-probabilities, dense
/// `[time, batch, symbols]`: minus the probability of passing through each symbol at each time; 0 from the input's length on.
/// (PyTorch adds the softmax here, which vanishes in what comes before a log-softmax, where both give the same.)
///
/// Returns the first sample with a length or a target out of range, or -1; then nothing is written.
int64_t hk_ctc(
    const hk_ctc_batch *batch, const float *upstream, int64_t upstream_stride, float *losses, float *gradient);
