// The register machine: decodes a program for one call, then runs it tile by tile.
//
// A value lives in a slot: a pointer, and the bytes from one granule to the next. Inputs that are dense and outputs are slots
// that point into the caller's memory and move with the tile; scalars are one granule with step 0; all else is a stretch of
// scratch memory that every tile uses again and that stays in cache.
#include "elementwise_internal.h"
#include <string.h>

/// Scratch memory that the registers of one tile should take together: measured best when they leave most of the first level
/// of cache to inputs and outputs. Programs of many registers take more, up to a part of the second level, rather than
/// tiles so short that calling kernels costs more than running them.
#define TILE_BYTES (16 * 1024)
#define TILE_BYTES_MOST (256 * 1024)
#define TILE_LEAST 512
#define TILE_MOST 4096
/// The largest number of bytes that a granule takes.
#define GRANULE_BYTES 128

/// Operands that each operation reads.
static const uint8_t operand_counts[hk_op_count] = {
    [hk_op_copy] = 1, [hk_op_convert] = 1, [hk_op_add] = 2, [hk_op_subtract] = 2, [hk_op_multiply] = 2,
    [hk_op_divide] = 2, [hk_op_remainder] = 2, [hk_op_power] = 2, [hk_op_maximum] = 2, [hk_op_minimum] = 2,
    [hk_op_negate] = 1, [hk_op_abs] = 1, [hk_op_sign] = 1, [hk_op_exp] = 1, [hk_op_expm1] = 1, [hk_op_log] = 1,
    [hk_op_log1p] = 1, [hk_op_sqrt] = 1, [hk_op_rsqrt] = 1, [hk_op_sin] = 1, [hk_op_cos] = 1, [hk_op_tanh] = 1,
    [hk_op_logistic] = 1, [hk_op_erf] = 1, [hk_op_floor] = 1, [hk_op_ceil] = 1, [hk_op_round_even] = 1,
    [hk_op_fma] = 3, [hk_op_equal] = 2, [hk_op_not_equal] = 2, [hk_op_less] = 2, [hk_op_less_equal] = 2,
    [hk_op_greater] = 2, [hk_op_greater_equal] = 2, [hk_op_select] = 3, [hk_op_and] = 2, [hk_op_or] = 2,
    [hk_op_xor] = 2, [hk_op_not] = 1, [hk_op_is_finite] = 1, [hk_op_relu] = 1, [hk_op_relu_gradient] = 2,
};

/// Rough cost of an operation on one f32, in picoseconds on one core; decides only whether the team is woken.
static int64_t operation_cost(int op) {
    switch (op) {
    case hk_op_power: return 3000;
    case hk_op_exp: case hk_op_expm1: case hk_op_log: case hk_op_log1p: case hk_op_sin: case hk_op_cos:
    case hk_op_tanh: case hk_op_logistic: case hk_op_erf: return 500;
    case hk_op_divide: case hk_op_remainder: case hk_op_sqrt: case hk_op_rsqrt: return 200;
    default: return 50;
    }
}

bool hk_elementwise_supports(int op, int type) {
    if (op < 0 || op >= hk_op_count || type < 0 || type >= hk_type_count) return false;
    return op == hk_op_convert || hk_variant_current()->elementwise[op][type] != NULL;
}

/// One decoded instruction on slots.
typedef struct {
    hk_kernel kernel;
    uint16_t dst, a, b, c;
} step;

enum { slot_scratch, slot_uniform, slot_dense, slot_strided, slot_output };

/// Where a slot's value lives.
typedef struct {
    uint8_t place;
    uint8_t bytes;  // of one element
    uint16_t index;  // of the input or output, or of the strided walk
} slot;

typedef struct {
    const hk_elementwise_program *program;
    const void *const *inputs;
    void *const *outputs;
    int64_t count, tile;
    int slot_count, step_count, prologue_count, moving_count, walk_count;
    slot *slots;
    step *steps, *prologue;
    /// Slots whose pointer follows the tile: dense inputs and outputs.
    uint16_t *moving;
    hk_walk *walks;
    uint16_t *walk_slots;
    size_t scratch_bytes;
} decoded;

static inline char *carve(char **memory, size_t bytes) {
    char *start = *memory;
    *memory += (bytes + 63) & ~(size_t)63;
    return start;
}

