// Batch, instance and group norm. A slab is one image's `block` neighbouring channels, contiguous in memory. Work is cut by shape
// alone: large slabs into pieces, and small slabs of one channel block and several images are one piece together. A bundle is all
// that one set of statistics depends on: it is normalised in one go while it fits into cache, and in separate loops over all pieces
// where it does not, with the same bits.
#include "internal.h"
#include <math.h>
#include <string.h>

/// Elements of a piece of a run, and of one of rows of channels.
#define RUN_PIECE 4096
#define ROWS_PIECE 8192
/// Bytes of a bundle up to which the second pass over it reads from the cache of its core.
#define CACHED_BYTES 786432

typedef struct call call;
typedef void (*piece_body)(const call *c, int64_t bundle, int64_t member, int64_t piece);
typedef void (*bundle_body)(const call *c, int64_t bundle);

struct call {
    const hk_variant *variant;
    hk_norm norm;
    /// 0: runs, 1: rows of channels.
    int form;
    /// Slabs of an image, elements of a slab, pieces of a slab.
    int64_t slabs, slab_size, pieces;
    /// Batch norm: a bundle is a channel block, its members are groups of images. Else it is some neighbouring slabs of an image.
    int64_t bundles, members;
    /// What pieces found: [bundle][member][piece][2][block].
    float *found;
    /// Coefficients by channel, or by image and channel.
    float *mean, *variance, *slope, *bias, *inclination, *offset, *sum, *product;
    const float *scale_in, *bias_in;
    /// Given or wanted, by set.
    const float *set_mean, *set_variance;
    float *mean_out, *variance_out, *dscale, *dbias;
    hk_norm_piece arrays;
    piece_body first, second;
    bundle_body merge;
};

static inline bool is_batch(const call *c) { return c->norm.groups == 0; }

/// Where the coefficients of a bundle's first channel are, and which channel that is.
static inline int64_t coefficient_of(const call *c, int64_t bundle) {
    return (is_batch(c) ? bundle : bundle * c->members) * c->norm.block;
}
static inline int64_t channel_of(const call *c, int64_t bundle) { return coefficient_of(c, bundle) % c->norm.channels; }

static inline float *found_by(const call *c, int64_t bundle, int64_t member, int64_t piece) {
    return c->found + ((bundle * c->members + member) * c->pieces + piece) * 2 * c->norm.block;
}

static inline int64_t rows_of(const call *c, int64_t piece) {
    return hk_cut(c->norm.positions, c->pieces, piece + 1) - hk_cut(c->norm.positions, c->pieces, piece);
}

/// Cuts the work and takes memory for it.
static void prepare(call *c, const hk_norm *norm) {
    c->variant = hk_variant_current();
    c->norm = *norm;
    // Without positions to speak of a row-major array is rows of channels.
    if (norm->positions == 1) c->norm.block = norm->channels;
    int64_t block = c->norm.block;
    c->form = block == 1 ? 0 : 1;
    c->slabs = norm->channels / block;
    c->slab_size = norm->positions * block;
    int64_t rows = c->form == 0 ? RUN_PIECE : ROWS_PIECE / block;
    if (rows < 8) rows = 8;
    c->pieces = (norm->positions + rows - 1) / rows;
    if (is_batch(c)) {
        int64_t together = rows / norm->positions;
        c->members = together > 1 ? (norm->images + together - 1) / together : norm->images;
        c->bundles = c->slabs;
    } else {
        // The fewest slabs that no group crosses the edge of.
        int64_t width = norm->channels / norm->groups;
        c->members = width % block == 0 ? width / block : block % width == 0 ? 1 : c->slabs;
        c->bundles = norm->images * c->slabs / c->members;
    }
    int64_t coefficients = norm->channels * (is_batch(c) ? 1 : norm->images);
    int64_t found = c->bundles * c->members * c->pieces * 2 * block;
    float *memory = hk_scratch(hk_scratch_call, (size_t)(found + 8 * coefficients) * sizeof(float));
    c->found = memory;
    float **arrays[8] = {&c->mean, &c->variance, &c->slope, &c->bias, &c->inclination, &c->offset, &c->sum, &c->product};
    for (int i = 0; i < 8; i++) *arrays[i] = memory + found + i * coefficients;
}

