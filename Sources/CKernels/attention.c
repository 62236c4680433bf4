// Attention in blocks: scores of some queries against some keys, their probabilities, and the products with them.
#include "attention.h"
#include "gemm.h"
#include "internal.h"
#include <math.h>
#include <string.h>

/// Keys of a block: scores and packed keys and values stay in the second level of cache.
#define KEYS 512
/// Queries of a block.
#define QUERIES 32
/// Up to so many queries keys and values are read where they lie, since packing would cost more than the products.
#define DIRECT_QUERIES 8
/// Fewer heads than this are divided further.
#define HEADS 8

typedef struct {
    const hk_attention *at;
    const hk_variant *variant;
    hk_attention_rows o, d_o, dq, dk, dv;
    float *lse_out;
    const float *lse;
    float *d_scores;
    /// Parts that each head's queries (and in the gradient keys) are divided into.
    int64_t parts;
} attention;

static inline float *head_of(const hk_attention_rows *rows, int64_t batch, int64_t head) {
    return rows->data + batch * rows->batch + head * rows->head;
}

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t clamp(int64_t x, int64_t low, int64_t high) { return x < low ? low : x > high ? high : x; }
static inline int64_t padded(int64_t n) { return (n + HK_GEMM_COLUMNS - 1) / HK_GEMM_COLUMNS * HK_GEMM_COLUMNS; }
/// Elements between rows of scores: not a power of two, so that rows spread over the cache.
static inline int64_t pitch_of(int64_t keys) { return padded(keys) + 16; }

/// How many of `keys` keys from `first` on query `i` sees.
static inline int64_t seen(const hk_attention *at, int64_t i, int64_t first, int64_t keys) {
    return at->causal ? clamp(i + at->diagonal + 1 - first, 0, keys) : keys;
}

static inline const char *mask_row(const hk_attention *at, int64_t batch, int64_t head, int64_t i, int64_t first) {
    if (!at->mask) return NULL;
    int64_t place = batch * at->mask_batch + head * at->mask_head + i * at->mask_row + first;
    return (const char *)at->mask + place * hk_type_bytes(at->mask_type);
}

/// Blocks of about equal size: where block `index` of `count` begins.
static inline int64_t bound(int64_t total, int64_t index, int64_t count) { return total * index / count; }
static inline int64_t blocks_of(int64_t total, int64_t size) { return total <= size ? 1 : (total + size - 1) / size; }

/// How many rows ahead those are asked for that are read one after the other.
#define ROWS_AHEAD 12

/// Asks for `count` rows of one head, which lie apart, before they are needed.
static inline void ask_for(const float *rows, int64_t row, int64_t count, int64_t width) {
    for (; count > 0; count--, rows += row) {
        for (int64_t j = 0; j < width; j += 16) __builtin_prefetch(rows + j);
    }
}

