// What the kernels' source files share: the table that each instruction set fills, parallel loops, scratch memory.
#pragma once
#include "bf16_internal.h"
#include "correlate_internal.h"
#include "kernels.h"
#include "narrow_internal.h"
#include "pool_internal.h"
#include "taps_internal.h"
#include "unfold_internal.h"
#include "winograd_internal.h"

/// Elements that one step of a vector kernel works on, whatever their type.
#define HK_GRANULE 16

/// Elements that a leaf of a reduction sums in lanes before the binary tree takes over.
#define HK_LEAF 2048

/// Places in memory that a reduction reads at the same time. A processor follows several streams, and runs ahead of each no farther than its page:
/// a sum of 256 MiB runs at 34 GB/s with four instead of 24 with one on two cores of Zen 3.
#define HK_STREAMS 4

/// An element-wise kernel over whole granules. `sa`, `sb`, `sc` are bytes from one granule of an operand to its next: the size
/// of a granule, or 0 where one granule serves for all.
typedef void (*hk_kernel)(
    char *output, const char *a, const char *b, const char *c, intptr_t sa, intptr_t sb, intptr_t sc, intptr_t granules);

/// The kernels of one reduction and type.
typedef struct {
    /// Reduces `count` (at most HK_LEAF) neighbours into one element.
    void (*leaf)(const char *input, int64_t count, char *output);
    /// The same, and asks for the memory that comes after: for inputs larger than the caches.
    void (*stream)(const char *input, int64_t count, char *output);
    /// The same for HK_STREAMS leaves of HK_LEAF elements that lie far apart.
    void (*streams)(const char *const *inputs, char *const *outputs);
    /// output[j] = row[0][j] op row[1][j] op ..., for `count` columns.
    void (*rows)(const char *const *rows, int64_t row_count, int64_t count, char *output);
    /// accumulator[j] = accumulator[j] op other[j].
    void (*combine)(char *accumulator, const char *other, int64_t count);
} hk_reducer;

/// What the tiles of one f32 matrix product share; see Templates/gemm.h.
typedef struct {
    int64_t k, a_row, a_column, b_row, panel_step, c_row;
    /// Where A lies as `gemm_pack_tiles` leaves it: from one tile to the next; else 0.
    int64_t a_tile;
    float alpha, beta;
    /// What is negative becomes 0; NaN stays.
    bool relu;
    /// Bytes from an element of C to that of the gate, which lets it pass unless it is at most 0; 0 without a gate.
    intptr_t gate;
} hk_gemm_call;

/// One step of a recurrent cell for a block of rows of the batch and hidden units; see Templates/recurrent.h. Sequences begin at this block
/// and step; null pointers are not wanted.
typedef struct {
    int64_t rows, units;
    /// Elements between the gates of a row.
    int64_t gate;
    /// The recurrent product: of a gate `HK_GEMM_COLUMNS` neighbours, the gates one after the other.
    const float *product;
    int64_t product_row;
    const float *bias;
    /// `gates_x.step` leads to what will be read next.
    hk_sequence gates_x, gates, kept, before, y;
    /// LSTM: c, read and written. GRU: h before the step.
    float *state;
    int64_t state_row;
    /// The new h, for the next step's product.
    float *h;
    int64_t h_row;
} hk_cell_forward;

/// The product of a recurrent step's rows and panels of 16 units; see Templates/recurrent_product.h.
typedef void (*hk_recurrent_product)(
    int64_t rows, int64_t panels, int64_t k, const float *left, int64_t left_row, const float *packed, const float *next,
    float *product, int64_t product_row);

/// The gradient of one step of a recurrent cell.
typedef struct {
    int64_t rows, units, gate;
    /// The gradient of h' by way of the next step's products.
    const float *product;
    int64_t product_row;
    /// `before`: the state before the step, c (LSTM) or h (GRU).
    hk_sequence gates, kept, before, dy, dgates, dkept;
    /// Steps from this one to the one that comes next.
    int64_t ahead;
    /// What else reaches the state: the gradient of c' (LSTM) or of h' (GRU); read and written.
    float *state;
    int64_t state_row;
    /// The gradients of the gates' products once more, for the next product.
    float *right;
    int64_t right_row;
    /// Sums over rows, `[4, HK_GEMM_COLUMNS]`; added to.
    float *sums;
} hk_cell_backward;
/// A piece of activations that is normalised: `count` blocks, `step` elements apart, that share coefficients. Pointers are to its first
/// elements, and to the coefficients of its first channel.
typedef struct {
    int64_t count, step;
    const float *x, *residual, *dy, *y;
    /// y going forward, dx going back.
    float *output;
    /// Where the upstream gradient goes that passed the mask; or null.
    float *kept;
    /// y = (x - mean) * slope + bias; dx = slope * dy + (inclination * (x - mean) + offset).
    const float *mean, *slope, *bias, *inclination, *offset;
    /// `enum hk_norm_mask`
    int mask;
    bool relu;
    /// The output is too large to stay in cache.
    bool stream;
} hk_norm_piece;

