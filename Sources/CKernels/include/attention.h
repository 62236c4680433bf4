/// Scaled dot-product attention in blocks that stay in cache, forward and backward: no matrix of queries times keys is kept.
///
/// Vaswani et al.: Attention Is All You Need (2017), equation 1. Dao: FlashAttention-2 (2023), algorithms 1 and 2.
#pragma once
#include "types.h"

/// An f32 array `[batch, head, row, column]` whose columns are dense; the other strides are in elements, 0 broadcasts.
typedef struct {
    float *data;
    int64_t batch, head, row;
} hk_attention_rows;

/// For every batch and head
///
///     scores[i, j] = scale * sum over d of q[i, d] * k[j, d]  (+ mask[i, j])
///     p = softmax(scores) over the keys j that query i may see
///     o[i, e] = sum over j of p[i, j] * v[j, e]
///     lse[i] = log(sum over j of exp(scores[i, j]))
///
/// A query that may see no key, or whose scores are all minus infinity, gives o = 0 and lse = minus infinity.
typedef struct {
    int64_t batches, heads, queries, keys;
    /// Columns of q and k, and of v and o.
    int64_t width, value_width;
    float scale;
    /// Query i sees keys 0 ... i + diagonal only.
    bool causal;
    int64_t diagonal;
    /// `[batch, heads, queries, width]`, `[batch, heads, keys, width]`, `[batch, heads, keys, value_width]`.
    hk_attention_rows q, k, v;
    /// Null, or `[batch, heads, queries, keys]` with dense keys; the other strides may be 0. f32: added to the scores; bool: keys that are
    /// false are not seen.
    const void *mask;
    int32_t mask_type;
    int64_t mask_batch, mask_head, mask_row;
} hk_attention;

/// Writes o `[batch, heads, queries, value_width]`, and lse, dense `[batch, heads, queries]`, unless that is null.
///
/// Work is divided over batches and heads, and over queries where those are few. Every bit is the same for any number of threads.
/// Nothing is allocated once the threads' scratch memory has grown.
void hk_attention_forward(const hk_attention *attention, hk_attention_rows o, float *lse);

/// Gradients of q, k, v from that of o; the probabilities are computed again from `lse`. No two of the written rows may
/// overlap, so k and v must not be broadcast. Unless `d_scores` is null the gradient of the scores, which is that of an added mask, is
/// written there, dense `[batch, heads, queries, keys]`.
void hk_attention_gradient(
    const hk_attention *attention, hk_attention_rows o, const float *lse, hk_attention_rows d_o, hk_attention_rows dq,
    hk_attention_rows dk, hk_attention_rows dv, float *d_scores);
