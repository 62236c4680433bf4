// What is compiled once more for instructions for bf16.
#include "vector.h"
#include "transpose.h"
#include "bf16.h"
#include "winograd_rounding.h"
#include "winograd_transforms.h"
#include "winograd_products.h"
#include "bf16_kernels.h"

const hk_bf16_kernels hk_bf16_avx512 = HK_BF16_TABLE;