/// a / b rounded up, for a positive b.
static inline int64_t hk_divide_up(int64_t a, int64_t b) { return a / b + (a % b > 0); }

/// Where part `i` of `parts` of `n` begins.
static inline int64_t hk_cut(int64_t n, int64_t parts, int64_t i) { return parts == n ? i : n * i / parts; }

/// What the parts that make up a channel's statistics found: `members` parts of `images` images, each in `pieces` pieces of
/// `positions` positions; of each piece two numbers for each of `width` channels, members `step` numbers apart.
typedef struct {
    const float *found;
    int64_t members, images, step, pieces, positions, width;
} hk_norm_parts;

/// Neighbours `begin ..< end`.
typedef struct {
    int64_t begin, end;
} hk_span;

/// All that is compiled once for each instruction set.
typedef struct {
    const char *name;
    hk_kernel elementwise[hk_op_count][hk_type_count];
    /// [from][to]
    hk_kernel convert[hk_type_count][hk_type_count];
    hk_reducer reduce[hk_reduce_count][hk_type_count];
    /// Index of the largest (`smallest`: least) of `n` neighbours.
    int64_t (*argument[hk_type_count])(const char *input, int64_t n, bool smallest);
    /// The same down the columns of an `[n, pitch]` array, for `columns` (at most 64) columns.
    void (*argument_columns[hk_type_count])(
        const char *input, int64_t n, int64_t pitch, int64_t columns, bool smallest, int64_t *index);
    /// Rows of `n`; `terms`, if not null, is room for one, and says that the output is too large to stay in cache.
    void (*softmax)(const float *x, float *y, int64_t rows, int64_t n, float *terms);
    void (*log_softmax)(const float *x, float *y, int64_t rows, int64_t n, float *terms);
    void (*softmax_gradient)(const float *y, const float *dy, float *dx, int64_t n);
    void (*log_softmax_gradient)(const float *y, const float *dy, float *dx, int64_t n);
    /// The logarithm of a row's sum of e^(x - *from), and a `*from` at or near the row's maximum.
    void (*log_sum)(const float *x, int64_t n, float *from, float *log_sum);
    /// sum of w[j] (x[j] - from); w may be null: all 1.
    double (*weighted_sum)(const float *x, const float *w, int64_t n, float from);
    /// dx[j] = e^((x[j] - from) - log_sum) * share - w[j] * soft; w may be null: all 1.
    void (*cross_entropy_gradient)(
        const float *x, const float *w, float *dx, int64_t n, float from, float log_sum, float share, float soft);
    /// `log_sum`, `weighted_sum` and `cross_entropy_gradient` in one.
    void (*cross_entropy_both)(
        const float *x, const float *w, float *dx, int64_t n, float share, float soft, float *from, float *log_sum,
        double *weighted);
    /// next[s] = log(e^a[s] + e^b[s] + e^(c[s] + skip[s])) + emission[s], over whole granules; `emission` may be null.
    void (*ctc_step)(
        const float *a, const float *b, const float *c, const float *skip, const float *emission, float *next,
        int64_t granules);
    /// y[s] = e^(a[s] + b[s] + shift), over whole granules.
    void (*ctc_posterior)(const float *a, const float *b, float shift, float *y, int64_t granules);
    /// A strip's part of the scores of a center's entries; asks for the rows of `next`.
    void (*skip_gram_scores)(
        const float *v, const float *output, int64_t pitch, int64_t width, const uint32_t *entries, int64_t entry_count,
        const uint32_t *next, int64_t next_count, float *scores);
    /// g[k] = rate (seen - σ(g[k]))
    void (*skip_gram_steps)(const uint32_t *entries, int64_t n, float rate, float *g);
    /// Changes a strip of the entries' rows, then of the center's.
    void (*skip_gram_update)(
        float *v, float *output, int64_t pitch, int64_t width, const uint32_t *entries, int64_t entry_count, const float *g);
    /// y += alpha x, rounded once each.
    void (*add_scaled)(float *y, const float *x, float alpha, int64_t n);
    /// y += the sum of `rows` rows of x, each scaled by its own alpha.
    void (*add_scaled_rows)(
        float *y, const float *x, int64_t x_row, const float *alpha, int64_t alpha_step, int64_t rows, int64_t n);
    /// rows[(row - first_row) * width ...] += the updates of each of the groups `begin ..< end`.
    void (*add_groups)(
        const hk_row_groups *groups, int64_t begin, int64_t end, const float *updates, int64_t update_row, int64_t width,
        int64_t first_row, float *rows);
    /// Up to `HK_OPTIMIZER_ROWS` rows of the product of a tensor's factors, `n` columns of them: y[r * n ...]
    void (*combine_rows)(const hk_optimizer_tensor *tensor, int64_t rows, int64_t row, int64_t column, int64_t n, float *y);
    /// Some spans of a tensor, counted from element `from`, where its gradient is `g[0]`; by `enum hk_optimizer`.
    void (*optimizer[3])(
        const hk_optimizer_step_numbers *numbers, const hk_optimizer_tensor *tensor, const float *g, int64_t from,
        const hk_span *span, int64_t spans);
    /// Normalisation of a piece: [0] blocks of `rows` neighbours of one channel, [1] of `rows` rows of `width` channels. Moments are,
    /// for each channel, the mean and the sum of squared distances from it; sums are of the upstream gradient, and of it times x - mean.
    void (*norm_moments[2])(
        const float *x, int64_t rows, int64_t width, int64_t count, int64_t step, float *mean, float *squares);
    void (*norm_apply[2])(const hk_norm_piece *piece, int64_t rows, int64_t width);
    void (*norm_sums[2])(const hk_norm_piece *piece, int64_t rows, int64_t width, float *sum, float *product);
    void (*norm_gradient[2])(const hk_norm_piece *piece, int64_t rows, int64_t width);
    /// Moments of parts to mean and variance; sums of parts to sums.
    void (*norm_merge)(const hk_norm_parts *parts, float *mean, float *variance);
    void (*norm_total)(const hk_norm_parts *parts, float *sum, float *product);
    /// Layer norm of `rows` rows, its gradient, sums over parts of rows. See Templates/layer_norm.h.
    void (*layer_norm)(
        const float *x, int64_t rows, int64_t n, float epsilon, const float *scale, const float *bias, float *y, float *mean,
        float *variance, bool stream);
    void (*layer_norm_gradient)(
        const float *x, const float *dy, const float *mean, const float *variance, float epsilon, int64_t rows, int64_t n,
        const float *scale, float *dx, float *dscale, float *dbias, bool stream);
    void (*layer_norm_fold)(const float *partial, int64_t parts, int64_t pitch, int64_t begin, int64_t end, float *total);
    /// 16 blocks, 64 words, from block `block` on.
    void (*philox)(uint64_t key, uint64_t block, uint32_t *words);
    /// 64 uniform numbers from 64 words.
    void (*uniform)(const uint32_t *words, float *output);
    /// 64 normals from 64 words.
    void (*normal)(const uint32_t *words, float *output);
    /// out[c * out_pitch + r] = in[r * in_pitch + c] for elements of 1 << log2 bytes; pitches in elements.
    void (*transpose[4])(
        const char *input, int64_t in_pitch, char *output, int64_t out_pitch, int64_t rows, int64_t columns);
    /// 2x2 windows with stride 2: one row of outputs from two rows of inputs; [0] f32, [1] f64.
    void (*maxpool_2x2[2])(const char *top, const char *bottom, char *y, int64_t count);
    void (*maxpool_select_2x2[2])(
        const char *top, const char *bottom, const char *v_top, const char *v_bottom, char *y, int64_t count);
    void (*maxpool_scatter_2x2[2])(
        const char *top, const char *bottom, const char *dy, bool rectified, char *dx_top, char *dx_bottom, int64_t count);
    /// One place of the windows of a row of outputs: best[j] = max(best[j], x[j * step]); NaN wins.
    void (*pool_max[2])(const char *x, int64_t step, int64_t count, char *best);
    /// The same, and place[j] = first + j * step where it wins over what came before, or where place[j] is negative.
    void (*pool_place[2])(
        const char *x, int64_t step, int64_t count, int32_t first, char *best, int32_t *restrict place);
    /// sum[j] += x[j * step]
    void (*pool_sum[2])(const char *x, int64_t step, int64_t count, char *sum);
    /// dx[j * step] += share[j]
    void (*pool_spread[2])(const char *share, int64_t step, int64_t count, char *dx);
    /// Rows of what is written, counted through all planes; by `enum hk_blocked_...`. See Templates/pooling_blocked.h.
    void (*blocked_pool[hk_blocked_pool_count])(const hk_blocked_pool *pool, int64_t begin, int64_t end);
    void (*blocked_max_gradient)(const hk_blocked_pool *pool, int64_t begin, int64_t end);
    void (*blocked_average_gradient)(const hk_blocked_pool *pool, int64_t begin, int64_t end);
    /// C (rows x columns of the micro-tile) += packed A (k x rows) times packed B (k x columns); `first` overwrites.
    void (*product[hk_type_count])(
        int64_t k, const char *a, const char *b, char *c, int64_t c_pitch, int64_t rows, int64_t columns, bool first);
    // Convolutions on tiles of 6 x 6: described where they are defined, in Templates/winograd.h.
    hk_winograd_kernels winograd;
    void (*winograd_finish)(
        const hk_winograd_side *side, const hk_winograd_tiles *tiles, const hk_winograd_finish *finish, int64_t block,
        int64_t begin, int64_t end, const float *in, int64_t plane);
    void (*winograd_weights_gradient)(
        const hk_winograd_weights *w, int64_t out_block, int64_t in_block, const float *in, int64_t plane,
        int64_t phase_step);
    /// A convolution as one product: described in Templates/unfold.h.
    void (*unfold)(
        const hk_unfold_call *call, int64_t pixels, const float *x, const float *weights, const float *bias, float *y);
    /// A convolution as direct sums: described in Templates/taps.h.
    void (*taps)(
        const hk_taps_call *call, int64_t count, const float *x, const hk_taps_pixel *pixels, const float *weights, const float *bias,
        float *y);
    /// Weight gradients as direct sums: described in Templates/correlate.h.
    void (*correlate)(
        int64_t rows, const hk_correlate_box *box, const float *x, const int64_t *offsets, const float *dy, float *sums,
        bool first);
    void (*correlate_total)(const hk_correlate_box *box, const float *dy, float *total, bool first);
    /// A row of a convolution with few outputs: described in Templates/narrow.h.
    void (*narrow_row)(const hk_narrow_row *row, const float *input, float *sums, bool first);
    /// Products of pixels with 16 weights of each channel: described in Templates/narrow.h.
    void (*narrow_pixels)(
        int64_t channels, int64_t count, int64_t pixel, int64_t block, const float *input, const float *weights, float *products);
    /// C[m, n] = alpha A B + beta C + bias (none where null).
    void (*gemm)(
        const hk_gemm_call *call, int64_t m, int64_t n, const float *a, const float *b, float *c, const float *bias);
    /// The same for one panel of up to `gemm_block_columns` columns, `b_row` of B apart.
    void (*gemm_panel)(
        const hk_gemm_call *call, int64_t m, int64_t n, const float *a, const float *panel, float *c, const float *bias);
    /// Tiles of rows, [k][rows of a tile], `a_tile` apart; and panels of 16 or `HK_GEMM_COLUMNS` columns, [k][width].
    void (*gemm_pack_tiles)(
        const float *a, int64_t a_row, int64_t a_column, int64_t m, int64_t k, float *packed, int64_t a_tile);
    void (*gemm_pack_panels)(
        int64_t width, const float *b, int64_t b_row, int64_t b_column, int64_t n, int64_t k, float *packed);
    /// The sums over `k` of the rows that tiles hold, written where they are the `first`, else added.
    void (*gemm_sum_tiles)(const float *packed, int64_t a_tile, int64_t m, int64_t k, float *sums, bool first);
    int gemm_block_rows, gemm_block_columns;
    /// What multiplies bf16 numbers.
    hk_bf16_kernels bf16;
    /// C[m, n] = A B + bias, for A with dense rows and B with dense columns.
    void (*dots)(
        int64_t m, int64_t n, int64_t k, const float *a, int64_t a_row, const float *b, int64_t b_column, float *c,
        int64_t c_row, const float *bias);
    /// Attention's work on one row; see Templates/attention.h.
    float (*attention_row)(
        float *s, int64_t count, int64_t width, const char *mask, int mask_type, float *most, float *sum);
    void (*attention_scale)(float *x, int64_t n, float factor);
    float (*attention_dot)(const float *x, const float *y, int64_t n);
    void (*attention_gradient_row)(
        float *s, float *dp, int64_t count, int64_t width, const char *mask, int mask_type, float lse, float delta);
    /// See `hk_recurrent_product`; null where `gemm` does as well.
    hk_recurrent_product recurrent_product;
    void (*lstm_forward)(const hk_cell_forward *cell);
    void (*gru_forward)(const hk_cell_forward *cell);
    void (*lstm_backward)(const hk_cell_backward *cell);
    void (*gru_backward)(const hk_cell_backward *cell);
    /// Steps of `multiply_add_chains` chains of 16 multiply-adds each, `rounds` times; the result depends on all.
    float (*multiply_adds)(int64_t rounds, float factor, float term);
    int multiply_add_chains;
    /// Copies granules of f32 past the caches; both 64-byte aligned.
    void (*streaming_copy)(const float *from, float *to, int64_t granules);
} hk_variant;

