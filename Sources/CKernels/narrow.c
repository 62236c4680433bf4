// Convolutions with few output channels: bands of rows, made planar one block of input channels at a time; or, where one vector holds all that
// an input pixel gives to the outputs around it, pixel by pixel where they lie.
#include "internal.h"
#include <string.h>

#define LANES HK_GRANULE
/// Rows of outputs that a task makes.
#define BAND 8

typedef struct {
    const hk_variant *variant;
    const hk_convolution *convolution;
    const float *input, *bias;
    float *output;
    /// Of the input in floats, and its extent.
    int64_t image, block, row, pixel, height, width, blocks;
    /// Output channels, phases included, and as the kernel takes them.
    int64_t channels, padded;
    int taps, stride;
    /// The grid of outputs, one point a phase: `rows` x `columns` from `first` on, and where its inputs begin.
    int64_t first_y, first_x, rows, columns, offset_y, offset_x;
    int64_t out_height, out_width, out_padding_y, out_padding_x;
    /// Packed [block][16][taps][taps][padded].
    float *weights;
} narrow;

static narrow make_narrow(const hk_convolution *c, hk_convolution_direction direction) {
    bool transposed = direction == hk_convolution_backward_data;
    narrow n = {.variant = hk_variant_current(), .convolution = c, .stride = transposed ? c->stride : 1};
    n.taps = (c->kernel + n.stride - 1) / n.stride;
    int64_t in = transposed ? c->out_channels : c->in_channels, out = transposed ? c->in_channels : c->out_channels;
    n.height = transposed ? c->out_height : c->height;
    n.width = transposed ? c->out_width : c->width;
    n.image = in * n.height * n.width;
    n.pixel = c->channels_last ? in : LANES;
    n.row = n.width * n.pixel;
    n.block = c->channels_last ? LANES : n.height * n.width * LANES;
    n.blocks = in / LANES;
    n.channels = out * n.stride * n.stride;
    n.padded = n.channels <= 4 ? n.channels : hk_divide_up(n.channels, 4) * 4;
    if (transposed) {
        // x[s q + phase - padding] = sum over taps of dy[q - tap] w[s tap + phase].
        n.first_y = c->padding_y / n.stride;
        n.first_x = c->padding_x / n.stride;
        n.rows = (c->height - 1 + c->padding_y) / n.stride - n.first_y + 1;
        n.columns = (c->width - 1 + c->padding_x) / n.stride - n.first_x + 1;
        n.offset_y = n.first_y + 1 - n.taps;
        n.offset_x = n.first_x + 1 - n.taps;
        n.out_height = c->height;
        n.out_width = c->width;
        n.out_padding_y = c->padding_y;
        n.out_padding_x = c->padding_x;
    } else {
        n.rows = c->out_height;
        n.columns = c->out_width;
        n.offset_y = -c->padding_y;
        n.offset_x = -c->padding_x;
        n.out_height = c->out_height;
        n.out_width = c->out_width;
    }
    return n;
}

bool hk_narrow_supports(const hk_convolution *c, hk_convolution_direction direction) {
    bool transposed = direction == hk_convolution_backward_data;
    if (direction == hk_convolution_backward_weights || c->kernel < 1 || c->stride < 1 || c->images < 1) return false;
    if (c->padding_y < 0 || c->padding_x < 0 || c->padding_y >= c->kernel || c->padding_x >= c->kernel) return false;
    int64_t in = transposed ? c->out_channels : c->in_channels;
    int64_t out = transposed ? c->in_channels * c->stride * c->stride : c->out_channels;
    // A row of vectors reads one vector past its end, no more.
    int taps = transposed ? (c->kernel + c->stride - 1) / c->stride : c->kernel;
    return (transposed || c->stride == 1) && taps <= LANES && in > 0 && in % LANES == 0 && out > 0 && out <= HK_NARROW_CHANNELS
        && c->height > 0 && c->width > 0 && c->out_height > 0 && c->out_width > 0;
}

static size_t weight_floats(const narrow *n) {
    return (size_t)(n->blocks * LANES * n->taps * n->taps * n->padded);
}

/// Products of an input pixel, for each channel of x and tap of the kernel, if a vector holds them: a transposed convolution then needs
/// neither planes nor taps that some phases lack.
static bool fits_vector(const hk_convolution *c, hk_convolution_direction direction) {
    return direction == hk_convolution_backward_data && c->stride > 1 && c->in_channels * c->kernel * c->kernel <= LANES;
}

/// [dy's channel][16]: of x's channel, and tap; zeros fill up.
static void pack_taps(const hk_convolution *c, const float *weights, float *to) {
    int64_t taps = (int64_t)c->in_channels * c->kernel * c->kernel;
    memset(to, 0, (size_t)(c->out_channels * LANES) * sizeof *to);
    for (int64_t channel = 0; channel < c->out_channels; channel++) {
        memcpy(to + channel * LANES, weights + channel * taps, (size_t)taps * sizeof *to);
    }
}

