/// The vector kernels of the native CPU engine.
///
/// Extents and strides count elements. Every kernel gives the same bits for any number of threads.
#pragma once
#include "attention.h"
#include "convolution.h"
#include "elementwise.h"
#include "gemm.h"
#include "index.h"
#include "losses.h"
#include "matmul.h"
#include "move.h"
#include "narrow.h"
#include "normalization.h"
#include "optimizer.h"
#include "peak.h"
#include "pool.h"
#include "random.h"
#include "recurrent.h"
#include "reduce.h"
#include "skip_gram.h"
#include "team.h"
#include "types.h"
#include "winograd.h"