static hk_norm_piece piece_at(const call *c, int64_t bundle, int64_t member, int64_t piece) {
    hk_norm_piece p = c->arrays;
    int64_t slab = bundle * c->members + member;
    p.count = 1;
    p.step = c->slabs * c->slab_size;
    if (is_batch(c)) {
        int64_t image = hk_cut(c->norm.images, c->members, member);
        p.count = hk_cut(c->norm.images, c->members, member + 1) - image;
        slab = image * c->slabs + bundle;
    }
    int64_t at = slab * c->slab_size + hk_cut(c->norm.positions, c->pieces, piece) * c->norm.block;
    int64_t k = is_batch(c) ? coefficient_of(c, bundle) : slab * c->norm.block;
    p.x += at;
    if (p.residual) p.residual += at;
    if (p.dy) p.dy += at;
    if (p.y) p.y += at;
    if (p.kept) p.kept += at;
    if (p.output) p.output += at;
    p.mean = c->mean + k;
    p.slope = c->slope + k;
    p.bias = c->bias + k;
    p.inclination = c->inclination + k;
    p.offset = c->offset + k;
    return p;
}

static void moments(const call *c, int64_t bundle, int64_t member, int64_t piece) {
    hk_norm_piece p = piece_at(c, bundle, member, piece);
    float *found = found_by(c, bundle, member, piece);
    c->variant->norm_moments[c->form](
        p.x, rows_of(c, piece), c->norm.block, p.count, p.step, found, found + c->norm.block);
}

static void apply(const call *c, int64_t bundle, int64_t member, int64_t piece) {
    hk_norm_piece p = piece_at(c, bundle, member, piece);
    c->variant->norm_apply[c->form](&p, rows_of(c, piece), c->norm.block);
}

static void sums(const call *c, int64_t bundle, int64_t member, int64_t piece) {
    hk_norm_piece p = piece_at(c, bundle, member, piece);
    float *found = found_by(c, bundle, member, piece);
    c->variant->norm_sums[c->form](&p, rows_of(c, piece), c->norm.block, found, found + c->norm.block);
}

static void gradient(const call *c, int64_t bundle, int64_t member, int64_t piece) {
    hk_norm_piece p = piece_at(c, bundle, member, piece);
    if (p.kept) {
        // What passed the mask was kept.
        p.dy = p.kept;
        p.kept = NULL;
        p.mask = hk_norm_mask_none;
    }
    c->variant->norm_gradient[c->form](&p, rows_of(c, piece), c->norm.block);
}

/// What member `member` found, or all members of a batch norm's bundle.
static hk_norm_parts parts_of(const call *c, int64_t bundle, int64_t member) {
    int64_t numbers = c->pieces * 2 * c->norm.block;
    return (hk_norm_parts){
        .found = found_by(c, bundle, member, 0), .members = is_batch(c) ? c->members : 1,
        .images = is_batch(c) ? c->norm.images : 1, .step = numbers, .pieces = c->pieces, .positions = c->norm.positions,
        .width = c->norm.block};
}

// MARK: - Coefficients

/// slope and bias of the channels from `k` on, the first of which is `channel`.
static void set_coefficients(const call *c, int64_t k, int64_t channel, int64_t count) {
    for (int64_t j = 0; j < count; j++) {
        double inverse = 1 / sqrt((double)c->variance[k + j] + (double)c->norm.epsilon);
        c->slope[k + j] = (float)(c->scale_in ? inverse * (double)c->scale_in[channel + j] : inverse);
        c->bias[k + j] = c->bias_in ? c->bias_in[channel + j] : 0;
    }
}

/// Mean and variance of `width` channels with as many elements each, to all of them.
static void merge_channels(float *mean, float *variance, int64_t width) {
    double sum = 0, squares = 0;
    for (int64_t j = 0; j < width; j++) sum += (double)mean[j];
    double centre = sum / (double)width;
    for (int64_t j = 0; j < width; j++) {
        double distance = (double)mean[j] - centre;
        squares += (double)variance[j] + distance * distance;
    }
    float m = (float)centre, v = (float)(squares / (double)width);
    for (int64_t j = 0; j < width; j++) mean[j] = m, variance[j] = v;
}

static void merge_moments(const call *c, int64_t bundle) {
    int64_t block = c->norm.block, k = coefficient_of(c, bundle), width = is_batch(c) ? 1 : c->norm.channels / c->norm.groups;
    int64_t covered = is_batch(c) ? block : c->members * block;
    for (int64_t at = 0; at < covered; at += block) {
        hk_norm_parts parts = parts_of(c, bundle, at / block);
        c->variant->norm_merge(&parts, c->mean + k + at, c->variance + k + at);
    }
    for (int64_t j = k; j < k + covered; j += width) {
        if (width > 1) merge_channels(c->mean + j, c->variance + j, width);
        c->mean_out[j / width] = c->mean[j];
        c->variance_out[j / width] = c->variance[j];
    }
    set_coefficients(c, k, channel_of(c, bundle), covered);
}

