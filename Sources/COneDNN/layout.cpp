// Layouts: oneDNN's memory descriptors.
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "internal.hpp"

namespace hd {

static const char *const typeNames[] = {"f32", "f64", "i32", "i64", "u8", "bool", "bf16", "f16"};

/// oneDNN's type for one of Hillock's; undefined where oneDNN has none.
static dnnl_data_type_t dataType(int dtype) {
    switch (dtype) {
    case 0: return dnnl_f32;
    case 2: return dnnl_s32;
    case 4: case 5: return dnnl_u8;
    case 6: return dnnl_bf16;
    case 7: return dnnl_f16;
    default: return dnnl_data_type_undef;
    }
}

static int dtypeCode(dnnl_data_type_t type) {
    switch (type) {
    case dnnl_s32: return 2;
    case dnnl_u8: case dnnl_s8: return 4;
    case dnnl_bf16: return 6;
    case dnnl_f16: return 7;
    default: return 0;
    }
}

size_t elementBytes(dnnl_data_type_t type) {
    switch (type) {
    case dnnl_u8: case dnnl_s8: return 1;
    case dnnl_bf16: case dnnl_f16: return 2;
    default: return 4;
    }
}

View view(DescRef desc) {
    View v;
#if DNNL_VERSION_MAJOR >= 3
    const dnnl_dims_t *dims = nullptr, *padded = nullptr, *strides = nullptr, *sizes = nullptr, *indices = nullptr;
    dnnl_memory_desc_query(desc, dnnl_query_ndims_s32, &v.rank);
    dnnl_memory_desc_query(desc, dnnl_query_data_type, &v.type);
    dnnl_memory_desc_query(desc, dnnl_query_format_kind, &v.kind);
    dnnl_memory_desc_query(desc, dnnl_query_dims, &dims);
    v.dims = *dims;
    if (dnnl_memory_desc_query(desc, dnnl_query_padded_dims, &padded) == dnnl_success) v.padded = *padded;
    if (v.kind == dnnl_blocked) {
        dnnl_memory_desc_query(desc, dnnl_query_strides, &strides);
        dnnl_memory_desc_query(desc, dnnl_query_inner_nblks_s32, &v.blocks);
        dnnl_memory_desc_query(desc, dnnl_query_inner_blks, &sizes);
        dnnl_memory_desc_query(desc, dnnl_query_inner_idxs, &indices);
        v.strides = *strides;
        v.blockSizes = *sizes;
        v.blockDims = *indices;
    }
#else
    v.rank = desc->ndims;
    v.type = desc->data_type;
    v.kind = desc->format_kind;
    v.dims = desc->dims;
    v.padded = desc->padded_dims;
    if (v.kind == dnnl_blocked) {
        v.strides = desc->format_desc.blocking.strides;
        v.blocks = desc->format_desc.blocking.inner_nblks;
        v.blockSizes = desc->format_desc.blocking.inner_blks;
        v.blockDims = desc->format_desc.blocking.inner_idxs;
    }
#endif
    return v;
}

std::string describe(const char *name, const int64_t *values, int count) {
    std::string text = std::string(name) + "[";
    for (int i = 0; i < count; ++i) text += (i ? "," : "") + std::to_string(values[i]);
    return text + "]";
}

std::string describe(const hd_layout *layout) {
    if (!layout) return "none";
    const View v = view(layout->desc());
    std::string text = describe(typeNames[dtypeCode(v.type)], v.dims, v.rank);
    if (v.kind == dnnl_format_kind_any) return text + " any";
    if (v.kind != dnnl_blocked) return text + " opaque, " + std::to_string(hd_layout_bytes(layout)) + " bytes";
    std::vector<int> order(v.rank);
    for (int d = 0; d < v.rank; ++d) order[d] = d;
    // Size-1 dimensions tie with their neighbours: those wider than 1 come first, then the earlier ones.
    std::sort(order.begin(), order.end(), [&](int a, int b) {
        if (v.strides[a] != v.strides[b]) return v.strides[a] > v.strides[b];
        if ((v.padded[a] == 1) != (v.padded[b] == 1)) return v.padded[a] != 1;
        return a < b;
    });
    text += " ";
    for (int d : order) {
        bool blocked = std::find(v.blockDims, v.blockDims + v.blocks, d) != v.blockDims + v.blocks;
        text += char((blocked ? 'A' : 'a') + d);
    }
    for (int b = 0; b < v.blocks; ++b) text += std::to_string(v.blockSizes[b]) + char('a' + v.blockDims[b]);
    return text;
}

/// Checks what every layout must satisfy; `type` is oneDNN's.
static hd_status check(const char *what, int rank, const int64_t *dims, int dtype, dnnl_data_type_t *type) {
    if (rank < 1 || rank > DNNL_MAX_NDIMS)
        return fail(HD_INVALID, std::string(what) + ": rank " + std::to_string(rank) + ", expected 1 to 12");
    if (dtype < 0 || dtype > 7)
        return fail(HD_INVALID, std::string(what) + ": element type code " + std::to_string(dtype) + ", expected 0 to 7");
    const std::string shape = describe(typeNames[dtype], dims, rank);
    for (int i = 0; i < rank; ++i)
        if (dims[i] < 0) return fail(HD_INVALID, std::string(what) + " " + shape + ": negative dimension");
    *type = dataType(dtype);
    if (*type == dnnl_data_type_undef)
        return fail(HD_UNSUPPORTED, std::string(what) + " " + shape + ": oneDNN has no " + typeNames[dtype] + " on the CPU");
    return HD_OK;
}

/// A new layout by tag, or by strides if those are given.
static hd_status make(
    hd_layout **out, int rank, const int64_t *dims, dnnl_data_type_t type, dnnl_format_tag_t tag, const int64_t *strides) {
    return guarded("layout", [&] {
        auto *layout = new hd_layout;
#if DNNL_VERSION_MAJOR >= 3
        const dnnl_status_t status = strides
            ? dnnl_memory_desc_create_with_strides(&layout->md, rank, dims, type, strides)
            : dnnl_memory_desc_create_with_tag(&layout->md, rank, dims, type, tag);
#else
        const dnnl_status_t status = strides
            ? dnnl_memory_desc_init_by_strides(&layout->md, rank, dims, type, strides)
            : dnnl_memory_desc_init_by_tag(&layout->md, rank, dims, type, tag);
#endif
        if (status != dnnl_success) {
            delete layout;
            std::string what = describe("layout ", dims, rank);
            if (strides) what += describe(" strides ", strides, rank);
            return fail(status, what);
        }
        *out = layout;
        return HD_OK;
    });
}

}  // namespace hd

