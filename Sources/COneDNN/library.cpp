// Loads oneDNN's library.
#include "library.hpp"

#include <dlfcn.h>

#include <cstdlib>
#include <string>

#define HD_TEXT_OF(VALUE) #VALUE
#define HD_TEXT(VALUE) HD_TEXT_OF(VALUE)

namespace hd {

namespace {

/// The library of the version whose headers this was compiled with: types differ between major versions.
#if defined(__APPLE__)
const char *const libraryName = "libdnnl." HD_TEXT(DNNL_VERSION_MAJOR) ".dylib";
#else
const char *const libraryName = "libdnnl.so." HD_TEXT(DNNL_VERSION_MAJOR);
#endif

struct Library {
    void *handle = nullptr;
    std::string failure;

    Library() {
        // Never unloaded: primitives may outlive static destruction.
        handle = dlopen(libraryName, RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
        if (handle) {
            // Profilers are served on request only: otherwise every first kernel searches the system for one.
            auto *profile = reinterpret_cast<decltype(&::dnnl_set_jit_profiling_flags)>(dlsym(handle, "dnnl_set_jit_profiling_flags"));
            if (profile && !getenv("DNNL_JIT_PROFILE")) profile(0);
            return;
        }
        const char *reason = dlerror();
        failure = std::string("oneDNN's library ") + libraryName + " cannot be loaded ("
            + (reason ? reason : "no reason given") + "); install it, on Debian by: apt install libdnnl-dev";
    }
};

std::string *failureText = nullptr;

}  // namespace

void *symbol(const char *name) {
    static Library *library = [] {
        auto *made = new Library;
        if (!made->handle) __atomic_store_n(&failureText, &made->failure, __ATOMIC_RELEASE);
        return made;
    }();
    return library->handle ? dlsym(library->handle, name) : nullptr;
}

const char *libraryFailure() {
    const std::string *text = __atomic_load_n(&failureText, __ATOMIC_ACQUIRE);
    return text ? text->c_str() : nullptr;
}

}  // namespace hd