/// The coefficients of all channels from given statistics.
static void spread_statistics(const call *c) {
    int64_t channels = c->norm.channels;
    if (c->norm.groups == 0) {
        memcpy(c->mean, c->set_mean, (size_t)channels * sizeof(float));
        memcpy(c->variance, c->set_variance, (size_t)channels * sizeof(float));
        set_coefficients(c, 0, 0, channels);
        return;
    }
    int64_t width = channels / c->norm.groups;
    for (int64_t n = 0; n < c->norm.images; n++) {
        for (int64_t j = 0; j < channels; j++) {
            c->mean[n * channels + j] = c->set_mean[n * c->norm.groups + j / width];
            c->variance[n * channels + j] = c->set_variance[n * c->norm.groups + j / width];
        }
        set_coefficients(c, n * channels, 0, channels);
    }
}

/// inclination and offset from the sums of `width` channels over `n` elements in all, from coefficient `k` and `channel` on.
static void set_gradient(const call *c, int64_t k, int64_t channel, int64_t width, double n) {
    double sum = 0, product = 0;
    for (int64_t j = 0; j < width; j++) {
        double scale = c->scale_in ? (double)c->scale_in[channel + j] : 1;
        sum += scale * (double)c->sum[k + j];
        product += scale * (double)c->product[k + j];
    }
    double inverse = 1 / sqrt((double)c->variance[k] + (double)c->norm.epsilon);
    float offset = (float)(-inverse * sum / n), inclination = (float)(-inverse * inverse * inverse * product / n);
    for (int64_t j = 0; j < width; j++) {
        c->offset[k + j] = offset;
        c->inclination[k + j] = inclination;
        // From here on the gradient of the scale.
        c->product[k + j] = (float)((double)c->product[k + j] * inverse);
    }
}

static void merge_sums(const call *c, int64_t bundle) {
    int64_t block = c->norm.block, k = coefficient_of(c, bundle), channel = channel_of(c, bundle);
    int64_t covered = is_batch(c) ? block : c->members * block, width = is_batch(c) ? 1 : c->norm.channels / c->norm.groups;
    double images = is_batch(c) ? (double)c->norm.images : 1;
    for (int64_t at = 0; at < covered; at += block) {
        hk_norm_parts parts = parts_of(c, bundle, at / block);
        c->variant->norm_total(&parts, c->sum + k + at, c->product + k + at);
    }
    for (int64_t j = 0; j < covered; j += width) {
        set_gradient(c, k + j, channel + j, width, images * (double)c->norm.positions * (double)width);
    }
    if (!is_batch(c)) return;
    if (c->dbias) memcpy(c->dbias + k, c->sum + k, (size_t)block * sizeof(float));
    if (c->dscale) memcpy(c->dscale + k, c->product + k, (size_t)block * sizeof(float));
}

/// Sums of each channel over the images.
static void sum_images(const call *c, const float *values, float *total) {
    if (!total) return;
    for (int64_t j = 0; j < c->norm.channels; j++) {
        double sum = 0;
        for (int64_t n = 0; n < c->norm.images; n++) sum += (double)values[n * c->norm.channels + j];
        total[j] = (float)sum;
    }
}

// MARK: - Loops

static void run_bundles(void *context, int64_t begin, int64_t end) {
    const call *c = context;
    for (int64_t b = begin; b < end; b++) {
        for (int64_t m = 0; m < c->members; m++) {
            for (int64_t p = 0; p < c->pieces; p++) c->first(c, b, m, p);
        }
        c->merge(c, b);
        if (!c->second) continue;
        // Backwards: what was read last is nearest.
        for (int64_t m = c->members - 1; m >= 0; m--) {
            for (int64_t p = c->pieces - 1; p >= 0; p--) c->second(c, b, m, p);
        }
    }
}

/// Piece number `i` in the order in which they lie in memory.
static void run_piece(const call *c, piece_body body, int64_t i) {
    int64_t piece = i % c->pieces, slab = i / c->pieces;
    if (is_batch(c)) {
        body(c, slab % c->bundles, slab / c->bundles, piece);
    } else {
        body(c, slab / c->members, slab % c->members, piece);
    }
}

static void run_first(void *context, int64_t begin, int64_t end) {
    const call *c = context;
    for (int64_t i = begin; i < end; i++) run_piece(c, c->first, i);
}

static void run_second(void *context, int64_t begin, int64_t end) {
    const call *c = context;
    int64_t last = c->bundles * c->members * c->pieces - 1;
    for (int64_t i = begin; i < end; i++) run_piece(c, c->second, last - i);
}

