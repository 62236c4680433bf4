// Pooling where a pixel's channels lie together, in blocks of 8 or 16: every place of a window is a vector. Eight lanes at a time, for which
// all that windows of 3x3 need fits into sixteen registers of 256 bits.

typedef float f32h __attribute__((vector_size(32)));
typedef int32_t i32h __attribute__((vector_size(32)));
typedef uint8_t u8h __attribute__((vector_size(8)));
#define HK_HALF (HK_GRANULE / 2)

HK_INLINE f32h half_load(const float *p) {
    f32h value;
    memcpy(&value, p, sizeof value);
    return value;
}
/// With `stream` past the cache; `p` is aligned then.
HK_INLINE void half_store(float *p, f32h value, _Bool stream) {
#if defined(__clang__) && defined(__x86_64__)
    if (stream) {
        __builtin_nontemporal_store(value, (f32h *)p);
        return;
    }
#endif
    (void)stream;
    memcpy(p, &value, sizeof value);
}
HK_INLINE f32h half_choose(i32h mask, f32h yes, f32h no) { return (f32h)(((i32h)yes & mask) | ((i32h)no & ~mask)); }
HK_INLINE f32h half_where(i32h mask, f32h x) { return (f32h)((i32h)x & mask); }
HK_INLINE i32h half_places(const uint8_t *p) {
    u8h bytes;
    memcpy(&bytes, p, sizeof bytes);
    return HK_CAST(i32h, bytes);
}
HK_INLINE void half_store_places(uint8_t *p, i32h places) {
    u8h bytes = HK_CAST(u8h, places);
    memcpy(p, &bytes, sizeof bytes);
}

/// The pooled element of a window of which `height` x `width` places lie on the plane: `x` is the first, number `first` of a window that is
/// `kernel_width` wide.
HK_INLINE void blocked_window(
    const hk_blocked_pool *c, const float *x, int64_t height, int64_t width, int64_t first, int64_t kernel_width, float divisor,
    int64_t at, const int mode) {
    int64_t line = c->pool.width * c->block;
    for (int64_t h = 0; h < c->block; h += HK_HALF) {
        f32h best = half_load(x + h);
        i32h place = (i32h){} + (int32_t)first;
        for (int64_t k = 0; k < height; k++) {
            for (int64_t l = 0; l < width; l++) {
                if (k == 0 && l == 0) continue;
                f32h value = half_load(x + k * line + l * c->block + h);
                if (mode == hk_blocked_average) {
                    best += value;
                    continue;
                }
                // Larger, or the first NaN.
                i32h wins = ~(value <= best) & (best == best);
                best = half_choose(wins, value, best);
                i32h number = (i32h){} + (int32_t)(first + k * kernel_width + l);
                if (mode == hk_blocked_max_places) place = (number & wins) | (place & ~wins);
            }
        }
        half_store(c->y + at + h, mode == hk_blocked_average ? best / divisor : best, c->stream);
        if (mode == hk_blocked_max_places) {
            half_store_places(c->places + at + h, place | ((best <= 0) & HK_POOL_RECTIFIED));
        }
    }
}

/// A window that has padding only.
HK_INLINE void blocked_nothing(const hk_blocked_pool *c, int64_t at, const int mode) {
    for (int64_t h = 0; h < c->block; h += HK_HALF) {
        half_store(c->y + at + h, (f32h){} + (mode == hk_blocked_average ? 0 : -__builtin_inff()), c->stream);
        if (mode == hk_blocked_max_places) half_store_places(c->places + at + h, (i32h){} + HK_POOL_NONE);
    }
}

/// Row `row` of outputs, counted through all planes.
HK_INLINE void blocked_row(
    const hk_blocked_pool *c, int64_t row, const int64_t kernel_height, const int64_t kernel_width, const int mode) {
    const hk_pool *p = &c->pool;
    int64_t plane = row / p->out_height, i = row % p->out_height, at = row * p->out_width * c->block;
    int64_t top = i * p->stride_height - p->pad_top;
    int64_t k = hk_larger(0, -top), height = hk_smaller(kernel_height, p->height - top) - k;
    for (int64_t j = 0; j < p->out_width; j++, at += c->block) {
        int64_t left = j * p->stride_width - p->pad_left;
        int64_t l = hk_larger(0, -left), width = hk_smaller(kernel_width, p->width - left) - l;
        if (height <= 0 || width <= 0) {
            blocked_nothing(c, at, mode);
            continue;
        }
        const float *x = c->x + ((plane * p->height + top + k) * p->width + left + l) * c->block;
        float divisor = mode == hk_blocked_average ? (float)hk_pool_divisor(p, i, j) : 1;
        if (height == kernel_height && width == kernel_width) {
            blocked_window(c, x, kernel_height, kernel_width, 0, kernel_width, divisor, at, mode);
        } else {
            blocked_window(c, x, height, width, k * kernel_width + l, kernel_width, divisor, at, mode);
        }
    }
}

