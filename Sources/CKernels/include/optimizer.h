/// The step of an optimizer over all parameters in one pass, f32.
#pragma once
#include "index.h"
#include "types.h"

enum hk_optimizer {
    /// g += decay p;  p -= rate g
    hk_optimizer_sgd,
    /// g += decay p;  v = momentum v + share g;  p -= rate v, or with `nesterov` rate (g + momentum v)
    hk_optimizer_momentum,
    /// g += decay p;  p *= keep;  m += share1 (g - m);  v = beta2 v + share2 g^2;  p -= rate m / (correction sqrt(v) + epsilon)
    hk_optimizer_adam,
};

/// The numbers of a step.
typedef struct {
    /// `enum hk_optimizer`.
    int kind;
    bool nesterov;
    float rate;
    /// Of the velocity.
    float momentum, share;
    /// Of the moments.
    float share1, beta2, share2, correction, epsilon;
} hk_optimizer_step_numbers;

/// One parameter. New values may take the place of the old ones.
typedef struct {
    /// Elements.
    int64_t count;
    const float *parameter;
    float *new_parameter;
    /// Its gradient; null where nobody need write it: where it is the sum of `updates` by rows, or the product of `factors`.
    const float *gradient;
    /// Velocity or first moment, and second moment, as far as the kind has them.
    const float *slots[2];
    float *new_slots[2];
    /// L2 decay, added to the gradient.
    float decay;
    /// What is left of the parameter before the step of Adam: 1 without decoupled decay.
    float keep;
    /// Without `gradient`: groups of rows of `width`, and what is added up in them, `[positions, width]` with rows `update_row` apart.
    const hk_row_groups *groups;
    const float *updates;
    int64_t width, update_row;
    /// Of `depth` terms for each element: factors[0][row * left_row + term * left_term] factors[1][term * right_term + column].
    const float *factors[2];
    int64_t depth, left_row, left_term, right_term;
    /// Only the rows, of `width`, whose gradient is not all zeros are changed, their slots too (PyTorch's SparseAdam). New values must take
    /// the old ones' place.
    bool touched_only;
    /// Where the gradient is rows: for each unit of rows whether it has a past, that is a slot that is not all zeros; NULL where nobody
    /// keeps this from step to step. The others' rows that have no gradient either are neither read nor written, if a step of zero
    /// changes nothing: what a step costs is what was ever touched.
    uint8_t *past;
    /// Whether `past` says it already; else the slots are read for it.
    bool knows_past;
} hk_optimizer_tensor;

/// Rows of one unit of `hk_optimizer_tensor.past`: at least a cache line.
static inline int64_t hk_optimizer_unit_rows(int64_t width) { return width >= 16 ? 1 : (16 + width - 1) / width; }

/// Changes all tensors in one parallel loop: memory is read and written once.
void hk_optimizer_run(const hk_optimizer_step_numbers *numbers, const hk_optimizer_tensor *tensors, int64_t count);
