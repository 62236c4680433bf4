// The arithmetic of recurrent cells, for a block of rows of the batch and hidden units.
// Units are the outer loop, so that biases and the sums of their gradients stay in registers.

#define HK_CELL_LOOP(cell, body)                                                                                      \
    for (int64_t at = 0; at < (cell)->units; at += HK_GRANULE) {                                                      \
        int64_t count = (cell)->units - at < HK_GRANULE ? (cell)->units - at : HK_GRANULE;                            \
        body                                                                                                          \
    }

/// The product's granule of a gate: always whole, since panels are filled up with zeros.
#define HK_GATE_PRODUCT(gate) f32_load(product + (gate) * HK_GEMM_COLUMNS)
#define HK_GATE(base, gate) row_load((base) + (gate) * distance, count, 0)

/// Asks for the next step's operand: steps lie far apart, where the processor does not look by itself.
#define HK_CELL_AHEAD(base, gates)                                                                                    \
    for (int gate = 0; gate < (gates); gate++) __builtin_prefetch((base) + gate * distance);

static void lstm_forward(const hk_cell_forward *cell) {
    int64_t distance = cell->gate;
    HK_CELL_LOOP(cell, {
        f32v b[4] = {};
        if (cell->bias) {
            for (int g = 0; g < 4; g++) b[g] = HK_GATE(cell->bias + at, g);
        }
        for (int64_t row = 0; row < cell->rows; row++) {
            const float *product = cell->product + row * cell->product_row + at;
            const float *x = cell->gates_x.data + row * cell->gates_x.row + at;
            HK_CELL_AHEAD(x + cell->gates_x.step, 4)
            f32v i = f32_logistic(HK_GATE(x, 0) + (HK_GATE_PRODUCT(0) + b[0]));
            f32v f = f32_logistic(HK_GATE(x, 1) + (HK_GATE_PRODUCT(1) + b[1]));
            f32v g = f32_tanh(HK_GATE(x, 2) + (HK_GATE_PRODUCT(2) + b[2]));
            f32v o = f32_logistic(HK_GATE(x, 3) + (HK_GATE_PRODUCT(3) + b[3]));
            float *state = cell->state + row * cell->state_row + at;
            f32v c = f32_fma(f, row_load(state, count, 0), i * g);
            f32v h = o * f32_tanh(c);
            row_store(state, count, c);
            row_store(cell->h + row * cell->h_row + at, count, h);
            if (cell->y.data) row_store(cell->y.data + row * cell->y.row + at, count, h);
            if (cell->before.data) row_store(cell->before.data + row * cell->before.row + at, count, h);
            if (cell->kept.data) row_store(cell->kept.data + row * cell->kept.row + at, count, c);
            if (cell->gates.data) {
                float *gates = cell->gates.data + row * cell->gates.row + at;
                row_store(gates, count, i);
                row_store(gates + distance, count, f);
                row_store(gates + 2 * distance, count, g);
                row_store(gates + 3 * distance, count, o);
            }
        }
    })
}

static void gru_forward(const hk_cell_forward *cell) {
    int64_t distance = cell->gate;
    HK_CELL_LOOP(cell, {
        f32v b[3] = {};
        if (cell->bias) {
            for (int g = 0; g < 3; g++) b[g] = HK_GATE(cell->bias + at, g);
        }
        for (int64_t row = 0; row < cell->rows; row++) {
            const float *product = cell->product + row * cell->product_row + at;
            const float *x = cell->gates_x.data + row * cell->gates_x.row + at;
            HK_CELL_AHEAD(x + cell->gates_x.step, 3)
            f32v u = HK_GATE_PRODUCT(2) + b[2];
            f32v r = f32_logistic(HK_GATE(x, 0) + (HK_GATE_PRODUCT(0) + b[0]));
            f32v z = f32_logistic(HK_GATE(x, 1) + (HK_GATE_PRODUCT(1) + b[1]));
            f32v n = f32_tanh(f32_fma(r, u, HK_GATE(x, 2)));
            f32v last = row_load(cell->state + row * cell->state_row + at, count, 0);
            f32v h = f32_fma(z, last, (1.0f - z) * n);
            row_store(cell->h + row * cell->h_row + at, count, h);
            if (cell->y.data) row_store(cell->y.data + row * cell->y.row + at, count, h);
            if (cell->before.data) row_store(cell->before.data + row * cell->before.row + at, count, h);
            if (cell->kept.data) row_store(cell->kept.data + row * cell->kept.row + at, count, u);
            if (cell->gates.data) {
                float *gates = cell->gates.data + row * cell->gates.row + at;
                row_store(gates, count, r);
                row_store(gates + distance, count, z);
                row_store(gates + 2 * distance, count, n);
            }
        }
    })
}