/// Rows of dy that give to rows `begin ..< end` of x.
static void giving_rows(const hk_convolution *c, int64_t begin, int64_t end, int64_t *first, int64_t *last) {
    int64_t least = begin + c->padding_y - c->kernel + 1;
    *first = least > 0 ? hk_divide_up(least, c->stride) : 0;
    *last = (end - 1 + c->padding_y) / c->stride + 1;
    if (*last > c->out_height) *last = c->out_height;
}

/// Adds a row of products to the row of x that takes them through `tap_y`.
static void scatter_row(const hk_convolution *c, int64_t channel, int64_t tap_y, const float *products, float *to) {
    for (int64_t tap_x = 0; tap_x < c->kernel; tap_x++) {
        const float *from = products + (channel * c->kernel + tap_y) * c->kernel + tap_x;
        // Pixels whose x lies in the image.
        int64_t shift = tap_x - c->padding_x, first = shift < 0 ? hk_divide_up(-shift, c->stride) : 0;
        int64_t last = c->width - 1 - shift < 0 ? 0 : (c->width - 1 - shift) / c->stride + 1;
        if (last > c->out_width) last = c->out_width;
        for (int64_t pixel = first; pixel < last; pixel++) to[pixel * c->stride + shift] += from[pixel * LANES];
    }
}

static void convolve_pixels(void *context, int64_t begin, int64_t end) {
    const narrow *n = context;
    const hk_convolution *c = n->convolution;
    int64_t band = BAND * c->stride, bands = hk_divide_up(c->height, band), pixels = c->out_width;
    int64_t rows_most = band / c->stride + (c->kernel - 1) / c->stride + 1;
    float *products = hk_scratch(hk_scratch_thread, (size_t)(rows_most * pixels * LANES) * sizeof *products);
    for (int64_t task = begin; task < end; task++) {
        int64_t image = task / bands, top = task % bands * band, bottom = top + band < c->height ? top + band : c->height, first, last;
        giving_rows(c, top, bottom, &first, &last);
        if (last > first) {
            n->variant->narrow_pixels(
                c->out_channels, (last - first) * pixels, n->pixel, n->block, n->input + image * n->image + first * n->row, n->weights,
                products);
        }
        for (int64_t channel = 0; channel < c->in_channels; channel++) {
            float *plane = n->output + (image * c->in_channels + channel) * c->height * c->width;
            for (int64_t y = top; y < bottom; y++) {
                float *to = plane + y * c->width;
                for (int64_t x = 0; x < c->width; x++) to[x] = n->bias ? n->bias[channel] : 0;
                for (int64_t row = first; row < last; row++) {
                    int64_t tap = y + c->padding_y - row * c->stride;
                    if (tap >= 0 && tap < c->kernel) scatter_row(c, channel, tap, products + (row - first) * pixels * LANES, to);
                }
            }
        }
    }
}

size_t hk_narrow_scratch_bytes(const hk_convolution *convolution, hk_convolution_direction direction) {
    if (fits_vector(convolution, direction)) return (size_t)(convolution->out_channels * LANES) * sizeof(float);
    narrow n = make_narrow(convolution, direction);
    return weight_floats(&n) * sizeof(float);
}

static void pack_weights(const narrow *n, bool transposed, const float *weights) {
    int kernel = n->convolution->kernel, taps = n->taps, stride = n->stride;
    int64_t in_step = (transposed ? n->convolution->in_channels : 1) * kernel * kernel;
    int64_t out_step = (transposed ? 1 : n->convolution->in_channels) * kernel * kernel;
    float *to = n->weights;
    for (int64_t c = 0; c < n->blocks * LANES; c++) {
        for (int tap = 0; tap < taps * taps; tap++, to += n->padded) {
            int y = transposed ? taps - 1 - tap / taps : tap / taps, x = transposed ? taps - 1 - tap % taps : tap % taps;
            for (int64_t o = 0; o < n->padded; o++) {
                int64_t phase = o % (stride * stride), channel = o / (stride * stride);
                int64_t row = stride * y + phase / stride, column = stride * x + phase % stride;
                bool exists = o < n->channels && row < kernel && column < kernel;
                to[o] = exists ? weights[c * in_step + channel * out_step + row * kernel + column] : 0;
            }
        }
    }
}

/// Floats of a band's planar input, of one block of channels: [16][line][column], zeros around.
typedef struct {
    int64_t vectors, pitch, lines, plane, sum_pitch;
} band_shape;

static band_shape shape_of(const narrow *n) {
    band_shape s = {.vectors = hk_divide_up(n->columns, LANES)};
    // What a row of vectors reads at its end is not stored, but has to exist.
    s.pitch = s.vectors * LANES + LANES;
    s.lines = BAND + n->taps - 1;
    // Planes a power of two apart would fall into the same lines of the nearest cache.
    s.plane = s.lines * s.pitch + LANES;
    s.sum_pitch = s.vectors * LANES;
    return s;
}

