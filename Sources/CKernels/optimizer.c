// Optimizers' steps: all parameters cut into pieces that the team shares.
#include "internal.h"
#include <string.h>

/// Elements of a piece: what a piece reads and writes stays in the second-level cache, and a small one is not worth a wake-up.
#define PIECE 4096
/// The same where few of them may be changed, each from memory: where a piece ends, nothing is asked for ahead.
#define SPARSE_PIECE 16384
/// Columns of a piece whose gradient is a product.
#define COLUMNS (PIECE / HK_OPTIMIZER_ROWS)

typedef struct {
    const hk_variant *variant;
    const hk_optimizer_step_numbers *numbers;
    const hk_optimizer_tensor *tensors;
    /// `[count + 1]`: pieces before each tensor.
    const int64_t *firsts;
    int64_t count;
} call;

/// Rows or groups of rows in a piece of a tensor of which only the touched rows are changed.
static int64_t rows_in_piece(const hk_optimizer_tensor *t) { return t->width >= PIECE ? 1 : PIECE / t->width; }

static int64_t row_groups_of(const hk_optimizer_tensor *t) {
    return (t->count / t->width + HK_OPTIMIZER_ROWS - 1) / HK_OPTIMIZER_ROWS;
}
static int64_t column_pieces_of(const hk_optimizer_tensor *t) { return (t->width + COLUMNS - 1) / COLUMNS; }

/// Units of rows of a tensor whose past is known, and in a piece of it.
static int64_t units_of(const hk_optimizer_tensor *t) { return hk_divide_up(t->count / t->width, hk_optimizer_unit_rows(t->width)); }
static int64_t units_in_piece(const hk_optimizer_tensor *t) {
    int64_t unit = hk_optimizer_unit_rows(t->width) * t->width;
    return unit >= SPARSE_PIECE ? 1 : SPARSE_PIECE / unit;
}

static int64_t pieces_of(const hk_optimizer_tensor *t) {
    if (t->factors[0]) return row_groups_of(t) * column_pieces_of(t);
    if (t->past) return hk_divide_up(units_of(t), units_in_piece(t));
    if (!t->touched_only) return (t->count + PIECE - 1) / PIECE;
    int64_t rows = t->gradient ? t->count / t->width : t->groups->count, each = rows_in_piece(t);
    return (rows + each - 1) / each;
}

