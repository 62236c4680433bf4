// Convolution: forward, and the gradients with respect to data and weights.
#include <algorithm>

#include "internal.hpp"

namespace hd {

/// The window's geometry, in oneDNN's conventions (dilation 0 is dense).
struct Window {
    int count = 0;
    dnnl_dims_t stride, dilation, low, high;
};

static dnnl_alg_kind_t algorithmKind(hd_algorithm algorithm) {
    switch (algorithm) {
    case HD_ALGORITHM_DIRECT: return dnnl_convolution_direct;
    case HD_ALGORITHM_WINOGRAD: return dnnl_convolution_winograd;
    default: return dnnl_convolution_auto;
    }
}

/// Checks that the shapes fit each other and fills in `window`.
static hd_status check(
    const std::string &what, const hd_layout *source, const hd_layout *weights, const hd_layout *bias,
    const hd_layout *destination, const int64_t *strides, const int64_t *dilations, const int64_t *low, const int64_t *high,
    Window &window) {
    const View s = view(source->desc()), w = view(weights->desc()), d = view(destination->desc());
    window.count = s.rank - 2;
    if (window.count < 1 || window.count > 3 || d.rank != s.rank || (w.rank != s.rank && w.rank != s.rank + 1))
        return fail(
            HD_INVALID,
            what + ": ranks must be 3 to 5 for data, the same or, with groups, one more for weights");
    const int grouped = w.rank - s.rank;
    const int64_t groups = grouped ? w.dims[0] : 1;
    const int64_t outputs = groups * w.dims[grouped], inputs = groups * w.dims[grouped + 1];
    if (s.dims[1] != inputs)
        return fail(
            HD_INVALID, what + ": input has " + std::to_string(s.dims[1]) + " channels, weights want " + std::to_string(inputs));
    if (bias) {
        const View b = view(bias->desc());
        if (b.rank != 1 || b.dims[0] != outputs)
            return fail(HD_INVALID, what + ": bias is " + describe(bias) + ", expected [" + std::to_string(outputs) + "]");
    }
    int64_t expected[DNNL_MAX_NDIMS] = {s.dims[0], outputs};
    for (int i = 0; i < window.count; ++i) {
        window.stride[i] = strides ? strides[i] : 1;
        window.dilation[i] = (dilations ? dilations[i] : 1) - 1;
        window.low[i] = low ? low[i] : 0;
        window.high[i] = high ? high[i] : 0;
        if (window.stride[i] < 1 || window.dilation[i] < 0 || window.low[i] < 0 || window.high[i] < 0)
            return fail(HD_INVALID, what + ": strides and dilations must be at least 1, padding at least 0");
        expected[i + 2] = windowCount(
            s.dims[i + 2], w.dims[grouped + 2 + i], window.dilation[i] + 1, window.stride[i], window.low[i], window.high[i]);
    }
    if (!std::equal(expected, expected + s.rank, d.dims))
        return fail(
            HD_INVALID,
            what + ": output is " + describe("", d.dims, d.rank) + ", expected " + describe("", expected, s.rank));
    if (isEmpty(source) || isEmpty(weights) || isEmpty(destination)) return failEmpty(what);
    return HD_OK;
}

/// Operation and shapes, for errors.
static std::string named(
    const char *operation, const hd_layout *source, const hd_layout *weights, const hd_layout *destination,
    const int64_t *strides, const int64_t *dilations, const int64_t *low, const int64_t *high) {
    const int count = hd_layout_rank(source) - 2;
    std::string text = std::string(operation) + ": input " + describe(source) + ", weights " + describe(weights) + ", output "
        + describe(destination);
    if (count < 1 || count > 3) return text;
    if (strides) text += describe(", strides ", strides, count);
    if (dilations) text += describe(", dilations ", dilations, count);
    if (low) text += describe(", padding ", low, count);
    if (high) text += describe(" to ", high, count);
    return text;
}

static DescRef descriptor(const hd_layout *layout) { return layout ? layout->desc() : nullptr; }

/// oneDNN's descriptor of the forward pass.
static dnnl_status_t forwardDescriptor(
    dnnl_primitive_desc_t *out, dnnl_alg_kind_t kind, const hd_layout *source, const hd_layout *weights,
    const hd_layout *bias, const hd_layout *destination, const Window &window, int post) {
    const Attributes attributes(post);
    if (attributes.status != dnnl_success) return attributes.status;
    const dnnl_engine_t engine = Engine::shared().engine;
#if DNNL_VERSION_MAJOR >= 3
    return dnnl_convolution_forward_primitive_desc_create(
        out, engine, dnnl_forward_training, kind, source->desc(), weights->desc(), descriptor(bias), destination->desc(),
        window.stride, window.dilation, window.low, window.high, attributes.attr);
#else
    dnnl_convolution_desc_t operation;
    const dnnl_status_t status = dnnl_dilated_convolution_forward_desc_init(
        &operation, dnnl_forward_training, kind, source->desc(), weights->desc(), descriptor(bias), destination->desc(),
        window.stride, window.dilation, window.low, window.high);
    if (status != dnnl_success) return status;
    return dnnl_primitive_desc_create(out, &operation, attributes.attr, engine, nullptr);
#endif
}

/// oneDNN's backward descriptors want a forward one for its choices; any will do.
struct Hint {
    dnnl_primitive_desc_t descriptor = nullptr;
    ~Hint() {
        if (descriptor) dnnl_primitive_desc_destroy(descriptor);
    }

