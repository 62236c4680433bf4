import CKernels

/// The instruction set in use, where the choice of a kernel depends on how long vectors are and how many there are of them.
enum InstructionSet {
    /// Sixteen lanes of f32, thirty-two registers.
    case avx512
    /// Eight lanes, sixteen registers. oneDNN 2.6 is slow with it: products at 40 % of the peak, and layouts that alternate between
    /// blocks of 8 and of 16 channels.
    case avx2
    /// Whatever the compiler makes of the kernels: NEON on ARM.
    case plain

    static var current: InstructionSet {
        let name = String(cString: hk_isa())
        return name.hasPrefix("avx512") ? .avx512 : name == "avx2" ? .avx2 : .plain
    }
}
