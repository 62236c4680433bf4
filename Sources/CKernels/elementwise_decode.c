// Decoding an element-wise program for one call: where each value lives, what is computed once, how long a tile is.
#include "elementwise_internal.h"
#include <string.h>

/// Scratch memory that the registers of one tile should take together: measured best when they leave most of the first level
/// of cache to inputs and outputs. Programs of many registers take more, up to a part of the second level, rather than
/// tiles so short that calling kernels costs more than running them.
#define TILE_BYTES (16 * 1024)
#define TILE_BYTES_MOST (256 * 1024)
#define TILE_LEAST 512
#define TILE_MOST 4096
/// From so much memory read and written on, tiles are asked for before their turn, and so are short.
#define FETCH_BYTES (1024 * 1024)
#define FETCH_TILE_MOST 1024

/// Operands that each operation reads.
static const uint8_t operand_counts[hk_op_count] = {
    [hk_op_copy] = 1, [hk_op_convert] = 1, [hk_op_add] = 2, [hk_op_subtract] = 2, [hk_op_multiply] = 2,
    [hk_op_divide] = 2, [hk_op_remainder] = 2, [hk_op_power] = 2, [hk_op_maximum] = 2, [hk_op_minimum] = 2,
    [hk_op_negate] = 1, [hk_op_abs] = 1, [hk_op_sign] = 1, [hk_op_exp] = 1, [hk_op_expm1] = 1, [hk_op_log] = 1,
    [hk_op_log1p] = 1, [hk_op_sqrt] = 1, [hk_op_rsqrt] = 1, [hk_op_sin] = 1, [hk_op_cos] = 1, [hk_op_tanh] = 1,
    [hk_op_logistic] = 1, [hk_op_erf] = 1, [hk_op_floor] = 1, [hk_op_ceil] = 1, [hk_op_round_even] = 1,
    [hk_op_fma] = 3, [hk_op_equal] = 2, [hk_op_not_equal] = 2, [hk_op_less] = 2, [hk_op_less_equal] = 2,
    [hk_op_greater] = 2, [hk_op_greater_equal] = 2, [hk_op_select] = 3, [hk_op_and] = 2, [hk_op_or] = 2,
    [hk_op_xor] = 2, [hk_op_not] = 1, [hk_op_is_finite] = 1, [hk_op_relu] = 1, [hk_op_relu_gradient] = 2, [hk_op_gelu] = 1,
    [hk_op_gelu_gradient] = 2, [hk_op_tanh_gradient] = 2, [hk_op_logistic_gradient] = 2,
};

/// Rough cost of an operation on one f32, in picoseconds on one core; decides only whether the team is woken.
static int64_t operation_cost(int op) {
    switch (op) {
    case hk_op_power: return 3000;
    case hk_op_exp: case hk_op_expm1: case hk_op_log: case hk_op_log1p: case hk_op_sin: case hk_op_cos:
    case hk_op_tanh: case hk_op_logistic: case hk_op_erf: case hk_op_gelu: case hk_op_gelu_gradient: return 500;
    case hk_op_divide: case hk_op_remainder: case hk_op_sqrt: case hk_op_rsqrt: return 200;
    default: return 50;
    }
}

bool hk_elementwise_supports(int op, int type) {
    if (op < 0 || op >= hk_op_count || type < 0 || type >= hk_type_count) return false;
    return op == hk_op_convert || hk_variant_current()->elementwise[op][type] != NULL;
}

/// What decoding keeps for each register, and the outputs that are copied when all is done.
typedef struct {
    hk_decoded *d;
    const hk_variant *variant;
    /// How often the register is written; negative where its last write goes straight to an output.
    int32_t *writes;
    int32_t *last_write;
    /// The slot where the register's value is at the moment.
    int32_t *current;
    /// Pairs of register and output slot.
    uint16_t *deferred;
    int deferred_count;
    /// Of all scratch slots together, of one element.
    int64_t element_bytes;
} decoding;

