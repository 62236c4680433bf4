// Batch normalisation with scale and shift.
#include <algorithm>

#include "internal.hpp"

namespace hd {

static const unsigned scaleAndShift = dnnl_use_scale | dnnl_use_shift;

static dnnl_status_t forwardDescriptor(
    dnnl_primitive_desc_t *out, bool isTraining, const hd_layout *source, const hd_layout *destination, float epsilon) {
    const Attributes attributes(HD_POST_NONE);
    if (attributes.status != dnnl_success) return attributes.status;
    const dnnl_engine_t engine = Engine::shared().engine;
    const dnnl_prop_kind_t propagation = isTraining ? dnnl_forward_training : dnnl_forward_inference;
    const unsigned flags = scaleAndShift | (isTraining ? 0u : unsigned(dnnl_use_global_stats));
#if DNNL_VERSION_MAJOR >= 3
    return dnnl_batch_normalization_forward_primitive_desc_create(
        out, engine, propagation, source->desc(), destination->desc(), epsilon, flags, attributes.attr);
#else
    // Version 2 has one descriptor for both sides.
    (void)destination;
    dnnl_batch_normalization_desc_t operation;
    const dnnl_status_t status
        = dnnl_batch_normalization_forward_desc_init(&operation, propagation, source->desc(), epsilon, flags);
    if (status != dnnl_success) return status;
    return dnnl_primitive_desc_create(out, &operation, attributes.attr, engine, nullptr);
#endif
}

static dnnl_status_t backwardDescriptor(
    dnnl_primitive_desc_t *out, const hd_layout *source, const hd_layout *diffDestination, const hd_layout *diffSource,
    float epsilon) {
    const Attributes attributes(HD_POST_NONE);
    if (attributes.status != dnnl_success) return attributes.status;
    const dnnl_engine_t engine = Engine::shared().engine;
    dnnl_primitive_desc_t hint = nullptr;
    dnnl_status_t status = forwardDescriptor(&hint, true, source, source, epsilon);
    if (status != dnnl_success) return status;
#if DNNL_VERSION_MAJOR >= 3
    status = dnnl_batch_normalization_backward_primitive_desc_create(
        out, engine, dnnl_backward, diffSource->desc(), diffDestination->desc(), source->desc(), epsilon, scaleAndShift, hint,
        attributes.attr);
#else
    (void)diffSource;
    dnnl_batch_normalization_desc_t operation;
    status = dnnl_batch_normalization_backward_desc_init(
        &operation, dnnl_backward, diffDestination->desc(), source->desc(), epsilon, scaleAndShift);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(out, &operation, attributes.attr, engine, hint);
#endif
    dnnl_primitive_desc_destroy(hint);
    return status;
}

static hd_status check(const std::string &what, const hd_layout *source, const hd_layout *other) {
    const View s = view(source->desc()), o = view(other->desc());
    if (s.rank < 2 || s.rank > 5) return fail(HD_INVALID, what + ": rank must be 2 to 5");
    if (s.rank != o.rank || !std::equal(s.dims, s.dims + s.rank, o.dims))
        return fail(HD_INVALID, what + ": shapes differ");
    return HD_OK;
}

/// The plain [C] layout of the statistics and coefficients.
struct Channels {
    hd_layout *layout = nullptr;
    hd_status status;
    explicit Channels(const hd_layout *source) {
        const int64_t count = view(source->desc()).dims[1];
        status = hd_layout_create(&layout, 1, &count, nullptr, 0);
    }
    ~Channels() { hd_layout_destroy(layout); }
};

}  // namespace hd

using namespace hd;

hd_status hd_batch_normalization_forward_create(
    hd_primitive **out, int training, const hd_layout *src, const hd_layout *dst, float epsilon) {
    return guarded("batch normalization forward", [&] {
        Request request;
        request.what = "batch normalization forward: input " + describe(src) + ", output " + describe(dst);
        if (const hd_status status = check(request.what, src, dst); status != HD_OK) return status;
        const Channels channels(src);
        if (channels.status != HD_OK) return channels.status;
        request.operands = {
            {DNNL_ARG_SRC, src, Role::shared, 0, false},
            {DNNL_ARG_SCALE, channels.layout, Role::shared, 0, true},
            {DNNL_ARG_SHIFT, channels.layout, Role::shared, 0, true},
            {DNNL_ARG_MEAN, channels.layout, Role::shared, 0, true},
            {DNNL_ARG_VARIANCE, channels.layout, Role::shared, 0, true},
            {DNNL_ARG_DST, dst, Role::shared, 0, false},
        };
        request.make = [=](const std::vector<const hd_layout *> &l, dnnl_primitive_desc_t *descriptor) {
            return forwardDescriptor(descriptor, training != 0, l[0], l[5], epsilon);
        };
        // How statistics are summed depends on the team, and the kernels take no part of a tensor's channels.
        request.keepsOrder = [=](const std::string &) { return training == 0; };
        return create(out, request);
    });
}

hd_status hd_batch_normalization_backward_create(
    hd_primitive **out, const hd_layout *src, const hd_layout *diff_dst, const hd_layout *diff_src, float epsilon) {
    return guarded("batch normalization backward", [&] {
        Request request;
        request.what = "batch normalization backward: input " + describe(src) + ", output gradient " + describe(diff_dst)
            + ", input gradient " + describe(diff_src);
        if (const hd_status status = check(request.what, src, diff_dst); status != HD_OK) return status;
        if (const hd_status status = check(request.what, src, diff_src); status != HD_OK) return status;
        const Channels channels(src);
        if (channels.status != HD_OK) return channels.status;
        request.operands = {
            {DNNL_ARG_SRC, src, Role::shared, 0, false},
            {DNNL_ARG_MEAN, channels.layout, Role::shared, 0, true},
            {DNNL_ARG_VARIANCE, channels.layout, Role::shared, 0, true},
            {DNNL_ARG_SCALE, channels.layout, Role::shared, 0, true},
            {DNNL_ARG_DIFF_DST, diff_dst, Role::shared, 0, false},
            {DNNL_ARG_DIFF_SRC, diff_src, Role::shared, 0, false},
            {DNNL_ARG_DIFF_SCALE, channels.layout, Role::shared, 0, true},
            {DNNL_ARG_DIFF_SHIFT, channels.layout, Role::shared, 0, true},
        };
        request.make = [=](const std::vector<const hd_layout *> &l, dnnl_primitive_desc_t *descriptor) {
            return backwardDescriptor(descriptor, l[0], l[4], l[5], epsilon);
        };
#if DNNL_VERSION_MAJOR < 3
        request.aliases = {{DNNL_ARG_SHIFT, HD_BNORM_BWD_SCALE}};
#endif
        request.keepsOrder = [](const std::string &) { return false; };
        return create(out, request);
    });
}