/// One head's queries `from ..< to`.
static void attend(const attention *a, int64_t batch, int64_t head, int64_t from, int64_t to) {
    const hk_attention *at = a->at;
    int64_t queries = to - from, width = at->width, values = at->value_width;
    const float *q = head_of(&at->q, batch, head), *k = head_of(&at->k, batch, head), *v = head_of(&at->v, batch, head);
    float *o = head_of(&a->o, batch, head);
    int64_t key_blocks = blocks_of(at->keys, KEYS), block = (at->keys + key_blocks - 1) / key_blocks;
    bool pack_keys = queries > DIRECT_QUERIES, pack_values = pack_keys || values % HK_GRANULE != 0;
    int64_t pitch = pitch_of(block);
    float *packed_k = hk_scratch(
        hk_scratch_thread,
        (size_t)(padded(block) * width + block * padded(values) + QUERIES * pitch + 2 * queries) * sizeof(float));
    float *packed_v = packed_k + padded(block) * width, *scores = packed_v + block * padded(values);
    float *most = scores + QUERIES * pitch, *sum = most + queries;
    for (int64_t i = 0; i < queries; i++) {
        most[i] = -INFINITY;
        sum[i] = 0;
    }
    for (int64_t key_block = 0; key_block < key_blocks; key_block++) {
        int64_t first = bound(at->keys, key_block, key_blocks), all = bound(at->keys, key_block + 1, key_blocks) - first;
        all = seen(at, to - 1, first, all);
        if (all == 0 && key_block > 0) break;
        const float *keys = k + first * at->k.row, *rows = v + first * at->v.row;
        if (pack_keys) {
            ask_for(keys, at->k.row, all, width);
            ask_for(rows, at->v.row, all, values);
            hk_gemm_pack(keys, 1, at->k.row, width, all, packed_k);
        }
        if (pack_values) hk_gemm_pack(rows, at->v.row, 1, all, values, packed_v);
        for (int64_t i = from; i < to; i += QUERIES) {
            int64_t count = least(to - i, QUERIES), n = seen(at, i + count - 1, first, all);
            if (n == 0 && key_block > 0) continue;
            if (pack_keys) {
                hk_gemm_packed(
                    count, 0, n, width, at->scale, q + i * at->q.row, at->q.row, 1, packed_k, 0, scores, pitch);
            } else {
                a->variant->dots(count, n, width, q + i * at->q.row, at->q.row, keys, at->k.row, scores, pitch, NULL);
                for (int64_t r = 0; r < count; r++) a->variant->attention_scale(scores + r * pitch, n, at->scale);
            }
            for (int64_t r = 0; r < count; r++) {
                float correction = a->variant->attention_row(
                    scores + r * pitch, seen(at, i + r, first, n), n, mask_row(at, batch, head, i + r, first),
                    at->mask_type, &most[i - from + r], &sum[i - from + r]);
                if (key_block > 0 && correction != 1) {
                    a->variant->attention_scale(o + (i + r) * a->o.row, values, correction);
                }
            }
            hk_gemm_call call = {
                .k = n, .a_row = pitch, .a_column = 1, .b_row = pack_values ? HK_GEMM_COLUMNS : at->v.row,
                .panel_step = pack_values ? all * HK_GEMM_COLUMNS : HK_GEMM_COLUMNS, .c_row = a->o.row, .alpha = 1,
                .beta = key_block > 0};
            a->variant->gemm(&call, count, values, scores, pack_values ? packed_v : rows, o + i * a->o.row, NULL);
        }
    }
    for (int64_t i = 0; i < queries; i++) {
        a->variant->attention_scale(o + (from + i) * a->o.row, values, sum[i] == 0 ? 0 : 1 / sum[i]);
        if (a->lse_out) a->lse_out[(batch * at->heads + head) * at->queries + from + i] = most[i] + logf(sum[i]);
    }
}

static void attend_tasks(void *context, int64_t begin, int64_t end) {
    const attention *a = context;
    for (int64_t task = begin; task < end; task++) {
        int64_t part = task % a->parts, head = task / a->parts;
        attend(
            a, head / a->at->heads, head % a->at->heads, bound(a->at->queries, part, a->parts),
            bound(a->at->queries, part + 1, a->parts));
    }
}

/// Nanoseconds of `products` products of queries, keys and columns.
static double cost_of(const hk_attention *at, double products) {
    double pairs = (double)at->batches * (double)at->heads * (double)at->queries * (double)at->keys;
    return pairs * (at->causal ? 0.6 : 1) * (products * 0.005 * (double)(at->width + at->value_width) + 0.3);
}

void hk_attention_forward(const hk_attention *at, hk_attention_rows o, float *lse) {
    int64_t heads = at->batches * at->heads;
    if (heads <= 0 || at->queries <= 0) return;
    attention a = {.at = at, .variant = hk_variant_current(), .o = o, .lse_out = lse, .parts = 1};
    if (heads < HEADS) a.parts = least((2 * HEADS + heads - 1) / heads, blocks_of(at->queries, QUERIES));
    hk_parallel(heads * a.parts, cost_of(at, 1), attend_tasks, &a);
}

