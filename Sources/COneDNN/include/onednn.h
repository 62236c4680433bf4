// The thin C interface over oneDNN that the native CPU engine uses: memory layouts, and primitives that are created once
// and executed many times without allocation. Compiles against oneDNN 2.x and 3.x.
//
// Conventions. Shapes are logical and in PyTorch's order: activations [N, C, spatial...], convolution weights
// [O, I, k...] or, with groups, [G, O/G, I/G, k...] (the same bytes as [O, I/G, k...]). A layout says how such a tensor lies
// in memory. Element types are numbered as Hillock's DType: f32 0, f64 1, i32 2, i64 3, u8 4, bool 5, bf16 6, f16 7.
// `create` functions check shapes and return a status; the text of the last failure on this thread is `hd_last_error()`.
// Layout arguments are only read: the caller keeps owning them. Everything may be called from any thread, but one
// primitive must not be executed by two threads at the same time: it holds the pointers of the running call.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// What a call came to; the text is in `hd_last_error`.
typedef enum {
    HD_OK = 0,
    HD_INVALID = 1,        ///< Shapes or arguments contradict each other.
    HD_UNSUPPORTED = 2,    ///< oneDNN has no implementation of this combination of types and layouts on this machine.
    HD_OUT_OF_MEMORY = 3,
    HD_RUNTIME = 4         ///< oneDNN failed while creating or executing.
} hd_status;

/// The text of the last failure on the calling thread: what was asked, with shapes, and why it failed. Never NULL.
const char *hd_last_error(void);

/// oneDNN's version as loaded at run time and its threading runtime, for example `oneDNN 2.6.3, OpenMP`.
const char *hd_version(void);

// MARK: Threads
// Results have the same bits with any number of threads. Layouts and kernels are chosen as for one thread; a kernel that
// adds up in the same order whatever its team runs as one oneDNN primitive; any other operation (weight gradients, products
// with a long inner dimension, statistics) is divided, by its shapes alone, into parts made for one thread each, which the
// team shares out and whose shares of a sum are added up in a fixed order.

/// Sets how many threads run the primitives that are created from now on (1 or more), and returns it. Default:
/// OMP_NUM_THREADS, else every core. Primitives that exist already keep theirs.
/// libgomp keeps one team of waiting threads for each thread that executes: execute from one thread.
int hd_set_threads(int count);

/// The number of threads set.
int hd_threads(void);

// MARK: Layouts

/// How a tensor of given dimensions and element type lies in memory; immutable.
typedef struct hd_layout hd_layout;

/// Families of layouts that have the same meaning at every rank.
typedef enum {
    HD_FORMAT_CHANNELS_FIRST = 0,       ///< Row-major: ncw, nchw, ncdhw.
    HD_FORMAT_CHANNELS_LAST = 1,        ///< nwc, nhwc, ndhwc.
    HD_FORMAT_CHANNELS_BLOCKED_8 = 2,   ///< nChw8c: channels in blocks of eight, padded up.
    HD_FORMAT_CHANNELS_BLOCKED_16 = 3   ///< nChw16c: channels in blocks of sixteen, padded up.
} hd_format;

/// A plain layout with `strides` in elements; NULL means row-major.
hd_status hd_layout_create(hd_layout **out, int rank, const int64_t *dims, const int64_t *strides, int dtype);
/// A layout that leaves the choice to the primitive it is given to; ask the primitive for what it chose.
hd_status hd_layout_create_any(hd_layout **out, int rank, const int64_t *dims, int dtype);
/// A layout of one of the families above; rank 3 to 5, dimension 1 is the channels.
hd_status hd_layout_create_format(hd_layout **out, int rank, const int64_t *dims, int dtype, hd_format format);
/// A copy, owned by the caller.
hd_layout *hd_layout_clone(const hd_layout *layout);
/// NULL is allowed.
void hd_layout_destroy(hd_layout *layout);