/// Makes the lines from `top` on of one block of channels planar.
static void load_band(const narrow *n, const band_shape *s, const float *block, int64_t top, int64_t lines, float *to) {
    int64_t left = n->offset_x < 0 ? -n->offset_x : 0, begin = n->offset_x > 0 ? n->offset_x : 0;
    int64_t count = n->width - begin < s->pitch - left ? n->width - begin : s->pitch - left;
    for (int64_t line = 0; line < lines; line++) {
        int64_t y = top + line;
        bool inside = y >= 0 && y < n->height && count > 0;
        for (int64_t c = 0; c < LANES; c++) {
            float *row = to + c * s->plane + line * s->pitch;
            int64_t end = inside ? left + count : 0;
            if (inside) memset(row, 0, (size_t)left * sizeof(float));
            memset(row + end, 0, (size_t)(s->pitch - end) * sizeof(float));
        }
        if (!inside) continue;
        n->variant->transpose[2](
            (const char *)(block + y * n->row + begin * n->pixel), n->pixel, (char *)(to + line * s->pitch + left),
            s->plane, count, LANES);
    }
}

/// Adds the bias and puts each phase where it belongs.
static void store_band(const narrow *n, int64_t image, int64_t begin, int64_t end, const float *sums) {
    band_shape s = shape_of(n);
    int64_t phases = (int64_t)n->stride * n->stride;
    for (int64_t row = begin; row < end; row++) {
        for (int64_t o = 0; o < n->channels; o++) {
            int64_t channel = o / phases, phase = o % phases;
            int64_t y = n->stride * (n->first_y + row) + phase / n->stride - n->out_padding_y;
            if (y < 0 || y >= n->out_height) continue;
            int64_t x = n->stride * n->first_x + phase % n->stride - n->out_padding_x;
            float bias = n->bias ? n->bias[channel] : 0;
            float *to = n->output + ((image * (n->channels / phases) + channel) * n->out_height + y) * n->out_width;
            const float *from = sums + ((row - begin) * n->padded + o) * s.sum_pitch;
            for (int64_t column = 0; column < n->columns; column++, x += n->stride) {
                if (x >= 0 && x < n->out_width) to[x] = from[column] + bias;
            }
        }
    }
}

static void convolve(void *context, int64_t begin, int64_t end) {
    const narrow *n = context;
    band_shape s = shape_of(n);
    int64_t bands = hk_divide_up(n->rows, BAND);
    float *planar = hk_scratch(
        hk_scratch_thread, (size_t)(LANES * s.plane + LANES + BAND * n->padded * s.sum_pitch) * sizeof(float));
    float *sums = planar + LANES * s.plane + LANES;
    hk_narrow_row row = {
        .channels = (int)n->padded, .taps = n->taps, .vectors = s.vectors, .line = s.pitch, .plane = s.plane,
        .sum_pitch = s.sum_pitch};
    for (int64_t task = begin; task < end; task++) {
        int64_t image = task / bands, first = task % bands * BAND;
        int64_t last = first + BAND < n->rows ? first + BAND : n->rows;
        for (int64_t block = 0; block < n->blocks; block++) {
            const float *from = n->input + image * n->image + block * n->block;
            load_band(n, &s, from, first + n->offset_y, last - first + n->taps - 1, planar);
            row.weights = n->weights + block * LANES * n->taps * n->taps * n->padded;
            for (int64_t line = first; line < last; line++) {
                n->variant->narrow_row(
                    &row, planar + (line - first) * s.pitch, sums + (line - first) * n->padded * s.sum_pitch, block == 0);
            }
        }
        store_band(n, image, first, last, sums);
    }
}

void hk_narrow_convolve(
    const hk_convolution *convolution, hk_convolution_direction direction, const float *input, const float *weights,
    const float *bias, float *output, void *scratch) {
    narrow n = make_narrow(convolution, direction);
    n.input = input;
    n.bias = bias;
    n.output = output;
    n.weights = scratch;
    if (fits_vector(convolution, direction)) {
        pack_taps(convolution, weights, n.weights);
        double pixels = (double)(convolution->images * convolution->out_height * convolution->out_width);
        hk_parallel(
            convolution->images * hk_divide_up(convolution->height, BAND * convolution->stride),
            pixels * ((double)convolution->out_channels * 0.3 + 10), convolve_pixels, &n);
        return;
    }
    pack_weights(&n, direction == hk_convolution_backward_data, weights);
    double cost = (double)(convolution->images * n.rows * n.columns) * (double)weight_floats(&n) * 0.01;
    hk_parallel(convolution->images * hk_divide_up(n.rows, BAND), cost, convolve, &n);
}
