/// The vector kernels of the native CPU engine.
///
/// Extents and strides count elements. Every kernel gives the same bits for any number of threads.
#pragma once
#include "convolution.h"
#include "elementwise.h"
#include "index.h"
#include "matmul.h"
#include "move.h"
#include "narrow.h"
#include "pool.h"
#include "random.h"
#include "reduce.h"
#include "team.h"
#include "types.h"
#include "winograd.h"
