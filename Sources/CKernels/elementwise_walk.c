// Reading strided inputs of element-wise programs, tile by tile.
#include "elementwise_internal.h"
#include <string.h>

/// The longest period that is unrolled, in elements.
#define PERIOD_MOST 8192
/// Bytes behind a buffer that a fast fill may spoil.
#define SLACK 64

/// As `hk_splat`, but may write up to SLACK bytes, which for short runs is faster than counting.
static inline void splat_short(char *output, const char *element, int bytes, int64_t count) {
    if (count * bytes > SLACK) {
        hk_splat(output, element, bytes, count);
        return;
    }
    uint64_t pattern;
    switch (bytes) {
    case 1: pattern = *(const uint8_t *)element * 0x0101010101010101u; break;
    case 2: {
        uint16_t value;
        memcpy(&value, element, 2);
        pattern = value * 0x0001000100010001u;
        break;
    }
    case 4: {
        uint32_t value;
        memcpy(&value, element, 4);
        pattern = value * 0x0000000100000001u;
        break;
    }
    default: memcpy(&pattern, element, 8);
    }
    uint64_t words[SLACK / 8];
    for (int i = 0; i < SLACK / 8; i++) words[i] = pattern;
    memcpy(output, words, SLACK);
}

int hk_walk_make(hk_walk *walk, const hk_elementwise_program *program, int index, const void *base, int bytes) {
    hk_axes *axes = &walk->axes;
    axes->rank = program->rank;
    for (int axis = 0; axis < program->rank; axis++) {
        axes->extents[axis] = program->extents[axis];
        axes->strides[axis] = program->inputs[index].strides[axis];
        axes->others[axis] = 0;
    }
    // Only this input's own strides decide which axes walk as one.
    hk_axes_join(axes);
    walk->base = base;
    walk->bytes = bytes;
    walk->period = 0;
    walk->is_random = false;
    if (axes->rank == 0 || (axes->rank == 1 && axes->strides[0] == 0)) return hk_walk_scalar;
    if (axes->rank == 1 && axes->strides[0] == 1) return hk_walk_dense;
    if (axes->strides[0] == 0) {
        int64_t period = 1;
        for (int axis = 1; axis < axes->rank; axis++) period *= axes->extents[axis];
        if (period <= PERIOD_MOST) walk->period = period;
    }
    return hk_walk_strided;
}

void hk_walk_draw(hk_walk *walk, const void *key) {
    *walk = (hk_walk){.base = key, .bytes = (int)sizeof(float), .is_random = true};
}

size_t hk_walk_bytes(const hk_walk *walk, int64_t tile) {
    return (size_t)((tile + walk->period) * walk->bytes + SLACK + 64);
}

/// Writes elements `start ..< start + count` of the walk to `output`.
static void walk_copy(const hk_walk *walk, int64_t start, int64_t count, char *output) {
    const hk_axes *axes = &walk->axes;
    int inner = axes->rank - 1, bytes = walk->bytes;
    int64_t extent = axes->extents[inner], stride = axes->strides[inner];
    hk_axes outer = *axes;
    outer.rank = inner;
    hk_odometer at;
    hk_odometer_start(&at, &outer, start / extent);
    int64_t place = start % extent;
    while (count > 0) {
        int64_t run = extent - place < count ? extent - place : count;
        const char *from = walk->base + (at.offset + place * stride) * bytes;
        if (stride == 0) {
            splat_short(output, from, bytes, run);
        } else if (stride == 1) {
            memcpy(output, from, (size_t)(run * bytes));
        } else {
            hk_gather(output, from, stride, bytes, run);
        }
        output += run * bytes;
        count -= run;
        place = 0;
        hk_odometer_next(&at, &outer);
    }
}

void hk_walk_unroll(const hk_walk *walk, int64_t tile, char *buffer) {
    int64_t length = tile + walk->period, total = walk->period * walk->axes.extents[0];
    // One period, then copies of what is there.
    int64_t done = walk->period < total ? walk->period : total;
    walk_copy(walk, 0, done, buffer);
    while (done < length) {
        int64_t more = done < length - done ? done : length - done;
        memcpy(buffer + done * walk->bytes, buffer, (size_t)(more * walk->bytes));
        done += more;
    }
}

const char *hk_walk_load(const hk_walk *walk, int64_t start, int64_t count, char *buffer, intptr_t *stride) {
    const hk_axes *axes = &walk->axes;
    *stride = HK_GRANULE * walk->bytes;
    if (walk->is_random) {
        uint64_t key;
        memcpy(&key, walk->base, sizeof key);
        hk_draw_uniform(key, (uint64_t)start, (float *)buffer, count);
        return buffer;
    }
    if (walk->period > 0) return buffer + start % walk->period * walk->bytes;
    int inner = axes->rank - 1;
    int64_t extent = axes->extents[inner], step = axes->strides[inner];
    if (step == 0 || step == 1) {
        int64_t outer = start / extent, place = start - outer * extent;
        // Within one run nothing needs copying.
        if (place + count <= extent && (step == 0 || count % HK_GRANULE == 0)) {
            int64_t offset = place * step;
            for (int axis = inner - 1; axis >= 0; axis--) {
                int64_t quotient = outer / axes->extents[axis];
                offset += (outer - quotient * axes->extents[axis]) * axes->strides[axis];
                outer = quotient;
            }
            const char *from = walk->base + offset * walk->bytes;
            if (step == 1) return from;
            *stride = 0;
            hk_splat(buffer, from, walk->bytes, HK_GRANULE);
            return buffer;
        }
    }
    walk_copy(walk, start, count, buffer);
    return buffer;
}
