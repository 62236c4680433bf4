/// Element-wise programs: a register machine that runs a chain of operations in one pass over cache-sized tiles.
///
/// Semantics
/// - Integers wrap. `divide` truncates; x/0 has all bits set (-1, or 255); `remainder` has the sign of the dividend,
///   x%0 is x; nothing traps. MIN/-1 is MIN.
/// - `maximum`, `minimum`, `relu` propagate NaN. `sign` of NaN is NaN, of zero is that zero.
/// - Denormal results and arguments count as zero, except arguments of `exp`, `cos`, `log`, `log1p` and `power`. Conversions
///   between f32 and the 16-bit floats keep denormals; what would be denormal as f32 becomes zero on the way from f64.
/// - Conversions: to a shorter float rounds to nearest even, once; float to integer truncates, saturates, NaN gives 0; integer to
///   narrower integer wraps; to bool is x != 0.
/// - `fma` rounds once where the processor has the instruction (AVX2, AVX-512, NEON), twice in the plain x86 variant.
/// - Results do not depend on the number of threads nor on an element's position.
///
/// Accuracy of the f32 functions: the largest error found, in units in the last place, against libm's f64 functions on every
/// 37th of the 2^32 arguments (`power`: 8 * 10^7 random pairs). AccuracyTests.swift checks a sample; with
/// `HILLOCK_TEST_STRIDE=1` it takes every argument. f64 functions are libm's, as are `sin` and `cos` beyond 2^20.
///
///     function   AVX-512, AVX2   plain        function   AVX-512, AVX2   plain
///     exp             0.99        0.97        tanh            1.74        1.74
///     expm1           1.57        1.63        logistic        1.89        1.89
///     log             0.80        0.80        erf             1.05        1.38
///     log1p           1.37        1.37        sqrt            0.50        0.50
///     sin             1.55        1.56        rsqrt           1.49        1.49
///     cos             1.55        1.58        power           0.51        0.51
///
/// `gelu`: 1.8 ulp for positive arguments, 6e-8 |a| for negative ones, whose two parts nearly cancel; `gelu_gradient`: 1.4e-7 |b|.
#pragma once
#include "reduce.h"

/// Operations. The types that each takes: F = f32, f64; I = i32, i64, u8; B = bool.
enum hk_op {
    hk_op_copy,           ///< a                                F I B bf16 f16
    hk_op_convert,        ///< a as another type (in field `c`) every pair
    hk_op_add,            ///< a + b                            F I
    hk_op_subtract,       ///< a - b                            F I
    hk_op_multiply,       ///< a * b                            F I
    hk_op_divide,         ///< a / b                            F I
    hk_op_remainder,      ///< a - b * trunc(a / b), C's fmod   F I
    hk_op_power,          ///< a to the b, C's pow              F I (integers: negative exponents give 0, or ±1 for base ±1)
    hk_op_maximum,        ///<                                  F I B
    hk_op_minimum,        ///<                                  F I B
    hk_op_negate,         ///<                                  F I
    hk_op_abs,            ///<                                  F I
    hk_op_sign,           ///< -1, 0, 1                         F I
    hk_op_exp,            ///<                                  F
    hk_op_expm1,          ///<                                  F
    hk_op_log,            ///<                                  F
    hk_op_log1p,          ///<                                  F
    hk_op_sqrt,           ///<                                  F
    hk_op_rsqrt,          ///< 1 / sqrt(a)                      F
    hk_op_sin,            ///<                                  F
    hk_op_cos,            ///<                                  F
    hk_op_tanh,           ///<                                  F
    hk_op_logistic,       ///< 1 / (1 + exp(-a))                F
    hk_op_erf,            ///<                                  F
    hk_op_floor,          ///<                                  F
    hk_op_ceil,           ///<                                  F
    hk_op_round_even,     ///< to nearest, ties to even         F
    hk_op_fma,            ///< a * b + c                        F I
    hk_op_equal,          ///< result bool                      F I B
    hk_op_not_equal,      ///< result bool                      F I B
    hk_op_less,           ///< result bool                      F I B
    hk_op_less_equal,     ///< result bool                      F I B
    hk_op_greater,        ///< result bool                      F I B
    hk_op_greater_equal,  ///< result bool                      F I B
    hk_op_select,         ///< bool a ? b : c; type is b's      F I B bf16 f16
    hk_op_and,            ///< logical on bool, else bitwise    I B
    hk_op_or,             ///<                                  I B
    hk_op_xor,            ///<                                  I B
    hk_op_not,            ///<                                  I B
    hk_op_is_finite,      ///< result bool                      F
    hk_op_relu,           ///< max(a, 0)                        F I
    hk_op_relu_gradient,  ///< a <= 0 ? 0 : b                   F
    hk_op_tanh_gradient,  ///< (1 - a * a) * b                  F
    hk_op_logistic_gradient, ///< b * a * (1 - a)               F
    hk_op_gelu,           ///< a times the normal distribution function of a  F
    hk_op_gelu_gradient,  ///< b times the derivative of that   F
    hk_op_count,
};

