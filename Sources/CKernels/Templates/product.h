// The micro-tile of matrix products: four rows times sixteen columns.

#define HK_PRODUCT(T, MULTIPLY_ADD)                                                                                   \
    static void product_##T(                                                                                          \
        int64_t k, const char *a, const char *b, char *c, int64_t c_pitch, int64_t rows, int64_t columns,             \
        _Bool first) {                                                                                                \
        const T##e *left = (const T##e *)a, *right = (const T##e *)b;                                                 \
        T##e *out = (T##e *)c;                                                                                        \
        T##v s0 = {}, s1 = {}, s2 = {}, s3 = {};                                                                      \
        for (int64_t l = 0; l < k; l++, left += HK_PRODUCT_ROWS, right += HK_PRODUCT_COLUMNS) {                       \
            T##v row = T##_load(right);                                                                               \
            s0 = MULTIPLY_ADD(T, (T##v){} + left[0], row, s0);                                                        \
            s1 = MULTIPLY_ADD(T, (T##v){} + left[1], row, s1);                                                        \
            s2 = MULTIPLY_ADD(T, (T##v){} + left[2], row, s2);                                                        \
            s3 = MULTIPLY_ADD(T, (T##v){} + left[3], row, s3);                                                        \
        }                                                                                                             \
        T##v sums[HK_PRODUCT_ROWS] = {s0, s1, s2, s3};                                                                \
        for (int64_t r = 0; r < rows; r++) {                                                                          \
            T##v sum = sums[r];                                                                                       \
            T##e *to = out + r * c_pitch;                                                                             \
            if (!first) sum = (T##v)((T##a)sum + (T##a)T##_load_partial(to, columns, 0));                             \
            T##_store_partial(to, columns, sum);                                                                      \
        }                                                                                                             \
    }
// What the sums of each type are added in.
typedef f32v f32a;
typedef f64v f64a;
typedef u32v i32a;
typedef u64v i64a;
#define HK_FLOAT_MULTIPLY_ADD(T, x, y, z) T##_fma(x, y, z)
#define HK_INTEGER_MULTIPLY_ADD(T, x, y, z) ((T##v)((T##w)(x) * (T##w)(y) + (T##w)(z)))
HK_PRODUCT(f32, HK_FLOAT_MULTIPLY_ADD)
HK_PRODUCT(f64, HK_FLOAT_MULTIPLY_ADD)
HK_PRODUCT(i32, HK_INTEGER_MULTIPLY_ADD)
HK_PRODUCT(i64, HK_INTEGER_MULTIPLY_ADD)
