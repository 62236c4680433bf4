// Winograd's minimal filtering: how the 36 values of a transformed tile are rounded to bf16.
//
// Rounded one by one, they would make results 4.8 times less accurate than rounding images and kernels themselves does. But results hang
// together with neighbouring points, so that what rounding one of them does can in part be undone at the next: its error is carried on, as
// in the diffusion of errors in printing and the shaping of noise in audio. If the error of point p is spread as c = (1 at p, c_q at later
// points q), then what it does to results is, on average over white images and kernels, c' M c, with M = (A A') * (G G') for patches,
// (A A') * (B' B) for kernels and (G G') * (B' B) for outputs, element by element, in the symbols of Lavin and Gray (2016). The
// carries below make it least, where each point carries to two later ones at most (to all: 4 % more accurate). In two dimensions points
// are carried along both axes. The results' error becomes 3.1 times that of rounded images and kernels.

enum { winograd_patch, winograd_tap, winograd_output };

/// Carries by what is rounded and by taps (2 to 5): from point 1 to 0 and 3, from 0 to 2 and 4, from 2 to 4 and 5, from 3 to 4 and 5,
/// from 4 to 5. Points are 0, a, -a, b, -b and infinity.
static const float winograd_carries[3][HK_WINOGRAD_MAX_TAPS - 1][9] = {
    {
        {0.5848f, 0.3114f, 0.7974f, 0.2188f, 0.5081f, 0.3929f, -0.3915f, -1.3005f, 0.9346f},
        {0.5810f, 0.3421f, 0.7585f, 0.2317f, 0.5248f, 0.4084f, -0.2711f, -1.1880f, 0.9346f},
        {0.5810f, 0.3421f, 0.7585f, 0.2317f, 0.5248f, 0.4084f, -0.2711f, -1.1880f, 0.9346f},
        {0.5848f, 0.3114f, 0.7974f, 0.2188f, 0.5081f, 0.3929f, -0.3915f, -1.3005f, 0.9346f},
    },
    {
        {-0.7380f, -0.1042f, -0.5153f, 0.0460f, -0.1592f, 0.3396f, -0.2984f, 3.3421f, -2.5741f},
        {-0.7181f, -0.1881f, -0.5592f, 0.0880f, -0.2899f, -0.3920f, 0.3223f, 2.2691f, 1.7160f},
        {-0.6857f, -0.3243f, -0.6293f, 0.1655f, -0.5103f, 0.4256f, -0.3169f, 1.5066f, -1.1440f},
        {-0.6389f, -0.5215f, -0.7475f, 0.2990f, -0.8708f, -0.4268f, 0.4840f, 1.1319f, 0.7627f},
    },
    {
        {0.3981f, 2.6399f, 1.1996f, 2.4295f, 4.4083f, 0.2659f, 0.4840f, 0.1393f, 0.0939f},
        {0.4273f, 1.6420f, 1.0100f, 1.3446f, 2.5832f, -0.2652f, -0.3169f, 0.1854f, -0.1408f},
        {0.4474f, 0.9521f, 0.8975f, 0.7152f, 1.4675f, 0.2442f, 0.3223f, 0.2793f, 0.2112f},
        {0.4598f, 0.5273f, 0.8270f, 0.3734f, 0.8061f, -0.2116f, -0.2984f, 0.4113f, -0.3168f},
    },
};

/// The order in which points are rounded.
static const int winograd_order[HK_WINOGRAD_POINTS] = {1, 0, 2, 3, 4, 5};

/// `x` and what is carried to point `p` from the errors at points before, `step` apart.
HK_INLINE f32v winograd_carried(int p, const float *carries, f32v x, const f32v *errors, int step) {
#define WINOGRAD_CARRY(from, index) x = f32_fma(splat(carries[index]), errors[from * step], x);
    switch (p) {
    case 0: WINOGRAD_CARRY(1, 0) break;
    case 2: WINOGRAD_CARRY(0, 2) break;
    case 3: WINOGRAD_CARRY(1, 1) break;
    case 4: WINOGRAD_CARRY(0, 3) WINOGRAD_CARRY(3, 6) WINOGRAD_CARRY(2, 4) break;
    case 5: WINOGRAD_CARRY(2, 5) WINOGRAD_CARRY(3, 7) WINOGRAD_CARRY(4, 8) break;
    default: break;
    }
#undef WINOGRAD_CARRY
    return x;
}

/// `x` rounded to bf16, as f32. Halves go away from zero instead of to even, and NaN may become anything: for errors only, which would wait
/// longer for the processor's own rounding.
HK_INLINE f32v winograd_nearly_rounded(f32v x) { return (f32v)(((u32v)x + 0x8000) & 0xffff0000); }

/// Goes through the points of a tile; `keep` is given each one's number and what is to be rounded there, `y`.
#define WINOGRAD_ROUND(points, carries, keep)                                                                         \
    f32v rows[HK_WINOGRAD_PLANE];                                                                                     \
    HK_UNROLL for (int m = 0; m < HK_WINOGRAD_POINTS; m++) {                                                          \
        const int i = winograd_order[m];                                                                              \
        f32v errors[HK_WINOGRAD_POINTS];                                                                              \
        HK_UNROLL for (int n = 0; n < HK_WINOGRAD_POINTS; n++) {                                                      \
            const int j = winograd_order[n], point = i * HK_WINOGRAD_POINTS + j;                                      \
            f32v x = winograd_carried(i, carries, points[point], rows + j, HK_WINOGRAD_POINTS);                       \
            f32v y = winograd_carried(j, carries, x, errors, 1), rounded = winograd_nearly_rounded(y);                \
            errors[j] = rounded - y;                                                                                  \
            rows[point] = rounded - x;                                                                                \
            keep                                                                                                      \
        }                                                                                                             \
    }

/// out[point * plane], 16 bf16; `plane` is in bytes.
static void winograd_round(const f32v *points, const float *carries, char *out, int64_t plane) {
    WINOGRAD_ROUND(points, carries, bf16_store(out + point * plane, bf16_narrow(y));)
}

/// The same for the first of a pair, which goes to `first`, or for the second, with which both are written side by side.
static void winograd_round_pairs(
    const f32v *points, const float *carries, _Bool is_second, f32v *first, char *out, int64_t plane) {
    if (is_second) {
        WINOGRAD_ROUND(points, carries, u32_store(out + point * plane, bf16_pairs(first[point], y));)
    } else {
        WINOGRAD_ROUND(points, carries, first[point] = y;)
    }
}
