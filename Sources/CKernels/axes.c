// Axes of strided arrays.
#include "internal.h"

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
