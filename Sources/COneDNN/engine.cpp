// The process's engine and stream, errors, and the version.
#include "internal.hpp"

namespace hd {

static thread_local std::string lastError;

const Engine &Engine::shared() {
    // Never destroyed: primitives may outlive static destruction.
    static const Engine *engine = [] {
        auto *made = new Engine;
        made->status = dnnl_engine_create(&made->engine, dnnl_cpu, 0);
        if (made->status == dnnl_success)
            made->status = dnnl_stream_create(&made->stream, made->engine, dnnl_stream_default_flags);
        return made;
    }();
    return *engine;
}

hd_status fail(hd_status status, std::string text) {
    lastError = std::move(text);
    return status;
}

hd_status fail(dnnl_status_t status, const std::string &what) {
    if (const char *failure = libraryFailure()) return fail(HD_RUNTIME, what + ": " + failure);
    switch (status) {
    case dnnl_unimplemented:
        return fail(HD_UNSUPPORTED, what + ": oneDNN has no implementation of this combination");
    case dnnl_invalid_arguments: return fail(HD_INVALID, what + ": oneDNN says the arguments are invalid");
    case dnnl_out_of_memory: return fail(HD_OUT_OF_MEMORY, what + ": out of memory");
    default: return fail(HD_RUNTIME, what + ": oneDNN failed with status " + std::to_string(status));
    }
}

}  // namespace hd

const char *hd_last_error(void) { return hd::lastError.c_str(); }

const char *hd_version(void) {
    static const std::string text = [] {
        const dnnl_version_t *version = hd::dnnl_version();
        if (!version) return std::string("oneDNN missing");
        std::string runtime;
        switch (version->cpu_runtime) {
        case DNNL_RUNTIME_SEQ: runtime = "sequential"; break;
        case DNNL_RUNTIME_OMP: runtime = "OpenMP"; break;
        case DNNL_RUNTIME_TBB: runtime = "TBB"; break;
        case DNNL_RUNTIME_THREADPOOL: runtime = "thread pool"; break;
        default: runtime = "runtime " + std::to_string(version->cpu_runtime);
        }
        return "oneDNN " + std::to_string(version->major) + "." + std::to_string(version->minor) + "."
            + std::to_string(version->patch) + ", " + runtime;
    }();
    return text.c_str();
}
