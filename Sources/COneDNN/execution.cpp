// How a primitive is run, and by how many threads.
#include <algorithm>
#include <atomic>

#include "primitive.hpp"

extern "C" {
// libgomp, which oneDNN itself runs on: declared here because no compiler flag may be asked for.
void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);
void GOMP_barrier(void);
void omp_set_num_threads(int);
int omp_get_max_threads(void);
int omp_get_num_threads(void);
int omp_get_thread_num(void);
}

namespace hd {

TeamSize::TeamSize(int count) : before(omp_get_max_threads()) {
    if (count != before) omp_set_num_threads(count);
}
TeamSize::~TeamSize() {
    if (omp_get_max_threads() != before) omp_set_num_threads(before);
}

namespace {

std::atomic<int> threadCount{0};

/// One execution, as the threads of the team see it.
struct Execution {
    hd_primitive *primitive;
    void *const *buffers;
    char *scratch;
    std::atomic<int> next{0};
    std::atomic<int> status{dnnl_success};

    /// Part `index`'s share of a sum.
    char *share(const Sum &sum, size_t index) const { return scratch + primitive->sumBytes * index + sum.offset; }

    /// Runs one part with the scratch memory of thread `thread`.
    void run(int index, int thread) {
        Part &part = primitive->parts[index];
        for (size_t i = 0; i < part.args.size(); ++i) {
            const int slot = part.slots[i];
            char *pointer;
            if (slot < 0) {
                const size_t shares = primitive->sums.empty() ? 0 : primitive->sumBytes * primitive->parts.size();
                pointer = scratch + shares + primitive->partScratch * thread;
            } else {
                pointer = static_cast<char *>(buffers[slot]) + part.offsets[i];
                for (auto &sum : primitive->sums)
                    if (sum.slot == slot) pointer = share(sum, index);
            }
            dnnl_memory_set_data_handle(part.args[i].memory, pointer);
        }
        const dnnl_status_t result
            = dnnl_primitive_execute(part.primitive, Engine::shared().stream, int(part.args.size()), part.args.data());
        if (result != dnnl_success) status = result;
    }

    /// Adds up this thread's range of each sum, always in the order of the parts, in pieces that stay in the nearest cache.
    void addUp(size_t thread, size_t team) {
        const size_t piece = 1024;
        for (auto &sum : primitive->sums) {
            const size_t pieces = (sum.elements + piece - 1) / piece;
            const size_t last = std::min(sum.elements, pieces * (thread + 1) / team * piece);
            float *target = static_cast<float *>(buffers[sum.slot]);
            for (size_t start = pieces * thread / team * piece; start < last; start += piece) {
                const size_t count = std::min(piece, last - start);
                std::copy_n(reinterpret_cast<float *>(share(sum, 0)) + start, count, target + start);
                for (size_t index = 1; index < primitive->parts.size(); ++index) {
                    const float *source = reinterpret_cast<float *>(share(sum, index)) + start;
                    for (size_t i = 0; i < count; ++i) target[start + i] += source[i];
                }
            }
        }
    }
};

/// What each thread of the team does.
void work(void *data) {
    auto *execution = static_cast<Execution *>(data);
    const int count = int(execution->primitive->parts.size());
    const int thread = omp_get_thread_num();
    for (int index; (index = execution->next.fetch_add(1, std::memory_order_relaxed)) < count;) execution->run(index, thread);
    if (execution->primitive->sums.empty()) return;
    GOMP_barrier();
    execution->addUp(size_t(thread), size_t(omp_get_num_threads()));
}

}  // namespace
}  // namespace hd

using namespace hd;

int hd_threads(void) {
    int count = threadCount.load();
    if (count == 0) {
        count = std::max(1, omp_get_max_threads());
        threadCount = count;
    }
    return count;
}

int hd_set_threads(int count) {
    threadCount = std::max(1, count);
    return threadCount;
}

size_t hd_primitive_scratch_bytes(const hd_primitive *primitive) {
    if (!primitive->isDivided) return primitive->partScratch;
    return primitive->sumBytes * primitive->parts.size() + primitive->partScratch * primitive->width;
}

hd_status hd_primitive_execute(hd_primitive *primitive, void *const *buffers, void *scratch) {
    Execution execution{primitive, buffers, static_cast<char *>(scratch)};
    if (!primitive->isDivided) {
        TeamSize team(primitive->width);
        execution.run(0, 0);
    } else {
        // Inside a team oneDNN keeps to the calling thread; a team of one is no team to OpenMP, so say so.
        TeamSize team(primitive->width);
        GOMP_parallel(work, &execution, unsigned(primitive->width), 0);
    }
    const auto status = dnnl_status_t(execution.status.load());
    return status == dnnl_success ? HD_OK : fail(status, primitive->what);
}
