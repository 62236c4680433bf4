// Transposing a block of elements of 1, 2, 4 or 8 bytes: squares of 8 by 8 in registers, what remains element by element.

#define HK_TRANSPOSE(name, E)                                                                                         \
    typedef E name##8 __attribute__((vector_size(8 * sizeof(E))));                                                    \
    HK_INLINE void name##_turn(name##8 r[8]) {                                                                        \
        name##8 t[8];                                                                                                 \
        for (int i = 0; i < 8; i += 2) {                                                                              \
            t[i] = __builtin_shufflevector(r[i], r[i + 1], 0, 8, 2, 10, 4, 12, 6, 14);                                \
            t[i + 1] = __builtin_shufflevector(r[i], r[i + 1], 1, 9, 3, 11, 5, 13, 7, 15);                            \
        }                                                                                                             \
        for (int i = 0; i < 8; i++) {                                                                                 \
            if (i & 2) continue;                                                                                      \
            r[i] = __builtin_shufflevector(t[i], t[i + 2], 0, 1, 8, 9, 4, 5, 12, 13);                                 \
            r[i + 2] = __builtin_shufflevector(t[i], t[i + 2], 2, 3, 10, 11, 6, 7, 14, 15);                           \
        }                                                                                                             \
        for (int i = 0; i < 8; i++) t[i] = r[i];                                                                      \
        for (int i = 0; i < 4; i++) {                                                                                 \
            r[i] = __builtin_shufflevector(t[i], t[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);                                 \
            r[i + 4] = __builtin_shufflevector(t[i], t[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);                           \
        }                                                                                                             \
    }                                                                                                                 \
    HK_INLINE void name##_square(const E *in, int64_t in_pitch, E *out, int64_t out_pitch) {                          \
        name##8 r[8];                                                                                                 \
        for (int i = 0; i < 8; i++) memcpy(&r[i], in + i * in_pitch, sizeof r[i]);                                    \
        name##_turn(r);                                                                                               \
        for (int i = 0; i < 8; i++) memcpy(out + i * out_pitch, &r[i], sizeof r[i]);                                  \
    }                                                                                                                 \
    static void name(                                                                                                 \
        const char *input, int64_t in_pitch, char *output, int64_t out_pitch, int64_t rows, int64_t columns) {        \
        const E *in = (const E *)input;                                                                               \
        E *out = (E *)output;                                                                                         \
        int64_t r = 0;                                                                                                \
        for (; r + 8 <= rows; r += 8) {                                                                               \
            int64_t c = 0;                                                                                            \
            for (; c + 8 <= columns; c += 8) {                                                                        \
                name##_square(in + r * in_pitch + c, in_pitch, out + c * out_pitch + r, out_pitch);                   \
            }                                                                                                         \
            for (; c < columns; c++) {                                                                                \
                for (int64_t k = r; k < r + 8; k++) out[c * out_pitch + k] = in[k * in_pitch + c];                    \
            }                                                                                                         \
        }                                                                                                             \
        for (; r < rows; r++) {                                                                                       \
            for (int64_t c = 0; c < columns; c++) out[c * out_pitch + r] = in[r * in_pitch + c];                      \
        }                                                                                                             \
    }
HK_TRANSPOSE(transpose1, uint8_t)
HK_TRANSPOSE(transpose2, uint16_t)
HK_TRANSPOSE(transpose4, uint32_t)
HK_TRANSPOSE(transpose8, uint64_t)