static void run_steps(
    const step *steps, int count, char *const *pointers, const intptr_t *strides, intptr_t granules) {
    for (int i = 0; i < count; i++) {
        const step *s = &steps[i];
        s->kernel(
            pointers[s->dst], pointers[s->a], pointers[s->b], pointers[s->c], strides[s->a], strides[s->b],
            strides[s->c], granules);
    }
}

/// Runs tiles `begin ..< end` on one thread.
static void run_tiles(void *context, int64_t begin, int64_t end) {
    const decoded *d = context;
    char *memory = hk_scratch(hk_scratch_thread, d->scratch_bytes);
    char **pointers = (char **)carve(&memory, (size_t)d->slot_count * sizeof *pointers);
    intptr_t *strides = (intptr_t *)carve(&memory, (size_t)d->slot_count * sizeof *strides);
    int input_count = d->program->input_count;

    for (int i = 0; i < d->slot_count; i++) {
        slot slot = d->slots[i];
        switch (slot.place) {
        case slot_scratch:
            pointers[i] = carve(&memory, (size_t)d->tile * slot.bytes);
            strides[i] = HK_GRANULE * slot.bytes;
            break;
        case slot_uniform:
            pointers[i] = carve(&memory, GRANULE_BYTES);
            strides[i] = 0;
            if (i < input_count) hk_splat(pointers[i], d->inputs[slot.index], slot.bytes, HK_GRANULE);
            break;
        case slot_dense:
            pointers[i] = (char *)d->inputs[slot.index];
            strides[i] = HK_GRANULE * slot.bytes;
            break;
        case slot_output:
            pointers[i] = d->outputs[slot.index];
            strides[i] = HK_GRANULE * slot.bytes;
            break;
        default: break;
        }
    }
    char *walk_memory[16];
    char **buffers = walk_memory;
    if (d->walk_count > 16) buffers = (char **)carve(&memory, (size_t)d->walk_count * sizeof *buffers);
    for (int i = 0; i < d->walk_count; i++) {
        buffers[i] = carve(&memory, hk_walk_bytes(&d->walks[i], d->tile));
        if (d->walks[i].period > 0) hk_walk_unroll(&d->walks[i], d->tile, buffers[i]);
    }
    run_steps(d->prologue, d->prologue_count, pointers, strides, 1);

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
                slot slot = d->slots[s];
                char *place = slot.place == slot_output ? d->outputs[slot.index] : (char *)d->inputs[slot.index];
                place += start * slot.bytes;
                if (partial) {
                    pointers[s] = tails + i * GRANULE_BYTES;
                    if (slot.place == slot_dense) memcpy(pointers[s], place, (size_t)now * slot.bytes);
                } else {
                    pointers[s] = place;
                }
            }
            for (int i = 0; i < d->walk_count; i++) {
                int s = d->walk_slots[i];
                pointers[s] = (char *)hk_walk_load(&d->walks[i], start, now, buffers[i], &strides[s]);
            }
            run_steps(d->steps, d->step_count, pointers, strides, partial ? 1 : now / HK_GRANULE);
            if (partial) {
                for (int i = 0; i < d->moving_count; i++) {
                    int s = d->moving[i];
                    slot slot = d->slots[s];
                    if (slot.place != slot_output) continue;
                    memcpy(
                        (char *)d->outputs[slot.index] + start * slot.bytes, pointers[s], (size_t)now * slot.bytes);
                }
            }
            start += now;
            length -= now;
        }
    }
}

