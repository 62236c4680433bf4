// What a primitive consists of.
//
// The bits of a result must not depend on the number of threads. Where oneDNN's kernel adds up in an order of its own
// whatever the team, the operation is one oneDNN primitive made for the whole team. Elsewhere (weight gradients, products
// with a long inner dimension, statistics) it is divided into parts when it is created: how many follows from the shapes
// alone, each part is a oneDNN primitive made for one thread, and a team of any size works through them. Outputs that every
// part contributes to are made once a part in scratch memory and added up in the order of the parts.
#pragma once
#include <deque>

#include "internal.hpp"

namespace hd {

/// A oneDNN primitive with one memory object an argument.
struct Part {
    dnnl_primitive_t primitive = nullptr;
    std::vector<dnnl_exec_arg_t> args;
    std::vector<int> slots;        ///< The slot of each of `args`; -1 for scratch memory.
    std::vector<size_t> offsets;   ///< Where this part begins in the slot's buffer, in bytes.

    Part() = default;
    Part(const Part &) = delete;
    Part &operator=(const Part &) = delete;
    ~Part() {
        for (auto &arg : args) dnnl_memory_destroy(arg.memory);
        if (primitive) dnnl_primitive_destroy(primitive);
    }
};

/// An output that is added up from the parts' shares.
struct Sum {
    int slot;
    size_t elements;   ///< f32 elements, padding included.
    size_t offset;     ///< Where a part's share begins among its shares, in bytes.
};

/// Scratch memory is handed out in pieces of whole cache lines.
inline size_t roundUp(size_t bytes) { return (bytes + 63) / 64 * 64; }

}  // namespace hd

struct hd_primitive {
    std::string what, implementation;
    std::vector<hd_layout *> layouts;   ///< By slot; NULL if unused.
    std::deque<hd::Part> parts;
    std::vector<hd::Sum> sums;
    size_t sumBytes = 0;                ///< Bytes of one part's shares of all sums.
    size_t partScratch = 0;             ///< Bytes of oneDNN's scratch memory for one execution of a part.
    bool isDivided = false;
    int width = 1;                      ///< Threads that run it.

    hd_primitive() = default;
    hd_primitive(const hd_primitive &) = delete;
    hd_primitive &operator=(const hd_primitive &) = delete;
    ~hd_primitive() {
        for (auto *layout : layouts) hd_layout_destroy(layout);
    }
};
