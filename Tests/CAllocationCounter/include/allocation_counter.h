/// Counts what a process asks the system's allocator for.
///
/// Linked into a program, the counter's `malloc`, `calloc`, `realloc`, `aligned_alloc`, `memalign`, `posix_memalign` and `mmap` take the place of
/// the C library's in the program and in every library that it loads, and hand the work on. Only with glibc; elsewhere nothing is counted.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// What was asked for between a start and a stop, by all threads.
typedef struct {
    int64_t count;      ///< Calls.
    int64_t bytes;      ///< Bytes in all.
    int64_t largest;    ///< Bytes of the largest single request.
} allocation_counts;

/// Whether this C library's allocator can be counted.
bool allocation_counter_works(void);

/// Begins counting from zero. From requests of `trap_bytes` on (0: never) a line with the callers' addresses goes to the standard error.
void allocation_counter_start(int64_t trap_bytes);

/// What was counted so far.
allocation_counts allocation_counter_read(void);

/// Ends counting, and gives what was counted.
allocation_counts allocation_counter_stop(void);
