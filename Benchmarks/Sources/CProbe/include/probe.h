#pragma once

/// Fused multiply-adds that `threads` threads do in a second at best, counted as two operations each, in GFLOP/s of f32: the floor's
/// compute rate. The widest vectors that the processor has are used.
double probe_peak_gflops(int threads);

/// Bytes read and written in a second at best when `threads` threads copy memory far larger than the caches, in GB/s.
double probe_copy_gbps(int threads);

/// f32 elements of the widest vectors that the processor has.
int probe_lanes(void);
