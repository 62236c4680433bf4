// Weight gradients as direct sums over positions: a few rows of weights times the 16 outputs of a block, all sums in registers.
//
// A row of weights is an input channel under a tap. All of them see the same positions of dy, and x at an offset of their own.

HK_INLINE void correlate_tile(
    const int rows, const hk_correlate_box *box, const float *x, const int64_t *offsets, const float *dy, float *sums,
    _Bool first, const float *ahead) {
    f32v sum[HK_CORRELATE_ROWS];
    const float *from[HK_CORRELATE_ROWS];
    HK_UNROLL for (int r = 0; r < rows; r++) {
        sum[r] = (f32v){};
        from[r] = x + offsets[r];
    }
    const int64_t step = box->x_pixel, ahead_step = box->is_x_ahead ? step : HK_GRANULE;
    for (int64_t image = 0; image < box->images; image++) {
        for (int64_t line = 0; line < box->lines; line++) {
            int64_t at = image * box->x_image + line * box->x_line, right_at = image * box->dy_image + line * box->dy_line;
            const float *right = dy + right_at, *next = ahead + (box->is_x_ahead ? at : right_at);
            HK_ROLLED for (int64_t pixel = box->pixels; pixel > 0; pixel--) {
                __builtin_prefetch(next, 0, 2);
                f32v outputs = f32_load(right);
                HK_UNROLL for (int r = 0; r < rows; r++) sum[r] = f32_fma(winograd_all(from[r][at]), outputs, sum[r]);
                at += step;
                right += HK_GRANULE;
                next += ahead_step;
            }
        }
    }
    HK_UNROLL for (int r = 0; r < rows; r++) {
        float *to = sums + r * box->sum;
        f32_store(to, first ? sum[r] : f32_load(to) + sum[r]);
    }
}

/// sums[row][16] (+)= the sum over a box's positions of x[offsets[row] + position] dy[position][16], for `rows` rows.
static void correlate(
    int64_t rows, const hk_correlate_box *box, const float *x, const int64_t *offsets, const float *dy, float *sums,
    _Bool first) {
    // Tiles of nearly equal height: a low last one would wait for its few sums. The last one asks for what is next.
    int64_t tiles = (rows + HK_CORRELATE_ROWS - 1) / HK_CORRELATE_ROWS;
    for (int64_t tile = 0; tile < tiles; tile++) {
        int64_t row = rows * tile / tiles;
        const int64_t *at = offsets + row;
        float *to = sums + row * box->sum;
        const float *ahead = tile == tiles - 1 ? box->ahead : dy;
        switch (rows * (tile + 1) / tiles - row) {
        case 1: correlate_tile(1, box, x, at, dy, to, first, ahead); break;
        case 2: correlate_tile(2, box, x, at, dy, to, first, ahead); break;
        case 3: correlate_tile(3, box, x, at, dy, to, first, ahead); break;
        case 4: correlate_tile(4, box, x, at, dy, to, first, ahead); break;
        case 5: correlate_tile(5, box, x, at, dy, to, first, ahead); break;
        default: correlate_tile(6, box, x, at, dy, to, first, ahead);
        }
    }
}

/// total[16] (+)= the sum of a box's positions of dy.
static void correlate_total(const hk_correlate_box *box, const float *dy, float *total, _Bool first) {
    f32v sum[4] = {};
    for (int64_t image = 0; image < box->images; image++) {
        for (int64_t line = 0; line < box->lines; line++) {
            const float *from = dy + image * box->dy_image + line * box->dy_line;
            int64_t pixel = 0;
            for (; pixel + 4 <= box->pixels; pixel += 4, from += 4 * HK_GRANULE) {
                HK_UNROLL for (int i = 0; i < 4; i++) sum[i] += f32_load(from + i * HK_GRANULE);
            }
            for (; pixel < box->pixels; pixel++, from += HK_GRANULE) sum[0] += f32_load(from);
        }
    }
    sum[0] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    f32_store(total, first ? sum[0] : f32_load(total) + sum[0]);
}