static void place_inputs(decoding *state) {
    hk_decoded *d = state->d;
    const hk_elementwise_program *p = d->program;
    for (int i = 0; i < p->input_count; i++) {
        hk_slot *slot = &d->slots[i];
        slot->index = (uint16_t)i;
        int kind = hk_walk_dense;
        if (p->inputs[i].kind == hk_operand_scalar) {
            kind = hk_walk_scalar;
        } else if (p->inputs[i].kind == hk_operand_strided) {
            kind = hk_walk_make(&d->walks[d->walk_count], p, i, d->inputs[i], slot->bytes);
        } else if (p->inputs[i].kind == hk_operand_random) {
            hk_walk_draw(&d->walks[d->walk_count], d->inputs[i]);
            kind = hk_walk_strided;
        }
        if (kind == hk_walk_scalar) {
            slot->place = hk_slot_uniform;
        } else if (kind == hk_walk_dense) {
            slot->place = hk_slot_dense;
            d->moving[d->moving_count++] = (uint16_t)i;
        } else {
            d->cost += d->walks[d->walk_count].period > 0 ? 20 : 500;
            slot->place = hk_slot_strided;
            slot->index = (uint16_t)d->walk_count;
            d->walk_slots[d->walk_count++] = (uint16_t)i;
            state->element_bytes += slot->bytes;
        }
        d->cost += 100;
    }
}

/// Whether input `i` is read by an instruction from `first` on, or as an output.
static bool is_read(const hk_elementwise_program *p, int i, int first) {
    for (int at = first; at < p->instruction_count; at++) {
        const hk_instruction *code = &p->code[at];
        int operands = operand_counts[code->op];
        if (code->a == i || (operands > 1 && code->b == i) || (operands > 2 && code->c == i)) return true;
    }
    for (int o = 0; o < p->output_count; o++) {
        if (p->output_registers[o] == i) return true;
    }
    return false;
}

/// The last write of an output's register goes straight to the output, unless that memory is an input's that is still read
/// afterwards, or another output already takes the register.
static void place_outputs(decoding *state) {
    hk_decoded *d = state->d;
    const hk_elementwise_program *p = d->program;
    for (int o = 0; o < p->output_count; o++) {
        int r = p->output_registers[o], s = d->slot_count++;
        d->slots[s] = (hk_slot){hk_slot_output, (uint8_t)hk_type_bytes(p->output_types[o]), (uint16_t)o};
        d->moving[d->moving_count++] = (uint16_t)s;
        bool straight = r >= p->input_count && state->writes[r] > 0;
        for (int i = 0; straight && i < p->input_count; i++) {
            if (d->inputs[i] != d->outputs[o] || p->inputs[i].kind == hk_operand_scalar) continue;
            straight = !is_read(p, i, state->last_write[r] + 1);
        }
        if (straight) {
            state->writes[r] = -state->writes[r];
            d->slots[r].index = (uint16_t)s;
        } else {
            state->deferred[2 * state->deferred_count] = (uint16_t)r;
            state->deferred[2 * state->deferred_count + 1] = (uint16_t)s;
            state->deferred_count++;
        }
    }
}

static hk_step copy_step(const decoding *state, int r, int to, int from) {
    int type = state->d->program->register_types[r];
    uint16_t source = (uint16_t)from;
    return (hk_step){state->variant->elementwise[hk_op_copy][type], (uint16_t)to, source, source, source};
}

/// An input that is itself an output is copied when all is done; where its memory is written by then, it is set aside first.
static void save_inputs(decoding *state) {
    hk_decoded *d = state->d;
    const hk_elementwise_program *p = d->program;
    for (int i = 0; i < state->deferred_count; i++) {
        int r = state->deferred[2 * i];
        if (r >= p->input_count || d->slots[r].place == hk_slot_uniform || state->current[r] != r) continue;
        bool overwritten = false;
        for (int o = 0; o < p->output_count; o++) {
            if (d->outputs[o] == d->inputs[r] && p->output_registers[o] != r) overwritten = true;
        }
        if (!overwritten) continue;
        int s = d->slot_count++;
        d->slots[s] = (hk_slot){hk_slot_scratch, d->slots[r].bytes, 0};
        state->element_bytes += d->slots[r].bytes;
        d->steps[d->step_count++] = copy_step(state, r, s, r);
        // Whoever reads the register later may as well read the copy.
        state->current[r] = s;
    }
}

