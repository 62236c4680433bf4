// Axes of strided arrays, and the simplest moves along them.
#include "internal.h"
#include <string.h>

bool hk_axes_join(hk_axes *axes) {
    int rank = 0;
    bool filled = true;
    for (int axis = 0; axis < axes->rank; axis++) {
        int64_t extent = axes->extents[axis], stride = axes->strides[axis], other = axes->others[axis];
        if (extent == 0) filled = false;
        if (extent == 1) continue;
        if (rank > 0 && axes->strides[rank - 1] == stride * extent && axes->others[rank - 1] == other * extent) {
            axes->extents[rank - 1] *= extent;
            axes->strides[rank - 1] = stride;
            axes->others[rank - 1] = other;
            continue;
        }
        axes->extents[rank] = extent;
        axes->strides[rank] = stride;
        axes->others[rank] = other;
        rank++;
    }
    axes->rank = rank;
    return filled;
}

void hk_axes_sort(hk_axes *axes, bool by_other) {
    for (int i = 1; i < axes->rank; i++) {
        for (int j = i; j > 0; j--) {
            int64_t *key = by_other ? axes->others : axes->strides;
            int64_t before = key[j - 1] < 0 ? -key[j - 1] : key[j - 1], here = key[j] < 0 ? -key[j] : key[j];
            if (before >= here) break;
            int64_t extent = axes->extents[j], stride = axes->strides[j], other = axes->others[j];
            axes->extents[j] = axes->extents[j - 1];
            axes->strides[j] = axes->strides[j - 1];
            axes->others[j] = axes->others[j - 1];
            axes->extents[j - 1] = extent;
            axes->strides[j - 1] = stride;
            axes->others[j - 1] = other;
        }
    }
}

void hk_splat(char *output, const void *element, int bytes, int64_t count) {
    switch (bytes) {
    case 1: memset(output, *(const uint8_t *)element, (size_t)count); break;
    case 2: {
        uint16_t value, *to = (uint16_t *)output;
        memcpy(&value, element, 2);
        for (int64_t i = 0; i < count; i++) to[i] = value;
        break;
    }
    case 4: {
        uint32_t value, *to = (uint32_t *)output;
        memcpy(&value, element, 4);
        for (int64_t i = 0; i < count; i++) to[i] = value;
        break;
    }
    default: {
        uint64_t value, *to = (uint64_t *)output;
        memcpy(&value, element, 8);
        for (int64_t i = 0; i < count; i++) to[i] = value;
    }
    }
}

void hk_gather(char *output, const char *input, int64_t stride, int bytes, int64_t count) {
    switch (bytes) {
    case 1:
        for (int64_t i = 0; i < count; i++) output[i] = input[i * stride];
        break;
    case 2:
        for (int64_t i = 0; i < count; i++) ((uint16_t *)output)[i] = ((const uint16_t *)input)[i * stride];
        break;
    case 4:
        for (int64_t i = 0; i < count; i++) ((uint32_t *)output)[i] = ((const uint32_t *)input)[i * stride];
        break;
    default:
        for (int64_t i = 0; i < count; i++) ((uint64_t *)output)[i] = ((const uint64_t *)input)[i * stride];
    }
}