    /// Of a convolution whose gradient is `result`, all of one type: a gradient may be wider than what it is computed from, such as f32 from
    /// bf16, but there are no forward passes of such a mixture.
    dnnl_status_t make(
        const hd_layout *source, const hd_layout *weights, const hd_layout *bias, const hd_layout *destination, const Window &window) {
        const int dtype = hd_layout_dtype(destination);
        const Same s(source, dtype), w(weights, dtype);
        if (!s.layout || !w.layout) return dnnl_out_of_memory;
        return forwardDescriptor(
            &descriptor, dnnl_convolution_direct, s.layout, w.layout, bias, destination, window, HD_POST_NONE);
    }

private:
    /// A layout, or one of the same dimensions and of another type that leaves the choice to oneDNN.
    struct Same {
        const hd_layout *layout = nullptr;
        hd_layout *own = nullptr;
        Same(const hd_layout *original, int dtype) : layout(original) {
            if (hd_layout_dtype(original) == dtype) return;
            int64_t dims[DNNL_MAX_NDIMS];
            hd_layout_dims(original, dims);
            layout = hd_layout_create_any(&own, hd_layout_rank(original), dims, dtype) == HD_OK ? own : nullptr;
        }
        ~Same() { hd_layout_destroy(own); }
        Same(const Same &) = delete;
        Same &operator=(const Same &) = delete;
    };
};

static dnnl_status_t backwardDataDescriptor(
    dnnl_primitive_desc_t *out, dnnl_alg_kind_t kind, const hd_layout *diffDestination, const hd_layout *weights,
    const hd_layout *diffSource, const Window &window) {
    const Attributes attributes(HD_POST_NONE);
    if (attributes.status != dnnl_success) return attributes.status;
    const dnnl_engine_t engine = Engine::shared().engine;
    Hint hint;
    dnnl_status_t status = hint.make(diffSource, weights, nullptr, diffDestination, window);
    if (status != dnnl_success) return status;
#if DNNL_VERSION_MAJOR >= 3
    return dnnl_convolution_backward_data_primitive_desc_create(
        out, engine, kind, diffSource->desc(), weights->desc(), diffDestination->desc(), window.stride, window.dilation,
        window.low, window.high, hint.descriptor, attributes.attr);
#else
    dnnl_convolution_desc_t operation;
    status = dnnl_dilated_convolution_backward_data_desc_init(
        &operation, kind, diffSource->desc(), weights->desc(), diffDestination->desc(), window.stride, window.dilation,
        window.low, window.high);
    if (status != dnnl_success) return status;
    return dnnl_primitive_desc_create(out, &operation, attributes.attr, engine, hint.descriptor);
#endif
}

static dnnl_status_t backwardWeightsDescriptor(
    dnnl_primitive_desc_t *out, dnnl_alg_kind_t kind, const hd_layout *source, const hd_layout *diffDestination,
    const hd_layout *diffWeights, const hd_layout *diffBias, const Window &window) {
    const Attributes attributes(HD_POST_NONE);
    if (attributes.status != dnnl_success) return attributes.status;
    const dnnl_engine_t engine = Engine::shared().engine;
    Hint hint;
    dnnl_status_t status = hint.make(source, diffWeights, diffBias, diffDestination, window);
    if (status != dnnl_success) return status;
#if DNNL_VERSION_MAJOR >= 3
    return dnnl_convolution_backward_weights_primitive_desc_create(
        out, engine, kind, source->desc(), diffWeights->desc(), descriptor(diffBias), diffDestination->desc(), window.stride,
        window.dilation, window.low, window.high, hint.descriptor, attributes.attr);
#else
    dnnl_convolution_desc_t operation;
    status = dnnl_dilated_convolution_backward_weights_desc_init(
        &operation, kind, source->desc(), diffWeights->desc(), descriptor(diffBias), diffDestination->desc(), window.stride,
        window.dilation, window.low, window.high);
    if (status != dnnl_success) return status;
    return dnnl_primitive_desc_create(out, &operation, attributes.attr, engine, hint.descriptor);
#endif
}

/// oneDNN's own direct and Winograd kernels give each output to one thread and add up in one order (tested over team
/// sizes). The others cut the sum (general matrix product) or order it by how they cut the output (`brgconv`).
static bool keepsOrder(const std::string &implementation) {
    return startsWith(implementation, "jit") || startsWith(implementation, "ref");
}

/// Parts of an operation that treats every image by itself.
static Division imageDivision(const hd_layout *source) {
    const int64_t images = view(source->desc()).dims[0];
    return {images, 1, std::min<int64_t>(images, 32)};
}

/// A weight gradient is divided by images and the shares are added up: into as many parts as cost a few per cent, or up to
/// four that cost about a third. (oneDNN's kernels take no range of channels.)
static Division weightsDivision(const hd_layout *destination, hd_algorithm algorithm) {
    const View d = view(destination->desc());
    int64_t positions = d.dims[0];
    for (int i = 2; i < d.rank; ++i) positions *= d.dims[i];
    // Measured: a share costs as much as about 120 products for each of its elements, with Winograd's transformation 400.
    const int64_t enough = algorithm == HD_ALGORITHM_WINOGRAD ? 16000 : 2400;
    const int64_t parts = std::max(positions / enough, std::min<int64_t>(4, positions * 7 / enough));
    return {d.dims[0], 1, std::min<int64_t>(parts, 32)};
}

/// Settles `auto` as oneDNN does for one thread: its choice otherwise depends on the number of threads.
static hd_algorithm settled(hd_algorithm algorithm, const std::function<dnnl_status_t(dnnl_primitive_desc_t *)> &make) {
    if (algorithm != HD_ALGORITHM_AUTO) return algorithm;
    TeamSize alone(1);
    dnnl_primitive_desc_t descriptor = nullptr;
    if (make(&descriptor) != dnnl_success) return HD_ALGORITHM_DIRECT;
    const bool isWinograd = implementationName(descriptor).find("wino") != std::string::npos;
    dnnl_primitive_desc_destroy(descriptor);
    return isWinograd ? HD_ALGORITHM_WINOGRAD : HD_ALGORITHM_DIRECT;
}

}  // namespace hd