static void run_merge(void *context, int64_t begin, int64_t end) {
    const call *c = context;
    for (int64_t b = begin; b < end; b++) c->merge(c, b);
}

static int64_t elements_of(const call *c) { return c->norm.images * c->slabs * c->slab_size; }

/// Runs both passes; `streams` is how many arrays the first one reads, all of which the second reads again.
static void run(call *c, int streams) {
    int64_t parts = c->bundles * c->members * c->pieces, elements = elements_of(c);
    int64_t bundle_bytes = elements / c->bundles * (int64_t)sizeof(float) * streams;
    double cost = (double)elements * 0.1 * streams + (double)parts * 20;
    c->arrays.stream = elements * (int64_t)sizeof(float) >= HK_STREAM_BYTES;
    if (bundle_bytes <= CACHED_BYTES && (c->bundles >= 4 || cost < 20000)) {
        hk_parallel(c->bundles, 2 * cost, run_bundles, c);
        return;
    }
    hk_parallel(parts, cost, run_first, c);
    hk_parallel(c->bundles, (double)parts * (double)c->norm.block, run_merge, c);
    if (c->second) hk_parallel(parts, cost, run_second, c);
}

static void fill(float *output, int64_t count, float value) {
    for (int64_t i = 0; output && i < count; i++) output[i] = value;
}

static bool is_empty(const hk_norm *norm) { return norm->images <= 0 || norm->channels <= 0 || norm->positions <= 0; }

void hk_norm_forward(
    const hk_norm *norm, const float *x, const float *scale, const float *bias, const float *residual, bool relu, float *y,
    float *mean, float *variance) {
    if (is_empty(norm)) {
        fill(mean, hk_norm_sets(norm), NAN);
        fill(variance, hk_norm_sets(norm), NAN);
        return;
    }
    call c = {
        .scale_in = scale, .bias_in = bias, .mean_out = mean, .variance_out = variance,
        .arrays = {.x = x, .residual = residual, .output = y, .relu = relu},
        .first = moments, .merge = merge_moments, .second = apply};
    prepare(&c, norm);
    run(&c, 1);
}

void hk_norm_statistics(const hk_norm *norm, const float *x, float *mean, float *variance) {
    if (is_empty(norm)) {
        fill(mean, hk_norm_sets(norm), NAN);
        fill(variance, hk_norm_sets(norm), NAN);
        return;
    }
    call c = {
        .mean_out = mean, .variance_out = variance, .arrays = {.x = x}, .first = moments, .merge = merge_moments};
    prepare(&c, norm);
    run(&c, 1);
}

void hk_norm_inference(
    const hk_norm *norm, const float *x, const float *mean, const float *variance, const float *scale, const float *bias,
    const float *residual, bool relu, float *y) {
    if (is_empty(norm)) return;
    call c = {
        .scale_in = scale, .bias_in = bias, .set_mean = mean, .set_variance = variance,
        .arrays = {.x = x, .residual = residual, .output = y, .relu = relu}, .second = apply};
    prepare(&c, norm);
    spread_statistics(&c);
    int64_t parts = c.bundles * c.members * c.pieces, elements = elements_of(&c);
    c.arrays.stream = elements * (int64_t)sizeof(float) >= HK_STREAM_BYTES;
    hk_parallel(parts, (double)elements * (residual ? 0.15 : 0.1) + (double)parts * 20, run_second, &c);
}

void hk_norm_gradient(
    const hk_norm *norm, const float *x, const float *dy, int mask, const float *y, const float *mean, const float *variance,
    const float *scale, const float *bias, float *dx, float *dresidual, float *dscale, float *dbias) {
    if (is_empty(norm)) {
        fill(dscale, norm->channels, 0);
        fill(dbias, norm->channels, 0);
        return;
    }
    call c = {
        .scale_in = scale, .bias_in = bias, .set_mean = mean, .set_variance = variance, .dscale = dscale, .dbias = dbias,
        .arrays = {.x = x, .dy = dy, .output = dx, .mask = mask},
        .first = sums, .merge = merge_sums, .second = dx ? gradient : NULL};
    if (mask == hk_norm_mask_output) {
        c.arrays.y = y;
        c.arrays.kept = dresidual;
    }
    prepare(&c, norm);
    spread_statistics(&c);
    run(&c, mask == hk_norm_mask_output && !dresidual ? 3 : 2);
    if (norm->groups > 0) {
        sum_images(&c, c.sum, dbias);
        sum_images(&c, c.product, dscale);
    }
}