static void decode_instructions(decoding *state) {
    hk_decoded *d = state->d;
    const hk_elementwise_program *p = d->program;
    for (int i = 0; i < p->instruction_count; i++) {
        const hk_instruction *code = &p->code[i];
        int dst = code->dst, operands = operand_counts[code->op];
        hk_step s;
        s.a = (uint16_t)state->current[code->a];
        s.b = operands > 1 ? (uint16_t)state->current[code->b] : s.a;
        s.c = operands > 2 ? (uint16_t)state->current[code->c] : s.a;
        s.kernel = code->op == hk_op_convert ? state->variant->convert[code->type][code->c]
                                             : state->variant->elementwise[code->op][code->type];
        if (state->writes[dst] < 0 && state->last_write[dst] == i) state->current[dst] = d->slots[dst].index;
        s.dst = (uint16_t)state->current[dst];
        // What depends on scalars alone is computed once, if nothing else is ever put in its register.
        bool uniform = state->writes[dst] == 1 && d->slots[s.a].place == hk_slot_uniform
            && d->slots[s.b].place == hk_slot_uniform && d->slots[s.c].place == hk_slot_uniform;
        if (uniform) {
            d->slots[dst].place = hk_slot_uniform;
            d->prologue[d->prologue_count++] = s;
        } else {
            d->steps[d->step_count++] = s;
        }
    }
    for (int i = 0; i < state->deferred_count; i++) {
        int r = state->deferred[2 * i];
        d->steps[d->step_count++] = copy_step(state, r, state->deferred[2 * i + 1], state->current[r]);
    }
}

/// What is folded must lie in a row of granules when a tile is done: a value that is the same everywhere is copied.
static void place_folds(decoding *state) {
    hk_decoded *d = state->d;
    const hk_elementwise_program *p = d->program;
    for (int f = 0; f < p->fold_count; f++) {
        int r = p->folds[f].source, s = state->current[r], type = p->register_types[r];
        if (d->slots[s].place == hk_slot_uniform) {
            int copy = d->slot_count++;
            d->slots[copy] = (hk_slot){hk_slot_scratch, d->slots[s].bytes, 0};
            state->element_bytes += d->slots[s].bytes;
            d->steps[d->step_count++] = copy_step(state, r, copy, s);
            s = copy;
        }
        int bytes = (int)hk_type_bytes(type);
        d->folds[f] = (hk_folding){
            .reducer = state->variant->reduce[p->folds[f].reduction][type], .slot = (uint16_t)s, .bytes = (uint8_t)bytes,
            .run = p->folds[f].run, .output = d->outputs[p->output_count + f]};
        d->cost += 60;
    }
}

static void choose_tile(decoding *state) {
    hk_decoded *d = state->d;
    const hk_elementwise_program *p = d->program;
    for (int r = p->input_count; r < p->register_count; r++) {
        if (state->writes[r] == -1 || state->writes[r] == 0) {
            // Never written, or once and straight to its output: it needs no memory.
            d->slots[r].bytes = 0;
        } else if (d->slots[r].place == hk_slot_scratch) {
            state->element_bytes += d->slots[r].bytes;
        }
    }
    int64_t tile = state->element_bytes ? TILE_BYTES / state->element_bytes : TILE_MOST;
    if (tile < TILE_LEAST) {
        tile = TILE_BYTES_MOST / state->element_bytes;
        if (tile > TILE_LEAST) tile = TILE_LEAST;
    }
    tile &= -(int64_t)64;
    if (tile < 64) tile = 64;
    if (tile > (d->fetches ? FETCH_TILE_MOST : TILE_MOST)) tile = d->fetches ? FETCH_TILE_MOST : TILE_MOST;
    if (tile > d->count) tile = (d->count + HK_GRANULE - 1) & -(int64_t)HK_GRANULE;
    d->tile = tile;
    if (d->fold_count > 0) {
        int64_t each = 2 * ((d->count + tile - 1) / tile);
        uint64_t *parts = hk_scratch(hk_scratch_folds, (size_t)(d->fold_count * each) * sizeof *parts);
        for (int f = 0; f < d->fold_count; f++) d->folds[f].parts = parts + f * each;
    }
    size_t slots = (size_t)d->slot_count, each = 2 * sizeof(void *) + HK_GRANULE_BYTES + 64;
    d->scratch_bytes = (size_t)(state->element_bytes * tile) + slots * each
        + (size_t)d->moving_count * HK_GRANULE_BYTES + (size_t)d->walk_count * sizeof(char *) + 1024;
    for (int i = 0; i < d->walk_count; i++) d->scratch_bytes += hk_walk_bytes(&d->walks[i], tile) + 64;
}