/// The gradient of queries `q0 ..< q1` against keys `k0 ..< k1` of one head: that of the queries if `want_q`, that of keys and values
/// if `want_kv`.
static void attend_back(
    const attention *a, int64_t batch, int64_t head, int64_t q0, int64_t q1, int64_t k0, int64_t k1, bool want_q,
    bool want_kv) {
    const hk_attention *at = a->at;
    int64_t width = at->width, values = at->value_width, wide = padded(width), wide_values = padded(values);
    const float *q = head_of(&at->q, batch, head), *k = head_of(&at->k, batch, head), *v = head_of(&at->v, batch, head);
    const float *o = head_of(&a->o, batch, head), *d_o = head_of(&a->d_o, batch, head);
    const float *lse = a->lse + (batch * at->heads + head) * at->queries;
    float *dq = head_of(&a->dq, batch, head), *dk = head_of(&a->dk, batch, head), *dv = head_of(&a->dv, batch, head);
    int64_t key_blocks = blocks_of(k1 - k0, KEYS), block = (k1 - k0 + key_blocks - 1) / key_blocks, pitch = pitch_of(block);
    float *keys = hk_scratch(
        hk_scratch_thread,
        (size_t)(padded(block) * (width + values) + block * wide + QUERIES * (wide + wide_values + 2 * pitch) + q1 - q0)
            * sizeof(float));
    float *columns = keys + padded(block) * width, *key_rows = columns + padded(block) * values;
    float *query_rows = key_rows + block * wide, *out_rows = query_rows + QUERIES * wide;
    float *p = out_rows + QUERIES * wide_values, *ds = p + QUERIES * pitch, *delta = ds + QUERIES * pitch;
    ask_for(k + k0 * at->k.row, at->k.row, block, width);
    ask_for(v + k0 * at->v.row, at->v.row, block, values);
    for (int64_t i = q0; i < q1; i++) {
        int64_t ahead = least(i + ROWS_AHEAD, q1 - 1);
        ask_for(o + ahead * a->o.row, a->o.row, 1, values);
        ask_for(d_o + ahead * a->d_o.row, a->d_o.row, 1, values);
        delta[i - q0] = a->variant->attention_dot(o + i * a->o.row, d_o + i * a->d_o.row, values);
    }
    for (int64_t key_block = 0; key_block < key_blocks; key_block++) {
        int64_t first = k0 + bound(k1 - k0, key_block, key_blocks);
        int64_t all = k0 + bound(k1 - k0, key_block + 1, key_blocks) - first;
        hk_gemm_pack(k + first * at->k.row, 1, at->k.row, width, all, keys);
        hk_gemm_pack(v + first * at->v.row, 1, at->v.row, values, all, columns);
        if (want_q) hk_gemm_pack(k + first * at->k.row, at->k.row, 1, all, width, key_rows);
        // Keys that some query before has met: their gradients are added to, those of the others are set.
        int64_t met = 0;
        for (int64_t i = q0; i < q1; i += QUERIES) {
            int64_t count = least(q1 - i, QUERIES), n = seen(at, i + count - 1, first, all);
            const float *rows = q + i * at->q.row, *outs = d_o + i * a->d_o.row;
            hk_gemm_packed(count, 0, n, width, at->scale, rows, at->q.row, 1, keys, 0, p, pitch);
            hk_gemm_packed(count, 0, n, values, 1, outs, a->d_o.row, 1, columns, 0, ds, pitch);
            for (int64_t r = 0; r < count; r++) {
                a->variant->attention_gradient_row(
                    p + r * pitch, ds + r * pitch, seen(at, i + r, first, n), n, mask_row(at, batch, head, i + r, first),
                    at->mask_type, lse[i + r], delta[i - q0 + r]);
            }
            if (want_q && a->d_scores) {
                float *to = a->d_scores + ((batch * at->heads + head) * at->queries + i) * at->keys + first;
                for (int64_t r = 0; r < count; r++, to += at->keys) {
                    memcpy(to, ds + r * pitch, (size_t)n * sizeof(float));
                    memset(to + n, 0, (size_t)(all - n) * sizeof(float));
                }
            }
            if (want_q) {
                hk_gemm_call call = {
                    .k = n, .a_row = pitch, .a_column = 1, .b_row = HK_GEMM_COLUMNS, .panel_step = all * HK_GEMM_COLUMNS,
                    .c_row = a->dq.row, .alpha = at->scale, .beta = key_block > 0};
                a->variant->gemm(&call, count, width, ds, key_rows, dq + i * a->dq.row, NULL);
            }
            if (!want_kv || n == 0) continue;
            hk_gemm_pack(rows, at->q.row, 1, count, width, query_rows);
            hk_gemm_pack(outs, a->d_o.row, 1, count, values, out_rows);
            float *to_k = dk + first * a->dk.row, *to_v = dv + first * a->dv.row;
            for (int fresh = 0; fresh < 2; fresh++) {
                int64_t begin = fresh ? met : 0, end = fresh ? n : met;
                hk_gemm_packed(
                    end - begin, 0, width, count, at->scale, ds + begin, 1, pitch, query_rows, !fresh,
                    to_k + begin * a->dk.row, a->dk.row);
                hk_gemm_packed(
                    end - begin, 0, values, count, 1, p + begin, 1, pitch, out_rows, !fresh, to_v + begin * a->dv.row,
                    a->dv.row);
            }
            met = n;
        }
        if (want_kv) {
            for (int64_t j = met; j < all; j++) {
                memset(dk + (first + j) * a->dk.row, 0, (size_t)width * sizeof(float));
                memset(dv + (first + j) * a->dv.row, 0, (size_t)values * sizeof(float));
            }
        }
    }
}

