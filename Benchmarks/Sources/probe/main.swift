import CProbe

// How fast the machine is at best with this many threads, for the driver: GFLOP/s, GB/s and the bits of a vector on one line. A process of its own, since a
// process that was started by one that held much memory is counted as if it had held it too.
let threads = CommandLine.arguments.dropFirst().first.flatMap { Int32($0) } ?? 2
print(probe_peak_gflops(threads), probe_copy_gbps(threads), 32 * probe_lanes())