using namespace hd;

hd_layout *hd_layout::copy(DescRef other) {
    auto *layout = new (std::nothrow) hd_layout;
    if (!layout) return nullptr;
#if DNNL_VERSION_MAJOR >= 3
    if (hd::dnnl_memory_desc_clone(&layout->md, other) != dnnl_success) {
        delete layout;
        return nullptr;
    }
#else
    layout->md = *other;
#endif
    return layout;
}

hd_status hd_layout_create(hd_layout **out, int rank, const int64_t *dims, const int64_t *strides, int dtype) {
    dnnl_data_type_t type;
    if (hd_status status = check("layout", rank, dims, dtype, &type); status != HD_OK) return status;
    int64_t rowMajor[DNNL_MAX_NDIMS];
    if (!strides) {
        int64_t next = 1;
        for (int d = rank - 1; d >= 0; --d) {
            rowMajor[d] = next;
            next *= std::max<int64_t>(dims[d], 1);
        }
        strides = rowMajor;
    }
    return make(out, rank, dims, type, dnnl_format_tag_undef, strides);
}

hd_status hd_layout_create_any(hd_layout **out, int rank, const int64_t *dims, int dtype) {
    dnnl_data_type_t type;
    if (hd_status status = check("layout", rank, dims, dtype, &type); status != HD_OK) return status;
    return make(out, rank, dims, type, dnnl_format_tag_any, nullptr);
}

hd_status hd_layout_create_format(hd_layout **out, int rank, const int64_t *dims, int dtype, hd_format format) {
    static const dnnl_format_tag_t tags[4][3] = {
        {dnnl_ncw, dnnl_nchw, dnnl_ncdhw},
        {dnnl_nwc, dnnl_nhwc, dnnl_ndhwc},
        {dnnl_nCw8c, dnnl_nChw8c, dnnl_nCdhw8c},
        {dnnl_nCw16c, dnnl_nChw16c, dnnl_nCdhw16c},
    };
    dnnl_data_type_t type;
    if (hd_status status = check("layout", rank, dims, dtype, &type); status != HD_OK) return status;
    if (rank < 3 || rank > 5 || format < 0 || format > 3)
        return fail(
            HD_INVALID, describe("layout ", dims, rank) + ": formats by channels exist for rank 3 to 5, formats 0 to 3");
    return make(out, rank, dims, type, tags[format][rank - 3], nullptr);
}

hd_layout *hd_layout_clone(const hd_layout *layout) { return hd_layout::copy(layout->desc()); }

void hd_layout_destroy(hd_layout *layout) {
    if (!layout) return;
#if DNNL_VERSION_MAJOR >= 3
    hd::dnnl_memory_desc_destroy(layout->md);
#endif
    delete layout;
}

size_t hd_layout_bytes(const hd_layout *layout) {
    return hd_layout_is_any(layout) ? 0 : hd::dnnl_memory_desc_get_size(layout->desc());
}

int hd_layout_equal(const hd_layout *a, const hd_layout *b) { return hd::dnnl_memory_desc_equal(a->desc(), b->desc()); }

int hd_layout_is_any(const hd_layout *layout) { return view(layout->desc()).kind == dnnl_format_kind_any; }

int hd_layout_is_padded(const hd_layout *layout) {
    const View v = view(layout->desc());
    return v.kind != dnnl_format_kind_any && !std::equal(v.dims, v.dims + v.rank, v.padded);
}

int hd_layout_is_dense(const hd_layout *layout) {
    const View v = view(layout->desc());
    if (v.kind != dnnl_blocked) return 0;
    int64_t count = 1;
    for (int d = 0; d < v.rank; ++d) count *= v.dims[d];
    return hd_layout_bytes(layout) == size_t(count) * elementBytes(v.type);
}

int hd_layout_rank(const hd_layout *layout) { return view(layout->desc()).rank; }

void hd_layout_dims(const hd_layout *layout, int64_t *dims) {
    const View v = view(layout->desc());
    std::copy(v.dims, v.dims + v.rank, dims);
}

int hd_layout_dtype(const hd_layout *layout) { return dtypeCode(view(layout->desc()).type); }

int hd_layout_strides(const hd_layout *layout, int64_t *strides) {
    const View v = view(layout->desc());
    if (v.kind != dnnl_blocked || v.blocks != 0) return 0;
    std::copy(v.strides, v.strides + v.rank, strides);
    return 1;
}

int hd_layout_describe(const hd_layout *layout, char *buffer, size_t capacity) {
    return snprintf(buffer, capacity, "%s", describe(layout).c_str());
}
