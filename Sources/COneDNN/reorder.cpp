// Reorder: from one layout into another.
#include <algorithm>

#include "internal.hpp"

using namespace hd;

hd_status hd_reorder_create(hd_primitive **out, const hd_layout *src, const hd_layout *dst) {
    return guarded("reorder", [&] {
        Request request;
        request.what = "reorder: " + describe(src) + " to " + describe(dst);
        const View s = view(src->desc()), d = view(dst->desc());
        if (s.kind == dnnl_format_kind_any || d.kind == dnnl_format_kind_any)
            return fail(HD_INVALID, request.what + ": both layouts must be decided, not any");
        if (s.rank != d.rank || !std::equal(s.dims, s.dims + s.rank, d.dims))
            return fail(HD_INVALID, request.what + ": shapes differ");
        request.operands = {
            {DNNL_ARG_FROM, src, Role::shared, 0, true},
            {DNNL_ARG_TO, dst, Role::shared, 0, true},
        };
        request.make = [](const std::vector<const hd_layout *> &l, dnnl_primitive_desc_t *descriptor) {
            const Attributes attributes(HD_POST_NONE);
            if (attributes.status != dnnl_success) return attributes.status;
            const dnnl_engine_t engine = Engine::shared().engine;
            return hd::dnnl_reorder_primitive_desc_create(
                descriptor, l[0]->desc(), engine, l[1]->desc(), engine, attributes.attr);
        };
        request.keepsOrder = [](const std::string &) { return true; };
        return create(out, request);
    });
}