using namespace hd;

hd_status hd_convolution_forward_create(
    hd_primitive **out, const hd_layout *src, const hd_layout *weights, const hd_layout *bias, const hd_layout *dst,
    const int64_t *strides, const int64_t *dilations, const int64_t *padding_low, const int64_t *padding_high,
    hd_algorithm algorithm, int post) {
    return guarded("convolution forward", [&] {
        Request request;
        request.what = named("convolution forward", src, weights, dst, strides, dilations, padding_low, padding_high);
        Window window;
        const hd_status status
            = check(request.what, src, weights, bias, dst, strides, dilations, padding_low, padding_high, window);
        if (status != HD_OK) return status;
        request.operands = {
            {DNNL_ARG_SRC, src, Role::split, 0, false},
            {DNNL_ARG_WEIGHTS, weights, Role::shared, 0, false},
            {DNNL_ARG_BIAS, bias, Role::shared, 0, false},
            {DNNL_ARG_DST, dst, Role::split, 0, false},
        };
        const dnnl_alg_kind_t kind = algorithmKind(settled(algorithm, [&](dnnl_primitive_desc_t *descriptor) {
            return forwardDescriptor(descriptor, dnnl_convolution_auto, src, weights, bias, dst, window, post);
        }));
        request.make = [=](const std::vector<const hd_layout *> &l, dnnl_primitive_desc_t *descriptor) {
            return forwardDescriptor(descriptor, kind, l[0], l[1], l[2], l[3], window, post);
        };
        request.keepsOrder = keepsOrder;
        request.division = imageDivision(src);
        return create(out, request);
    });
}

