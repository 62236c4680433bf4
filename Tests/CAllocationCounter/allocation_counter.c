// The C library's allocator with a counter in front.
#include "allocation_counter.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static atomic_bool is_counting;
static atomic_llong count, bytes, largest;
static int64_t trap;

#if defined(__GLIBC__)
#include <execinfo.h>
#include <sys/mman.h>
#include <sys/syscall.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static _Thread_local bool is_tracing;

static void trace(void) {
    if (is_tracing) return;
    is_tracing = true;
    void *callers[24];
    backtrace_symbols_fd(callers, backtrace(callers, 24), STDERR_FILENO);
    (void)!write(STDERR_FILENO, "\n", 1);
    is_tracing = false;
}

static inline void note(size_t size) {
    if (!atomic_load_explicit(&is_counting, memory_order_relaxed) || is_tracing) return;
    atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&bytes, (long long)size, memory_order_relaxed);
    long long seen = atomic_load_explicit(&largest, memory_order_relaxed);
    while ((long long)size > seen && !atomic_compare_exchange_weak(&largest, &seen, (long long)size)) {}
    if (trap > 0 && (int64_t)size >= trap) trace();
}

void *malloc(size_t size) {
    note(size);
    return __libc_malloc(size);
}

void *calloc(size_t members, size_t size) {
    note(members * size);
    return __libc_calloc(members, size);
}

void *realloc(void *memory, size_t size) {
    note(size);
    return __libc_realloc(memory, size);
}

void *memalign(size_t alignment, size_t size) {
    note(size);
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    note(size);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    note(size);
    void *block = __libc_memalign(alignment, size);
    if (!block) return ENOMEM;
    *memory = block;
    return 0;
}

void *mmap(void *address, size_t size, int protection, int flags, int file, off_t offset) {
    note(size);
    return (void *)syscall(SYS_mmap, address, size, protection, flags, file, offset);
}

void *mmap64(void *address, size_t size, int protection, int flags, int file, off_t offset) {
    return mmap(address, size, protection, flags, file, offset);
}

bool allocation_counter_works(void) { return true; }
#else
bool allocation_counter_works(void) { return false; }
#endif

void allocation_counter_start(int64_t trap_bytes) {
    trap = trap_bytes;
    atomic_store(&count, 0);
    atomic_store(&bytes, 0);
    atomic_store(&largest, 0);
    atomic_store(&is_counting, true);
}

allocation_counts allocation_counter_read(void) {
    return (allocation_counts){atomic_load(&count), atomic_load(&bytes), atomic_load(&largest)};
}

allocation_counts allocation_counter_stop(void) {
    atomic_store(&is_counting, false);
    return allocation_counter_read();
}
