// Convolutions as direct sums: how weights are packed, in the order in which sums run through them.
#include "taps_plan.h"
#include <string.h>

#define LANES HK_TAPS_LANES
/// Blocks, or panels, whose weights of one tap are packed together: long enough runs for the memory.
#define RUN 8

typedef struct {
    const hk_taps_plan *plan;
    float *packed;
} packing;

/// The numbers of one panel and block as [channel][tap][16].
static void turn_block(const hk_taps_plan *p, int64_t panel, int64_t block, float *to) {
    int64_t taps = (int64_t)p->kernel * p->kernel, in = p->blocks * p->lanes, out = p->panels * LANES;
    if (!p->back) {
        const float *from = p->weights + (panel * LANES * in + block * p->lanes) * taps;
        p->variant->transpose[2]((const char *)from, in * taps, (char *)to, LANES, LANES, p->lanes * taps);
        return;
    }
    for (int64_t channel = 0; channel < p->lanes; channel++, to += taps * LANES) {
        const float *from = p->weights + ((block * p->lanes + channel) * out + panel * LANES) * taps;
        if (taps == 1) {
            memcpy(to, from, LANES * sizeof(float));
        } else {
            p->variant->transpose[2]((const char *)from, taps, (char *)to, LANES, LANES, taps);
        }
    }
}

void hk_taps_pack_part(const hk_taps_plan *p, int64_t panel, int64_t begin, int64_t end, float *turned, float *to) {
    int64_t taps = (int64_t)p->kernel * p->kernel, size = p->lanes * LANES;
    for (int64_t block = begin; block < end; block++) {
        if (taps == 1) {
            turn_block(p, panel, block, to + (block - begin) * size);
            continue;
        }
        turn_block(p, panel, block, turned);
        float *phase = to;
        for (int a = 0; a < p->phases; a++) {
            for (int b = 0; b < p->phases; b++) {
                const hk_taps_axis *down = &p->down[a], *across = &p->across[b];
                int64_t count = (int64_t)down->taps * across->taps * size;
                float *place = phase + (block - begin) * count;
                for (int i = down->first; i < down->first + down->taps; i++) {
                    for (int j = across->first; j < across->first + across->taps; j++) {
                        const float *from = turned + ((p->phases * i + a) * p->kernel + p->phases * j + b) * LANES;
                        for (int64_t channel = 0; channel < p->lanes; channel++, place += LANES) {
                            memcpy(place, from + channel * taps * LANES, LANES * sizeof(float));
                        }
                    }
                }
                phase += (end - begin) * count;
            }
        }
    }
}

static void pack_parts(void *context, int64_t begin, int64_t end) {
    const packing *k = context;
    const hk_taps_plan *p = k->plan;
    float *turned = hk_scratch(hk_scratch_thread, (size_t)hk_taps_turned_floats(p) * sizeof(float));
    for (int64_t task = begin; task < end; task++) {
        int64_t panel = task / p->parts, part = task % p->parts;
        int64_t first = p->blocks * part / p->parts, last = p->blocks * (part + 1) / p->parts;
        hk_taps_pack_part(p, panel, first, last, turned, k->packed + hk_taps_floats(p, panel * p->blocks + first));
    }
}

/// One tap: [panel][channel][16].
static void pack_runs(void *context, int64_t begin, int64_t end) {
    const packing *k = context;
    const hk_taps_plan *p = k->plan;
    int64_t in = p->blocks * p->lanes, out = p->panels * LANES;
    for (int64_t run = begin; run < end; run++) {
        if (p->back) {
            // Some channels to all panels, `RUN` at a time.
            int64_t last = (run + 1) * LANES < in ? (run + 1) * LANES : in;
            for (int64_t panel = 0; panel < p->panels; panel += RUN) {
                for (int64_t channel = run * LANES; channel < last; channel++) {
                    const float *from = p->weights + channel * out;
                    for (int64_t i = panel; i < panel + RUN && i < p->panels; i++) {
                        memcpy(k->packed + (i * in + channel) * LANES, from + i * LANES, LANES * sizeof(float));
                    }
                }
            }
        } else {
            int64_t runs = hk_divide_up(in, RUN * LANES), panel = run / runs, first = run % runs * RUN * LANES;
            int64_t count = in - first < RUN * LANES ? in - first : RUN * LANES;
            const float *from = p->weights + panel * LANES * in + first;
            float *to = k->packed + (panel * in + first) * LANES;
            p->variant->transpose[2]((const char *)from, in, (char *)to, LANES, LANES, count);
        }
    }
}

void hk_taps_pack(const hk_taps_plan *p, float *packed) {
    packing k = {p, packed};
    int64_t in = p->blocks * p->lanes;
    double cost = (double)(in * p->panels * LANES * p->kernel * p->kernel) * 0.4;
    if (p->kernel > 1) {
        hk_parallel(p->panels * p->parts, cost, pack_parts, &k);
    } else {
        hk_parallel(p->back ? hk_divide_up(in, LANES) : p->panels * hk_divide_up(in, RUN * LANES), cost, pack_runs, &k);
    }
}
