// Leaves of reductions: neighbours to one element, rows to one row. The order of operations is fixed.

/// Bytes that are asked for ahead where much memory is read: a sum of 256 MiB runs at 78 GB/s instead of 62 on two cores of Zen 5. What is read
/// once need not stay in the caches, which is 2 % faster.
#define HK_AHEAD 4096

/// `neighbours`: eight granules side by side, then a tree over them and over the lanes.
#define HK_REDUCER(name, T, identity, COMBINE)                                                                        \
    HK_INLINE void name##_neighbours_##T(const char *input, int64_t count, char *output, _Bool ahead) {               \
        const T##v none = (T##v){} + (T##e)(identity);                                                                \
        T##v total;                                                                                                   \
        int64_t whole = count / HK_GRANULE, rest = count % HK_GRANULE;                                                \
        const int64_t bytes = sizeof(T##v);                                                                           \
        if (whole >= 8) {                                                                                             \
            T##v s0 = T##_load(input), s1 = T##_load(input + bytes), s2 = T##_load(input + 2 * bytes),                \
                 s3 = T##_load(input + 3 * bytes), s4 = T##_load(input + 4 * bytes),                                  \
                 s5 = T##_load(input + 5 * bytes), s6 = T##_load(input + 6 * bytes),                                  \
                 s7 = T##_load(input + 7 * bytes);                                                                    \
            input += 8 * bytes;                                                                                       \
            for (whole -= 8; whole >= 8; whole -= 8, input += 8 * bytes) {                                            \
                for (int64_t at = 0; ahead && at < 8 * bytes; at += 64) {                                             \
                    __builtin_prefetch(input + at + HK_AHEAD, 0, 0);                                                  \
                }                                                                                                     \
                s0 = COMBINE(T, s0, T##_load(input));                                                                 \
                s1 = COMBINE(T, s1, T##_load(input + bytes));                                                         \
                s2 = COMBINE(T, s2, T##_load(input + 2 * bytes));                                                     \
                s3 = COMBINE(T, s3, T##_load(input + 3 * bytes));                                                     \
                s4 = COMBINE(T, s4, T##_load(input + 4 * bytes));                                                     \
                s5 = COMBINE(T, s5, T##_load(input + 5 * bytes));                                                     \
                s6 = COMBINE(T, s6, T##_load(input + 6 * bytes));                                                     \
                s7 = COMBINE(T, s7, T##_load(input + 7 * bytes));                                                     \
            }                                                                                                         \
            s0 = COMBINE(T, s0, s4);                                                                                  \
            s1 = COMBINE(T, s1, s5);                                                                                  \
            s2 = COMBINE(T, s2, s6);                                                                                  \
            s3 = COMBINE(T, s3, s7);                                                                                  \
            s0 = COMBINE(T, s0, s2);                                                                                  \
            s1 = COMBINE(T, s1, s3);                                                                                  \
            total = COMBINE(T, s0, s1);                                                                               \
        } else {                                                                                                      \
            total = none;                                                                                             \
        }                                                                                                             \
        for (; whole > 0; whole--, input += bytes) total = COMBINE(T, total, T##_load(input));                        \
        if (rest > 0) total = COMBINE(T, total, T##_load_partial(input, rest, (T##e)(identity)));                     \
        T##_store_partial(output, 1, name##_lanes_##T(total));                                                        \
    }                                                                                                                 \
    static void name##_leaf_##T(const char *input, int64_t count, char *output) {                                     \
        name##_neighbours_##T(input, count, output, 0);                                                               \
    }                                                                                                                 \
    static void name##_stream_##T(const char *input, int64_t count, char *output) {                                   \
        name##_neighbours_##T(input, count, output, 1);                                                               \
    }                                                                                                                 \
    static void name##_streams_##T(const char *const *inputs, char *const *outputs) {                                 \
        const int64_t bytes = sizeof(T##v);                                                                           \
        T##v s[HK_STREAMS][8];                                                                                        \
        for (int q = 0; q < HK_STREAMS; q++) {                                                                        \
            for (int k = 0; k < 8; k++) s[q][k] = T##_load(inputs[q] + k * bytes);                                    \
        }                                                                                                             \
        for (int64_t at = 8; at < HK_LEAF / HK_GRANULE; at += 8) {                                                    \
            /* As written: a load of each stream and no more, which is how the processor tells them apart. */         \
            _Pragma("clang loop unroll(disable)") for (int k = 0; k < 8; k++) {                                       \
                _Pragma("clang loop unroll(full)") for (int q = 0; q < HK_STREAMS; q++) {                             \
                    s[q][k] = COMBINE(T, s[q][k], T##_load(inputs[q] + (at + k) * bytes));                            \
                }                                                                                                     \
            }                                                                                                         \
        }                                                                                                             \
        for (int q = 0; q < HK_STREAMS; q++) {                                                                        \
            for (int width = 4; width > 0; width /= 2) {                                                              \
                for (int k = 0; k < width; k++) s[q][k] = COMBINE(T, s[q][k], s[q][k + width]);                       \
            }                                                                                                         \
            T##_store_partial(outputs[q], 1, name##_lanes_##T(s[q][0]));                                              \
        }                                                                                                             \
    }                                                                                                                 \
    /* output = that and rows, or the rows alone: one after the other for each element. */                            \
    HK_INLINE void name##_add_rows_##T(                                                                               \
        const char *const *rows, const int row_count, const _Bool first, const int ahead, int64_t count, char *output) { \
        for (int64_t at = 0; count > 0; count -= HK_GRANULE, at += (int64_t)sizeof(T##v)) {                           \
            if (__builtin_expect(count < HK_GRANULE, 0)) {                                                            \
                T##v total = T##_load_partial((first ? rows[0] : output) + at, count, (T##e)(identity));              \
                for (int r = first; r < row_count; r++) {                                                             \
                    total = COMBINE(T, total, T##_load_partial(rows[r] + at, count, (T##e)(identity)));               \
                }                                                                                                     \
                T##_store_partial(output + at, count, total);                                                         \
                return;                                                                                               \
            }                                                                                                         \
            for (int r = 0; r < ahead; r++) __builtin_prefetch(rows[row_count + r] + at, 0, 2);                       \
            T##v total = T##_load((first ? rows[0] : output) + at);                                                   \
            for (int r = first; r < row_count; r++) total = COMBINE(T, total, T##_load(rows[r] + at));                \
            T##_store(output + at, total);                                                                            \
        }                                                                                                             \
    }                                                                                                                 \
    /* Four rows at once from end to end, which the processor follows; a few columns of many rows it does not. */     \
    static void name##_rows_##T(const char *const *rows, int64_t row_count, int64_t count, char *output) {            \
        _Bool first = 1;                                                                                              \
        for (; row_count >= 4; row_count -= 4, rows += 4, first = 0) {                                                \
            if (first) {                                                                                              \
                name##_add_rows_##T(rows, 4, 1, 0, count, output);                                                    \
            } else if (row_count >= 8) {                                                                              \
                name##_add_rows_##T(rows, 4, 0, 4, count, output);                                                    \
            } else {                                                                                                  \
                name##_add_rows_##T(rows, 4, 0, 0, count, output);                                                    \
            }                                                                                                         \
        }                                                                                                             \
        for (; row_count > 0; row_count--, rows++, first = 0) name##_add_rows_##T(rows, 1, first, 0, count, output);  \
    }                                                                                                                 \
    static void name##_combine_##T(char *accumulator, const char *other, int64_t count) {                             \
        for (; count >= HK_GRANULE; count -= HK_GRANULE, accumulator += sizeof(T##v), other += sizeof(T##v)) {        \
            T##_store(accumulator, COMBINE(T, T##_load(accumulator), T##_load(other)));                               \
        }                                                                                                             \
        if (count > 0) {                                                                                              \
            T##v a = T##_load_partial(accumulator, count, (T##e)(identity));                                          \
            T##v b = T##_load_partial(other, count, (T##e)(identity));                                                \
            T##_store_partial(accumulator, count, COMBINE(T, a, b));                                                  \
        }                                                                                                             \
    }

#define HK_SHUFFLE(v, ...) __builtin_shufflevector(v, v, __VA_ARGS__)
/// The lanes of a granule combined as a tree; the result stands in lane 0.
#define HK_LANES_TREE(name, T, COMBINE)                                                                               \
    HK_INLINE T##v name##_lanes_##T(T##v v) {                                                                         \
        v = COMBINE(T, v, HK_SHUFFLE(v, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15));                 \
        v = COMBINE(T, v, HK_SHUFFLE(v, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7));                             \
        v = COMBINE(T, v, HK_SHUFFLE(v, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3));                             \
        return COMBINE(T, v, HK_SHUFFLE(v, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1));                          \
    }
#define HK_REDUCTION(name, T, identity, COMBINE)                                                                      \
    HK_LANES_TREE(name, T, COMBINE)                                                                                   \
    HK_REDUCER(name, T, identity, COMBINE)

#define HK_FLOAT_SUM(T, x, y) ((x) + (y))
#define HK_FLOAT_PRODUCT(T, x, y) ((x) * (y))
#define HK_INTEGER_SUM(T, x, y) ((T##v)((T##w)(x) + (T##w)(y)))
#define HK_INTEGER_PRODUCT(T, x, y) ((T##v)((T##w)(x) * (T##w)(y)))
#define HK_MAXIMUM(T, x, y) T##_maximum(x, y)
#define HK_MINIMUM(T, x, y) T##_minimum(x, y)
#define HK_AND(T, x, y) ((x) & (y))
#define HK_OR(T, x, y) ((x) | (y))
HK_REDUCTION(sum, f32, 0, HK_FLOAT_SUM)
HK_REDUCTION(sum, f64, 0, HK_FLOAT_SUM)
HK_REDUCTION(sum, i32, 0, HK_INTEGER_SUM)
HK_REDUCTION(sum, i64, 0, HK_INTEGER_SUM)
HK_REDUCTION(sum, u8, 0, HK_INTEGER_SUM)
HK_REDUCTION(product, f32, 1, HK_FLOAT_PRODUCT)
HK_REDUCTION(product, f64, 1, HK_FLOAT_PRODUCT)
HK_REDUCTION(product, i32, 1, HK_INTEGER_PRODUCT)
HK_REDUCTION(product, i64, 1, HK_INTEGER_PRODUCT)
HK_REDUCTION(product, u8, 1, HK_INTEGER_PRODUCT)
HK_REDUCTION(max, f32, -__builtin_inff(), HK_MAXIMUM)
HK_REDUCTION(max, f64, -__builtin_inf(), HK_MAXIMUM)
HK_REDUCTION(max, i32, INT32_MIN, HK_MAXIMUM)
HK_REDUCTION(max, i64, INT64_MIN, HK_MAXIMUM)
HK_REDUCTION(max, u8, 0, HK_MAXIMUM)
HK_REDUCTION(min, f32, __builtin_inff(), HK_MINIMUM)
HK_REDUCTION(min, f64, __builtin_inf(), HK_MINIMUM)
HK_REDUCTION(min, i32, INT32_MAX, HK_MINIMUM)
HK_REDUCTION(min, i64, INT64_MAX, HK_MINIMUM)
HK_REDUCTION(min, u8, 255, HK_MINIMUM)
HK_REDUCTION(and, i32, -1, HK_AND)
HK_REDUCTION(and, i64, -1, HK_AND)
HK_REDUCTION(and, u8, 255, HK_AND)
HK_REDUCTION(or, i32, 0, HK_OR)
HK_REDUCTION(or, i64, 0, HK_OR)
HK_REDUCTION(or, u8, 0, HK_OR)

#define HK_REDUCER_ENTRY(name, T) {name##_leaf_##T, name##_stream_##T, name##_streams_##T, name##_rows_##T, name##_combine_##T}
#define HK_REDUCE_NUMBER(name)                                                                                        \
    [hk_reduce_##name] = {                                                                                            \
        [hk_type_f32] = HK_REDUCER_ENTRY(name, f32),                                                                  \
        [hk_type_f64] = HK_REDUCER_ENTRY(name, f64),                                                                  \
        [hk_type_i32] = HK_REDUCER_ENTRY(name, i32),                                                                  \
        [hk_type_i64] = HK_REDUCER_ENTRY(name, i64),                                                                  \
        [hk_type_u8] = HK_REDUCER_ENTRY(name, u8),                                                                    \
        [hk_type_bool] = HK_REDUCER_ENTRY(name, u8)}
#define HK_REDUCE_BITS(name)                                                                                          \
    [hk_reduce_##name] = {                                                                                            \
        [hk_type_i32] = HK_REDUCER_ENTRY(name, i32),                                                                  \
        [hk_type_i64] = HK_REDUCER_ENTRY(name, i64),                                                                  \
        [hk_type_u8] = HK_REDUCER_ENTRY(name, u8),                                                                    \
        [hk_type_bool] = HK_REDUCER_ENTRY(name, u8)}
#define HK_REDUCE_TABLE                                                                                               \
    {HK_REDUCE_NUMBER(sum), HK_REDUCE_NUMBER(product), HK_REDUCE_NUMBER(max), HK_REDUCE_NUMBER(min),                  \
     HK_REDUCE_BITS(and), HK_REDUCE_BITS(or)}

#define HK_COLUMN_LOAD(T, p) (count == HK_GRANULE ? T##_load(p) : T##_load_partial(p, count, 0))
#define HK_ARGUMENT_LOOP(T, better)                                                                                   \
    for (int64_t i = 1; i < n; i++) {                                                                                 \
        T##v v = HK_COLUMN_LOAD(T, x + i * pitch + j);                                                                \
        T##m wins = (T##m)(v better best) | ((T##m)(v != v) & (T##m)(best == best));                                  \
        place = i64_choose(HK_CAST(i64v, wins), (i64v){} + i, place);                                                 \
        best = T##_choose(wins, v, best);                                                                             \
    }
// Index of the extreme element: its value first, then the first place that holds it.
#define HK_ARGUMENT(T, FIND_NAN)                                                                                      \
    static int64_t argument_##T(const char *input, int64_t n, _Bool smallest) {                                       \
        const T##e *x = (const T##e *)input;                                                                          \
        T##e best = x[0];                                                                                             \
        int64_t block = 0;                                                                                            \
        for (int64_t begin = 0; begin < n; begin += HK_LEAF) {                                                        \
            int64_t count = n - begin < HK_LEAF ? n - begin : HK_LEAF;                                                \
            T##e value;                                                                                               \
            if (smallest) {                                                                                           \
                min_leaf_##T((const char *)(x + begin), count, (char *)&value);                                       \
            } else {                                                                                                  \
                max_leaf_##T((const char *)(x + begin), count, (char *)&value);                                       \
            }                                                                                                         \
            if (FIND_NAN && value != value) {                                                                         \
                best = value;                                                                                         \
                block = begin;                                                                                        \
                break;                                                                                                \
            }                                                                                                         \
            if (smallest ? value < best : value > best) {                                                             \
                best = value;                                                                                         \
                block = begin;                                                                                        \
            }                                                                                                         \
        }                                                                                                             \
        for (int64_t i = block;; i += HK_GRANULE) {                                                                   \
            int64_t left = n - i < HK_GRANULE ? n - i : HK_GRANULE;                                                   \
            if (left == HK_GRANULE) {                                                                                 \
                T##v v = T##_load(x + i);                                                                             \
                T##m hit = best == best ? (T##m)(v == best) : (T##m)(v != v);                                         \
                uint64_t words[sizeof(T##m) / 8], found = 0;                                                          \
                memcpy(words, &hit, sizeof hit);                                                                      \
                for (size_t w = 0; w < sizeof(T##m) / 8; w++) found |= words[w];                                      \
                if (found == 0) continue;                                                                             \
            }                                                                                                         \
            for (int64_t l = 0; l < left; l++) {                                                                      \
                if (x[i + l] == best || (best != best && x[i + l] != x[i + l])) return i + l;                         \
            }                                                                                                         \
            if (left < HK_GRANULE) return 0;                                                                          \
        }                                                                                                             \
    }                                                                                                                 \
    static void argument_columns_##T(                                                                                 \
        const char *input, int64_t n, int64_t pitch, int64_t columns, _Bool smallest, int64_t *index) {               \
        const T##e *x = (const T##e *)input;                                                                          \
        for (int64_t j = 0; j < columns; j += HK_GRANULE) {                                                           \
            int64_t count = columns - j < HK_GRANULE ? columns - j : HK_GRANULE;                                      \
            T##v best = HK_COLUMN_LOAD(T, x + j);                                                                     \
            i64v place = {};                                                                                          \
            if (smallest) {                                                                                           \
                HK_ARGUMENT_LOOP(T, <)                                                                                \
            } else {                                                                                                  \
                HK_ARGUMENT_LOOP(T, >)                                                                                \
            }                                                                                                         \
            i64_store_partial(index + j, count, place);                                                               \
        }                                                                                                             \
    }
HK_ARGUMENT(f32, 1)
HK_ARGUMENT(f64, 1)
HK_ARGUMENT(i32, 0)
HK_ARGUMENT(i64, 0)
HK_ARGUMENT(u8, 0)
#define HK_ARGUMENT_TABLE(name)                                                                                       \
    {[hk_type_f32] = name##_f32,                                                                                      \
     [hk_type_f64] = name##_f64,                                                                                      \
     [hk_type_i32] = name##_i32,                                                                                      \
     [hk_type_i64] = name##_i64,                                                                                      \
     [hk_type_u8] = name##_u8,                                                                                        \
     [hk_type_bool] = name##_u8}