hd_status hd_convolution_backward_data_create(
    hd_primitive **out, const hd_layout *diff_dst, const hd_layout *weights, const hd_layout *diff_src,
    const int64_t *strides, const int64_t *dilations, const int64_t *padding_low, const int64_t *padding_high,
    hd_algorithm algorithm) {
    return guarded("convolution backward data", [&] {
        Request request;
        request.what
            = named("convolution backward data", diff_src, weights, diff_dst, strides, dilations, padding_low, padding_high);
        Window window;
        const hd_status status = check(
            request.what, diff_src, weights, nullptr, diff_dst, strides, dilations, padding_low, padding_high, window);
        if (status != HD_OK) return status;
        request.operands = {
            {DNNL_ARG_DIFF_DST, diff_dst, Role::split, 0, false},
            {DNNL_ARG_WEIGHTS, weights, Role::shared, 0, false},
            {DNNL_ARG_DIFF_SRC, diff_src, Role::split, 0, false},
        };
        const dnnl_alg_kind_t kind = algorithmKind(settled(algorithm, [&](dnnl_primitive_desc_t *descriptor) {
            return backwardDataDescriptor(descriptor, dnnl_convolution_auto, diff_dst, weights, diff_src, window);
        }));
        request.make = [=](const std::vector<const hd_layout *> &l, dnnl_primitive_desc_t *descriptor) {
            return backwardDataDescriptor(descriptor, kind, l[0], l[1], l[2], window);
        };
        request.keepsOrder = keepsOrder;
        request.division = imageDivision(diff_src);
        return create(out, request);
    });
}

hd_status hd_convolution_backward_weights_create(
    hd_primitive **out, const hd_layout *src, const hd_layout *diff_dst, const hd_layout *diff_weights,
    const hd_layout *diff_bias, const int64_t *strides, const int64_t *dilations, const int64_t *padding_low,
    const int64_t *padding_high, hd_algorithm algorithm) {
    return guarded("convolution backward weights", [&] {
        Request request;
        request.what
            = named("convolution backward weights", src, diff_weights, diff_dst, strides, dilations, padding_low, padding_high);
        Window window;
        const hd_status status = check(
            request.what, src, diff_weights, diff_bias, diff_dst, strides, dilations, padding_low, padding_high, window);
        if (status != HD_OK) return status;
        const hd_algorithm chosen = settled(algorithm, [&](dnnl_primitive_desc_t *descriptor) {
            return backwardWeightsDescriptor(
                descriptor, dnnl_convolution_auto, src, diff_dst, diff_weights, diff_bias, window);
        });
        request.make = [=](const std::vector<const hd_layout *> &l, dnnl_primitive_desc_t *descriptor) {
            return backwardWeightsDescriptor(descriptor, algorithmKind(chosen), l[0], l[1], l[2], l[3], window);
        };
        request.keepsOrder = [](const std::string &) { return false; };
        request.division = weightsDivision(diff_dst, chosen);
        request.operands = {
            {DNNL_ARG_SRC, src, Role::split, 0, false},
            {DNNL_ARG_DIFF_DST, diff_dst, Role::split, 0, false},
            {DNNL_ARG_DIFF_WEIGHTS, diff_weights, Role::summed, 0, false},
            {DNNL_ARG_DIFF_BIAS, diff_bias, Role::summed, 0, false},
        };
        return create(out, request);
    });
}