/// Rows and columns of the micro-tile of `product`.
#define HK_PRODUCT_ROWS 4
#define HK_PRODUCT_COLUMNS 16
/// Rows of `combine_rows`, which read one factor together.
#define HK_OPTIMIZER_ROWS 4

/// Bytes of output from which on kernels that read and write once write it past the cache.
#define HK_STREAM_BYTES (16 << 20)

extern const hk_variant hk_variant_plain;
#if defined(__x86_64__)
extern const hk_variant hk_variant_avx2;
extern const hk_variant hk_variant_avx512;
#endif

/// The variant in use.
const hk_variant *hk_variant_current(void);

/// Calls `body` over `0 ..< count` in pieces, on the team when `cost`, the whole work's time in nanoseconds on one thread,
/// is worth waking it. Denormals are flushed inside. What a piece computes must not depend on where pieces begin.
void hk_parallel(
    int64_t count, double cost, void (*body)(void *context, int64_t begin, int64_t end), void *context);

enum { hk_scratch_call, hk_scratch_thread, hk_scratch_folds, hk_scratch_count };

/// At least `bytes` of 64-byte aligned memory of the calling thread's own, kept for its next call. `hk_scratch_call` is for
/// the function that a caller entered, `hk_scratch_thread` for the body of its parallel loop, `hk_scratch_folds` for what tiles of an
/// element-wise program leave to be combined.
void *hk_scratch(int slot, size_t bytes);

