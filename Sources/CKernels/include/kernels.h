/// The vector kernels of the native CPU engine.
///
/// Extents and strides count elements. Every kernel gives the same bits for any number of threads.
#pragma once
#include "elementwise.h"
#include "index.h"
#include "matmul.h"
#include "move.h"
#include "peak.h"
#include "pool.h"
#include "random.h"
#include "reduce.h"
#include "team.h"
#include "types.h"