#define HK_BLOCKED_POOL(name, mode)                                                                                   \
    static void name(const hk_blocked_pool *c, int64_t begin, int64_t end) {                                          \
        int64_t height = c->pool.kernel_height, width = c->pool.kernel_width;                                         \
        if (height == 2 && width == 2) {                                                                              \
            for (int64_t row = begin; row < end; row++) blocked_row(c, row, 2, 2, mode);                              \
        } else if (height == 3 && width == 3) {                                                                       \
            for (int64_t row = begin; row < end; row++) blocked_row(c, row, 3, 3, mode);                              \
        } else {                                                                                                      \
            for (int64_t row = begin; row < end; row++) blocked_row(c, row, height, width, mode);                     \
        }                                                                                                             \
        if (c->stream) stream_fence();                                                                                \
    }
HK_BLOCKED_POOL(blocked_max, hk_blocked_max)
HK_BLOCKED_POOL(blocked_max_places, hk_blocked_max_places)
HK_BLOCKED_POOL(blocked_average, hk_blocked_average)

/// Windows `first ..< last` of an axis, those that have one of its places.
typedef struct {
    int64_t first, last;
} window_range;

/// The windows that have a place of the padded axis; and those that have the next, without a division.
HK_INLINE window_range windows_at(int64_t place, int64_t kernel, int64_t stride, int64_t count) {
    return (window_range){place < kernel ? 0 : (place - kernel) / stride + 1, hk_smaller(count, place / stride + 1)};
}
HK_INLINE window_range windows_next(window_range w, int64_t place, int64_t kernel, int64_t stride, int64_t count) {
    if (w.last < count && w.last * stride <= place) w.last++;
    if (w.first * stride + kernel <= place) w.first++;
    return w;
}

/// Whether windows, at least one, lie on an axis of `extent` places that has `before` and `after` more that count.
HK_INLINE _Bool windows_are_whole(
    window_range w, int64_t pad, int64_t kernel, int64_t stride, int64_t extent, int64_t before, int64_t after) {
    return w.first * stride - pad >= -before && (w.last - 1) * stride - pad + kernel <= extent + after;
}

/// Row `r` of the gradient of a plane, pixels `begin ..< end`: each gathers from the windows that it is in, in their order.
HK_INLINE void blocked_gather(
    const hk_blocked_pool *c, int64_t plane, int64_t r, int64_t begin, int64_t end, const int average) {
    const hk_pool *p = &c->pool;
    int64_t line = p->out_width * c->block;
    window_range rows = windows_at(r + p->pad_top, p->kernel_height, p->stride_height, p->out_height);
    window_range columns = windows_at(begin + p->pad_left, p->kernel_width, p->stride_width, p->out_width);
    const float *dy = c->x + plane * p->out_height * line;
    const uint8_t *places = average ? NULL : c->places + plane * p->out_height * line;
    float *dx = c->y + ((plane * p->height + r) * p->width + begin) * c->block;
    i32h meant = (i32h){} + (p->rectified ? HK_POOL_RECTIFIED | HK_POOL_NONE : HK_POOL_NONE);
    float share = 1 / ((float)p->kernel_height * (float)p->kernel_width);
    const int64_t *pad = p->include_padding ? (const int64_t[]){p->pad_top, p->pad_bottom, p->pad_left, p->pad_right}
                                            : (const int64_t[]){0, 0, 0, 0};
    _Bool whole_rows = windows_are_whole(rows, p->pad_top, p->kernel_height, p->stride_height, p->height, pad[0], pad[1]);
    for (int64_t q = begin; q < end; q++, dx += c->block) {
        columns = windows_next(columns, q + p->pad_left, p->kernel_width, p->stride_width, p->out_width);
        _Bool whole = whole_rows
            && windows_are_whole(columns, p->pad_left, p->kernel_width, p->stride_width, p->width, pad[2], pad[3]);
        for (int64_t h = 0; h < c->block; h += HK_HALF) {
            f32h sum = {};
            for (int64_t i = rows.first; i < rows.last; i++) {
                int64_t number = (r + p->pad_top - i * p->stride_height) * p->kernel_width + q + p->pad_left;
                for (int64_t j = columns.first; j < columns.last; j++) {
                    int64_t at = i * line + j * c->block + h;
                    if (average) {
                        sum += whole ? half_load(dy + at) : half_load(dy + at) / (float)hk_pool_divisor(p, i, j);
                    } else {
                        i32h place = (i32h){} + (int32_t)(number - j * p->stride_width);
                        sum += half_where((half_places(places + at) & meant) == place, half_load(dy + at));
                    }
                }
            }
            half_store(dx + h, average && whole ? sum * share : sum, c->stream);
        }
    }
}