void hk_elementwise(const hk_elementwise_program *p, const void *const *inputs, void *const *outputs) {
    const hk_variant *variant = hk_variant_current();
    int64_t count = 1;
    for (int i = 0; i < p->rank; i++) count *= p->extents[i];
    if (count <= 0 || p->output_count == 0) return;

    int registers = p->register_count, input_count = p->input_count, output_count = p->output_count;
    int instructions = p->instruction_count;
    // Slots: one for each register, one for each output's memory, one for each output that has to be set aside.
    int slot_limit = registers + 2 * output_count;
    size_t bytes = (size_t)slot_limit * (sizeof(slot) + 2 * sizeof(uint16_t))
        + (size_t)registers * (3 * sizeof(int32_t))
        + (size_t)(instructions + output_count * 2) * 2 * sizeof(step) + (size_t)input_count * sizeof(hk_walk)
        + (size_t)output_count * 2 * sizeof(uint16_t) + 16 * 64;
    char *memory = hk_scratch(hk_scratch_call, bytes);
    decoded d = {.program = p, .inputs = inputs, .outputs = outputs, .count = count};
    d.slots = (slot *)carve(&memory, (size_t)slot_limit * sizeof(slot));
    d.moving = (uint16_t *)carve(&memory, (size_t)slot_limit * sizeof(uint16_t));
    d.walk_slots = (uint16_t *)carve(&memory, (size_t)slot_limit * sizeof(uint16_t));
    d.steps = (step *)carve(&memory, (size_t)(instructions + output_count * 2) * sizeof(step));
    d.prologue = (step *)carve(&memory, (size_t)(instructions + output_count * 2) * sizeof(step));
    d.walks = (hk_walk *)carve(&memory, (size_t)input_count * sizeof(hk_walk));
    int32_t *writes = (int32_t *)carve(&memory, (size_t)registers * sizeof(int32_t));
    int32_t *last_write = (int32_t *)carve(&memory, (size_t)registers * sizeof(int32_t));
    // The slot where a register's value is at the moment of decoding.
    int32_t *current = (int32_t *)carve(&memory, (size_t)registers * sizeof(int32_t));
    memset(writes, 0, (size_t)registers * sizeof(int32_t));

    for (int r = 0; r < registers; r++) {
        current[r] = r;
        last_write[r] = -1;
        d.slots[r] = (slot){slot_scratch, (uint8_t)hk_type_bytes(p->register_types[r]), 0};
    }
    int64_t cost = 0;
    for (int i = 0; i < instructions; i++) {
        int dst = p->code[i].dst;
        writes[dst]++;
        last_write[dst] = i;
        cost += operation_cost(p->code[i].op);
    }
    int64_t tile_bytes_each = 0;
    for (int i = 0; i < input_count; i++) {
        slot *slot = &d.slots[i];
        slot->index = (uint16_t)i;
        if (p->inputs[i].kind == hk_operand_scalar) {
            slot->place = slot_uniform;
        } else if (p->inputs[i].kind == hk_operand_contiguous) {
            slot->place = slot_dense;
            d.moving[d.moving_count++] = (uint16_t)i;
        } else {
            hk_walk *walk = &d.walks[d.walk_count];
            switch (hk_walk_make(walk, p, i, inputs[i], slot->bytes)) {
            case hk_walk_scalar: slot->place = slot_uniform; break;
            case hk_walk_dense:
                slot->place = slot_dense;
                d.moving[d.moving_count++] = (uint16_t)i;
                break;
            default:
                slot->place = slot_strided;
                slot->index = (uint16_t)d.walk_count;
                d.walk_slots[d.walk_count++] = (uint16_t)i;
                tile_bytes_each += slot->bytes;
                cost += walk->period > 0 ? 20 : 500;
            }
        }
        cost += 100;
    }

    // The last write of an output's register goes straight to the output, unless that memory is an input's that is still
    // read afterwards, or another output already takes the register.
    d.slot_count = registers;
    int deferred_count = 0;
    uint16_t deferred[2 * HK_MAX_DEFERRED];
    uint16_t *deferred_list = deferred;
    if (output_count > HK_MAX_DEFERRED) {
        deferred_list = (uint16_t *)carve(&memory, 2 * (size_t)output_count * sizeof(uint16_t));
    }
    for (int o = 0; o < output_count; o++) {
        int r = p->output_registers[o];
        int s = d.slot_count++;
        d.slots[s] = (slot){slot_output, (uint8_t)hk_type_bytes(p->output_types[o]), (uint16_t)o};
        d.moving[d.moving_count++] = (uint16_t)s;
        bool straight = r >= input_count && last_write[r] >= 0;
        for (int before = 0; straight && before < o; before++) {
            if (p->output_registers[before] == r) straight = false;
        }
        for (int i = 0; straight && i < input_count; i++) {
            if (inputs[i] != outputs[o] || p->inputs[i].kind == hk_operand_scalar) continue;
            for (int after = last_write[r] + 1; straight && after < instructions; after++) {
                const hk_instruction *code = &p->code[after];
                int operands = operand_counts[code->op];
                if (code->a == i || (operands > 1 && code->b == i) || (operands > 2 && code->c == i)) straight = false;
            }
            for (int other = 0; straight && other < output_count; other++) {
                if (p->output_registers[other] == i) straight = false;
            }
        }
        if (straight) {
            // Marked in `writes`: the slot, as a negative number, keeps its count below.
            writes[r] = -writes[r];
            d.slots[r].index = (uint16_t)s;
        } else {
            deferred_list[2 * deferred_count] = (uint16_t)r;
            deferred_list[2 * deferred_count + 1] = (uint16_t)s;
            deferred_count++;
        }
    }

    // An input that is itself an output is read when all is done; where its memory may have been overwritten by then, a copy
    // is taken first.
    for (int i = 0; i < deferred_count; i++) {
        int r = deferred_list[2 * i];
        if (r >= input_count || d.slots[r].place == slot_uniform) continue;
        bool overwritten = false;
        for (int o = 0; o < output_count; o++) {
            if (outputs[o] == inputs[r] && p->output_registers[o] != r) overwritten = true;
        }
        if (!overwritten) continue;
        int s = d.slot_count++;
        d.slots[s] = (slot){slot_scratch, d.slots[r].bytes, 0};
        tile_bytes_each += d.slots[r].bytes;
        d.steps[d.step_count++] =
            (step){variant->elementwise[hk_op_copy][p->register_types[r]], (uint16_t)s, (uint16_t)r, (uint16_t)r, (uint16_t)r};
        current[r] = s;
    }
    // `current` serves the code below too: reading the copy is as good as reading the input.

    for (int i = 0; i < instructions; i++) {
        const hk_instruction *code = &p->code[i];
        int dst = code->dst, operands = operand_counts[code->op];
        step s;
        s.a = (uint16_t)current[code->a];
        s.b = operands > 1 ? (uint16_t)current[code->b] : s.a;
        s.c = operands > 2 ? (uint16_t)current[code->c] : s.a;
        s.kernel = code->op == hk_op_convert ? variant->convert[code->type][code->c]
                                             : variant->elementwise[code->op][code->type];
        bool uniform = writes[dst] == 1 && d.slots[s.a].place == slot_uniform
            && d.slots[s.b].place == slot_uniform && d.slots[s.c].place == slot_uniform;
        if (writes[dst] < 0 && last_write[dst] == i) current[dst] = d.slots[dst].index;
        s.dst = (uint16_t)current[dst];
        if (uniform) {
            d.slots[dst].place = slot_uniform;
            d.prologue[d.prologue_count++] = s;
        } else {
            d.steps[d.step_count++] = s;
        }
    }
    for (int i = 0; i < deferred_count; i++) {
        int r = deferred_list[2 * i], s = deferred_list[2 * i + 1];
        d.steps[d.step_count++] =
            (step){variant->elementwise[hk_op_copy][p->register_types[r]], (uint16_t)s, (uint16_t)current[r],
                   (uint16_t)current[r], (uint16_t)current[r]};
    }

    // Registers that are written once, straight to their output, need no scratch memory.
    for (int r = input_count; r < registers; r++) {
        if (writes[r] == -1 || writes[r] == 0) {
            d.slots[r].bytes = 0;
        } else if (d.slots[r].place == slot_scratch) {
            tile_bytes_each += d.slots[r].bytes;
        }
    }
    int64_t tile = tile_bytes_each ? TILE_BYTES / tile_bytes_each : TILE_MOST;
    if (tile < TILE_LEAST) {
        tile = TILE_BYTES_MOST / tile_bytes_each;
        if (tile > TILE_LEAST) tile = TILE_LEAST;
    }
    tile &= -(int64_t)64;
    if (tile < 64) tile = 64;
    if (tile > TILE_MOST) tile = TILE_MOST;
    if (tile > count) tile = (count + HK_GRANULE - 1) & -(int64_t)HK_GRANULE;
    d.tile = tile;
    d.scratch_bytes = (size_t)(tile_bytes_each * tile) + (size_t)d.slot_count * (2 * sizeof(void *) + 64)
        + (size_t)d.slot_count * GRANULE_BYTES + (size_t)d.moving_count * GRANULE_BYTES
        + (size_t)d.walk_count * sizeof(char *) + 1024;
    for (int i = 0; i < d.walk_count; i++) d.scratch_bytes += hk_walk_bytes(&d.walks[i], tile) + 64;

    int64_t tiles = (count + tile - 1) / tile;
    hk_parallel(tiles, (double)count * (double)cost * 1e-3, run_tiles, &d);
}
