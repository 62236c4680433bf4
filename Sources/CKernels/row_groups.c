// Positions grouped by the row that they name.
#include "internal.h"
#include <string.h>

size_t hk_row_groups_bytes(int64_t count) {
    // Two arrays of keys; rows, starts, positions.
    return (size_t)count * 2 * sizeof(uint64_t) + (size_t)(3 * count + 1) * sizeof(uint32_t);
}

#define DIGIT_MOST 11

int64_t hk_group_rows(
    int64_t rows, int index_type, const void *indices, int64_t count, void *memory, hk_row_groups *groups) {
    uint64_t *keys = memory, *other = keys + count;
    uint32_t *group_rows = (uint32_t *)(other + count), *starts = group_rows + count, *positions = starts + count + 1;
    // A key is the row above the position: sorting it by the row alone, stably, keeps positions ascending.
    int bits = 1;
    while (bits < 32 && rows > (int64_t)1 << bits) bits++;
    int digits = (bits + DIGIT_MOST - 1) / DIGIT_MOST, width = (bits + digits - 1) / digits;
    uint32_t mask = ((uint32_t)1 << width) - 1, places[3][1 << DIGIT_MOST];
    memset(places, 0, (size_t)digits * sizeof places[0]);
    int64_t bad = -1, good = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t row = index_type == hk_type_i32 ? ((const int32_t *)indices)[i] : ((const int64_t *)indices)[i];
        if ((uint64_t)row >= (uint64_t)rows) {
            if (bad < 0) bad = i;
            continue;
        }
        keys[good++] = (uint64_t)row << 32 | (uint64_t)i;
        for (int digit = 0; digit < digits; digit++) places[digit][(uint32_t)row >> digit * width & mask]++;
    }
    for (int digit = 0; digit < digits; digit++) {
        uint32_t *place = places[digit], next = 0;
        for (uint32_t value = 0; value <= mask; value++) {
            uint32_t here = place[value];
            place[value] = next;
            next += here;
        }
        int shift = 32 + digit * width;
        for (int64_t i = 0; i < good; i++) other[place[(uint32_t)(keys[i] >> shift) & mask]++] = keys[i];
        uint64_t *swap = keys;
        keys = other;
        other = swap;
    }
    // Without branches, since nobody foresees where the next row begins: a group ends behind its last position so far.
    int64_t last = -1;
    starts[0] = 0;
    for (int64_t i = 0; i < good; i++) {
        uint32_t row = (uint32_t)(keys[i] >> 32);
        positions[i] = (uint32_t)keys[i];
        last += i == 0 || row != (uint32_t)(keys[i - 1] >> 32);
        group_rows[last] = row;
        starts[last + 1] = (uint32_t)i + 1;
    }
    *groups = (hk_row_groups){last + 1, group_rows, starts, positions};
    return bad;
}
