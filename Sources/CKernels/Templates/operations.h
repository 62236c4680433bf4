// The element-wise operations: one loop over granules for each operation and type.

/// One kernel: element type of operands, of the result, and the result as an expression of x, y, z.
#define HK_KERNEL(name, T, R, loads, expression)                                                                      \
    static void name(                                                                                                 \
        char *o, const char *a, const char *b, const char *c, intptr_t sa, intptr_t sb, intptr_t sc, intptr_t n) {    \
        (void)b, (void)c, (void)sb, (void)sc;                                                                         \
        for (; n > 0; n--, o += sizeof(R##v), a += sa, b += sb, c += sc) {                                            \
            loads;                                                                                                    \
            R##_store(o, expression);                                                                                 \
        }                                                                                                             \
    }
#define HK_UNARY(op, T, expression) HK_KERNEL(op##_##T, T, T, T##v x = T##_load(a), expression)
#define HK_BINARY(op, T, expression)                                                                                  \
    HK_KERNEL(op##_##T, T, T, T##v x = T##_load(a); T##v y = T##_load(b), expression)
#define HK_TERNARY(op, T, expression)                                                                                 \
    HK_KERNEL(op##_##T, T, T, T##v x = T##_load(a); T##v y = T##_load(b); T##v z = T##_load(c), expression)
#define HK_COMPARE(op, T, operator)                                                                                   \
    HK_KERNEL(op##_##T, T, bool, T##v x = T##_load(a); T##v y = T##_load(b), T##_bool((T##m)(x operator y)))
#define HK_SELECT(T, M)                                                                                               \
    HK_KERNEL(select_##T, T, T, u8v x = u8_load(a); T##v y = T##_load(b); T##v z = T##_load(c), M)

// The unsigned type of the same width: integers wrap there, whatever the compiler thinks of signed overflow.
typedef u32v i32w;
typedef u64v i64w;
typedef u8v u8w;

#define HK_ANY_TYPE(T) HK_UNARY(copy, T, x)
HK_ANY_TYPE(f32)
HK_ANY_TYPE(f64)
HK_ANY_TYPE(i32)
HK_ANY_TYPE(i64)
HK_ANY_TYPE(u8)
HK_ANY_TYPE(bf16)

#define HK_COMPARISONS(T)                                                                                             \
    HK_COMPARE(equal, T, ==)                                                                                          \
    HK_COMPARE(not_equal, T, !=)                                                                                      \
    HK_COMPARE(less, T, <)                                                                                            \
    HK_COMPARE(less_equal, T, <=)                                                                                     \
    HK_COMPARE(greater, T, >)                                                                                         \
    HK_COMPARE(greater_equal, T, >=)
HK_COMPARISONS(f32)
HK_COMPARISONS(f64)
HK_COMPARISONS(i32)
HK_COMPARISONS(i64)
HK_COMPARISONS(u8)

HK_SELECT(f32, f32_choose(f32_mask(x), y, z))
HK_SELECT(f64, f64_choose(f64_mask(x), y, z))
HK_SELECT(i32, i32_choose(i32_mask(x), y, z))
HK_SELECT(i64, i64_choose(i64_mask(x), y, z))
HK_SELECT(u8, u8_choose(u8_mask(x), y, z))
typedef int16_t i16v __attribute__((vector_size(32)));
HK_SELECT(bf16, (u16v)((HK_CAST(i16v, (i8v)(x != 0)) & (i16v)y) | (~HK_CAST(i16v, (i8v)(x != 0)) & (i16v)z)))

#define HK_FLOATING(T)                                                                                                \
    HK_INLINE T##v T##_maximum(T##v x, T##v y) { return T##_choose(x != x, x, T##_choose(x > y, x, y)); }             \
    HK_INLINE T##v T##_minimum(T##v x, T##v y) { return T##_choose(x != x, x, T##_choose(x < y, x, y)); }             \
    HK_BINARY(add, T, x + y)                                                                                          \
    HK_BINARY(subtract, T, x - y)                                                                                     \
    HK_BINARY(multiply, T, x *y)                                                                                      \
    HK_BINARY(divide, T, x / y)                                                                                       \
    HK_BINARY(remainder, T, T##_remainder(x, y))                                                                      \
    HK_BINARY(power, T, T##_power(x, y))                                                                              \
    HK_BINARY(maximum, T, T##_maximum(x, y))                                                                          \
    HK_BINARY(minimum, T, T##_minimum(x, y))                                                                          \
    HK_UNARY(negate, T, -x)                                                                                           \
    HK_UNARY(abs, T, T##_abs(x))                                                                                      \
    HK_UNARY(sign, T, T##_choose(x > 0, (T##v){} + 1, T##_choose(x < 0, (T##v){} - 1, x)))                            \
    HK_UNARY(exp, T, T##_exp(x))                                                                                      \
    HK_UNARY(expm1, T, T##_expm1(x))                                                                                  \
    HK_UNARY(log, T, T##_log(x))                                                                                      \
    HK_UNARY(log1p, T, T##_log1p(x))                                                                                  \
    HK_UNARY(sqrt, T, T##_sqrt(x))                                                                                    \
    HK_UNARY(rsqrt, T, 1 / T##_sqrt(x))                                                                               \
    HK_UNARY(sin, T, T##_sin(x))                                                                                      \
    HK_UNARY(cos, T, T##_cos(x))                                                                                      \
    HK_UNARY(tanh, T, T##_tanh(x))                                                                                    \
    HK_UNARY(logistic, T, T##_logistic(x))                                                                            \
    HK_UNARY(erf, T, T##_erf(x))                                                                                      \
    HK_UNARY(gelu, T, T##_gelu(x))                                                                                    \
    HK_BINARY(gelu_gradient, T, T##_gelu_gradient(x, y))                                                              \
    HK_UNARY(floor, T, T##_floor(x))                                                                                  \
    HK_UNARY(ceil, T, T##_ceil(x))                                                                                    \
    HK_UNARY(round_even, T, T##_round_even(x))                                                                        \
    HK_TERNARY(fma, T, T##_fma(x, y, z))                                                                              \
    HK_KERNEL(is_finite_##T, T, bool, T##v x = T##_load(a), T##_bool(T##_abs(x) < (T##e)__builtin_inf()))             \
    HK_UNARY(relu, T, T##_choose(x <= 0, (T##v){}, x))                                                                \
    HK_BINARY(relu_gradient, T, T##_choose(x <= 0, (T##v){}, y))                                                      \
    HK_BINARY(tanh_gradient, T, T##_fma(-x, x, (T##v){} + 1) * y)                                                     \
    HK_BINARY(logistic_gradient, T, y * x * (1 - x))
HK_FLOATING(f32)
HK_FLOATING(f64)

// Division: by 0 and -1 apart, so that nothing traps or overflows. 32-bit quotients are exact in f64, bytes in f32.
HK_INLINE i32v i32_divide(i32v x, i32v y) {
    i32v special = (y == 0) | (y == -1);
    f64v quotient = HK_CAST(f64v, x) / HK_CAST(f64v, i32_choose(special, isplat(1), y));
    i32v result = HK_CAST(i32v, quotient);
    result = i32_choose(y == 0, isplat(-1), result);
    return i32_choose(y == -1, (i32v)(0 - (u32v)x), result);
}
HK_INLINE i64v i64_divide(i64v x, i64v y) {
    i64v result;
    for (int l = 0; l < HK_GRANULE; l++) {
        result[l] = y[l] == 0 ? -1 : y[l] == -1 ? (int64_t)(0 - (uint64_t)x[l]) : x[l] / y[l];
    }
    return result;
}
HK_INLINE u8v u8_divide(u8v x, u8v y) {
    i8v none = (i8v)(y == 0);
    f32v quotient = f32_from_u8(x) / f32_from_u8(y + ((u8v)none & 1));
    return u8_choose(none, ~(u8v){}, HK_CAST(u8v, HK_CAST(i32v, quotient)));
}
#define HK_INTEGER_POWER(T, U)                                                                                        \
    HK_INLINE T##v T##_power(T##v x, T##v y) {                                                                        \
        for (int l = 0; l < HK_GRANULE; l++) {                                                                        \
            U base = (U)x[l], result = 1;                                                                             \
            int64_t exponent = (int64_t)y[l];                                                                         \
            if (exponent < 0) {                                                                                       \
                result = x[l] == 1 ? 1 : base == (U)-1 ? ((exponent & 1) ? (U)-1 : 1) : 0;                            \
                exponent = 0;                                                                                         \
            }                                                                                                         \
            for (; exponent; exponent >>= 1, base = (U)(base * base)) {                                               \
                if (exponent & 1) result = (U)(result * base);                                                        \
            }                                                                                                         \
            x[l] = (T##e)result;                                                                                      \
        }                                                                                                             \
        return x;                                                                                                     \
    }
HK_INTEGER_POWER(i32, uint32_t)
HK_INTEGER_POWER(i64, uint64_t)
HK_INTEGER_POWER(u8, uint32_t)

#define HK_INTEGER(T)                                                                                                 \
    HK_INLINE T##v T##_maximum(T##v x, T##v y) { return T##_choose((T##m)(x > y), x, y); }                            \
    HK_INLINE T##v T##_minimum(T##v x, T##v y) { return T##_choose((T##m)(x < y), x, y); }                            \
    HK_BINARY(add, T, (T##v)((T##w)x + (T##w)y))                                                                      \
    HK_BINARY(subtract, T, (T##v)((T##w)x - (T##w)y))                                                                 \
    HK_BINARY(multiply, T, (T##v)((T##w)x * (T##w)y))                                                                 \
    HK_BINARY(divide, T, T##_divide(x, y))                                                                            \
    HK_BINARY(                                                                                                        \
        remainder, T, T##_choose((T##m)(y == 0), x, (T##v)((T##w)x - (T##w)T##_divide(x, y) * (T##w)y)))              \
    HK_BINARY(power, T, T##_power(x, y))                                                                              \
    HK_BINARY(maximum, T, T##_maximum(x, y))                                                                          \
    HK_BINARY(minimum, T, T##_minimum(x, y))                                                                          \
    HK_UNARY(negate, T, (T##v)(0 - (T##w)x))                                                                          \
    HK_TERNARY(fma, T, (T##v)((T##w)x * (T##w)y + (T##w)z))                                                           \
    HK_UNARY(relu, T, T##_maximum(x, (T##v){}))                                                                       \
    HK_BINARY(and, T, x &y)                                                                                           \
    HK_BINARY(or, T, x | y)                                                                                           \
    HK_BINARY(xor, T, x ^ y)                                                                                          \
    HK_UNARY(not, T, ~x)
HK_INTEGER(i32)
HK_INTEGER(i64)
HK_INTEGER(u8)
HK_UNARY(abs, i32, i32_choose(x < 0, (i32v)(0 - (u32v)x), x))
HK_UNARY(abs, i64, i64_choose(x < 0, (i64v)(0 - (u64v)x), x))
HK_UNARY(sign, i32, (i32v)((x < 0) - (x > 0)))
HK_UNARY(sign, i64, (i64v)((x < 0) - (x > 0)))
HK_UNARY(sign, u8, (u8v)(x != 0) & 1)
HK_UNARY(not, bool, x ^ 1)

#define HK_BY_FLOAT(op) [hk_op_##op] = {[hk_type_f32] = op##_f32, [hk_type_f64] = op##_f64}
#define HK_BY_NUMBER(op)                                                                                              \
    [hk_op_##op] = {                                                                                                  \
        [hk_type_f32] = op##_f32,                                                                                     \
        [hk_type_f64] = op##_f64,                                                                                     \
        [hk_type_i32] = op##_i32,                                                                                     \
        [hk_type_i64] = op##_i64,                                                                                     \
        [hk_type_u8] = op##_u8}
#define HK_BY_NUMBER_OR_BOOL(op)                                                                                      \
    [hk_op_##op] = {                                                                                                  \
        [hk_type_f32] = op##_f32,                                                                                     \
        [hk_type_f64] = op##_f64,                                                                                     \
        [hk_type_i32] = op##_i32,                                                                                     \
        [hk_type_i64] = op##_i64,                                                                                     \
        [hk_type_u8] = op##_u8,                                                                                       \
        [hk_type_bool] = op##_u8}
#define HK_BY_ANY(op)                                                                                                 \
    [hk_op_##op] = {                                                                                                  \
        [hk_type_f32] = op##_f32,                                                                                     \
        [hk_type_f64] = op##_f64,                                                                                     \
        [hk_type_i32] = op##_i32,                                                                                     \
        [hk_type_i64] = op##_i64,                                                                                     \
        [hk_type_u8] = op##_u8,                                                                                       \
        [hk_type_bool] = op##_u8,                                                                                     \
        [hk_type_bf16] = op##_bf16,                                                                                   \
        [hk_type_f16] = op##_bf16}
#define HK_BY_BITS(op)                                                                                                \
    [hk_op_##op] = {                                                                                                  \
        [hk_type_i32] = op##_i32, [hk_type_i64] = op##_i64, [hk_type_u8] = op##_u8, [hk_type_bool] = op##_u8}

#define HK_ELEMENTWISE_TABLE                                                                                          \
    {                                                                                                                 \
        HK_BY_ANY(copy), HK_BY_NUMBER(add), HK_BY_NUMBER(subtract), HK_BY_NUMBER(multiply), HK_BY_NUMBER(divide),     \
            HK_BY_NUMBER(remainder), HK_BY_NUMBER(power), HK_BY_NUMBER_OR_BOOL(maximum),                              \
            HK_BY_NUMBER_OR_BOOL(minimum), HK_BY_NUMBER(negate), HK_BY_FLOAT(exp), HK_BY_FLOAT(expm1),                \
            HK_BY_FLOAT(log), HK_BY_FLOAT(log1p), HK_BY_FLOAT(sqrt), HK_BY_FLOAT(rsqrt), HK_BY_FLOAT(sin),            \
            HK_BY_FLOAT(cos), HK_BY_FLOAT(tanh), HK_BY_FLOAT(logistic), HK_BY_FLOAT(erf), HK_BY_FLOAT(gelu),          \
            HK_BY_FLOAT(gelu_gradient), HK_BY_FLOAT(floor),                                                           \
            HK_BY_FLOAT(ceil), HK_BY_FLOAT(round_even), HK_BY_NUMBER(fma), HK_BY_NUMBER_OR_BOOL(equal),               \
            HK_BY_NUMBER_OR_BOOL(not_equal), HK_BY_NUMBER_OR_BOOL(less), HK_BY_NUMBER_OR_BOOL(less_equal),            \
            HK_BY_NUMBER_OR_BOOL(greater), HK_BY_NUMBER_OR_BOOL(greater_equal), HK_BY_ANY(select),                    \
            HK_BY_FLOAT(is_finite), HK_BY_NUMBER(relu), HK_BY_FLOAT(relu_gradient), HK_BY_BITS(and), HK_BY_BITS(or),  \
            HK_BY_FLOAT(tanh_gradient), HK_BY_FLOAT(logistic_gradient),                                               \
            HK_BY_BITS(xor), HK_BY_NUMBER(sign),                                                                      \
            [hk_op_abs] =                                                                                             \
                {[hk_type_f32] = abs_f32,                                                                             \
                 [hk_type_f64] = abs_f64,                                                                             \
                 [hk_type_i32] = abs_i32,                                                                             \
                 [hk_type_i64] = abs_i64,                                                                             \
                 [hk_type_u8] = copy_u8},                                                                             \
            [hk_op_not] = {                                                                                           \
                [hk_type_i32] = not_i32, [hk_type_i64] = not_i64, [hk_type_u8] = not_u8, [hk_type_bool] = not_bool},  \
    }
