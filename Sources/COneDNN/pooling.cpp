// Pooling: maximum and average, forward and backward.
#include <algorithm>

#include "internal.hpp"

namespace hd {

struct PoolWindow {
    int count = 0;
    dnnl_dims_t kernel, stride, dilation, low, high;
};

static dnnl_alg_kind_t poolKind(hd_pool kind) {
    switch (kind) {
    case HD_POOL_AVERAGE_EXCLUDE_PADDING: return dnnl_pooling_avg_exclude_padding;
    case HD_POOL_AVERAGE_INCLUDE_PADDING: return dnnl_pooling_avg_include_padding;
    default: return dnnl_pooling_max;
    }
}

static hd_status check(
    const std::string &what, const hd_layout *source, const hd_layout *destination, const int64_t *kernel,
    const int64_t *strides, const int64_t *low, const int64_t *high, PoolWindow &window) {
    const View s = view(source->desc()), d = view(destination->desc());
    window.count = s.rank - 2;
    if (window.count < 1 || window.count > 3 || d.rank != s.rank)
        return fail(HD_INVALID, what + ": ranks must agree and be 3 to 5");
    int64_t expected[DNNL_MAX_NDIMS] = {s.dims[0], s.dims[1]};
    for (int i = 0; i < window.count; ++i) {
        window.kernel[i] = kernel[i];
        window.stride[i] = strides ? strides[i] : 1;
        window.dilation[i] = 0;
        window.low[i] = low ? low[i] : 0;
        window.high[i] = high ? high[i] : 0;
        if (window.kernel[i] < 1 || window.stride[i] < 1 || window.low[i] < 0 || window.high[i] < 0)
            return fail(HD_INVALID, what + ": kernel and strides must be at least 1, padding at least 0");
        if (window.low[i] >= window.kernel[i] || window.high[i] >= window.kernel[i])
            return fail(HD_INVALID, what + ": padding must be smaller than the kernel");
        expected[i + 2] = windowCount(s.dims[i + 2], kernel[i], 1, window.stride[i], window.low[i], window.high[i]);
    }
    if (!std::equal(expected, expected + s.rank, d.dims))
        return fail(
            HD_INVALID,
            what + ": output is " + describe("", d.dims, d.rank) + ", expected " + describe("", expected, s.rank));
    return HD_OK;
}

static dnnl_status_t forwardDescriptor(
    dnnl_primitive_desc_t *out, hd_pool kind, bool isTraining, const hd_layout *source, const hd_layout *destination,
    const PoolWindow &window) {
    const Attributes attributes(HD_POST_NONE);
    if (attributes.status != dnnl_success) return attributes.status;
    const dnnl_engine_t engine = Engine::shared().engine;
    const dnnl_prop_kind_t propagation = isTraining ? dnnl_forward_training : dnnl_forward_inference;
#if DNNL_VERSION_MAJOR >= 3
    return dnnl_pooling_forward_primitive_desc_create(
        out, engine, propagation, poolKind(kind), source->desc(), destination->desc(), window.stride, window.kernel,
        window.dilation, window.low, window.high, attributes.attr);
#else
    dnnl_pooling_desc_t operation;
    const dnnl_status_t status = dnnl_pooling_forward_desc_init(
        &operation, propagation, poolKind(kind), source->desc(), destination->desc(), window.stride, window.kernel,
        window.low, window.high);
    if (status != dnnl_success) return status;
    return dnnl_primitive_desc_create(out, &operation, attributes.attr, engine, nullptr);
#endif
}

static dnnl_status_t backwardDescriptor(
    dnnl_primitive_desc_t *out, hd_pool kind, const hd_layout *diffDestination, const hd_layout *diffSource,
    const PoolWindow &window) {
    const Attributes attributes(HD_POST_NONE);
    if (attributes.status != dnnl_success) return attributes.status;
    const dnnl_engine_t engine = Engine::shared().engine;
    dnnl_primitive_desc_t hint = nullptr;
    dnnl_status_t status = forwardDescriptor(&hint, kind, true, diffSource, diffDestination, window);
    if (status != dnnl_success) return status;
#if DNNL_VERSION_MAJOR >= 3
    status = dnnl_pooling_backward_primitive_desc_create(
        out, engine, poolKind(kind), diffSource->desc(), diffDestination->desc(), window.stride, window.kernel,
        window.dilation, window.low, window.high, hint, attributes.attr);
#else
    dnnl_pooling_desc_t operation;
    status = dnnl_pooling_backward_desc_init(
        &operation, poolKind(kind), diffSource->desc(), diffDestination->desc(), window.stride, window.kernel, window.low,
        window.high);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(out, &operation, attributes.attr, engine, hint);
#endif
    dnnl_primitive_desc_destroy(hint);
    return status;
}

static std::string named(
    const char *operation, const hd_layout *source, const hd_layout *destination, const int64_t *kernel,
    const int64_t *strides) {
    const int count = std::clamp(hd_layout_rank(source) - 2, 0, 3);
    return std::string(operation) + ": input " + describe(source) + ", output " + describe(destination)
        + describe(", kernel ", kernel, count) + (strides ? describe(", strides ", strides, count) : "");
}

}  // namespace hd

