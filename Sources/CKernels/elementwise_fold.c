// Reductions at the end of element-wise programs.
//
// A row of `run` neighbours that lies within one tile is folded at once. Of a row that lies in several, each tile leaves its part, and
// when all tiles are done the parts are combined in their order. Where tiles begin depends on the program and its extents only.
#include "elementwise_internal.h"
#include <string.h>

/// Neighbours to one element, as a chain of leaves: there are two or three of them in a tile.
static void fold_neighbours(const hk_folding *f, const char *values, int64_t count, char *result) {
    uint64_t other;
    for (int64_t place = 0; place < count; place += HK_LEAF) {
        int64_t length = count - place < HK_LEAF ? count - place : HK_LEAF;
        f->reducer.leaf(values + place * f->bytes, length, place == 0 ? result : (char *)&other);
        if (place > 0) f->reducer.combine(result, (const char *)&other, 1);
    }
}

void hk_fold_tile(const hk_decoded *d, const hk_folding *f, int64_t start, int64_t count, const char *values) {
    int64_t tile = start / d->tile, first = tile * d->tile, last = first + d->tile, end = start + count;
    for (int64_t row = start / f->run; start < end; row++) {
        int64_t row_first = row * f->run, row_last = row_first + f->run;
        int64_t stop = row_last < end ? row_last : end;
        char *target = f->output + row * f->bytes;
        if (row_first < first) {
            target = (char *)&f->parts[2 * tile];
        } else if (row_last > last) {
            target = (char *)&f->parts[2 * tile + 1];
        }
        // A tile comes in two pieces where it ends within a granule: the second adds to what the first left of a row.
        uint64_t here;
        bool continues = start > first && start > row_first;
        fold_neighbours(f, values, stop - start, continues ? (char *)&here : target);
        if (continues) f->reducer.combine(target, (const char *)&here, 1);
        values += (stop - start) * f->bytes;
        start = stop;
    }
}

void hk_fold_finish(const hk_decoded *d, const hk_folding *f) {
    int64_t tiles = (d->count + d->tile - 1) / d->tile;
    for (int64_t tile = 0; tile + 1 < tiles;) {
        // The row that this tile's end cuts, if any, and the last tile that it reaches.
        int64_t cut = (tile + 1) * d->tile, row = cut / f->run;
        if (cut == row * f->run) {
            tile++;
            continue;
        }
        int64_t last = ((row + 1) * f->run - 1) / d->tile, count = last - tile + 1;
        // Parts in order: the row's head in this tile, then what it has of each later one; combined as a binary tree into the first.
        uint64_t *parts = f->parts + 2 * tile;
        parts[0] = parts[1];
        for (int64_t width = 1; width < count; width *= 2) {
            for (int64_t part = 0; part + width < count; part += 2 * width) {
                f->reducer.combine((char *)&parts[2 * part], (const char *)&parts[2 * (part + width)], 1);
            }
        }
        memcpy(f->output + row * f->bytes, parts, (size_t)f->bytes);
        tile = last;
    }
}
