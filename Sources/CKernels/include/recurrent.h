/// Recurrent layers over time, forwards and backwards: one direction of one layer a call, f32.
///
/// The product of the inputs of all steps with the input weights is one large matrix product, and so are the gradients of both weights and
/// of the input: they are made outside. What is left, and done here, is what one step must wait for the step before it with: the product
/// of the hidden state with the recurrent weights, and the cell's arithmetic, which is done on the product while it is in cache.
///
/// Long short-term memory (Hochreiter and Schmidhuber, 1997; gates in the order i f g o):
///
///     a = x_t + h U^T + b    i, f, o = logistic(a_i, a_f, a_o)    g = tanh(a_g)    c' = f c + i g    h' = o tanh(c')
///
/// Gated recurrent unit (Cho et al., 2014; gates in the order r z n, the reset gate applied after the recurrent product, as in PyTorch):
///
///     u = h U^T + b          r, z = logistic(x_r + u_r, x_z + u_z)    n = tanh(x_n + r u_n)    h' = (1 - z) n + z h
///
/// Each thread keeps the same hidden units, and so the same rows of U in its cache, for all steps, and waits for the others between steps.
#pragma once
#include "types.h"

/// A sequence of matrices `[batch, width]` with dense rows. Step s, row b begins at `data + s * step + b * row`, in elements: a reversed
/// sequence begins at its last step and has a negative `step`.
typedef struct {
    float *data;
    int64_t step, row;
} hk_sequence;

enum hk_recurrent_cell { hk_cell_lstm, hk_cell_gru };

/// Operands of `hk_recurrent_forward`. G is the number of gates, 4 or 3. Null pointers stand for what is not there (zeros) or not wanted.
typedef struct {
    int cell;
    int64_t steps, batch, hidden;
    /// Recurrent weights `[G * hidden, hidden]`, dense.
    const float *u;
    /// Their bias `[G * hidden]`; may be null.
    const float *bias;
    /// The state before the first step, `[batch, hidden]`, dense; may be null. `c0` for the LSTM only.
    const float *h0, *c0;
    /// The inputs' part of the gates, width G * hidden.
    hk_sequence gates_x;
    /// Written for the gradient, may be null: the gates after their functions, width G * hidden; may be `gates_x` itself.
    hk_sequence gates;
    /// Written for the gradient, may be null: c' of each step (LSTM) or u_n (GRU), width hidden.
    hk_sequence kept;
    /// Written for the gradient, may be null: h *before* each step, width hidden.
    hk_sequence before;
    /// Written: h' of each step, width hidden; may be null.
    hk_sequence y;
    /// Written: the state after the last step, `[batch, hidden]`, dense; may be null.
    float *h_last, *c_last;
} hk_recurrent;

/// Runs the layer over all steps.
void hk_recurrent_forward(const hk_recurrent *operands);

/// Operands of `hk_recurrent_backward`: what the forward pass was given and wrote, and the gradients.
typedef struct {
    int cell;
    int64_t steps, batch, hidden;
    const float *u;
    /// The LSTM's `c0`; may be null.
    const float *c0;
    hk_sequence gates, kept;
    /// GRU only.
    hk_sequence before;
    /// The gradient of every step's h', width hidden; may be null.
    hk_sequence dy;
    /// The gradient of the state after the last step, `[batch, hidden]`, dense; may be null.
    const float *dh_last, *dc_last;
    /// Written: the gradient of `gates_x`, width G * hidden; may be `gates` itself.
    ///
    /// With X and H the inputs and states before each step as matrices of `steps * batch` rows, and D this one: dX = D W, dW = D^T X, and
    /// dU = D^T H for the LSTM. For the GRU rows 2 * hidden and following of dU take `dkept` instead.
    hk_sequence dgates;
    /// Written, GRU only: the gradient of u_n, width hidden; may be `kept` itself.
    hk_sequence dkept;
    /// Written: the gradient of the initial state, `[batch, hidden]`, dense; may be null.
    float *dh0, *dc0;
    /// Written: the gradients of the inputs' bias and of the recurrent bias, each `[G * hidden]`; may be null.
    float *dbias_x, *dbias_u;
} hk_recurrent_gradient;

/// The gradient of `hk_recurrent_forward`.
void hk_recurrent_backward(const hk_recurrent_gradient *operands);
