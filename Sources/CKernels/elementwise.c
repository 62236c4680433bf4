// The register machine: runs a decoded program tile by tile.
//
// A value lives in a slot: a pointer, and the bytes from one granule to the next. Inputs that are dense and outputs are slots
// that point into the caller's memory and move with the tile; scalars are one granule with step 0; all else is a stretch of
// scratch memory that every tile uses again and that stays in cache.
#include "elementwise_internal.h"
#include <string.h>

/// Asks for a part of what the next tile reads and writes in the caller's memory, which the processor would not guess: it sees the
/// first operation read a little, then the others nothing.
static void fetch_ahead(const hk_decoded *d, int64_t start, int64_t length, int part, int parts) {
    for (int i = 0; i < d->moving_count; i++) {
        hk_slot slot = d->slots[d->moving[i]];
        bool is_output = slot.place == hk_slot_output;
        const char *place = is_output ? d->outputs[slot.index] : d->inputs[slot.index];
        const char *from = place + (start + length * part / parts) * slot.bytes;
        const char *end = place + (start + length * (part + 1) / parts) * slot.bytes;
        if (is_output) {
            for (; from < end; from += 64) __builtin_prefetch(from, 1);
        } else {
            for (; from < end; from += 64) __builtin_prefetch(from, 0);
        }
    }
}

static void run_steps(
    const hk_decoded *d, int64_t next, const hk_step *steps, int count, char *const *pointers, const intptr_t *strides,
    intptr_t granules) {
    int64_t length = d->count - next < d->tile ? d->count - next : d->tile;
    bool ahead = d->fetches && length > 0;
    for (int i = 0; i < count; i++) {
        const hk_step *s = &steps[i];
        if (ahead) fetch_ahead(d, next, length, i, count);
        s->kernel(
            pointers[s->dst], pointers[s->a], pointers[s->b], pointers[s->c], strides[s->a], strides[s->b],
            strides[s->c], granules);
    }
}

/// Runs tiles `begin ..< end` on one thread.
static void run_tiles(void *context, int64_t begin, int64_t end) {
    const hk_decoded *d = context;
    char *memory = hk_scratch(hk_scratch_thread, d->scratch_bytes);
    char **pointers = (char **)hk_carve(&memory, (size_t)d->slot_count * sizeof *pointers);
    intptr_t *strides = (intptr_t *)hk_carve(&memory, (size_t)d->slot_count * sizeof *strides);
    int input_count = d->program->input_count;

    for (int i = 0; i < d->slot_count; i++) {
        hk_slot slot = d->slots[i];
        switch (slot.place) {
        case hk_slot_scratch:
            pointers[i] = hk_carve(&memory, (size_t)d->tile * slot.bytes);
            strides[i] = HK_GRANULE * slot.bytes;
            break;
        case hk_slot_uniform:
            pointers[i] = hk_carve(&memory, HK_GRANULE_BYTES);
            strides[i] = 0;
            if (i < input_count) hk_splat(pointers[i], d->inputs[slot.index], slot.bytes, HK_GRANULE);
            break;
        case hk_slot_dense:
            pointers[i] = (char *)d->inputs[slot.index];
            strides[i] = HK_GRANULE * slot.bytes;
            break;
        case hk_slot_output:
            pointers[i] = d->outputs[slot.index];
            strides[i] = HK_GRANULE * slot.bytes;
            break;
        default: break;
        }
    }
    char *walk_memory[16];
    char **buffers = walk_memory;
    if (d->walk_count > 16) buffers = (char **)hk_carve(&memory, (size_t)d->walk_count * sizeof *buffers);
    for (int i = 0; i < d->walk_count; i++) {
        buffers[i] = hk_carve(&memory, hk_walk_bytes(&d->walks[i], d->tile));
        if (d->walks[i].period > 0) hk_walk_unroll(&d->walks[i], d->tile, buffers[i]);
    }
    run_steps(d, d->count, d->prologue, d->prologue_count, pointers, strides, 1);

    char *tails = memory;
    for (int64_t tile = begin; tile < end; tile++) {
        int64_t start = tile * d->tile;
        int64_t left = d->count - start, length = left < d->tile ? left : d->tile;
        while (length > 0) {
            // Whole granules in place; what remains after the last one goes through padded memory.
            int64_t whole = length & -(int64_t)HK_GRANULE;
            bool partial = whole == 0;
            int64_t now = partial ? length : whole;
            for (int i = 0; i < d->moving_count; i++) {
                int s = d->moving[i];
                hk_slot slot = d->slots[s];
                char *place = slot.place == hk_slot_output ? d->outputs[slot.index] : (char *)d->inputs[slot.index];
                place += start * slot.bytes;
                if (partial) {
                    pointers[s] = tails + i * HK_GRANULE_BYTES;
                    if (slot.place == hk_slot_dense) memcpy(pointers[s], place, (size_t)now * slot.bytes);
                } else {
                    pointers[s] = place;
                }
            }
            for (int i = 0; i < d->walk_count; i++) {
                int s = d->walk_slots[i];
                pointers[s] = (char *)hk_walk_load(&d->walks[i], start, now, buffers[i], &strides[s]);
            }
            run_steps(d, (tile + 1) * d->tile, d->steps, d->step_count, pointers, strides, partial ? 1 : now / HK_GRANULE);
            for (int i = 0; i < d->fold_count; i++) hk_fold_tile(d, &d->folds[i], start, now, pointers[d->folds[i].slot]);
            if (partial) {
                for (int i = 0; i < d->moving_count; i++) {
                    int s = d->moving[i];
                    hk_slot slot = d->slots[s];
                    if (slot.place != hk_slot_output) continue;
                    memcpy(
                        (char *)d->outputs[slot.index] + start * slot.bytes, pointers[s], (size_t)now * slot.bytes);
                }
            }
            start += now;
            length -= now;
        }
    }
}

void hk_elementwise(const hk_elementwise_program *program, const void *const *inputs, void *const *outputs) {
    hk_decoded decoded;
    if (!hk_elementwise_decode(&decoded, program, inputs, outputs)) return;
    int64_t tiles = (decoded.count + decoded.tile - 1) / decoded.tile;
    hk_parallel(tiles, (double)decoded.count * (double)decoded.cost * 1e-3, run_tiles, &decoded);
    for (int i = 0; i < decoded.fold_count; i++) hk_fold_finish(&decoded, &decoded.folds[i]);
}
