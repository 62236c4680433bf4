// Matrix products.
#include <algorithm>

#include "internal.hpp"

namespace hd {

static dnnl_status_t matmulDescriptor(
    dnnl_primitive_desc_t *out, const hd_layout *source, const hd_layout *weights, const hd_layout *bias,
    const hd_layout *addend, const hd_layout *destination, int post) {
    const Attributes attributes(post, addend);
    if (attributes.status != dnnl_success) return attributes.status;
    const dnnl_engine_t engine = Engine::shared().engine;
    const DescRef biasDesc = bias ? bias->desc() : nullptr;
#if DNNL_VERSION_MAJOR >= 3
    return dnnl_matmul_primitive_desc_create(
        out, engine, source->desc(), weights->desc(), biasDesc, destination->desc(), attributes.attr);
#else
    dnnl_matmul_desc_t operation;
    const dnnl_status_t status
        = dnnl_matmul_desc_init(&operation, source->desc(), weights->desc(), biasDesc, destination->desc());
    if (status != dnnl_success) return status;
    return dnnl_primitive_desc_create(out, &operation, attributes.attr, engine, nullptr);
#endif
}

/// Whether `operand` broadcasts to the shape of `full`.
static bool broadcasts(const View &operand, const View &full) {
    if (operand.rank != full.rank) return false;
    for (int d = 0; d < full.rank; ++d)
        if (operand.dims[d] != 1 && operand.dims[d] != full.dims[d]) return false;
    return true;
}

static hd_status check(
    const std::string &what, const hd_layout *source, const hd_layout *weights, const hd_layout *bias,
    const hd_layout *addend, const hd_layout *destination) {
    const View s = view(source->desc()), w = view(weights->desc()), d = view(destination->desc());
    const int rank = d.rank;
    if (rank < 2 || s.rank != rank || w.rank != rank)
        return fail(HD_INVALID, what + ": ranks differ or are below 2");
    if (s.dims[rank - 1] != w.dims[rank - 2])
        return fail(
            HD_INVALID,
            what + ": left side has " + std::to_string(s.dims[rank - 1]) + " columns, right side "
                + std::to_string(w.dims[rank - 2]) + " rows");
    int64_t expected[DNNL_MAX_NDIMS];
    for (int i = 0; i + 2 < rank; ++i) {
        if (s.dims[i] != w.dims[i] && s.dims[i] != 1 && w.dims[i] != 1)
            return fail(HD_INVALID, what + ": batch dimensions do not broadcast");
        expected[i] = s.dims[i] == 1 ? w.dims[i] : s.dims[i];
    }
    expected[rank - 2] = s.dims[rank - 2];
    expected[rank - 1] = w.dims[rank - 1];
    if (!std::equal(expected, expected + rank, d.dims))
        return fail(
            HD_INVALID, what + ": output is " + describe("", d.dims, rank) + ", expected " + describe("", expected, rank));
    if (bias && !broadcasts(view(bias->desc()), d))
        return fail(HD_INVALID, what + ": bias " + describe(bias) + " does not broadcast to the output");
    if (addend && !broadcasts(view(addend->desc()), d))
        return fail(HD_INVALID, what + ": addend " + describe(addend) + " does not broadcast to the output");
    return HD_OK;
}

/// Where a product is cut if its inner dimension would be: by batch, rows, columns, or the inner dimension itself, whose
/// shares are added up.
enum class Cut { batch, rows, columns, inner };

struct MatmulDivision {
    Cut cut = Cut::rows;
    int dimension = 0;   ///< Of the output, unless the inner dimension is cut.
    Division division;
};

/// The cut that gives the most parts at a cost of at most about a tenth (a part that repeats the packing of the other side
/// pays about 10 rows for it; adding up a share costs about 120 products an element), and at most 32.
static MatmulDivision bestDivision(const View &source, const View &weights, const View &destination, bool isPlainSum) {
    const int rank = destination.rank;
    MatmulDivision best;
    auto offer = [&](Cut cut, int dimension, int64_t extent, int64_t unit, int64_t parts) {
        parts = std::min<int64_t>(parts, 32);
        if (parts > best.division.parts) best = {cut, dimension, {extent, unit, parts}};
    };
    for (int d = 0; d + 2 < rank; ++d)
        if (source.dims[d] == weights.dims[d]) offer(Cut::batch, d, destination.dims[d], 1, destination.dims[d]);
    const int64_t inner = source.dims[rank - 1];
    offer(Cut::rows, rank - 2, destination.dims[rank - 2], 16, destination.dims[rank - 2] / 96);
    offer(Cut::columns, rank - 1, destination.dims[rank - 1], 64, destination.dims[rank - 1] / 96);
    if (isPlainSum) offer(Cut::inner, rank - 1, inner, 64, inner / 1200);
    return best;
}

}  // namespace hd