bool hk_elementwise_decode(
    hk_decoded *d, const hk_elementwise_program *p, const void *const *inputs, void *const *outputs) {
    int64_t count = 1;
    for (int i = 0; i < p->rank; i++) count *= p->extents[i];
    if (count <= 0 || p->output_count + p->fold_count == 0) return false;

    size_t registers = (size_t)p->register_count, output_count = (size_t)p->output_count;
    size_t fold_count = (size_t)p->fold_count, slot_limit = registers + 2 * output_count + fold_count;
    size_t step_limit = (size_t)p->instruction_count + 2 * output_count + fold_count;
    size_t bytes = slot_limit * (sizeof(hk_slot) + 2 * sizeof(uint16_t)) + registers * 3 * sizeof(int32_t)
        + step_limit * 2 * sizeof(hk_step) + (size_t)p->input_count * sizeof(hk_walk)
        + output_count * 2 * sizeof(uint16_t) + fold_count * sizeof(hk_folding) + 16 * 64;
    char *memory = hk_scratch(hk_scratch_call, bytes);
    *d = (hk_decoded){.program = p, .inputs = inputs, .outputs = outputs, .count = count, .fold_count = p->fold_count};
    d->slots = (hk_slot *)hk_carve(&memory, slot_limit * sizeof(hk_slot));
    d->moving = (uint16_t *)hk_carve(&memory, slot_limit * sizeof(uint16_t));
    d->walk_slots = (uint16_t *)hk_carve(&memory, slot_limit * sizeof(uint16_t));
    d->steps = (hk_step *)hk_carve(&memory, step_limit * sizeof(hk_step));
    d->prologue = (hk_step *)hk_carve(&memory, step_limit * sizeof(hk_step));
    d->walks = (hk_walk *)hk_carve(&memory, (size_t)p->input_count * sizeof(hk_walk));
    d->folds = (hk_folding *)hk_carve(&memory, fold_count * sizeof(hk_folding));
    decoding state = {.d = d, .variant = hk_variant_current()};
    state.writes = (int32_t *)hk_carve(&memory, registers * sizeof(int32_t));
    state.last_write = (int32_t *)hk_carve(&memory, registers * sizeof(int32_t));
    state.current = (int32_t *)hk_carve(&memory, registers * sizeof(int32_t));
    state.deferred = (uint16_t *)hk_carve(&memory, output_count * 2 * sizeof(uint16_t));

    memset(state.writes, 0, registers * sizeof(int32_t));
    for (int r = 0; r < p->register_count; r++) {
        state.current[r] = r;
        d->slots[r] = (hk_slot){hk_slot_scratch, (uint8_t)hk_type_bytes(p->register_types[r]), 0};
    }
    for (int i = 0; i < p->instruction_count; i++) {
        int dst = p->code[i].dst;
        state.writes[dst]++;
        state.last_write[dst] = i;
        d->cost += operation_cost(p->code[i].op);
    }
    d->slot_count = p->register_count;
    place_inputs(&state);
    place_outputs(&state);
    save_inputs(&state);
    decode_instructions(&state);
    place_folds(&state);
    size_t moved = 0;
    for (int i = 0; i < d->moving_count; i++) moved += (size_t)d->count * d->slots[d->moving[i]].bytes;
    d->fetches = d->step_count > 1 && moved >= FETCH_BYTES;
    choose_tile(&state);
    return true;
}
