/// The machine's peak rates, measured on the spot with the team and the instruction set in use.
///
/// They work for about `seconds` and give the rate of the best half millisecond, so that other processes that take the cores now
/// and then do not matter; for a millisecond at least, whatever `seconds` says, and for half a second at most.
#pragma once

/// Floating-point operations in a second, f32, a multiply-add counted as two: independent chains of them in registers.
/// The sum of each thread's best, since cores do not share what they compute with.
double hk_peak_flops(double seconds);

/// The same for products of bf16 numbers that are summed in f32; less than that of f32 where the instruction set lacks them.
double hk_peak_bf16_flops(double seconds);

/// Bytes in a second, read and written together, of copies that walk through 64 MiB past the caches; 0 when there is no memory for
/// them. The best of all threads together, since they share the memory. Touching the memory for the first time takes some tens of
/// milliseconds more.
double hk_peak_bandwidth(double seconds);