/// Axes of a strided array, joined where they walk as one.
typedef struct {
    int rank;
    int64_t extents[HK_MAX_RANK];
    /// In elements.
    int64_t strides[HK_MAX_RANK];
    /// Of a second array walked along; elements.
    int64_t others[HK_MAX_RANK];
} hk_axes;

/// Drops axes of extent 1 and joins neighbours that both arrays walk as one. False when the array is empty.
bool hk_axes_join(hk_axes *axes);

/// A place in an array that is walked in row-major order.
typedef struct {
    int64_t places[HK_MAX_RANK], offset, other;
} hk_odometer;

static inline void hk_odometer_start(hk_odometer *at, const hk_axes *axes, int64_t index) {
    at->offset = at->other = 0;
    for (int axis = axes->rank - 1; axis >= 0; axis--) {
        int64_t quotient = index / axes->extents[axis];
        at->places[axis] = index - quotient * axes->extents[axis];
        at->offset += at->places[axis] * axes->strides[axis];
        at->other += at->places[axis] * axes->others[axis];
        index = quotient;
    }
}

static inline void hk_odometer_next(hk_odometer *at, const hk_axes *axes) {
    for (int axis = axes->rank - 1; axis >= 0; axis--) {
        at->offset += axes->strides[axis];
        at->other += axes->others[axis];
        if (++at->places[axis] < axes->extents[axis]) return;
        at->places[axis] = 0;
        at->offset -= axes->strides[axis] * axes->extents[axis];
        at->other -= axes->others[axis] * axes->extents[axis];
    }
}

static inline int64_t hk_axes_count(const hk_axes *axes) {
    int64_t count = 1;
    for (int axis = 0; axis < axes->rank; axis++) count *= axes->extents[axis];
    return count;
}

/// Appends an axis.
static inline void hk_axes_add(hk_axes *axes, int64_t extent, int64_t stride, int64_t other) {
    axes->extents[axes->rank] = extent;
    axes->strides[axes->rank] = stride;
    axes->others[axes->rank] = other;
    axes->rank++;
}

/// Orders axes from the largest step to the smallest: by `others` if `by_other`, else by `strides`. Equals keep their order.
void hk_axes_sort(hk_axes *axes, bool by_other);

/// Copies `count` elements of `bytes` bytes that lie `stride` elements apart to neighbours.
void hk_gather(char *output, const char *input, int64_t stride, int bytes, int64_t count);

/// Writes one element of `bytes` bytes `count` times, on this thread.
void hk_splat(char *output, const void *element, int bytes, int64_t count);

/// Numbers `first ..< first + count` of a stream as `hk_philox_uniform_f32` makes them, on the calling thread.
void hk_draw_uniform(uint64_t key, uint64_t first, float *output, int64_t count);
