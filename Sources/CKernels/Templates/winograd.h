// Winograd's minimal filtering: what becomes of the sums of products of transformed tiles, and the kernels of f32.

/// From sums at the points to outputs of `count` x `count`, which are finished and stored.
HK_INLINE void winograd_finish_tiles(
    const hk_winograd_side *side, const hk_winograd_tiles *tiles, int count, const hk_winograd_finish *finish, int64_t block,
    int64_t begin, int64_t end, const float *in, int64_t plane) {
    int64_t phases = (int64_t)side->stride * side->stride, phase = block % phases, channels = block / phases;
    int64_t offset_y = side->offset_y + phase / side->stride, offset_x = side->offset_x + phase % side->stride;
    f32v bias = finish->bias ? f32_load(finish->bias + channels * HK_WINOGRAD_LANES) : (f32v){};
    winograd_place at = winograd_start(tiles, begin);
    for (int64_t tile = begin; tile < end; tile++, in += HK_WINOGRAD_LANES) {
        f32v points[HK_WINOGRAD_POINTS], half[HK_WINOGRAD_MAX_TAPS][HK_WINOGRAD_POINTS], y[HK_WINOGRAD_MAX_TAPS];
        HK_ROLLED for (int j = 0; j < HK_WINOGRAD_POINTS; j++) {
            HK_UNROLL for (int i = 0; i < HK_WINOGRAD_POINTS; i++) {
                points[i] = f32_load(in + (i * HK_WINOGRAD_POINTS + j) * plane);
            }
            winograd_gather_axis(count, 1, 1, points, y);
            HK_UNROLL for (int i = 0; i < count; i++) half[i][j] = y[i];
        }
        int64_t top = side->stride * (tiles->first_y + at.row * tiles->step) + offset_y;
        int64_t left = side->stride * (tiles->first_x + at.column * tiles->step) + offset_x;
        int64_t base = at.image * side->image + channels * side->block;
        HK_ROLLED for (int i = 0; i < count; i++) {
            int64_t line = top + (int64_t)i * side->stride;
            if (line < 0 || line >= side->height) continue;
            winograd_gather_axis(count, 1, 1, half[i], y);
            HK_UNROLL for (int j = 0; j < count; j++) {
                int64_t place = left + (int64_t)j * side->stride;
                if (place < 0 || place >= side->width) continue;
                int64_t to = base + line * side->row + place * side->pixel;
                f32v value = y[j] + bias;
                if (finish->residual) value += f32_load(finish->residual + to);
                // NaN passes, as in torch.relu.
                if (finish->relu) value = (f32v)((i32v)value & ~(value < 0));
                if (finish->streams) {
                    f32_stream(side->data + to, value);
                } else {
                    f32_store(side->data + to, value);
                }
            }
        }
        winograd_next(tiles, &at);
    }
    if (finish->streams) stream_fence();
}

static void winograd_finish(
    const hk_winograd_side *side, const hk_winograd_tiles *tiles, const hk_winograd_finish *finish, int64_t block,
    int64_t begin, int64_t end, const float *in, int64_t plane) {
    switch (tiles->step) {
    case 2: winograd_finish_tiles(side, tiles, 2, finish, block, begin, end, in, plane); break;
    case 3: winograd_finish_tiles(side, tiles, 3, finish, block, begin, end, in, plane); break;
    case 4: winograd_finish_tiles(side, tiles, 4, finish, block, begin, end, in, plane); break;
    default: winograd_finish_tiles(side, tiles, 5, finish, block, begin, end, in, plane);
    }
}

HK_INLINE void winograd_weights_restore(
    const hk_winograd_weights *w, int taps, const float *in, int64_t plane, int phase, float *channel) {
    f32v points[HK_WINOGRAD_POINTS], half[HK_WINOGRAD_MAX_TAPS][HK_WINOGRAD_POINTS], y[HK_WINOGRAD_MAX_TAPS];
    int phase_y = phase / w->in_stride, phase_x = phase % w->in_stride;
    HK_ROLLED for (int j = 0; j < HK_WINOGRAD_POINTS; j++) {
        HK_UNROLL for (int i = 0; i < HK_WINOGRAD_POINTS; i++) {
            points[i] = f32_load(in + (i * HK_WINOGRAD_POINTS + j) * plane);
        }
        winograd_gather_axis(taps, WINOGRAD_SCALE_A, WINOGRAD_SCALE_B, points, y);
        HK_UNROLL for (int i = 0; i < taps; i++) half[i][j] = y[i];
    }
    HK_ROLLED for (int i = 0; i < taps; i++) {
        int row = w->in_stride * i + phase_y;
        if (row >= w->kernel) break;
        winograd_gather_axis(taps, WINOGRAD_SCALE_A, WINOGRAD_SCALE_B, half[i], y);
        HK_UNROLL for (int j = 0; j < taps; j++) {
            int column = w->in_stride * j + phase_x;
            if (column >= w->kernel) continue;
            f32_store(channel + (row * w->kernel + column) * HK_WINOGRAD_LANES, y[j]);
        }
    }
}

/// The gradient of the weights of one block of input channels (all its phases) and one of output channels from sums at the
/// points: in[point * plane + phase * phase_step + channel * 32], 16 lanes.
static void winograd_weights_gradient(
    const hk_winograd_weights *w, int64_t out_block, int64_t in_block, const float *in, int64_t plane, int64_t phase_step) {
    float buffer[HK_WINOGRAD_MAX_TAPS * HK_WINOGRAD_MAX_TAPS * 4 * HK_WINOGRAD_LANES * HK_WINOGRAD_LANES];
    int64_t phases = (int64_t)w->in_stride * w->in_stride, taps = (int64_t)w->kernel * w->kernel;
    for (int phase = 0; phase < phases; phase++) {
        for (int c = 0; c < HK_WINOGRAD_LANES; c++) {
            const float *from = in + phase * phase_step + c * HK_WINOGRAD_PANEL;
            float *channel = buffer + c * taps * HK_WINOGRAD_LANES;
            switch (w->taps) {
            case 2: winograd_weights_restore(w, 2, from, plane, phase, channel); break;
            case 3: winograd_weights_restore(w, 3, from, plane, phase, channel); break;
            case 4: winograd_weights_restore(w, 4, from, plane, phase, channel); break;
            default: winograd_weights_restore(w, 5, from, plane, phase, channel);
            }
        }
    }
    float *to = w->data + out_block * HK_WINOGRAD_LANES * w->out + in_block * HK_WINOGRAD_LANES * w->in;
    transpose4((const char *)buffer, HK_WINOGRAD_LANES, (char *)to, w->out, HK_WINOGRAD_LANES * taps, HK_WINOGRAD_LANES);
}

WINOGRAD_PATCHES(f32)
WINOGRAD_KERNELS(f32, f32)