/// The first group with a row of at least `row`.
static int64_t first_group(const hk_row_groups *groups, int64_t row) {
    int64_t low = 0, high = groups->count;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if ((int64_t)groups->rows[middle] < row) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/// Asks for what the step of a group will read.
static void prefetch_group(const hk_optimizer_tensor *t, int64_t group) {
    int64_t start = (int64_t)t->groups->rows[group] * t->width;
    for (int64_t at = 0; at < t->width && at < 128; at += 16) {
        __builtin_prefetch(t->parameter + start + at);
        for (int slot = 0; slot < 2; slot++) {
            if (t->slots[slot]) __builtin_prefetch(t->slots[slot] + start + at);
        }
    }
}

/// Steps of all elements from `from` on.
static void step_all(const call *c, const hk_optimizer_tensor *t, const float *gradient, int64_t from, int64_t n) {
    hk_span all = {0, n};
    c->variant->optimizer[c->numbers->kind](c->numbers, t, gradient, from, &all, 1);
}

/// The gradient of the rows `first ..< last` where `spans` say, counted from the first row: the sums of those that were touched, zeros else.
static float *scattered(
    const call *c, const hk_optimizer_tensor *t, int64_t first, int64_t last, const hk_span *spans, int64_t count) {
    float *rows = hk_scratch(hk_scratch_thread, (size_t)((last - first) * t->width) * sizeof *rows);
    for (int64_t i = 0; i < count; i++) memset(rows + spans[i].begin, 0, (size_t)(spans[i].end - spans[i].begin) * sizeof *rows);
    c->variant->add_groups(
        t->groups, first_group(t->groups, first), first_group(t->groups, last), t->updates, t->update_row, t->width, first, rows);
    return rows;
}

/// All elements from `from` on; whole rows are added up, also where the elements begin or end within one.
static void step_scattered(const call *c, const hk_optimizer_tensor *t, int64_t from, int64_t n) {
    int64_t first = from / t->width, last = (from + n + t->width - 1) / t->width;
    hk_span all = {0, (last - first) * t->width};
    step_all(c, t, scattered(c, t, first, last, &all, 1) + (from - first * t->width), from, n);
}

/// Whether a step of what has neither a gradient nor a past changes nothing.
static bool rests(const hk_optimizer_step_numbers *s, const hk_optimizer_tensor *t) {
    // The step of zero, which some settings make not a number.
    float step = s->kind == hk_optimizer_adam ? s->rate * (0 / (s->correction * 0 + s->epsilon)) : s->rate * 0;
    return t->decay == 0 && t->keep == 1 && step == 0;
}

/// Whether new values take the old ones' place, so that what is left out stays.
static bool is_in_place(const hk_optimizer_tensor *t) {
    return t->parameter == t->new_parameter && t->slots[0] == t->new_slots[0] && t->slots[1] == t->new_slots[1];
}

/// Whether some elements' slots are not all zeros; of zeros' signs too, so that leaving them out changes no bit.
static bool has_past(const hk_optimizer_tensor *t, int64_t from, int64_t n) {
    uint32_t bits = 0;
    for (int slot = 0; slot < 2; slot++) {
        const uint32_t *x = (const uint32_t *)t->slots[slot];
        for (int64_t i = from; x && i < from + n; i++) bits |= x[i];
    }
    return bits != 0;
}

/// One piece of a tensor whose past is known or will be, of which only what has a gradient or a past is changed.
static void step_with_past(const call *c, const hk_optimizer_tensor *t, int64_t piece) {
    int64_t rows = hk_optimizer_unit_rows(t->width), unit = rows * t->width, first = piece * units_in_piece(t);
    int64_t last = first + units_in_piece(t) < units_of(t) ? first + units_in_piece(t) : units_of(t);
    int64_t from = first * unit, n = (last * unit < t->count ? last * unit : t->count) - from;
    if (!rests(c->numbers, t)) {
        memset(t->past + first, 1, (size_t)(last - first));
        step_scattered(c, t, from, n);
        return;
    }
    if (!t->knows_past) {
        for (int64_t i = first; i < last; i++) {
            int64_t begin = i * unit, end = begin + unit < t->count ? begin + unit : t->count;
            t->past[i] = has_past(t, begin, end - begin);
        }
    }
    int64_t end = first_group(t->groups, last * rows);
    for (int64_t group = first_group(t->groups, first * rows); group < end; group++) t->past[t->groups->rows[group] / rows] = 1;
    if (!is_in_place(t)) {
        step_scattered(c, t, from, n);
        return;
    }
    hk_span spans[SPARSE_PIECE / 16];
    int64_t count = 0;
    for (int64_t i = first; i < last; i++) {
        if (!t->past[i]) continue;
        int64_t begin = (i - first) * unit, end = begin + unit < n ? begin + unit : n;
        if (count > 0 && spans[count - 1].end == begin) {
            spans[count - 1].end = end;
        } else {
            spans[count++] = (hk_span){begin, end};
        }
    }
    if (count == 0) return;
    const float *gradient = scattered(c, t, first * rows, (from + n) / t->width, spans, count);
    c->variant->optimizer[c->numbers->kind](c->numbers, t, gradient, from, spans, count);
}

/// Some rows and columns whose gradient is a product.
static void step_product(const call *c, const hk_optimizer_tensor *t, int64_t piece) {
    float *gradient = hk_scratch(hk_scratch_thread, PIECE * sizeof *gradient);
    int64_t row = piece / column_pieces_of(t) * HK_OPTIMIZER_ROWS, column = piece % column_pieces_of(t) * COLUMNS;
    int64_t rows = t->count / t->width - row, n = t->width - column;
    if (rows > HK_OPTIMIZER_ROWS) rows = HK_OPTIMIZER_ROWS;
    if (n > COLUMNS) n = COLUMNS;
    c->variant->combine_rows(t, rows, row, column, n, gradient);
    for (int64_t r = 0; r < rows; r++) {
        step_all(c, t, gradient + r * n, (row + r) * t->width + column, n);
    }
}

static bool is_zero(const float *row, int64_t width) {
    for (int64_t i = 0; i < width; i++) {
        if (row[i] != 0) return false;
    }
    return true;
}

/// The rows or groups of one piece, but for those whose gradient is zero.
static void step_touched(const call *c, const hk_optimizer_tensor *t, int64_t piece) {
    int64_t each = rows_in_piece(t), first = piece * each, last = first + each, width = t->width;
    if (t->gradient) {
        if (last > t->count / width) last = t->count / width;
        for (int64_t row = first; row < last; row++) {
            const float *gradient = t->gradient + row * width;
            if (!is_zero(gradient, width)) step_all(c, t, gradient, row * width, width);
        }
        return;
    }
    float *sum = hk_scratch(hk_scratch_thread, (size_t)width * sizeof *sum);
    if (last > t->groups->count) last = t->groups->count;
    for (int64_t group = first; group < last; group++) {
        if (group + 8 < last) prefetch_group(t, group + 8);
        int64_t row = (int64_t)t->groups->rows[group];
        memset(sum, 0, (size_t)width * sizeof *sum);
        c->variant->add_groups(t->groups, group, group + 1, t->updates, t->update_row, width, row, sum);
        if (!is_zero(sum, width)) step_all(c, t, sum, row * width, width);
    }
}

static void step_pieces(void *context, int64_t begin, int64_t end) {
    const call *c = context;
    int64_t tensor = 0;
    for (int64_t piece = begin; piece < end; piece++) {
        while (c->firsts[tensor + 1] <= piece) tensor++;
        const hk_optimizer_tensor *t = &c->tensors[tensor];
        int64_t place = piece - c->firsts[tensor];
        if (t->touched_only) {
            step_touched(c, t, place);
        } else if (t->factors[0]) {
            step_product(c, t, place);
        } else if (t->past) {
            step_with_past(c, t, place);
        } else {
            int64_t from = place * PIECE, n = t->count - from < PIECE ? t->count - from : PIECE;
            if (t->gradient) {
                step_all(c, t, t->gradient + from, from, n);
            } else {
                step_scattered(c, t, from, n);
            }
        }
    }
}

void hk_optimizer_run(const hk_optimizer_step_numbers *numbers, const hk_optimizer_tensor *tensors, int64_t count) {
    if (count <= 0) return;
    int64_t *firsts = hk_scratch(hk_scratch_call, (size_t)(count + 1) * sizeof *firsts), elements = 0;
    firsts[0] = 0;
    for (int64_t i = 0; i < count; i++) {
        firsts[i + 1] = firsts[i] + pieces_of(&tensors[i]);
        bool few = tensors[i].touched_only && !tensors[i].gradient;
        elements += few ? tensors[i].groups->count * tensors[i].width : tensors[i].count;
    }
    static const double costs[] = {0.25, 0.45, 0.7};
    call c = {hk_variant_current(), numbers, tensors, firsts, count};
    hk_parallel(
        firsts[count], (double)elements * costs[numbers->kind] + (double)count * 20, step_pieces, &c);
}
