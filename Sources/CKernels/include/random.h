/// Counter-based random numbers: Philox 4x32-10.
///
/// Salmon, Moraes, Dror, Shaw: Parallel Random Numbers: As Easy as 1, 2, 3 (SC 2011). The key is (low, high) 32 bits of `key`;
/// the counter of block b is (low 32 bits of b, high 32 bits of b, 0, 0). Word w of the stream is word w % 4 of block w / 4.
/// Element i of each function depends on `key` and i only: any sub-range `first ..< first + count` can be made by itself.
#pragma once
#include "types.h"

/// Element i: word i.
void hk_philox_bits(uint64_t key, uint64_t first, uint32_t *output, int64_t count);

/// Uniform in [0, 1): the 24 high bits of word i.
void hk_philox_uniform_f32(uint64_t key, uint64_t first, float *output, int64_t count);

/// Uniform in [0, 1): 53 bits, the high 27 of word 2i above the high 26 of word 2i + 1.
void hk_philox_uniform_f64(uint64_t key, uint64_t first, double *output, int64_t count);

/// Standard normal by Box and Muller's transform (1958): elements 2k and 2k + 1 are r cos t and r sin t from words 2k and 2k + 1.
void hk_philox_normal_f32(uint64_t key, uint64_t first, float *output, int64_t count);

/// Standard normal in f64: elements 2k and 2k + 1 from the four words of block k.
void hk_philox_normal_f64(uint64_t key, uint64_t first, double *output, int64_t count);
