// What the kernels' source files share: the table that each instruction set fills, parallel loops, scratch memory.
#pragma once
#include "kernels.h"

/// Elements that one step of a vector kernel works on, whatever their type.
#define HK_GRANULE 16

/// Elements that a leaf of a reduction sums in lanes before the binary tree takes over.
#define HK_LEAF 2048

/// An element-wise kernel over whole granules. `sa`, `sb`, `sc` are bytes from one granule of an operand to its next: the size
/// of a granule, or 0 where one granule serves for all.
typedef void (*hk_kernel)(
    char *output, const char *a, const char *b, const char *c, intptr_t sa, intptr_t sb, intptr_t sc, intptr_t granules);

/// The kernels of one reduction and type.
typedef struct {
    /// Reduces `count` (at most HK_LEAF) neighbours into one element.
    void (*leaf)(const char *input, int64_t count, char *output);
    /// output[j] = row[0][j] op row[1][j] op ..., for `count` columns.
    void (*rows)(const char *const *rows, int64_t row_count, int64_t count, char *output);
    /// accumulator[j] = accumulator[j] op other[j].
    void (*combine)(char *accumulator, const char *other, int64_t count);
} hk_reducer;

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
    void (*softmax)(const float *x, float *y, int64_t n);
    void (*log_softmax)(const float *x, float *y, int64_t n);
    void (*softmax_gradient)(const float *y, const float *dy, float *dx, int64_t n);
    void (*log_softmax_gradient)(const float *y, const float *dy, float *dx, int64_t n);
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
        const char *top, const char *bottom, const char *dy, char *dx_top, char *dx_bottom, int64_t count);
    /// One place of the windows of a row of outputs: best[j] = max(best[j], x[j * step]); NaN wins.
    void (*pool_max[2])(const char *x, int64_t step, int64_t count, char *best);
    /// The same, and place[j] = first + j * step where it wins over what came before, or where place[j] is negative.
    void (*pool_place[2])(
        const char *x, int64_t step, int64_t count, int32_t first, char *best, int32_t *restrict place);
    /// sum[j] += x[j * step]
    void (*pool_sum[2])(const char *x, int64_t step, int64_t count, char *sum);
    /// dx[j * step] += share[j]
    void (*pool_spread[2])(const char *share, int64_t step, int64_t count, char *dx);
    /// C (rows x columns of the micro-tile) += packed A (k x rows) times packed B (k x columns); `first` overwrites.
    void (*product[hk_type_count])(
        int64_t k, const char *a, const char *b, char *c, int64_t c_pitch, int64_t rows, int64_t columns, bool first);
    /// Steps of `multiply_add_chains` chains of 16 multiply-adds each, `rounds` times; the result depends on all.
    float (*multiply_adds)(int64_t rounds, float factor, float term);
    int multiply_add_chains;
    /// Copies granules of f32 past the caches; both 64-byte aligned.
    void (*streaming_copy)(const float *from, float *to, int64_t granules);
} hk_variant;

/// Rows and columns of the micro-tile of `product`.
#define HK_PRODUCT_ROWS 4
#define HK_PRODUCT_COLUMNS 16

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

enum { hk_scratch_call, hk_scratch_thread, hk_scratch_count };

/// At least `bytes` of 64-byte aligned memory of the calling thread's own, kept for its next call. `hk_scratch_call` is for
/// the function that a caller entered, `hk_scratch_thread` for the body of its parallel loop.
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