static void attend_back_tasks(void *context, int64_t begin, int64_t end) {
    const attention *a = context;
    const hk_attention *at = a->at;
    for (int64_t task = begin; task < end; task++) {
        if (a->parts == 1) {
            attend_back(a, task / at->heads, task % at->heads, 0, at->queries, 0, at->keys, true, true);
            continue;
        }
        // Parts of the queries, then parts of the keys: each computes the probabilities that it needs.
        int64_t part = task % (2 * a->parts), head = task / (2 * a->parts);
        int64_t batch = head / at->heads;
        head %= at->heads;
        if (part < a->parts) {
            int64_t from = bound(at->queries, part, a->parts), to = bound(at->queries, part + 1, a->parts);
            attend_back(a, batch, head, from, to, 0, at->keys, true, false);
        } else {
            part -= a->parts;
            int64_t from = bound(at->keys, part, a->parts), to = bound(at->keys, part + 1, a->parts);
            attend_back(a, batch, head, 0, at->queries, from, to, false, true);
        }
    }
}

void hk_attention_gradient(
    const hk_attention *at, hk_attention_rows o, const float *lse, hk_attention_rows d_o, hk_attention_rows dq,
    hk_attention_rows dk, hk_attention_rows dv, float *d_scores) {
    int64_t heads = at->batches * at->heads;
    if (heads <= 0) return;
    attention a = {
        .at = at, .variant = hk_variant_current(), .o = o, .d_o = d_o, .dq = dq, .dk = dk, .dv = dv, .lse = lse,
        .d_scores = d_scores, .parts = 1};
    // Dividing a head computes its scores twice, so only where threads would stand idle otherwise.
    if (heads < HEADS) {
        a.parts = least((2 * HEADS + heads - 1) / heads, blocks_of(least(at->queries, at->keys), QUERIES));
    }
    hk_parallel(heads * (a.parts == 1 ? 1 : 2 * a.parts), cost_of(at, 3), attend_back_tasks, &a);
}
