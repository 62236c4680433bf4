// Element-wise programs: decoded for one call, and the reading of their strided inputs.
#pragma once
#include "internal.h"

/// The largest number of bytes that a granule takes.
#define HK_GRANULE_BYTES 128

/// A strided input as a walk over the flat row-major index of the iteration space.
typedef struct {
    const char *base;
    hk_axes axes;
    int bytes;
    /// Elements after which the walk repeats itself, where that is short enough to unroll once; else 0.
    int64_t period;
    /// Numbers of a random stream, whose key `base` points to.
    bool is_random;
} hk_walk;

enum { hk_walk_scalar, hk_walk_dense, hk_walk_strided };

/// Makes the walk of input `index`; says when it is in truth one scalar, or dense.
int hk_walk_make(hk_walk *walk, const hk_elementwise_program *program, int index, const void *base, int bytes);

/// Makes the walk of numbers that are drawn.
void hk_walk_draw(hk_walk *walk, const void *key);

/// Bytes of the buffer that the walk needs for tiles of `tile` elements.
size_t hk_walk_bytes(const hk_walk *walk, int64_t tile);

/// Fills a periodic walk's buffer, once for all tiles.
void hk_walk_unroll(const hk_walk *walk, int64_t tile, char *buffer);

/// Elements `start ..< start + count`: a pointer to them and the bytes between granules (0: one granule stands for all).
/// They may lie in the input itself, in which case all granules are whole.
const char *hk_walk_load(const hk_walk *walk, int64_t start, int64_t count, char *buffer, intptr_t *stride);

/// One decoded instruction, on slots.
typedef struct {
    hk_kernel kernel;
    uint16_t dst, a, b, c;
} hk_step;

/// Where a slot's value lives: scratch memory that every tile uses again, one granule for all, the caller's memory, a walk's
/// buffer, an output.
enum { hk_slot_scratch, hk_slot_uniform, hk_slot_dense, hk_slot_strided, hk_slot_output };

typedef struct {
    uint8_t place;
    /// Of one element.
    uint8_t bytes;
    /// Of the input, the walk or the output.
    uint16_t index;
} hk_slot;

/// A reduction ready to run.
typedef struct {
    hk_reducer reducer;
    uint16_t slot;
    /// Of one element.
    uint8_t bytes;
    int64_t run;
    char *output;
    /// For each tile two elements of 8 bytes: the tile's part of a row that began before it, and of one that ends after it.
    uint64_t *parts;
} hk_folding;

/// A program ready to run. Slots are the registers, then one for each output, then copies that had to be set aside.
typedef struct {
    const hk_elementwise_program *program;
    const void *const *inputs;
    void *const *outputs;
    int64_t count, tile;
    int slot_count, step_count, prologue_count, moving_count, walk_count, fold_count;
    hk_slot *slots;
    /// Run for every tile; and once on each thread, for values that are the same everywhere.
    hk_step *steps, *prologue;
    /// Slots whose pointer follows the tile: dense inputs and outputs.
    uint16_t *moving;
    hk_walk *walks;
    uint16_t *walk_slots;
    hk_folding *folds;
    /// What a thread needs, in bytes.
    size_t scratch_bytes;
    /// Whether tiles are asked for before their turn: several operations, on more than the caches near a core hold.
    bool fetches;
    /// What one element costs, in picoseconds; decides only whether the team is woken.
    int64_t cost;
} hk_decoded;

/// Decodes into the calling thread's scratch memory. False when there is nothing to do.
bool hk_elementwise_decode(
    hk_decoded *decoded, const hk_elementwise_program *program, const void *const *inputs, void *const *outputs);

/// Folds `count` elements from `start` on, which lie at `values` and belong to one tile.
void hk_fold_tile(const hk_decoded *decoded, const hk_folding *fold, int64_t start, int64_t count, const char *values);

/// Combines what the tiles left of rows that lie in several of them.
void hk_fold_finish(const hk_decoded *decoded, const hk_folding *fold);

/// Cuts `bytes` off, in whole cache lines.
static inline char *hk_carve(char **memory, size_t bytes) {
    char *start = *memory;
    *memory += (bytes + 63) & ~(size_t)63;
    return start;
}
