/// Element types and limits that every kernel shares.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// The largest number of axes that a kernel takes.
#define HK_MAX_RANK 8

/// Element types. The values equal the raw values of `DType` in HillockCore.
enum hk_type {
    hk_type_f32 = 0,
    hk_type_f64 = 1,
    hk_type_i32 = 2,
    hk_type_i64 = 3,
    hk_type_u8 = 4,
    /// One byte, 0 or 1.
    hk_type_bool = 5,
    /// Storage only: convert before computing.
    hk_type_bf16 = 6,
    /// Storage only: convert before computing.
    hk_type_f16 = 7,
    hk_type_count = 8,
};

/// Bytes that one element of `type` takes.
static inline int64_t hk_type_bytes(int type) {
    static const uint8_t bytes[hk_type_count] = {4, 8, 4, 8, 1, 1, 2, 2};
    return bytes[type];
}