/// Two rows and two columns of the gradient, of windows of 2x2 or 3x3 with stride 2: the window that begins there is at `at`, the one before
/// it in its row lies before it, those above `line` before.
HK_INLINE void blocked_pair(const hk_blocked_pool *c, float *dx, int64_t at, int64_t line, i32h meant, const int kernel) {
    float *below = dx + c->pool.width * c->block;
    for (int64_t h = 0; h < c->block; h += HK_HALF, at += HK_HALF) {
        f32h dy = half_load(c->x + at);
        i32h place = half_places(c->places + at) & meant;
        f32h d00 = half_where(place == 0, dy), d01 = half_where(place == 1, dy);
        f32h d10 = half_where(place == kernel, dy), d11 = half_where(place == kernel + 1, dy);
        if (kernel == 3) {
            f32h left = half_load(c->x + at - c->block), above = half_load(c->x + at - line);
            f32h corner = half_load(c->x + at - line - c->block);
            i32h left_place = half_places(c->places + at - c->block) & meant;
            i32h above_place = half_places(c->places + at - line) & meant;
            i32h corner_place = half_places(c->places + at - line - c->block) & meant;
            f32h sum = half_where(corner_place == 8, corner) + half_where(above_place == 6, above);
            d00 = (sum + half_where(left_place == 2, left)) + d00;
            d01 = half_where(above_place == 7, above) + d01;
            d10 = half_where(left_place == 5, left) + d10;
        }
        half_store(dx + h, d00, c->stream);
        half_store(dx + c->block + h, d01, c->stream);
        half_store(below + h, d10, c->stream);
        half_store(below + c->block + h, d11, c->stream);
    }
}

/// Pair `row` of rows of the gradient, counted through all planes. What is at the borders is gathered.
HK_INLINE void blocked_pairs(const hk_blocked_pool *c, int64_t row, const int kernel) {
    const hk_pool *p = &c->pool;
    int64_t plane = row / c->rows, i = row % c->rows, r = 2 * i - p->pad_top, before = kernel == 3;
    // The pairs of columns whose pixels are all there, and whose windows too.
    int64_t first = hk_larger((p->pad_left + 1) / 2, before);
    int64_t last = hk_smaller((p->width + p->pad_left) / 2, p->out_width);
    if (r < 0 || r + 1 >= p->height || i < before || i >= p->out_height || first >= last) {
        if (r >= 0) blocked_gather(c, plane, r, 0, p->width, 0);
        if (r + 1 >= 0 && r + 1 < p->height) blocked_gather(c, plane, r + 1, 0, p->width, 0);
        return;
    }
    int64_t begin = 2 * first - p->pad_left, end = 2 * last - p->pad_left;
    float *dx = c->y + ((plane * p->height + r) * p->width + begin) * c->block;
    int64_t line = p->out_width * c->block, at = (plane * p->out_height + i) * line + first * c->block;
    i32h meant = (i32h){} + (p->rectified ? HK_POOL_RECTIFIED | HK_POOL_NONE : HK_POOL_NONE);
    for (int64_t j = first; j < last; j++, dx += 2 * c->block, at += c->block) blocked_pair(c, dx, at, line, meant, kernel);
    for (int64_t below = 0; below < 2; below++) {
        if (begin > 0) blocked_gather(c, plane, r + below, 0, begin, 0);
        if (end < p->width) blocked_gather(c, plane, r + below, end, p->width, 0);
    }
}

static void blocked_max_gradient(const hk_blocked_pool *c, int64_t begin, int64_t end) {
    if (c->pairs && c->pool.kernel_width == 2) {
        for (int64_t row = begin; row < end; row++) blocked_pairs(c, row, 2);
    } else if (c->pairs) {
        for (int64_t row = begin; row < end; row++) blocked_pairs(c, row, 3);
    } else {
        for (int64_t row = begin; row < end; row++) blocked_gather(c, row / c->rows, row % c->rows, 0, c->pool.width, 0);
    }
    if (c->stream) stream_fence();
}

static void blocked_average_gradient(const hk_blocked_pool *c, int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row++) blocked_gather(c, row / c->rows, row % c->rows, 0, c->pool.width, 1);
    if (c->stream) stream_fence();
}
