// How a primitive is put together: see primitive.hpp for what and why.
#include <algorithm>
#include <memory>

#include "primitive.hpp"

namespace hd {

namespace {

/// Owns a primitive descriptor.
struct Descriptor {
    dnnl_primitive_desc_t value = nullptr;
    Descriptor() = default;
    Descriptor(const Descriptor &) = delete;
    Descriptor &operator=(const Descriptor &) = delete;
    ~Descriptor() {
        if (value) dnnl_primitive_desc_destroy(value);
    }
};

using Layouts = std::vector<const hd_layout *>;

/// How many elements of one dimension lie in a block; 1 if it is not blocked.
int64_t blockSize(const View &v, int dimension) {
    int64_t size = 1;
    for (int b = 0; b < v.blocks; ++b)
        if (v.blockDims[b] == dimension) size *= v.blockSizes[b];
    return size;
}

/// The layout of `count` elements of one dimension of `whole`; NULL if that is no layout of its own. It begins at offset
/// 0, the parts' pointers are moved instead: so equal parts share one kernel of oneDNN's cache.
hd_layout *subLayout(const hd_layout *whole, int dimension, int64_t count) {
    const View v = view(whole->desc());
    if (v.kind != dnnl_blocked || count % blockSize(v, dimension) != 0) return nullptr;
    int64_t dims[DNNL_MAX_NDIMS];
    const int64_t offsets[DNNL_MAX_NDIMS] = {};
    std::copy(v.dims, v.dims + v.rank, dims);
    dims[dimension] = count;
    auto result = std::make_unique<hd_layout>();
#if DNNL_VERSION_MAJOR >= 3
    const dnnl_status_t status = dnnl_memory_desc_create_submemory(&result->md, whole->desc(), dims, offsets);
#else
    const dnnl_status_t status = dnnl_memory_desc_init_submemory(&result->md, whole->desc(), dims, offsets);
#endif
    return status == dnnl_success ? result.release() : nullptr;
}

/// Where element `start` of one dimension begins, in bytes. As every part before it has whole blocks, so has `start`.
size_t byteOffset(const hd_layout *layout, int dimension, int64_t start) {
    const View v = view(layout->desc());
    return size_t(start / blockSize(v, dimension) * v.strides[dimension]) * elementBytes(v.type);
}

/// Adds the part that `descriptor` describes.
dnnl_status_t addPart(
    hd_primitive *primitive, const Request &request, const Descriptor &descriptor, const Layouts &layouts,
    const std::vector<size_t> &offsets) {
    primitive->parts.emplace_back();
    Part &part = primitive->parts.back();
    dnnl_status_t status = dnnl_primitive_create(&part.primitive, descriptor.value);
    auto add = [&](int arg, int slot, size_t offset, DescRef desc) {
        dnnl_memory_t memory = nullptr;
        if (status == dnnl_success) status = dnnl_memory_create(&memory, desc, Engine::shared().engine, DNNL_MEMORY_NONE);
        if (status != dnnl_success) return;
        part.args.push_back({arg, memory});
        part.slots.push_back(slot);
        part.offsets.push_back(offset);
    };
    for (size_t slot = 0; slot < layouts.size(); ++slot)
        if (layouts[slot]) add(request.operands[slot].arg, int(slot), offsets[slot], layouts[slot]->desc());
    for (auto &[arg, slot] : request.aliases) add(arg, slot, offsets[slot], layouts[slot]->desc());
    const DescRef scratch = dnnl_primitive_desc_query_md(descriptor.value, dnnl_query_scratchpad_md, 0);
    const size_t scratchBytes = scratch ? dnnl_memory_desc_get_size(scratch) : 0;
    if (scratchBytes) add(DNNL_ARG_SCRATCHPAD, -1, 0, scratch);
    primitive->partScratch = std::max(primitive->partScratch, roundUp(scratchBytes));
    return status;
}

/// Asks the descriptor for the layouts it chose.
void resolveLayouts(hd_primitive *primitive, const Request &request, const Descriptor &descriptor) {
    primitive->layouts.assign(request.operands.size(), nullptr);
    for (size_t slot = 0; slot < request.operands.size(); ++slot) {
        const Operand &operand = request.operands[slot];
        if (!operand.layout) continue;
        DescRef desc = operand.layout->desc();
        if (!operand.isExact) desc = dnnl_primitive_desc_query_md(descriptor.value, dnnl_query_exec_arg_md, operand.arg);
        if (!desc || view(desc).rank == 0) continue;
        primitive->layouts[slot] = hd_layout::copy(desc);
        if (!primitive->layouts[slot]) throw std::bad_alloc();
    }
}

bool isReference(const std::string &implementation) { return implementation.find("ref") != std::string::npos; }

/// Adds one part for the range [start, end); false if the layouts cannot be cut there or only slow kernels would do.
bool addRange(hd_primitive *primitive, const Request &request, int64_t start, int64_t end) {
    Layouts layouts(primitive->layouts.begin(), primitive->layouts.end());
    std::vector<size_t> offsets(layouts.size(), 0);
    std::vector<std::unique_ptr<hd_layout, void (*)(hd_layout *)>> own;
    for (size_t slot = 0; slot < layouts.size(); ++slot) {
        const Operand &operand = request.operands[slot];
        if (!layouts[slot] || operand.role != Role::split) continue;
        own.emplace_back(subLayout(layouts[slot], operand.dimension, end - start), hd_layout_destroy);
        if (!own.back()) return false;
        offsets[slot] = byteOffset(layouts[slot], operand.dimension, start);
        layouts[slot] = own.back().get();
    }
    Descriptor descriptor;
    if (request.make(layouts, &descriptor.value) != dnnl_success) return false;
    if (isReference(implementationName(descriptor.value)) && !isReference(primitive->implementation)) return false;
    return addPart(primitive, request, descriptor, layouts, offsets) == dnnl_success;
}

/// Cuts the operation into parts; false, with nothing left behind, if that cannot be.
bool divide(hd_primitive *primitive, const Request &request) {
    const Division &division = request.division;
    const int64_t units = (division.extent + division.unit - 1) / division.unit;
    // A power of two of parts is shared out evenly by the usual numbers of threads, and cuts usual shapes evenly.
    int64_t count = 1;
    while (count * 2 <= std::min(division.parts, units)) count *= 2;
    if (count < 2) return false;
    // Shares of a sum are added up in f32.
    for (size_t slot = 0; slot < request.operands.size(); ++slot) {
        const hd_layout *layout = primitive->layouts[slot];
        if (layout && request.operands[slot].role == Role::summed && view(layout->desc()).type != dnnl_f32) return false;
    }
    for (int64_t index = 0; index < count; ++index) {
        const int64_t start = units * index / count * division.unit;
        const int64_t end = std::min(division.extent, units * (index + 1) / count * division.unit);
        if (addRange(primitive, request, start, end)) continue;
        primitive->parts.clear();
        primitive->partScratch = 0;
        return false;
    }
    for (size_t slot = 0; slot < request.operands.size(); ++slot) {
        if (!primitive->layouts[slot] || request.operands[slot].role != Role::summed) continue;
        const size_t bytes = hd_layout_bytes(primitive->layouts[slot]);
        primitive->sums.push_back({int(slot), bytes / sizeof(float), primitive->sumBytes});
        primitive->sumBytes += roundUp(bytes);
    }
    primitive->isDivided = true;
    primitive->width = std::min(hd_threads(), int(count));
    primitive->implementation += " in " + std::to_string(count) + " parts";
    return true;
}

hd_status createUnguarded(hd_primitive **out, const Request &request) {
    const Engine &engine = Engine::shared();
    if (engine.status != dnnl_success) return fail(engine.status, "creating oneDNN's CPU engine");
    for (auto &operand : request.operands)
        if (operand.layout && isEmpty(operand.layout)) return failEmpty(request.what);
    auto primitive = std::make_unique<hd_primitive>();
    primitive->what = request.what;

    // Layouts and kernel are chosen for one thread, so that the choice cannot depend on the team either.
    Layouts asked;
    for (auto &operand : request.operands) asked.push_back(operand.layout);
    Descriptor descriptor;
    // Asked before the team is made small: the first answer is the one that stays.
    const int width = hd_threads();
    TeamSize alone(1);
    if (dnnl_status_t status = request.make(asked, &descriptor.value); status != dnnl_success)
        return fail(status, request.what);
    resolveLayouts(primitive.get(), request, descriptor);
    primitive->implementation = implementationName(descriptor.value);

    const Layouts layouts(primitive->layouts.begin(), primitive->layouts.end());
    const std::vector<size_t> offsets(layouts.size(), 0);
    if (request.keepsOrder(primitive->implementation)) {
        TeamSize team(width);
        Descriptor wide;
        if (width > 1 && request.make(layouts, &wide.value) == dnnl_success
            && implementationName(wide.value) == primitive->implementation) {
            primitive->width = width;
            if (dnnl_status_t status = addPart(primitive.get(), request, wide, layouts, offsets); status != dnnl_success)
                return fail(status, request.what);
        }
    } else {
        divide(primitive.get(), request);
    }
    // What neither keeps its order nor can be divided runs on one thread.
    if (primitive->parts.empty()) {
        if (dnnl_status_t status = addPart(primitive.get(), request, descriptor, layouts, offsets); status != dnnl_success)
            return fail(status, request.what);
    }
    *out = primitive.release();
    return HD_OK;
}

}  // namespace

std::string implementationName(dnnl_primitive_desc_t descriptor) {
    const char *name = nullptr;
    dnnl_primitive_desc_query(descriptor, dnnl_query_impl_info_str, 0, &name);
    return name ? name : "unknown";
}

bool isEmpty(const hd_layout *layout) {
    const View v = view(layout->desc());
    return std::find(v.dims, v.dims + v.rank, 0) != v.dims + v.rank;
}

hd_status failEmpty(const std::string &what) {
    return fail(HD_INVALID, what + ": an operand has no elements, so there is nothing for oneDNN to do");
}

bool startsWith(const std::string &text, const char *prefix) { return text.rfind(prefix, 0) == 0; }

hd_status create(hd_primitive **out, const Request &request) {
    return guarded(request.what.c_str(), [&] { return createUnguarded(out, request); });
}

}  // namespace hd

const hd_layout *hd_primitive_layout(const hd_primitive *primitive, int slot) {
    return slot >= 0 && slot < int(primitive->layouts.size()) ? primitive->layouts[slot] : nullptr;
}

int hd_primitive_slot_count(const hd_primitive *primitive) { return int(primitive->layouts.size()); }

const char *hd_primitive_implementation(const hd_primitive *primitive) { return primitive->implementation.c_str(); }

void hd_primitive_destroy(hd_primitive *primitive) { delete primitive; }