using namespace hd;

hd_status hd_pooling_forward_create(
    hd_primitive **out, hd_pool kind, int training, const hd_layout *src, const hd_layout *dst, const int64_t *kernel,
    const int64_t *strides, const int64_t *padding_low, const int64_t *padding_high) {
    return guarded("pooling forward", [&] {
        Request request;
        request.what = named("pooling forward", src, dst, kernel, strides);
        PoolWindow window;
        const hd_status status = check(request.what, src, dst, kernel, strides, padding_low, padding_high, window);
        if (status != HD_OK) return status;
        request.operands = {
            {DNNL_ARG_SRC, src, Role::split, 0, false},
            {DNNL_ARG_DST, dst, Role::split, 0, false},
            {DNNL_ARG_WORKSPACE, training && kind == HD_POOL_MAX ? dst : nullptr, Role::split, 0, false},
        };
        request.make = [=](const std::vector<const hd_layout *> &l, dnnl_primitive_desc_t *descriptor) {
            return forwardDescriptor(descriptor, kind, training != 0, l[0], l[1], window);
        };
        request.keepsOrder = [](const std::string &) { return true; };
        return create(out, request);
    });
}

hd_status hd_pooling_backward_create(
    hd_primitive **out, hd_pool kind, const hd_layout *diff_dst, const hd_layout *diff_src, const int64_t *kernel,
    const int64_t *strides, const int64_t *padding_low, const int64_t *padding_high) {
    return guarded("pooling backward", [&] {
        Request request;
        request.what = named("pooling backward", diff_src, diff_dst, kernel, strides);
        PoolWindow window;
        const hd_status status = check(request.what, diff_src, diff_dst, kernel, strides, padding_low, padding_high, window);
        if (status != HD_OK) return status;
        request.operands = {
            {DNNL_ARG_DIFF_DST, diff_dst, Role::split, 0, false},
            {DNNL_ARG_WORKSPACE, kind == HD_POOL_MAX ? diff_dst : nullptr, Role::split, 0, false},
            {DNNL_ARG_DIFF_SRC, diff_src, Role::split, 0, false},
        };
        request.make = [=](const std::vector<const hd_layout *> &l, dnnl_primitive_desc_t *descriptor) {
            return backwardDescriptor(descriptor, kind, l[0], l[2], window);
        };
        // Where windows overlap, gradients add up, and in version 3 the order depends on the team.
        bool isOverlapping = false;
        for (int i = 0; i < window.count; ++i) isOverlapping |= window.stride[i] < window.kernel[i];
        request.keepsOrder = [=](const std::string &) { return !isOverlapping; };
        const int64_t images = view(diff_src->desc()).dims[0];
        request.division = {images, 1, std::min<int64_t>(images, 32)};
        return create(out, request);
    });
}