/// One step: `dst = op(a, b, c)` on registers. Operands that the operation lacks are ignored. `dst` may be one of them.
typedef struct {
    /// `enum hk_op`.
    uint8_t op;
    /// The operands' type (for `select` that of `b` and `c`; for `convert` the source's, and `c` is the destination's).
    uint8_t type;
    uint16_t dst, a, b, c;
} hk_instruction;

enum hk_operand_kind {
    /// Dense row-major, one element for each of the iteration space.
    hk_operand_contiguous,
    /// One element for all.
    hk_operand_scalar,
    /// Any strides, in elements; 0 broadcasts an axis, negative ones walk backwards.
    hk_operand_strided,
    /// Not read but made: f32 uniform in [0, 1), as `hk_philox_uniform_f32` makes them, element i of the iteration space being
    /// number i of the stream whose 64-bit key the input points to.
    hk_operand_random,
};

/// How one input is read.
typedef struct {
    /// `enum hk_type`.
    uint8_t type;
    /// `enum hk_operand_kind`.
    uint8_t kind;
    /// For strided inputs: elements between neighbours along each axis.
    int64_t strides[HK_MAX_RANK];
} hk_operand;

/// A reduction at the end of a program: every `run` neighbours of a register's final value, in row-major order, become one element. So
/// trailing axes are folded, or all of them.
typedef struct {
    /// `enum hk_reduction`, of a type that it takes.
    uint8_t reduction;
    /// The register, none of an input.
    uint16_t source;
    /// Divides the number of elements of the iteration space.
    int64_t run;
} hk_fold;

/// A program over an iteration space of `rank` axes. Registers `0..<input_count` hold the inputs and are not written. A
/// register may be written more than once; its type is fixed. The fewer registers, the longer the tiles: reuse those whose value
/// is no longer needed. At most 60,000 registers and outputs.
typedef struct {
    int32_t rank;
    int64_t extents[HK_MAX_RANK];
    int32_t input_count, output_count, register_count, instruction_count;
    const hk_operand *inputs;
    /// For each output the register whose final value it takes (may be an input's).
    const uint16_t *output_registers;
    /// For each output its element type, that of its register.
    const uint8_t *output_types;
    /// For each register its element type.
    const uint8_t *register_types;
    const hk_instruction *code;
    int32_t fold_count;
    const hk_fold *folds;
} hk_elementwise_program;

/// Whether the machine has `op` for operands of `type` (for `convert`: always).
bool hk_elementwise_supports(int op, int type);

/// Runs a program. `outputs` are those of the registers, then those of the folds; each is dense row-major. A register's output may share its memory with a contiguous input whose elements
/// have the same size (both begin at the same address); any other overlap with an input is not allowed.
///
/// Folds take neighbours within a tile as `hk_reduce` does and combine tiles as a binary tree: their bits depend on the program and its
/// extents, not on the number of threads. What is folded and not an output is never written to memory.
///
/// Nothing is allocated once a thread's scratch memory has grown to what its programs need. Programs of less than about 30
/// microseconds of work (6 while the team is awake) run on the calling thread alone. Inputs whose innermost axis has a stride other than 0 or 1 are
/// gathered element by element: copy large transposed ones with `hk_strided_copy` first.
void hk_elementwise(const hk_elementwise_program *program, const void *const *inputs, void *const *outputs);