/// Bytes that a buffer of this layout takes, padding and gaps included; 0 for `any`.
size_t hd_layout_bytes(const hd_layout *layout);
/// Whether both describe the same dimensions, type and arrangement.
int hd_layout_equal(const hd_layout *a, const hd_layout *b);
int hd_layout_is_any(const hd_layout *layout);
/// Whether a blocked dimension is rounded up. The padding must be zero in inputs; primitives write zeros in outputs.
int hd_layout_is_padded(const hd_layout *layout);
/// Whether the elements fill the buffer without padding or gaps, so that element-wise work may treat it as flat.
int hd_layout_is_dense(const hd_layout *layout);
int hd_layout_rank(const hd_layout *layout);
/// Writes `rank` dimensions.
void hd_layout_dims(const hd_layout *layout, int64_t *dims);
int hd_layout_dtype(const hd_layout *layout);
/// If the layout is plain (strides say all), writes `rank` strides in elements and returns 1; otherwise returns 0.
int hd_layout_strides(const hd_layout *layout, int64_t *strides);
/// Writes a description such as `f32[128,64,24,24] aBcd16b`, as `snprintf` does; returns the length it wanted.
/// Letters are dimensions from outermost to innermost, capitals are blocked, numbers are block sizes.
int hd_layout_describe(const hd_layout *layout, char *buffer, size_t capacity);

// MARK: Primitives

/// One operation made ready for fixed shapes and layouts.
typedef struct hd_primitive hd_primitive;

/// The layout that the primitive uses at `slot` (see the enumerations below); NULL if the slot is unused.
/// Owned by the primitive.
const hd_layout *hd_primitive_layout(const hd_primitive *primitive, int slot);
/// How many slots `hd_primitive_execute` reads.
int hd_primitive_slot_count(const hd_primitive *primitive);
/// Bytes of scratch memory that an execution needs.
size_t hd_primitive_scratch_bytes(const hd_primitive *primitive);
/// Runs it. `buffers` has one pointer a slot, in slot order (unused slots are not read); `scratch` is
/// `hd_primitive_scratch_bytes` bytes aligned to 64 (NULL if that is 0). Does not allocate on this side.
hd_status hd_primitive_execute(hd_primitive *primitive, void *const *buffers, void *scratch);
/// oneDNN's name of the kernel that was chosen and how the work is divided: `brg:avx512_core`,
/// `jit_wino_4x3:avx512_core in 4 parts`. Owned by the primitive.
const char *hd_primitive_implementation(const hd_primitive *primitive);
/// NULL is allowed.
void hd_primitive_destroy(hd_primitive *primitive);

/// What happens to a result before it is stored, in this order; combine with `|`.
typedef enum {
    HD_POST_NONE = 0,
    HD_POST_SUM = 1,    ///< Add what `dst` held before (accumulate).
    HD_POST_RELU = 2    ///< max(x, 0), last.
} hd_post;

typedef enum {
    HD_ALGORITHM_AUTO = 0,      ///< oneDNN's own choice for one thread; not always the fastest.
    HD_ALGORITHM_DIRECT = 1,
    /// For 3x3 kernels with stride 1, in blocked layouts; rounds differently. HD_UNSUPPORTED where oneDNN has none: it takes
    /// AVX-512 and version 2 (version 3 dropped it).
    HD_ALGORITHM_WINOGRAD = 2
} hd_algorithm;

// MARK: Convolution
// `strides`, `dilations` (1 is dense), `padding_low`, `padding_high`: one value a spatial dimension (1 to 3 of them);
// NULL means all 1, 1, 0, 0.

enum { HD_CONV_SRC = 0, HD_CONV_WEIGHTS = 1, HD_CONV_BIAS = 2, HD_CONV_DST = 3 };
/// dst = post(src * weights + bias). `bias` [O] or NULL.
hd_status hd_convolution_forward_create(
    hd_primitive **out, const hd_layout *src, const hd_layout *weights, const hd_layout *bias, const hd_layout *dst,
    const int64_t *strides, const int64_t *dilations, const int64_t *padding_low, const int64_t *padding_high,
    hd_algorithm algorithm, int post);

enum { HD_CONV_BWD_DIFF_DST = 0, HD_CONV_BWD_WEIGHTS = 1, HD_CONV_BWD_DIFF_SRC = 2 };
/// The gradient with respect to the input. `diff_src` has the shape of the forward `src`.
hd_status hd_convolution_backward_data_create(
    hd_primitive **out, const hd_layout *diff_dst, const hd_layout *weights, const hd_layout *diff_src,
    const int64_t *strides, const int64_t *dilations, const int64_t *padding_low, const int64_t *padding_high,
    hd_algorithm algorithm);

enum { HD_CONV_BWD_W_SRC = 0, HD_CONV_BWD_W_DIFF_DST = 1, HD_CONV_BWD_W_DIFF_WEIGHTS = 2, HD_CONV_BWD_W_DIFF_BIAS = 3 };
/// The gradient with respect to the weights and, unless `diff_bias` is NULL, the bias.
hd_status hd_convolution_backward_weights_create(
    hd_primitive **out, const hd_layout *src, const hd_layout *diff_dst, const hd_layout *diff_weights,
    const hd_layout *diff_bias, const int64_t *strides, const int64_t *dilations, const int64_t *padding_low,
    const int64_t *padding_high, hd_algorithm algorithm);

