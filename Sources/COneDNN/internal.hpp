// What the files of this target share: oneDNN's two C interfaces under one set of names, layouts, errors, and how a
// primitive is put together from parts.
#pragma once
#include <oneapi/dnnl/dnnl.h>

#include <cstdint>
#include <functional>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "include/onednn.h"
#include "library.hpp"

namespace hd {

#if DNNL_VERSION_MAJOR >= 3
using DescRef = const_dnnl_memory_desc_t;
#else
using DescRef = const dnnl_memory_desc_t *;
#endif

/// The process's CPU engine and stream, created on first use.
struct Engine {
    dnnl_engine_t engine = nullptr;
    dnnl_stream_t stream = nullptr;
    dnnl_status_t status = dnnl_success;
    static const Engine &shared();
};

/// Records the text for `hd_last_error` and passes the status through.
hd_status fail(hd_status status, std::string text);
/// The failure of a oneDNN call on behalf of `what`.
hd_status fail(dnnl_status_t status, const std::string &what);
/// Runs a body that may run out of memory: no exception leaves the C interface.
template <typename Body> hd_status guarded(const char *what, Body body) {
    try {
        return body();
    } catch (const std::bad_alloc &) {
        return fail(HD_OUT_OF_MEMORY, std::string(what) + ": out of memory");
    }
}

/// How a blocked memory descriptor looks; the pointers live as long as the descriptor.
struct View {
    int rank = 0;
    const int64_t *dims = nullptr, *padded = nullptr, *strides = nullptr;
    int blocks = 0;
    const int64_t *blockSizes = nullptr, *blockDims = nullptr;
    dnnl_format_kind_t kind = dnnl_format_kind_undef;
    dnnl_data_type_t type = dnnl_data_type_undef;
};
View view(DescRef desc);
size_t elementBytes(dnnl_data_type_t type);
std::string describe(const hd_layout *layout);
std::string describe(const char *name, const int64_t *values, int count);

/// Sets the calling thread's OpenMP team size for as long as it lives.
class TeamSize {
public:
    explicit TeamSize(int count);
    ~TeamSize();
    TeamSize(const TeamSize &) = delete;
    TeamSize &operator=(const TeamSize &) = delete;

private:
    int before;
};

/// What an operand is to the parts that an operation is divided into.
enum class Role {
    shared,   ///< Every part reads all of it.
    split,    ///< Each part has its own range of one dimension.
    summed    ///< An output: each part makes all of it, and the parts are added up in order.
};

/// One slot of a primitive.
struct Operand {
    int arg = 0;                        ///< oneDNN's number of the argument.
    const hd_layout *layout = nullptr;  ///< As asked for; NULL if unused.
    Role role = Role::shared;
    int dimension = 0;                  ///< The dimension that is split.
    bool isExact = false;               ///< The layout is used as it stands; the primitive descriptor is not asked.
};

/// How an operation may be cut into parts: ranges of whole `unit`s of a dimension of `extent` elements.
struct Division {
    int64_t extent = 1, unit = 1;
    int64_t parts = 1;   ///< 1: not at all.
};

/// Makes oneDNN's descriptor for operands of the given layouts, in slot order (NULL where unused).
using MakeDescriptor
    = std::function<dnnl_status_t(const std::vector<const hd_layout *> &layouts, dnnl_primitive_desc_t *out)>;

/// What is asked for: everything needed to create a primitive.
struct Request {
    std::string what;                ///< For errors: operation and shapes.
    std::vector<Operand> operands;   ///< In slot order.
    MakeDescriptor make;
    /// Whether the kernel of this name adds up each result in an order that does not depend on the number of threads.
    std::function<bool(const std::string &implementation)> keepsOrder;
    /// How to divide it if not.
    Division division;
    /// Arguments that oneDNN counts but does not read, and the slot whose buffer stands in.
    std::vector<std::pair<int, int>> aliases;
};
hd_status create(hd_primitive **out, const Request &request);

/// oneDNN divides by zero where a dimension is 0.
bool isEmpty(const hd_layout *layout);
hd_status failEmpty(const std::string &what);

/// oneDNN's name of the kernel that a descriptor chose.
std::string implementationName(dnnl_primitive_desc_t descriptor);
bool startsWith(const std::string &text, const char *prefix);

/// Attributes with user-managed scratch memory and the post operations; NULL on failure.
struct Attributes {
    dnnl_primitive_attr_t attr = nullptr;
    dnnl_status_t status = dnnl_success;
    Attributes(int post, const hd_layout *addend = nullptr);
    ~Attributes();
    Attributes(const Attributes &) = delete;
    Attributes &operator=(const Attributes &) = delete;
};

/// Names a spatial shape's output extent; 0 or less if the window does not fit.
int64_t windowCount(int64_t extent, int64_t window, int64_t dilation, int64_t stride, int64_t low, int64_t high);

}  // namespace hd

struct hd_layout {
#if DNNL_VERSION_MAJOR >= 3
    dnnl_memory_desc_t md = nullptr;
    hd::DescRef desc() const { return md; }
#else
    dnnl_memory_desc_t md;
    hd::DescRef desc() const { return &md; }
#endif
    /// A copy of `other`; NULL if memory runs out.
    static hd_layout *copy(hd::DescRef other);
};