static void lstm_backward(const hk_cell_backward *cell) {
    int64_t distance = cell->gate;
    HK_CELL_LOOP(cell, {
        f32v sums[4] = {};
        for (int64_t row = 0; row < cell->rows; row++) {
            const float *gates = cell->gates.data + row * cell->gates.row + at;
            const float *kept = cell->kept.data + row * cell->kept.row + at;
            HK_CELL_AHEAD(gates + cell->ahead * cell->gates.step, 4)
            f32v i = HK_GATE(gates, 0);
            f32v f = HK_GATE(gates, 1);
            f32v g = HK_GATE(gates, 2);
            f32v o = HK_GATE(gates, 3);
            f32v c = f32_tanh(row_load(kept, count, 0));
            f32v last = row_load(cell->before.data + row * cell->before.row + at, count, 0);
            __builtin_prefetch(cell->before.data + row * cell->before.row + at + cell->ahead * cell->before.step);
            f32v dh = f32_load(cell->product + row * cell->product_row + at);
            if (cell->dy.data) {
                const float *dy = cell->dy.data + row * cell->dy.row + at;
                __builtin_prefetch(dy + cell->ahead * cell->dy.step);
                dh += row_load(dy, count, 0);
            }
            float *carry = cell->state + row * cell->state_row + at;
            f32v dc = f32_fma(dh * o, f32_fma(-c, c, splat(1.0f)), row_load(carry, count, 0));
            row_store(carry, count, dc * f);
            f32v d[4];
            d[0] = dc * g * (i * (1.0f - i));
            d[1] = dc * last * (f * (1.0f - f));
            d[2] = dc * i * f32_fma(-g, g, splat(1.0f));
            d[3] = dh * c * (o * (1.0f - o));
            float *dgates = cell->dgates.data + row * cell->dgates.row + at;
            float *right = cell->right + row * cell->right_row + at;
            for (int gate = 0; gate < 4; gate++) {
                sums[gate] += d[gate];
                row_store(dgates + gate * distance, count, d[gate]);
                row_store(right + gate * distance, count, d[gate]);
            }
        }
        for (int gate = 0; gate < 4; gate++) {
            float *sum = cell->sums + gate * HK_GEMM_COLUMNS + at;
            f32_store(sum, f32_load(sum) + sums[gate]);
        }
    })
}

static void gru_backward(const hk_cell_backward *cell) {
    int64_t distance = cell->gate;
    HK_CELL_LOOP(cell, {
        f32v sums[4] = {};
        for (int64_t row = 0; row < cell->rows; row++) {
            const float *gates = cell->gates.data + row * cell->gates.row + at;
            const float *kept = cell->kept.data + row * cell->kept.row + at;
            HK_CELL_AHEAD(gates + cell->ahead * cell->gates.step, 3)
            __builtin_prefetch(kept + cell->ahead * cell->kept.step);
            f32v r = HK_GATE(gates, 0);
            f32v z = HK_GATE(gates, 1);
            f32v n = HK_GATE(gates, 2);
            f32v u = row_load(kept, count, 0);
            f32v last = row_load(cell->before.data + row * cell->before.row + at, count, 0);
            __builtin_prefetch(cell->before.data + row * cell->before.row + at + cell->ahead * cell->before.step);
            float *carry = cell->state + row * cell->state_row + at;
            f32v dh = f32_load(cell->product + row * cell->product_row + at) + row_load(carry, count, 0);
            if (cell->dy.data) {
                const float *dy = cell->dy.data + row * cell->dy.row + at;
                __builtin_prefetch(dy + cell->ahead * cell->dy.step);
                dh += row_load(dy, count, 0);
            }
            row_store(carry, count, dh * z);
            f32v rest = 1.0f - z;
            f32v d[4];
            d[2] = dh * rest * f32_fma(-n, n, splat(1.0f));
            d[1] = dh * (last - n) * (z * rest);
            d[0] = d[2] * u * (r * (1.0f - r));
            d[3] = d[2] * r;
            float *dgates = cell->dgates.data + row * cell->dgates.row + at;
            float *right = cell->right + row * cell->right_row + at;
            row_store(dgates, count, d[0]);
            row_store(dgates + distance, count, d[1]);
            row_store(dgates + 2 * distance, count, d[2]);
            row_store(cell->dkept.data + row * cell->dkept.row + at, count, d[3]);
            row_store(right, count, d[0]);
            row_store(right + distance, count, d[1]);
            row_store(right + 2 * distance, count, d[3]);
            for (int gate = 0; gate < 4; gate++) sums[gate] += d[gate];
        }
        for (int gate = 0; gate < 4; gate++) {
            float *sum = cell->sums + gate * HK_GEMM_COLUMNS + at;
            f32_store(sum, f32_load(sum) + sums[gate]);
        }
    })
}