// MARK: Matrix product

enum { HD_MATMUL_SRC = 0, HD_MATMUL_WEIGHTS = 1, HD_MATMUL_BIAS = 2, HD_MATMUL_ADDEND = 3, HD_MATMUL_DST = 4 };
/// dst[..., M, N] = post(src[..., M, K] · weights[..., K, N] + bias + addend). All of one rank, 2 or more; batch dimensions of
/// `src` and `weights` broadcast where 1. Any strides, so transposes are free: weights stored [N, K] are dims [K, N] with
/// strides [1, K]. `bias` and `addend` (NULL if absent) broadcast against dst: for a row vector, dims [1, N].
/// `weights` may be `any`: reorder into the layout chosen once, use it often.
hd_status hd_matmul_create(
    hd_primitive **out, const hd_layout *src, const hd_layout *weights, const hd_layout *bias, const hd_layout *addend,
    const hd_layout *dst, int post);

// MARK: Pooling

typedef enum {
    HD_POOL_MAX = 0,
    HD_POOL_AVERAGE_EXCLUDE_PADDING = 1,   ///< Divide by the elements that lie inside the input.
    HD_POOL_AVERAGE_INCLUDE_PADDING = 2    ///< Divide by the window's size.
} hd_pool;

enum { HD_POOL_SRC = 0, HD_POOL_DST = 1, HD_POOL_WORKSPACE = 2 };
/// `training` non-zero: max pooling records where each maximum lay in the workspace slot for the backward pass. In a tie
/// the first element of the window wins.
hd_status hd_pooling_forward_create(
    hd_primitive **out, hd_pool kind, int training, const hd_layout *src, const hd_layout *dst, const int64_t *kernel,
    const int64_t *strides, const int64_t *padding_low, const int64_t *padding_high);

enum { HD_POOL_BWD_DIFF_DST = 0, HD_POOL_BWD_WORKSPACE = 1, HD_POOL_BWD_DIFF_SRC = 2 };
/// The gradient with respect to the input. The workspace has the layout that a forward primitive of the same shapes and
/// layouts reports (the workspace follows dst's layout): compare both with `hd_layout_equal`.
hd_status hd_pooling_backward_create(
    hd_primitive **out, hd_pool kind, const hd_layout *diff_dst, const hd_layout *diff_src, const int64_t *kernel,
    const int64_t *strides, const int64_t *padding_low, const int64_t *padding_high);

// MARK: Batch normalisation
// With given statistics it runs on the whole team. The statistics of a batch and the gradient run on one thread: oneDNN's
// sums depend on the team and cannot be divided (its kernels take no range of channels).

enum {
    HD_BNORM_SRC = 0, HD_BNORM_SCALE = 1, HD_BNORM_SHIFT = 2, HD_BNORM_MEAN = 3, HD_BNORM_VARIANCE = 4, HD_BNORM_DST = 5
};
/// dst = (src - mean) / sqrt(variance + epsilon) · scale + shift per channel; scale, shift, mean, variance are f32 [C].
/// `training` non-zero: mean and variance (biased) of the batch are computed and written; otherwise they are read.
hd_status hd_batch_normalization_forward_create(
    hd_primitive **out, int training, const hd_layout *src, const hd_layout *dst, float epsilon);

enum {
    HD_BNORM_BWD_SRC = 0, HD_BNORM_BWD_MEAN = 1, HD_BNORM_BWD_VARIANCE = 2, HD_BNORM_BWD_SCALE = 3, HD_BNORM_BWD_DIFF_DST = 4,
    HD_BNORM_BWD_DIFF_SRC = 5, HD_BNORM_BWD_DIFF_SCALE = 6, HD_BNORM_BWD_DIFF_SHIFT = 7
};
/// The gradients with respect to src, scale and shift, through the batch's mean and variance.
hd_status hd_batch_normalization_backward_create(
    hd_primitive **out, const hd_layout *src, const hd_layout *diff_dst, const hd_layout *diff_src, float epsilon);

// MARK: Reorder

enum { HD_REORDER_SRC = 0, HD_REORDER_DST = 1 };
/// Copies a tensor from one layout (and element type) into another.
hd_status hd_reorder_create(hd_primitive **out, const hd_layout *src, const hd_layout *dst);

#ifdef __cplusplus
}
#endif
