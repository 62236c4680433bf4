/// The machine's peak rates, measured on the spot with the team and the instruction set in use.
///
/// Both repeat short runs for about `seconds` and give the fastest, so that another process that takes the cores now and then does
/// not matter. At least one run is made, whatever `seconds` says.
#pragma once

/// Floating-point operations in a second, f32, a multiply-add counted as two: independent chains of them in registers.
double hk_peak_flops(double seconds);

/// Bytes in a second, read and written together, of copies that walk through 64 MiB past the caches; 0 when there is no memory for
/// them. Touching the memory for the first time takes some tens of milliseconds more.
double hk_peak_bandwidth(double seconds);
