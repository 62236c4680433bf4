/// The team of threads, and the instruction set that the kernels use.
///
/// The team is libgomp's own, the one that an OpenMP build of oneDNN uses, so the two never fight for cores. libgomp keeps
/// one pool of threads for each thread that starts a team: run all plans from one thread.
#pragma once
#include "types.h"

/// Runs `body(context, thread, threads)` once on every thread of the team, the calling one included, and waits for all.
/// `threads` is the true size of the team (1 when called from inside a team). Denormal numbers are flushed to zero inside.
void hk_team_run(void (*body)(void *context, int thread, int threads), void *context);

/// Sets how many threads the kernels use; below 1 means all that OpenMP would use (`OMP_NUM_THREADS`, or the CPUs that the
/// process may run on). oneDNN called from the same thread follows. No result depends on this number.
void hk_set_threads(int threads);

/// How many threads the kernels use.
int hk_threads(void);

/// The instruction set in use: `"avx512bf16"` (AVX-512 with products of bf16 numbers), `"avx512"`, `"avx2"` or `"plain"` (NEON on ARM).
/// The best one that the processor has, unless the environment variable `HILLOCK_ISA` names another when the first kernel runs.
const char *hk_isa(void);

/// Whether the instruction set in use multiplies bf16 numbers itself, pairs of them at twice the rate of f32. All others compute the same
/// by f32 arithmetic, slower than in f32. The two differ in how the two products of a pair are rounded, and where numbers are denormal,
/// which the instruction takes as zero.
bool hk_has_bf16(void);

/// Uses the named instruction set from now on. False, and nothing changes, when the processor lacks it or the name is
/// unknown. For tests: not to be called while kernels run.
bool hk_set_isa(const char *name);