using namespace hd;

hd_status hd_matmul_create(
    hd_primitive **out, const hd_layout *src, const hd_layout *weights, const hd_layout *bias, const hd_layout *addend,
    const hd_layout *dst, int post) {
    return guarded("matmul", [&] {
        Request request;
        request.what = "matmul: " + describe(src) + " by " + describe(weights) + " to " + describe(dst);
        const hd_status status = check(request.what, src, weights, bias, addend, dst);
        if (status != HD_OK) return status;
        const View s = view(src->desc()), w = view(weights->desc()), d = view(dst->desc());
        const bool isPlainSum = !bias && !addend && post == HD_POST_NONE && d.type == dnnl_f32;
        const MatmulDivision best = bestDivision(s, w, d, isPlainSum);
        const bool isInner = best.cut == Cut::inner;
        // An operand of size 1 in the dimension that is cut broadcasts, so every part reads all of it.
        auto operand = [&](int arg, const hd_layout *layout, bool isExact) {
            if (!layout || isInner) return Operand{arg, layout, Role::shared, 0, isExact};
            const bool isSplit = view(layout->desc()).dims[best.dimension] == d.dims[best.dimension]
                && d.dims[best.dimension] > 1;
            return Operand{arg, layout, isSplit ? Role::split : Role::shared, best.dimension, isExact};
        };
        const int addendArg = DNNL_ARG_ATTR_MULTIPLE_POST_OP((post & HD_POST_SUM) ? 1 : 0) | DNNL_ARG_SRC_1;
        request.operands = {
            operand(DNNL_ARG_SRC, src, false),     operand(DNNL_ARG_WEIGHTS, weights, false),
            operand(DNNL_ARG_BIAS, bias, false),   operand(addendArg, addend, true),
            operand(DNNL_ARG_DST, dst, false),
        };
        // The inner dimension is src's last and weights' last but one; they only look like the output's by their size.
        if (best.cut == Cut::columns) request.operands[HD_MATMUL_SRC].role = Role::shared;
        if (best.cut == Cut::rows) request.operands[HD_MATMUL_WEIGHTS].role = Role::shared;
        if (isInner) {
            request.operands[HD_MATMUL_SRC] = {DNNL_ARG_SRC, src, Role::split, d.rank - 1, false};
            request.operands[HD_MATMUL_WEIGHTS] = {DNNL_ARG_WEIGHTS, weights, Role::split, d.rank - 2, false};
            request.operands[HD_MATMUL_DST].role = Role::summed;
        }
        request.division = best.division;
        request.make = [=](const std::vector<const hd_layout *> &l, dnnl_primitive_desc_t *descriptor) {
            return matmulDescriptor(descriptor, l[0], l[1], l[2], l[3], l[4], post);
        };
        // oneDNN's blocked product cuts the inner dimension, depending on the team, where that is long and src is
        // transposed (from 2048) or the output is small (from 20000). Its general product may do so anywhere.
        const int64_t inner = s.dims[d.rank - 1];
        const bool isTransposed = s.kind == dnnl_blocked && s.strides[d.rank - 1] != 1;
        const bool isShort = inner < 2048 || (!isTransposed && inner < 20000);
        request.keepsOrder = [=](const std::string &implementation) {
            return startsWith(implementation, "ref") || (startsWith(implementation, "brg") && isShort);
        };
        return create(out, request);
    });
}
