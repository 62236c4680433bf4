"""Values and gradients of every operation, made by PyTorch: an implementation independent of Hillock.

    python3 make_operations.py        (needs torch, numpy, safetensors; any recent version)

Writes, next to this file,
    operations.json                the list of cases: name, dtypes, whether gradients are stored, whether the point is smooth
    operations-<family>.safetensors   for each case and dtype: <case>/<dtype>/{input,output,cotangent,gradient}.<k>

A case is named family/operation/variant. The Swift table (Tests/HillockCPUTests/Cases+*.swift) has an entry of the same name; a test walks
both so that neither misses one. Inputs are drawn from a generator seeded by the case's name, so that adding a case changes no other.
Gradients are those of sum(output * cotangent). "smooth" says that the operation is twice differentiable around the inputs, so that
central differences are meaningful there; "scale" is the size of the numbers that a result can cancel from (Closeness.swift).
"""

import json
import pathlib
import zlib

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent
FLOATS = ["f32", "f64"]
INTEGERS = ["i32", "i64", "u8"]
TORCH = {
    "f32": torch.float32, "f64": torch.float64, "i32": torch.int32, "i64": torch.int64, "u8": torch.uint8, "bool": torch.bool,
    "bf16": torch.bfloat16, "f16": torch.float16,
}
nan, inf = float("nan"), float("inf")

cases = []
names = set()


class Input:
    """An input: how it is drawn, and its dtype where it is not the case's own."""

    def __init__(self, draw, dtype=None):
        self.draw, self.dtype = draw, dtype


def normal(*shape, scale=1.0, shift=0.0):
    return Input(lambda g: g.standard_normal(shape) * scale + shift)


def positive(*shape, low=0.2, high=3.0):
    return Input(lambda g: g.uniform(low, high, shape))


def distinct(*shape):
    """Numbers no two of which are close: maxima that central differences do not move."""
    return Input(lambda g: (g.permutation(int(np.prod(shape))) * 0.25 - 2.1).reshape(shape))


def values(data, dtype=None):
    return Input(lambda g: np.array(data, dtype=np.float64 if dtype is None or dtype[0] in "fb" and dtype != "bool" else None), dtype)


def integers(*shape, low=0, high=10, dtype="i64"):
    return Input(lambda g: g.integers(low, high, shape), dtype)


def whole(*shape, low=-9, high=10):
    """Whole numbers in the case's own dtype; made non-negative for u8."""
    return Input(lambda g: g.integers(low, high, shape))


def truth(*shape):
    return Input(lambda g: g.integers(0, 2, shape) != 0, "bool")


# Families that add several numbers up: what cancels leaves an error of the size of what went in.
SUMS = {"reduce", "matmul", "conv2d", "convTranspose2d", "upsample2d", "adaptiveAvgPool2d", "avgPool2d", "layerNorm", "batchNorm",
        "batchNormTraining", "groupNorm", "instanceNorm", "softmax", "logSoftmax", "crossEntropy", "meanSquaredError",
        "binaryCrossEntropy", "scatterAdded", "scaledDotProductAttention", "lstm", "gru", "lstmCell", "gruCell", "ctcLoss"}


def case(name, inputs, function, dtypes=FLOATS, gradient=True, smooth=True, scale=None):
    assert name not in names, name
    names.add(name)
    scale = scale or (1 if name.split("/")[0] in SUMS else 0)
    cases.append((name, inputs, function, dtypes, gradient, smooth, scale))


# Element-wise functions

UNARY = {
    "exp": torch.exp, "expm1": torch.expm1, "log": torch.log, "log1p": torch.log1p, "sqrt": torch.sqrt, "rsqrt": torch.rsqrt,
    "sin": torch.sin, "cos": torch.cos, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "erf": torch.erf, "floor": torch.floor,
    "ceil": torch.ceil, "round": torch.round, "abs": torch.abs, "sign": torch.sign, "negate": torch.neg, "relu": torch.relu,
    "leakyReLU": F.leaky_relu, "gelu": F.gelu, "silu": F.silu, "softplus": F.softplus,
}
for name, f in UNARY.items():
    domain = positive if name in ("log", "log1p", "sqrt", "rsqrt") else normal
    for variant, shape in {"matrix": (3, 5), "scalar": (), "one": (1,), "empty": (0, 3), "long": (67,)}.items():
        case(f"unary/{name}/{variant}", [domain(*shape)], f)
    if name == "sign":  # PyTorch's sign(NaN) is 0; NumPy's and StableHLO's is NaN.
        f = lambda x: torch.where(torch.isnan(x), x, torch.sign(x))
    special = [0.0, -0.0, 0.5, 1.5, 2.5, -0.5, -1.5, 1e-8, -1e-8, 20.0, -20.0, 100.0, -100.0, inf, -inf, nan]
    if name in ("sin", "cos"):
        special = [s for s in special if abs(s) <= 100]
    if name == "gelu":  # PyTorch's vector code makes NaN of ∞.
        special = [s for s in special if s != inf]
    case(f"unary/{name}/special", [values(special)], f, gradient=False, smooth=False)
case("unary/relu/kink", [values([-1.0, 0.0, 2.0, nan])], torch.relu, smooth=False)
case("unary/leakyReLU/kink", [values([-1.0, 0.0, 2.0])], F.leaky_relu, smooth=False)
case("unary/leakyReLU/slope", [normal(2, 3)], lambda x: F.leaky_relu(x, 0.3))
case("unary/abs/kink", [values([-1.0, 0.0, 2.0])], torch.abs, smooth=False)
case("unary/softplus/kink", [values([-40.0, 0.0, 40.0])], lambda x: F.softplus(x, threshold=1000), smooth=False)
case("unary/sigmoid/saturated", [values([-200.0, -50.0, 50.0, 200.0])], torch.sigmoid)
case("unary/tanh/saturated", [values([-200.0, -20.0, 20.0, 200.0])], torch.tanh)
case("unary/identity/stoppingGradient", [normal(2, 3)], lambda x: x * x.detach(), smooth=False)
for name in ("abs", "sign", "negate"):
    case(f"unary/{name}/integers", [whole(2, 7)], UNARY[name], INTEGERS)
case("unary/negate/wrapping", [values([-(2**31), 2**31 - 1, 0], "i32")], torch.neg, ["i32"])
case("unary/abs/wrapping", [values([-(2**31), 2**31 - 1, 0], "i32")], torch.abs, ["i32"])

# Arithmetic with broadcasting

BINARY = {
    "add": torch.add, "subtract": torch.sub, "multiply": torch.mul, "divide": torch.div, "remainder": torch.fmod,
    "maximum": torch.maximum, "minimum": torch.minimum, "power": torch.pow,
}
SHAPES = {
    "same": ((2, 3), (2, 3)), "row": ((2, 3), (3,)), "column": ((2, 3), (2, 1)), "scalar": ((2, 3), ()), "scalarLeft": ((), (2, 3)),
    "both": ((4, 1, 3), (2, 1)), "one": ((1,), (1, 1)), "empty": ((0, 3), (3,)), "emptyByOne": ((2, 0), (2, 1)), "long": ((67,), (67,)),
}
for name, f in BINARY.items():
    for variant, (a, b) in SHAPES.items():
        if name == "power":
            inputs = [positive(*a), normal(*b)]
        elif name == "divide":
            inputs = [normal(*a), positive(*b, low=0.5)]
        elif name == "remainder":
            inputs = [normal(*a, scale=4.0), positive(*b, low=0.7)]
        else:
            inputs = [normal(*a), normal(*b)]
        case(f"binary/{name}/{variant}", inputs, f)
whole_numbers = {
    "add": torch.add, "subtract": torch.sub, "multiply": torch.mul, "maximum": torch.maximum, "minimum": torch.minimum,
    "divide": lambda a, b: torch.div(a, b, rounding_mode="trunc"), "remainder": torch.fmod,
}
for name, f in whole_numbers.items():
    divides = name in ("divide", "remainder")
    second = Input(lambda g: g.integers(1, 5, (3,)) * np.array([1, -1, 1])) if divides else whole(3)
    case(f"binary/{name}/integers", [whole(4, 3), second], f, INTEGERS)
case("binary/power/integers", [whole(4, 3, low=-3, high=4), whole(3, low=0, high=5)], torch.pow, INTEGERS)
case("binary/multiply/wrapping", [values([2**31 - 1, -(2**31)], "i32"), values([2, 3], "i32")], torch.mul, ["i32"])
# XLA's rule: whole numbers divided by zero give all bits set, and leave themselves as remainder.
zeros = Input(lambda g: np.zeros(5))
case("binary/divide/byZero", [whole(5, low=-2, high=3), zeros], lambda a, b: torch.full_like(a, 255 if a.dtype == torch.uint8 else -1), INTEGERS)
case("binary/remainder/byZero", [whole(5, low=-2, high=3), zeros], lambda a, b: a.clone(), INTEGERS)
case("binary/divide/overflow", [values([-(2**31)], "i32"), values([-1], "i32")], lambda a, b: a.clone(), ["i32"])

odd = [0.0, -0.0, 1.0, -1.0, 2.5, inf, -inf, nan]
left, right = [a for a in odd for _ in odd], [b for _ in odd for b in odd]
for name, f in BINARY.items():
    case(f"binary/{name}/special", [values(left), values(right)], f, gradient=False, smooth=False)
case("binary/maximum/ties", [values([1.0, 2.0, 3.0]), values([1.0, 5.0, 0.0])], torch.maximum, smooth=False)
case("binary/minimum/ties", [values([1.0, 2.0, 3.0]), values([1.0, 5.0, 0.0])], torch.minimum, smooth=False)
case("binary/power/zeroBase", [values([0.0, 0.0, 0.0]), values([1.0, 2.0, 3.0])], torch.pow, smooth=False)
case("binary/power/zeroExponent", [values([2.0, -3.0, 5.0]), Input(lambda g: np.zeros(3), "f64")], lambda a, b: torch.pow(a, b.to(a.dtype)),
     ["f64"], gradient=False, smooth=False)
case("binary/power/negativeBase", [values([-2.0, -3.0, -0.5])], lambda a: torch.pow(a, 3.0))

NUMBERS = {
    "add": lambda x: x + 1.25, "addLeft": lambda x: 1.25 + x, "subtract": lambda x: x - 1.25, "subtractLeft": lambda x: 1.25 - x,
    "multiply": lambda x: x * 1.25, "multiplyLeft": lambda x: 1.25 * x, "divide": lambda x: x / 1.25, "divideLeft": lambda x: 1.25 / x,
    "remainder": lambda x: torch.fmod(x, 1.25), "maximum": lambda x: torch.clamp(x, min=0.3), "minimum": lambda x: torch.clamp(x, max=0.3),
    "powerCube": lambda x: torch.pow(x, 3.0), "powerSquare": lambda x: torch.pow(x, 2.0), "powerRoot": lambda x: torch.pow(x, 0.5),
    "powerInverse": lambda x: torch.pow(x, -1.0), "powerZero": lambda x: torch.pow(x, 0.0), "powerOne": lambda x: torch.pow(x, 1.0),
}
for name, f in NUMBERS.items():
    for variant, shape in {"matrix": (2, 3), "scalar": (), "empty": (0,)}.items():
        case(f"number/{name}/{variant}", [positive(*shape)], f)
case("number/add/integers", [whole(5)], lambda x: x + 3, INTEGERS)
case("number/multiply/integers", [whole(5)], lambda x: x * 3, INTEGERS)
case("number/divide/integers", [whole(5)], lambda x: torch.div(x, 3, rounding_mode="trunc"), INTEGERS)
case("number/power/integers", [whole(5)], lambda x: torch.pow(x, 3), INTEGERS)
case("number/compound/add", [normal(2, 3), normal(3)], lambda a, b: a + b)
case("number/compound/subtract", [normal(2, 3), normal(3)], lambda a, b: a - b)
case("number/compound/multiply", [normal(2, 3), normal(3)], lambda a, b: a * b)

# Comparisons, logic, choice

COMPARE = {
    "equal": torch.eq, "notEqual": torch.ne, "less": torch.lt, "lessOrEqual": torch.le, "greater": torch.gt, "greaterOrEqual": torch.ge,
}
for name, f in COMPARE.items():
    case(f"compare/{name}/special", [values(left), values(right)], f)
    case(f"compare/{name}/broadcast", [whole(4, 3, low=0, high=3), whole(4, 1, low=0, high=3)], f, FLOATS + INTEGERS)
    case(f"compare/{name}/empty", [normal(0, 3), normal(3)], f)
    case(f"compare/{name}/number", [whole(9, low=0, high=3)], lambda x, f=f: f(x, 1), FLOATS + INTEGERS)
    case(f"compare/{name}/large", [values([2**53 + 1, 2**53, -(2**53) - 1], "i64"), values([2**53, 2**53, -(2**53)], "i64")], f, ["i64"])
for name, f in {"and": torch.logical_and, "or": torch.logical_or, "xor": torch.logical_xor}.items():
    case(f"logic/{name}/broadcast", [values([[True], [False]], "bool"), values([True, False], "bool")], f, ["bool"])
case("logic/not/vector", [values([True, False], "bool")], torch.logical_not, ["bool"])
case("where/same", [truth(3, 4), normal(3, 4), normal(3, 4)], torch.where)
case("where/broadcastCondition", [truth(4), normal(3, 4), normal(3, 4)], torch.where)
case("where/broadcastValues", [truth(3, 1), normal(4), normal(3, 4)], torch.where)
case("where/broadcastAll", [truth(2, 1, 1), normal(3, 1), normal(4)], torch.where)
case("where/special", [values([True, False, True, False], "bool"), values([nan, nan, inf, inf]), values([1.0, 2.0, 3.0, 4.0])], torch.where, smooth=False)
case("where/empty", [truth(0, 3), normal(0, 3), normal(3)], torch.where)
case("where/integers", [truth(3, 4), whole(3, 4), whole(4)], torch.where, INTEGERS)

# Reductions

AXES = {"all": None, "first": (0,), "last": (-1,), "middle": (1,), "outer": (0, 2), "every": (0, 1, 2)}


def over(f):
    """A reduction of one axis at a time, made one of several."""

    def reduce(x, axes, keep):
        axes = range(x.dim()) if axes is None else axes
        for axis in sorted((a % x.dim() for a in axes), reverse=True):
            x = f(x, axis, keep)
        return x

    return reduce


REDUCE = {
    "sum": lambda x, a, k: torch.sum(x, a, keepdim=k) if a is not None else (torch.sum(x).reshape([1] * x.dim()) if k else torch.sum(x)),
    "product": over(lambda x, axis, k: torch.prod(x, axis, keepdim=k)),
    "max": lambda x, a, k: torch.amax(x, a if a is not None else tuple(range(x.dim())), keepdim=k),
    "min": lambda x, a, k: torch.amin(x, a if a is not None else tuple(range(x.dim())), keepdim=k),
    "mean": lambda x, a, k: torch.mean(x, a if a is not None else tuple(range(x.dim())), keepdim=k),
    "variance": lambda x, a, k: torch.var(x, a if a is not None else tuple(range(x.dim())), correction=0, keepdim=k),
}
for name, f in REDUCE.items():
    make = distinct if name in ("max", "min") else normal
    for variant, axes in AXES.items():
        for keep in (False, True):
            case(f"reduce/{name}/{variant}{'Kept' if keep else ''}", [make(2, 3, 4)], lambda x, f=f, a=axes, k=keep: f(x, a, k))
    case(f"reduce/{name}/one", [make(3, 1)], lambda x, f=f: f(x, (1,), False))
    case(f"reduce/{name}/emptyOther", [make(0, 3)], lambda x, f=f: f(x, (1,), False))
    case(f"reduce/{name}/long", [make(5, 131)], lambda x, f=f: f(x, (1,), False))
    if name in ("sum", "product", "mean"):
        case(f"reduce/{name}/empty", [normal(3, 0)], lambda x, f=f: f(x, (1,), False), smooth=name != "mean")
        case(f"reduce/{name}/emptyAll", [normal(0, 3)], lambda x, f=f: f(x, None, False), smooth=name != "mean")
    if name != "variance":
        case(f"reduce/{name}/special", [values([[1.0, inf, 2.0], [nan, 1.0, 2.0], [-inf, inf, 0.0], [inf, inf, 1.0]])],
             lambda x, f=f: f(x, (1,), False), gradient=False, smooth=False)
case("reduce/sum/scalar", [normal()], lambda x: torch.sum(x))
case("reduce/max/ties", [values([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])], lambda x: torch.amax(x, 1), smooth=False)
case("reduce/min/ties", [values([[1.0, 1.0, 3.0], [2.0, 2.0, 2.0]])], lambda x: torch.amin(x, 1), smooth=False)
case("reduce/product/zeros", [values([[2.0, 0.0, 3.0], [0.0, 0.0, 5.0], [1.0, 2.0, 3.0]])], lambda x: torch.prod(x, 1), smooth=False)
case("reduce/variance/unbiased", [normal(3, 5)], lambda x: torch.var(x, 1, correction=1))
case("reduce/variance/offset", [normal(3, 5, shift=100.0)], lambda x: torch.var(x, 1, correction=0), scale=100)
for name, f in {"sum": torch.sum, "product": torch.prod}.items():
    case(f"reduce/{name}/integers", [whole(3, 4)], lambda x, f=f: f(x, 1, dtype=x.dtype), INTEGERS)
for name, f in {"max": torch.amax, "min": torch.amin}.items():
    case(f"reduce/{name}/integers", [whole(3, 4)], lambda x, f=f: f(x, 1), INTEGERS)
for name, f in {"argmax": np.argmax, "argmin": np.argmin}.items():
    numpy = lambda axis, f=f: lambda x: torch.from_numpy(np.asarray(f(x.detach().numpy(), axis)))
    for variant, axis in {"first": 0, "middle": 1, "last": -1}.items():
        case(f"reduce/{name}/{variant}", [normal(2, 3, 4)], numpy(axis))
    case(f"reduce/{name}/ties", [values([[1.0, 3.0, 3.0, 1.0], [2.0, 2.0, 2.0, 2.0]])], numpy(1))
    case(f"reduce/{name}/special", [values([[1.0, inf, nan, nan], [-inf, -inf, 0.0, inf], [inf, inf, -inf, -inf]])], numpy(1))
    case(f"reduce/{name}/vector", [normal(7)], numpy(0))
    case(f"reduce/{name}/one", [normal(3, 1)], numpy(1))
    case(f"reduce/{name}/emptyOther", [normal(0, 3)], numpy(1))
    case(f"reduce/{name}/integers", [whole(3, 4, low=0, high=3)], numpy(1), INTEGERS)

# Matrix products

case("matmul/matrices", [normal(2, 3), normal(3, 4)], torch.matmul)
case("matmul/odd", [normal(17, 33), normal(33, 9)], torch.matmul)
case("matmul/one", [normal(1, 1), normal(1, 1)], torch.matmul)
case("matmul/emptyRows", [normal(0, 3), normal(3, 4)], torch.matmul)
case("matmul/emptyInner", [normal(2, 0), normal(0, 4)], torch.matmul)
case("matmul/vectorMatrix", [normal(3), normal(3, 4)], torch.matmul)
case("matmul/matrixVector", [normal(2, 3), normal(3)], torch.matmul)
case("matmul/vectors", [normal(5), normal(5)], torch.matmul)
case("matmul/batches", [normal(5, 2, 3), normal(5, 3, 4)], torch.matmul)
case("matmul/batchesBroadcast", [normal(2, 1, 2, 3), normal(4, 3, 2)], torch.matmul)
case("matmul/batchByMatrix", [normal(2, 5, 2, 3), normal(3, 4)], torch.matmul)
case("matmul/matrixByBatch", [normal(2, 3), normal(5, 3, 4)], torch.matmul)
case("matmul/vectorByBatch", [normal(3), normal(5, 3, 4)], torch.matmul)
case("matmul/batchByVector", [normal(5, 2, 3), normal(3)], torch.matmul)
case("matmul/emptyBatch", [normal(0, 2, 3), normal(0, 3, 4)], torch.matmul)
case("matmul/transposedRight", [normal(2, 3), normal(4, 3)], lambda a, b: a @ b.mT)
case("matmul/transposedLeft", [normal(3, 2), normal(3, 4)], lambda a, b: a.mT @ b)
case("matmul/transposedBoth", [normal(3, 2), normal(4, 3)], lambda a, b: a.mT @ b.mT)
case("matmul/batchesTransposedRight", [normal(5, 2, 3), normal(5, 4, 3)], lambda a, b: a @ b.mT)
case("matmul/batchesTransposedLeft", [normal(5, 3, 2), normal(5, 3, 4)], lambda a, b: a.mT @ b)
case("matmul/batchTransposedByMatrix", [normal(5, 3, 2), normal(3, 4)], lambda a, b: a.mT @ b)
case("matmul/batchByMatrixTransposed", [normal(5, 2, 3), normal(4, 3)], lambda a, b: a @ b.mT)
case("matmul/special", [values([[inf, 1.0], [nan, 0.0]]), values([[1.0, 0.0], [2.0, 3.0]])], torch.matmul, gradient=False, smooth=False)
case("matmul/integers", [whole(3, 4), whole(4, 2)], torch.matmul, INTEGERS)

# Attention

def attention(*shapes, **options):
    return [normal(*shape) for shape in shapes], lambda q, k, v: F.scaled_dot_product_attention(q, k, v, **options)


for name, shapes, options in [
    ("plain", [(2, 3, 5, 4), (2, 3, 7, 4), (2, 3, 7, 6)], {}),
    ("one", [(1, 1, 1, 1)] * 3, {}),
    ("causal", [(1, 2, 5, 3)] * 3, {"is_causal": True}),
    ("causalMoreKeys", [(1, 2, 3, 4), (1, 2, 5, 4), (1, 2, 5, 4)], {"is_causal": True}),
    ("causalMoreQueries", [(1, 1, 5, 4), (1, 1, 3, 4), (1, 1, 3, 4)], {"is_causal": True}),
    ("scaled", [(1, 2, 3, 4)] * 3, {"scale": 0.3}),
    ("long", [(1, 2, 19, 17), (1, 2, 37, 17), (1, 2, 37, 18)], {}),
    ("noQueries", [(1, 2, 0, 4), (1, 2, 3, 4), (1, 2, 3, 4)], {}),
    ("noKeys", [(1, 2, 3, 4), (1, 2, 0, 4), (1, 2, 0, 4)], {}),
]:
    case(f"scaledDotProductAttention/{name}", *attention(*shapes, **options))
for name, mask in [
    ("addedMask", normal(2, 1, 3, 5)),
    ("addedRow", normal(5)),
    ("boolMask", values([[True, False, True, True, False], [True] * 5, [False, False, False, False, True]], "bool")),
    ("hidden", values([[True, False, True, True, False], [False] * 5, [False, False, False, False, True]], "bool")),
    ("keys", values([[[[True, True, True, False, False]]], [[[True] * 5]]], "bool")),
]:
    case(f"scaledDotProductAttention/{name}", [normal(2, 2, 3, 4), normal(2, 2, 5, 4), normal(2, 2, 5, 4), mask],
         lambda q, k, v, mask: F.scaled_dot_product_attention(q, k, v, attn_mask=mask))
case("scaledDotProductAttention/infiniteMask",
     [normal(1, 1, 3, 4), normal(1, 1, 3, 4), normal(1, 1, 3, 4), values([[0, -inf, 1], [-inf, -inf, -inf], [-inf, 2, -3]])],
     lambda q, k, v, mask: F.scaled_dot_product_attention(q, k, v, attn_mask=mask), gradient=False, smooth=False)
case("scaledDotProductAttention/large", [normal(1, 1, 4, 3, scale=100), normal(1, 1, 6, 3, scale=100), normal(1, 1, 6, 3)],
     lambda q, k, v: F.scaled_dot_product_attention(q, k, v), gradient=False, smooth=False)
case("scaledDotProductAttention/special",
     [values([[[[1.0, 2.0], [nan, 1.0], [0.5, -1.0]]]]), values([[[[1.0, 0.0], [0.0, 1.0]]]]), values([[[[1.0, inf], [2.0, 3.0]]]])],
     lambda q, k, v: torch.softmax(q @ k.mT / 2**0.5, -1) @ v, gradient=False, smooth=False)  # PyTorch's hides NaN.

# Shapes

case("shape/transposed/matrix", [normal(2, 3)], lambda x: x.mT)
case("shape/transposed/batch", [normal(2, 3, 4)], lambda x: x.mT)
case("shape/transposed/permutation", [normal(2, 3, 4)], lambda x: x.permute(2, 0, 1))
case("shape/transposed/four", [normal(2, 3, 1, 5)], lambda x: x.permute(0, 2, 3, 1))
case("shape/transposed/negative", [normal(2, 3, 4)], lambda x: x.permute(-1, 0, -2))
case("shape/transposed/identity", [normal(2, 3)], lambda x: x.permute(0, 1))
case("shape/transposed/empty", [normal(2, 0, 4)], lambda x: x.permute(2, 1, 0))
case("shape/transposed/integers", [whole(3, 4)], lambda x: x.mT, INTEGERS)
case("shape/reshaped/matrix", [normal(2, 6)], lambda x: x.reshape(3, 4))
case("shape/reshaped/open", [normal(2, 6)], lambda x: x.reshape(4, -1))
case("shape/reshaped/toScalar", [normal(1, 1)], lambda x: x.reshape(()))
case("shape/reshaped/fromScalar", [normal()], lambda x: x.reshape(1, 1))
case("shape/reshaped/empty", [normal(0, 6)], lambda x: x.reshape(3, 0, 2))
case("shape/reshaped/afterTranspose", [normal(2, 6)], lambda x: x.mT.reshape(3, 4))
case("shape/flattened/all", [normal(2, 3, 4)], lambda x: x.flatten())
case("shape/flattened/scalar", [normal()], lambda x: x.flatten())
case("shape/flattened/some", [normal(2, 3, 4)], lambda x: x.flatten(1, 2))
case("shape/squeezed/all", [normal(1, 3, 1)], lambda x: x.squeeze())
case("shape/squeezed/one", [normal(1, 3, 1)], lambda x: x.squeeze(-1))
case("shape/unsqueezed/front", [normal(2, 3)], lambda x: x.unsqueeze(0))
case("shape/unsqueezed/back", [normal(2, 3)], lambda x: x.unsqueeze(-1))
case("shape/unsqueezed/middle", [normal(2, 3)], lambda x: x.unsqueeze(1))
case("shape/broadcast/row", [normal(3)], lambda x: x.expand(2, 3))
case("shape/broadcast/column", [normal(2, 1)], lambda x: x.expand(4, 2, 3))
case("shape/broadcast/scalar", [normal()], lambda x: x.expand(2, 3))
case("shape/broadcast/empty", [normal(1, 3)], lambda x: x.expand(0, 3))
case("shape/broadcast/same", [normal(2, 3)], lambda x: x.expand(2, 3))
case("shape/sharded/by", [normal(4, 6)], lambda x: x.clone())
case("shape/sharded/axis", [normal(2, 3, 4)], lambda x: x.clone())
case("shape/sharded/samples", [normal(4, 3)], lambda x: x.clone())
case("shape/reversed/first", [normal(2, 3, 4)], lambda x: x.flip(0))
case("shape/reversed/several", [normal(2, 3, 4)], lambda x: x.flip(0, 2))
case("shape/reversed/empty", [normal(0, 3)], lambda x: x.flip(0))

# Indexing. PyTorch has no negative steps: flips stand for them.
case("index/integer", [normal(4, 5)], lambda x: x[1])
case("index/negative", [normal(4, 5)], lambda x: x[-1, -2])
case("index/range", [normal(4, 5)], lambda x: x[1:3])
case("index/rangeBoth", [normal(4, 5)], lambda x: x[1:, :-1])
case("index/through", [normal(4, 5)], lambda x: x[:3, -3:])
case("index/every", [normal(7, 5)], lambda x: x[::3, 1::2])
case("index/backwards", [normal(4, 5)], lambda x: x.flip(0))
case("index/backwardsEvery", [normal(7, 5)], lambda x: x.flip(0)[::2, 1])
case("index/backwardsRange", [normal(7, 5)], lambda x: x[2:6].flip(0)[::3])
case("index/newAxis", [normal(4, 5)], lambda x: x[:, None, 2:])
case("index/ellipsis", [normal(2, 3, 4)], lambda x: x[..., 1])
case("index/ellipsisMiddle", [normal(2, 3, 4)], lambda x: x[1, ..., 1:3])
case("index/empty", [normal(4, 5)], lambda x: x[2:2])
case("index/emptyAxis", [normal(4, 0)], lambda x: x[1:3])
case("index/all", [normal(4, 5)], lambda x: x[:])
case("index/twice", [normal(6, 5)], lambda x: x[1:][::2])

# Gather and scatter
case("gather/rows", [normal(5, 3), integers(4, high=5)], lambda t, i: t[i])
case("gather/rows32", [normal(5, 3), integers(4, high=5, dtype="i32")], lambda t, i: t[i.long()])
case("gather/matrix", [normal(5, 3), integers(2, 4, high=5)], lambda t, i: t[i])
case("gather/scalarIndex", [normal(5, 3), integers(high=5)], lambda t, i: t[i])
case("gather/vector", [normal(5), integers(7, high=5)], lambda t, i: t[i])
case("gather/repeated", [normal(5, 3), values([2, 2, 2, 0], "i64")], lambda t, i: t[i])
case("gather/none", [normal(5, 3), Input(lambda g: np.zeros((0,)), "i64")], lambda t, i: t[i])
case("gather/axis1", [normal(2, 5, 3), integers(4, high=5)], lambda t, i: t[:, i])
case("gather/lastAxis", [normal(2, 5, 3), integers(2, 2, high=3)], lambda t, i: t[..., i])
case("gather/integers", [whole(5, 3), integers(4, high=5)], lambda t, i: t[i.long()], INTEGERS)
add = lambda t, u, i: t.index_put((i.long(),), u, accumulate=True)
case("scatterAdded/rows", [normal(5, 3), normal(4, 3), integers(4, high=5)], add)
case("scatterAdded/repeated", [normal(5, 3), normal(4, 3), values([2, 2, 2, 0], "i32")], add)
case("scatterAdded/matrix", [normal(5, 3), normal(2, 4, 3), integers(2, 4, high=5)], add)
case("scatterAdded/vector", [normal(5), normal(7), integers(7, high=5)], add)
case("scatterAdded/scalarIndex", [normal(5, 3), normal(3), integers(high=5)], add)
case("scatterAdded/none", [normal(5, 3), normal(0, 3), Input(lambda g: np.zeros((0,)), "i64")], add)
case("scatterAdded/integers", [whole(5, 3), whole(4, 3), integers(4, high=5)], add, INTEGERS)
case("oneHot/vector", [integers(6, high=4)], lambda i: F.one_hot(i, 4).float(), ["f32"])
case("oneHot/matrix", [integers(2, 3, high=4, dtype="i32")], lambda i: F.one_hot(i.long(), 4).float(), ["f32"])
case("oneHot/double", [integers(6, high=4)], lambda i: F.one_hot(i, 4).double(), ["f64"])
case("oneHot/outside", [values([-1, 4, 1], "i64")], lambda i: torch.tensor([[0.0] * 4, [0.0] * 4, [0.0, 1.0, 0.0, 0.0]]), ["f32"])
case("oneHot/bytes", [values([1, 200], "u8")], lambda i: F.one_hot(i.long(), 300).float(), ["f32"])
case("oneHot/empty", [Input(lambda g: np.zeros((0,)), "i64")], lambda i: F.one_hot(i, 4).float(), ["f32"])

# Joining and dividing
case("join/concatenate/first", [normal(2, 3), normal(4, 3)], lambda *x: torch.cat(x, 0))
case("join/concatenate/last", [normal(2, 3), normal(2, 1), normal(2, 4)], lambda *x: torch.cat(x, -1))
case("join/concatenate/middle", [normal(2, 3, 2), normal(2, 2, 2)], lambda *x: torch.cat(x, 1))
case("join/concatenate/withEmpty", [normal(2, 3), normal(0, 3), normal(1, 3)], lambda *x: torch.cat(x, 0))
case("join/concatenate/single", [normal(2, 3)], lambda x: x.clone())
case("join/concatenate/integers", [whole(2, 3), whole(1, 3)], lambda *x: torch.cat(x, 0), INTEGERS)
case("join/stack/first", [normal(2, 3), normal(2, 3)], lambda *x: torch.stack(x, 0))
case("join/stack/middle", [normal(2, 3), normal(2, 3), normal(2, 3)], lambda *x: torch.stack(x, 1))
case("join/stack/last", [normal(2, 3), normal(2, 3)], lambda *x: torch.stack(x, -1))
case("join/stack/scalars", [normal(), normal()], lambda *x: torch.stack(x))
case("join/split/sizes", [normal(6, 2)], lambda x: torch.split(x, [1, 3, 0, 2], 0))
case("join/split/last", [normal(2, 5)], lambda x: torch.split(x, [2, 3], -1))
case("join/split/equal", [normal(2, 6)], lambda x: torch.chunk(x, 3, 1))
case("pad/zeros", [normal(2, 3)], lambda x: F.pad(x, (2, 0, 1, 3)))
case("pad/value", [normal(2, 3)], lambda x: F.pad(x, (2, 0, 1, 3), value=-1.5))
case("pad/crop", [normal(4, 5)], lambda x: F.pad(x, (-1, -2, 0, -1)))
case("pad/cropAndGrow", [normal(4, 5)], lambda x: F.pad(x, (-1, 2, 1, -2)))
case("pad/cropAndGrowValue", [normal(4, 5)], lambda x: F.pad(x, (-1, 2, 1, -2), value=2.0))
case("pad/infinity", [normal(3)], lambda x: F.pad(x, (1, 1), value=-inf), smooth=False)
case("pad/empty", [Input(lambda g: np.zeros((0, 3)))], lambda x: torch.cat([x, x.new_zeros(2, 3)]))
case("pad/none", [normal(2, 3)], lambda x: x.clone())
case("pad/integers", [whole(2, 3)], lambda x: F.pad(x, (1, 1), value=7), INTEGERS)

# Convolution and pooling


def conv(name, x, w, bias=False, **settings):
    inputs = [normal(*x), normal(*w, scale=0.5)] + ([normal(w[0])] if bias else [])
    case(f"conv2d/{name}", inputs, lambda *t: F.conv2d(*t, **settings))


conv("plain", (2, 3, 5, 6), (4, 3, 3, 3))
conv("bias", (2, 3, 5, 6), (4, 3, 3, 3), bias=True)
conv("padded", (2, 3, 5, 5), (4, 3, 3, 3), bias=True, padding=1)
conv("stride", (1, 2, 7, 8), (3, 2, 3, 3), stride=2)
conv("strideLeftover", (1, 2, 8, 9), (3, 2, 3, 2), stride=(3, 2), padding=(0, 1))
conv("dilation", (1, 2, 9, 8), (3, 2, 3, 3), dilation=2)
conv("dilationAndStride", (1, 2, 11, 10), (3, 2, 3, 2), stride=(2, 3), padding=(2, 1), dilation=(3, 2))
conv("groups", (2, 4, 5, 5), (6, 2, 3, 3), bias=True, padding=1, groups=2)
conv("groupsStrideDilation", (1, 6, 9, 9), (3, 2, 3, 3), stride=2, padding=2, dilation=2, groups=3)
conv("depthwise", (2, 4, 6, 6), (4, 1, 3, 3), bias=True, padding=1, groups=4)
conv("depthwiseMultiplied", (1, 3, 6, 6), (6, 1, 3, 3), stride=2, groups=3)
conv("pointwise", (2, 5, 4, 4), (7, 5, 1, 1), bias=True)
conv("pointwiseStride", (1, 3, 5, 5), (2, 3, 1, 1), stride=2)
conv("wholeImage", (2, 3, 4, 4), (5, 3, 4, 4), bias=True)
conv("oneByOneImage", (2, 3, 1, 1), (4, 3, 3, 3), padding=1)
conv("unevenKernel", (1, 2, 6, 7), (3, 2, 1, 5), padding=(0, 2))
conv("sevenByStride2", (1, 3, 11, 11), (4, 3, 7, 7), stride=2, padding=3)
conv("sixteenChannels", (2, 16, 6, 6), (16, 16, 3, 3), bias=True, padding=1)
conv("oneChannel", (2, 1, 6, 6), (6, 1, 5, 5), bias=True)
conv("wideStride", (1, 2, 7, 7), (2, 2, 2, 2), stride=3)
conv("emptyBatch", (0, 3, 5, 5), (4, 3, 3, 3), bias=True)


def pool(name, x, make=distinct, smooth=True, **settings):
    case(f"maxPool2d/{name}", [make(*x) if not isinstance(x, Input) else x], lambda t: F.max_pool2d(t, **settings), smooth=smooth)


pool("plain", (2, 3, 4, 6), kernel_size=2)
pool("overlapping", (1, 2, 7, 7), kernel_size=3, stride=2, padding=1)
pool("leftover", (1, 2, 5, 7), kernel_size=2)
pool("uneven", (1, 2, 6, 7), kernel_size=(2, 3), stride=(1, 2), padding=(0, 1))
pool("dilation", (1, 1, 7, 8), kernel_size=(2, 3), stride=(1, 2), dilation=(3, 2))
pool("strideBeyondWindow", (1, 1, 7, 7), kernel_size=2, stride=3)
pool("whole", (2, 2, 3, 3), kernel_size=3)
pool("one", (2, 2, 1, 1), kernel_size=1)
pool("emptyBatch", (0, 2, 4, 4), kernel_size=2)
pool("ties", values(np.array([[[[1.0, 1, 2, 2], [1, 1, 2, 2], [3, 0, 0, 0], [3, 3, 0, 0]]]])), kernel_size=2, smooth=False)
pool("negativePadded", values(np.full((1, 1, 3, 3), -5.0)), kernel_size=2, stride=2, padding=1, smooth=False)
case("maxPool2d/special", [values([[[[nan, 1.0, inf, 2.0], [0.0, 2.0, -inf, nan], [-inf, -inf, 1.0, -inf], [-inf, -inf, 0.0, 1.0]]]])],
     lambda t: F.max_pool2d(t, 2), gradient=False, smooth=False)


def average(name, x, **settings):
    case(f"avgPool2d/{name}", [normal(*x)], lambda t: F.avg_pool2d(t, **settings))


average("plain", (2, 3, 4, 6), kernel_size=2)
average("padded", (1, 2, 7, 7), kernel_size=3, stride=2, padding=1)
average("paddedExcluded", (1, 2, 7, 7), kernel_size=3, stride=2, padding=1, count_include_pad=False)
average("uneven", (1, 2, 6, 7), kernel_size=(2, 3), stride=(1, 2), padding=(1, 1), count_include_pad=False)
average("leftover", (1, 2, 5, 7), kernel_size=2)
average("strideBeyondWindow", (1, 1, 7, 7), kernel_size=2, stride=3)
average("whole", (2, 2, 3, 3), kernel_size=3)
average("emptyBatch", (0, 2, 4, 4), kernel_size=2)

# Images


def deconv(name, x, w, bias=False, **settings):
    inputs = [normal(*x), normal(*w)] + ([normal(w[1] * settings.get("groups", 1))] if bias else [])
    case(f"convTranspose2d/{name}", inputs, lambda *t: F.conv_transpose2d(*t, **settings))


deconv("plain", (2, 3, 4, 5), (3, 4, 3, 3), bias=True)
deconv("stride", (1, 4, 3, 5), (4, 2, 4, 4), stride=2, padding=1)
deconv("outputPadding", (1, 2, 4, 3), (2, 3, 3, 3), stride=2, padding=1, output_padding=1)
deconv("groups", (2, 4, 3, 4), (4, 3, 3, 2), bias=True, stride=(3, 2), padding=(0, 1), output_padding=(2, 1), dilation=(1, 2), groups=2)
deconv("beyondStride", (1, 2, 4, 3), (2, 2, 2, 2), padding=(1, 0), output_padding=2, dilation=3)
deconv("wholeImage", (2, 5, 1, 1), (5, 3, 4, 4), bias=True)
deconv("emptyBatch", (0, 3, 4, 4), (3, 2, 3, 3))
case("prelu/one", [normal(3, 5), normal(1)], F.prelu)
case("prelu/channels", [normal(2, 3, 4), normal(3)], F.prelu)
case("prelu/special", [values([0.0, -0.0, inf, -inf, nan]), values([0.5])], F.prelu, gradient=False, smooth=False)
case("pixelShuffle/two", [normal(2, 8, 3, 2)], lambda x: F.pixel_shuffle(x, 2))
case("pixelShuffle/three", [normal(9, 1, 2)], lambda x: F.pixel_shuffle(x, 3))
case("pixelShuffle/empty", [normal(0, 4, 2, 2)], lambda x: F.pixel_shuffle(x, 2), gradient=False, smooth=False)  # PyTorch fails there.
case("upsample2d/nearest", [normal(2, 3, 4, 3)], lambda x: F.interpolate(x, (8, 9)))
case("upsample2d/nearestUneven", [normal(1, 2, 4, 5)], lambda x: F.interpolate(x, (7, 3)))
case("upsample2d/bilinear", [normal(2, 2, 4, 3)], lambda x: F.interpolate(x, (8, 7), mode="bilinear"))
case("upsample2d/bilinearSmaller", [normal(1, 1, 7, 6)], lambda x: F.interpolate(x, (3, 6), mode="bilinear"))
case("upsample2d/aligningCorners", [normal(1, 2, 3, 4)], lambda x: F.interpolate(x, (5, 9), mode="bilinear", align_corners=True))
case("upsample2d/aligningCornersOne", [normal(1, 2, 3, 4)], lambda x: F.interpolate(x, (1, 2), mode="bilinear", align_corners=True))
case("reflectionPad2d/all", [normal(2, 3, 5, 4)], lambda x: F.pad(x, (2, 2, 2, 2), mode="reflect"))
case("reflectionPad2d/uneven", [normal(1, 2, 4, 2)], lambda x: F.pad(x, (1, 0, 2, 3), mode="reflect"))
case("adaptiveAvgPool2d/global", [normal(2, 3, 5, 4)], lambda x: F.adaptive_avg_pool2d(x, 1))
case("adaptiveAvgPool2d/dividing", [normal(2, 3, 4, 6)], lambda x: F.adaptive_avg_pool2d(x, (2, 3)))
case("adaptiveAvgPool2d/overlapping", [normal(1, 2, 7, 5)], lambda x: F.adaptive_avg_pool2d(x, (3, 7)))

# Softmax and losses
for name, f in {"softmax": torch.softmax, "logSoftmax": torch.log_softmax}.items():
    for variant, (shape, axis) in {
        "last": ((3, 5), -1), "first": ((3, 5), 0), "middle": ((2, 3, 4), 1), "one": ((3, 1), 1), "vector": ((4,), 0), "empty": ((0, 4), 1),
        "long": ((2, 131), 1),
    }.items():
        case(f"{name}/{variant}", [normal(*shape, scale=2.0)], lambda x, f=f, a=axis: f(x, a))
    case(f"{name}/large", [values([[1000.0, 1001.0, 999.0], [-1000.0, -1001.0, -999.0]])], lambda x, f=f: f(x, -1))
    case(f"{name}/masked", [values([[0.0, 1.0, -inf], [-inf, -inf, 2.0]])], lambda x, f=f: f(x, -1), gradient=name == "softmax", smooth=False)
    case(f"{name}/special", [values([[inf, 1.0], [-inf, -inf], [nan, 1.0]])], lambda x, f=f: f(x, -1), gradient=False, smooth=False)
    case(f"{name}/emptyAxis", [normal(3, 0)], lambda x, f=f: f(x, -1))
entropy = lambda x, t: F.cross_entropy(x.reshape(-1, x.shape[-1]), t.reshape(-1).long())
case("crossEntropy/batch", [normal(4, 5, scale=2.0), integers(4, high=5)], entropy)
case("crossEntropy/sequence", [normal(2, 3, 5), integers(2, 3, high=5, dtype="i32")], entropy)
case("crossEntropy/single", [normal(5), integers(high=5)], entropy)
case("crossEntropy/large", [values([[1000.0, 0.0], [0.0, 1000.0]]), values([1, 1], "i64")], entropy)
case("crossEntropy/oneClass", [normal(3, 1), values([0, 0, 0], "i64")], entropy)
case("crossEntropy/masked", [values([[0.0, 1.0, -inf], [3.0, -inf, 2.0]]), values([1, 2], "i64")], entropy, smooth=False)


def weighted(x, t, w, label_smoothing=0.0):
    """F.cross_entropy has no gradient by the weights; the formula has."""
    x, t = x.reshape(-1, x.shape[-1]), t.reshape(-1).long()
    logs = torch.log_softmax(x, -1) if w is None else torch.log_softmax(x, -1) * w
    total = t.numel() if w is None else w[t].sum()
    chosen, every = logs.gather(1, t[:, None]).sum(), logs.sum() / x.shape[-1]
    loss = -((1 - label_smoothing) * chosen + label_smoothing * every) / total
    torch.testing.assert_close(loss, F.cross_entropy(x, t, w if w is None else w.detach(), label_smoothing=label_smoothing))
    return loss


case("crossEntropy/weighted", [normal(4, 5), integers(4, high=5), positive(5)], weighted)
case("crossEntropy/smoothed", [normal(4, 5), integers(4, high=5)], lambda x, t: weighted(x, t, None, label_smoothing=0.1))
case("crossEntropy/weightedAndSmoothed", [normal(2, 3, 5), integers(2, 3, high=5), positive(5)], lambda x, t, w: weighted(x, t, w, label_smoothing=0.2))


def ctc(x, targets, inputs, lengths, blank=0, zero_infinity=False):
    """By logits, as PyTorch's own gradient holds only below a log-softmax."""
    return F.ctc_loss(torch.log_softmax(x, -1), targets.long(), inputs.long(), lengths.long(), blank, "mean", zero_infinity)


case("ctcLoss/batch", [normal(6, 2, 4), values([[1, 2], [3, 3]], "i64"), values([6, 6], "i64"), values([2, 2], "i64")], ctc)
case("ctcLoss/lengths", [normal(5, 3, 4), values([[1, 2, 1], [3, 9, 9], [9, 9, 9]], "i32"), values([5, 2, 4], "i32"), values([3, 1, 0], "i32")], ctc)
case("ctcLoss/blank", [normal(5, 2, 3), values([[0, 1], [1, 1]], "i64"), values([5, 4], "i64"), values([2, 2], "i64")], lambda *a: ctc(*a, blank=2))
case("ctcLoss/impossible", [normal(2, 2, 3), values([[1, 1], [1, 2]], "i64"), values([2, 2], "i64"), values([2, 2], "i64")],
     lambda *a: ctc(*a, zero_infinity=True))
case("ctcLoss/infinite", [normal(2, 2, 3), values([[1, 1], [1, 2]], "i64"), values([2, 2], "i64"), values([2, 2], "i64")], ctc, gradient=False, smooth=False)
case("meanSquaredError/matrix", [normal(3, 4), normal(3, 4)], F.mse_loss)
case("meanSquaredError/scalar", [normal(), normal()], F.mse_loss)
case("meanSquaredError/empty", [normal(0, 3), normal(0, 3)], F.mse_loss, smooth=False)
case("binaryCrossEntropy/soft", [normal(3, 4, scale=2.0), positive(3, 4, low=0.0, high=1.0)], F.binary_cross_entropy_with_logits)
case("binaryCrossEntropy/large", [values([100.0, -100.0, 100.0, -100.0]), values([1.0, 1.0, 0.0, 0.0])], F.binary_cross_entropy_with_logits)
case("binaryCrossEntropy/zeroLogits", [values([0.0, 0.0, 0.0]), values([1.0, 0.0, 0.25])], F.binary_cross_entropy_with_logits, smooth=False)

# Normalisation
case("layerNorm/last", [normal(3, 5), normal(5), normal(5)], lambda x, w, b: F.layer_norm(x, (5,), w, b))
case("layerNorm/two", [normal(2, 3, 4), normal(3, 4), normal(3, 4)], lambda x, w, b: F.layer_norm(x, (3, 4), w, b))
case("layerNorm/withoutBias", [normal(3, 5), normal(5)], lambda x, w: F.layer_norm(x, (5,), w))
case("layerNorm/epsilon", [normal(3, 5), normal(5), normal(5)], lambda x, w, b: F.layer_norm(x, (5,), w, b, eps=0.1))
case("layerNorm/one", [normal(3, 1), normal(1), normal(1)], lambda x, w, b: F.layer_norm(x, (1,), w, b, eps=0.1))
case("layerNorm/emptyBatch", [normal(0, 5), normal(5), normal(5)], lambda x, w, b: F.layer_norm(x, (5,), w, b))
case("layerNorm/long", [normal(2, 131), normal(131), normal(131)], lambda x, w, b: F.layer_norm(x, (131,), w, b))
batch = lambda x, m, v, w, b: F.batch_norm(x, m, v, w, b)


def by_channel(x, t):
    return t.reshape([1, -1] + [1] * (x.dim() - 2))


def batch_norm(x, mean, variance, scale=None, bias=None, eps=1e-5):
    """F.batch_norm has no gradient by the statistics; the formula has."""
    y = (x - by_channel(x, mean)) / torch.sqrt(by_channel(x, variance) + eps)
    y = y if scale is None else y * by_channel(x, scale)
    y = y if bias is None else y + by_channel(x, bias)
    torch.testing.assert_close(y, F.batch_norm(x, mean.detach(), variance.detach(), scale, bias, eps=eps))
    return y


case("batchNorm/images", [normal(2, 3, 4, 2), normal(3), positive(3), normal(3), normal(3)], batch_norm)
case("batchNorm/rows", [normal(4, 3), normal(3), positive(3), normal(3), normal(3)], batch_norm)
case("batchNorm/plain", [normal(2, 3, 4), normal(3), positive(3)], batch_norm)
case("batchNorm/scaleOnly", [normal(2, 3, 4), normal(3), positive(3), normal(3)], batch_norm)
case("batchNorm/epsilon", [normal(2, 3), normal(3), positive(3), normal(3), normal(3)], lambda *t: batch_norm(*t, eps=0.1))
case("batchNorm/emptyBatch", [normal(0, 3), normal(3), positive(3), normal(3), normal(3)], batch_norm)

def batch_norm_training(x, scale=None, bias=None, eps=1e-5):
    """F.batch_norm does not give the statistics; the formula does."""
    axes = [axis for axis in range(x.dim()) if axis != 1]
    mean, variance = x.mean(axes), x.var(axes, correction=0)
    y = (x - by_channel(x, mean)) / torch.sqrt(by_channel(x, variance) + eps)
    y = y if scale is None else y * by_channel(x, scale)
    y = y if bias is None else y + by_channel(x, bias)
    if x.numel() > x.shape[1]:
        torch.testing.assert_close(y, F.batch_norm(x, None, None, scale, bias, training=True, eps=eps), equal_nan=True)
    return y, mean, variance


case("batchNormTraining/images", [normal(2, 3, 4, 2), normal(3), normal(3)], batch_norm_training)
case("batchNormTraining/rows", [normal(5, 3), normal(3), normal(3)], batch_norm_training)
case("batchNormTraining/plain", [normal(2, 3, 4)], batch_norm_training)
case("batchNormTraining/scaleOnly", [normal(2, 3, 4), normal(3)], batch_norm_training)
case("batchNormTraining/epsilon", [normal(3, 2), normal(2), normal(2)], lambda *t: batch_norm_training(*t, eps=0.1))
case("batchNormTraining/single", [normal(1, 2), normal(2), normal(2)], lambda *t: batch_norm_training(*t, eps=0.1))
case("batchNormTraining/offset", [normal(4, 2, 9, shift=100.0), normal(2), normal(2)], batch_norm_training, scale=100)
case("batchNormTraining/long", [normal(3, 2, 67, 2), normal(2), normal(2)], batch_norm_training, scale=4)
case("batchNormTraining/special", [values([[[1.0, inf], [2.0, 1.0], [nan, 0.0]]])], batch_norm_training, gradient=False, smooth=False)
case("batchNormTraining/emptyBatch", [normal(0, 3), normal(3), normal(3)], batch_norm_training, gradient=False, smooth=False)
group = lambda n: lambda x, w=None, b=None: F.group_norm(x, n, w, b)
case("groupNorm/pairs", [normal(2, 6, 3, 2), normal(6), normal(6)], group(3))
case("groupNorm/all", [normal(2, 4, 5), normal(4), normal(4)], group(1))
case("groupNorm/each", [normal(2, 3, 5), normal(3), normal(3)], group(3))
case("groupNorm/rows", [normal(3, 8), normal(8), normal(8)], group(2))
case("groupNorm/plain", [normal(2, 4, 3, 3)], group(2))
case("groupNorm/scaleOnly", [normal(2, 4, 3, 3), normal(4)], group(2))
case("groupNorm/emptyBatch", [normal(0, 4, 3), normal(4), normal(4)], group(2))
instance = lambda x, w=None, b=None: F.instance_norm(x, weight=w, bias=b)
case("instanceNorm/images", [normal(2, 3, 4, 2), normal(3), normal(3)], instance)
case("instanceNorm/plain", [normal(2, 3, 7)], instance)
case("instanceNorm/long", [normal(1, 2, 67, 3), normal(2), normal(2)], instance, scale=4)

# Conversion
reals = [0.0, -0.0, 1.0, -1.0, 0.4, 0.6, -0.6, 1.5, 2.5, -2.5, 100.25, -100.75, 65504.0, 1e-6, 1.00390625, 1.01171875, 3.14159265]
case("convert/toFloat32", [values(reals)], lambda x: x.float(), ["f64", "f32"], smooth=False)
case("convert/toFloat64", [values(reals)], lambda x: x.double())
case("convert/toBFloat16", [values(reals + [inf, -inf, nan, 1e38, 3.4e38])], lambda x: x.bfloat16(), ["f32"])
case("convert/toFloat16", [values(reals + [inf, -inf, nan, 65519.0, 65520.0, 6e-8, 2.9e-8])], lambda x: x.half(), ["f32"])
case("convert/fromBFloat16", [values(reals + [inf, -inf, nan], "bf16")], lambda x: x.float(), ["f32"])
case("convert/fromFloat16", [values(reals + [inf, -inf, nan], "f16")], lambda x: x.float(), ["f32"])
case("convert/toInt32", [values(reals)], lambda x: x.int())
case("convert/toInt64", [values(reals)], lambda x: x.long())
case("convert/toUInt8", [values([0.0, 1.9, 200.5, 255.0])], lambda x: x.to(torch.uint8))
case("convert/toBool", [values(reals + [nan, inf])], lambda x: x.bool())
for source, data in {"i32": [-(2**31), -1, 0, 7, 300, 2**31 - 1], "i64": [-(2**40), -1, 0, 7, 300, 2**40 + 1], "u8": [0, 1, 7, 255], "bool": [True, False]}.items():
    for target in ["Float32", "Float64", "Int32", "Int64", "UInt8", "Bool"]:
        code = {"Float32": "f32", "Float64": "f64", "Int32": "i32", "Int64": "i64", "UInt8": "u8", "Bool": "bool"}[target]
        case(f"convert/{source}To{target}", [values(data, source)], lambda x, c=code: x.to(TORCH[c]), [source])
case("convert/roundTrip", [normal(2, 3)], lambda x: x.float() * x.double().to(x.dtype), ["f32"])

# Creation
case("create/arange/plain", [], lambda dtype: torch.arange(7, dtype=dtype), FLOATS + INTEGERS)
case("create/arange/range", [], lambda dtype: torch.arange(2, 9, 3, dtype=dtype), FLOATS + INTEGERS)
case("create/arange/fraction", [], lambda dtype: torch.arange(0.5, 2.0, 0.25, dtype=dtype))
case("create/arange/backwards", [], lambda dtype: torch.arange(5, -3, -2, dtype=dtype), ["f32", "f64", "i32", "i64"])
case("create/arange/empty", [], lambda dtype: torch.arange(0, dtype=dtype), FLOATS + INTEGERS)
case("create/linspace/plain", [], lambda dtype: torch.linspace(-1, 2, 7, dtype=dtype))
case("create/linspace/one", [], lambda dtype: torch.linspace(3, 5, 1, dtype=dtype))
case("create/linspace/none", [], lambda dtype: torch.linspace(3, 5, 0, dtype=dtype))
case("create/linspace/thirds", [], lambda dtype: torch.linspace(0, 1, 50, dtype=dtype))
case("create/eye/square", [], lambda dtype: torch.eye(3, dtype=dtype), FLOATS + INTEGERS)
case("create/eye/wide", [], lambda dtype: torch.eye(2, 4, dtype=dtype))
case("create/zeros", [], lambda dtype: torch.zeros(2, 3, dtype=dtype), FLOATS + INTEGERS)
case("create/ones", [], lambda dtype: torch.ones(2, 3, dtype=dtype), FLOATS + INTEGERS)
case("create/onesBool", [], lambda dtype: torch.ones(2, 3, dtype=dtype), ["bool"])
case("create/full", [], lambda dtype: torch.full((2, 3), 7, dtype=dtype), FLOATS + INTEGERS)
case("create/fullSpecial", [], lambda dtype: torch.full((2,), -inf, dtype=dtype))
case("create/scalar", [], lambda dtype: torch.tensor(2.5, dtype=dtype))
case("create/empty", [], lambda dtype: torch.zeros(2, 0, dtype=dtype), FLOATS + INTEGERS)
case("create/zerosLike", [normal(2, 3)], torch.zeros_like)
case("create/onesLike", [normal(2, 3)], torch.ones_like)
case("create/elements", [], lambda dtype: torch.tensor([1.5, -2.0, 3.0, 4.0], dtype=dtype))
case("create/rows", [], lambda dtype: torch.tensor([[1.5, -2.0], [3.0, 4.0]], dtype=dtype))
case("dropout/rateZero", [normal(2, 3)], lambda x: x.clone())


# Recurrent layers: x, weights, biases, states as operations take them.
def lstm(x, w, u, b, b2, h0, c0, reverse=False):
    y, h, c = torch.lstm(x.flip(1) if reverse else x, (h0[None], c0[None]), [w, u, b, b2], True, 1, 0.0, False, False, True)
    return (y.flip(1) if reverse else y), h[0], c[0]


def gru(x, w, u, b, b2, h0, reverse=False):
    y, h = torch.gru(x.flip(1) if reverse else x, h0[None], [w, u, b, b2], True, 1, 0.0, False, False, True)
    return (y.flip(1) if reverse else y), h[0]


def recurrent(gates, batch, steps, features, hidden, states, scale=0.6):
    shapes = [(batch, steps, features), (gates * hidden, features), (gates * hidden, hidden), (gates * hidden,), (gates * hidden,)]
    return [normal(*shape, scale=scale) for shape in shapes + [(batch, hidden)] * states]


def without_bias(function, states):
    def call(x, w, u):
        zeros = torch.zeros(x.shape[0], u.shape[1], dtype=x.dtype)
        bias = torch.zeros(u.shape[0], dtype=x.dtype)
        return function(x, w, u, bias, bias, *[zeros] * states)[0]
    return call


case("lstm/plain", recurrent(4, 2, 4, 3, 3, 2), lstm)
case("lstm/reversed", recurrent(4, 2, 3, 2, 3, 2), lambda *t: lstm(*t, reverse=True))
case("lstm/withoutBiasAndState", recurrent(4, 2, 3, 2, 2, 0)[:3], without_bias(lstm, 2))
case("lstm/oneStep", recurrent(4, 1, 1, 1, 1, 2), lstm)
case("lstm/wide", recurrent(4, 3, 3, 5, 33, 2, scale=0.3), lstm, ["f32"], smooth=False)
case("lstm/lastState", recurrent(4, 2, 3, 2, 3, 2), lambda *t: lstm(*t)[1:])
case("gru/plain", recurrent(3, 2, 4, 3, 3, 1), gru)
case("gru/reversed", recurrent(3, 2, 3, 2, 3, 1), lambda *t: gru(*t, reverse=True))
case("gru/withoutBiasAndState", recurrent(3, 2, 3, 2, 2, 0)[:3], without_bias(gru, 1))
case("gru/oneStep", recurrent(3, 1, 1, 1, 1, 1), gru)
case("gru/wide", recurrent(3, 3, 3, 5, 33, 1, scale=0.3), gru, ["f32"], smooth=False)
case("gru/lastState", recurrent(3, 2, 3, 2, 3, 1), lambda *t: gru(*t)[1])
case("lstmCell/plain", recurrent(4, 2, 1, 3, 3, 2), lambda x, w, u, b, b2, h, c: torch.lstm_cell(x[:, 0], (h, c), w, u, b, b2))
case("gruCell/plain", recurrent(3, 2, 1, 3, 3, 1), lambda x, w, u, b, b2, h: torch.gru_cell(x[:, 0], h, w, u, b, b2))


def run(name, inputs, function, dtype, with_gradient):
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    stored, tensors = {}, []
    for position, item in enumerate(inputs):
        data = item.draw(generator)
        code = item.dtype or dtype
        if code == "u8":
            data = np.abs(data)
        if code.startswith("f") or code.startswith("bf"):
            # The same numbers in every dtype: what f32 can hold.
            data = np.asarray(data, dtype=np.float64)
            if code == "f64":
                data = data.astype(np.float32).astype(np.float64)
        tensor = torch.tensor(np.asarray(data)).to(TORCH[code]).contiguous()
        stored[f"input.{position}"] = tensor
        differentiable = with_gradient and code == dtype and tensor.is_floating_point()
        tensors.append(tensor.clone().requires_grad_() if differentiable else tensor.clone())
    outputs = function(*tensors) if inputs else function(TORCH[dtype])
    outputs = list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
    for position, output in enumerate(outputs):
        stored[f"output.{position}"] = output.detach().clone().contiguous()
    variables = [t for t in tensors if t.requires_grad]
    has_gradient = bool(variables) and all(o.dtype in (torch.float32, torch.float64) for o in outputs)
    if has_gradient:
        cotangents = [torch.tensor(generator.standard_normal(tuple(o.shape)).astype(np.float32)).to(o.dtype) for o in outputs]
        for position, cotangent in enumerate(cotangents):
            stored[f"cotangent.{position}"] = cotangent
        reached = [(o, c) for o, c in zip(outputs, cotangents) if o.requires_grad]
        if reached:
            gradients = torch.autograd.grad([o for o, _ in reached], variables, [c for _, c in reached], allow_unused=True)
        else:
            gradients = [None] * len(variables)
        found = iter(gradients)
        for position, tensor in enumerate(tensors):
            if tensor.requires_grad:
                gradient = next(found)
                stored[f"gradient.{position}"] = (torch.zeros_like(tensor) if gradient is None else gradient).detach().clone().contiguous()
    return stored, has_gradient


def main():
    torch.set_num_threads(1)
    listed, files = [], {}
    for name, inputs, function, dtypes, gradient, smooth, scale in cases:
        any_gradient = False
        for dtype in dtypes:
            stored, has_gradient = run(name, inputs, function, dtype, gradient and dtype in FLOATS)
            any_gradient = any_gradient or has_gradient
            family = files.setdefault(name.split("/")[0], {})
            for key, tensor in stored.items():
                family[f"{name}/{dtype}/{key}"] = tensor
        listed.append({"name": name, "inputs": len(inputs), "dtypes": dtypes, "gradient": any_gradient, "smooth": smooth and any_gradient, "scale": scale})
    total = 0
    for old in HERE.glob("operations-*.safetensors"):
        old.unlink()
    groups = {"elementwise": ["unary", "binary", "number"], "logic": ["compare", "logic", "where", "convert"], "reductions": ["reduce"],
              "windows": ["conv2d", "maxPool2d", "avgPool2d"], "attention": ["scaledDotProductAttention"],
              "images": ["convTranspose2d", "prelu", "pixelShuffle", "upsample2d", "reflectionPad2d", "adaptiveAvgPool2d"],
              "recurrent": ["lstm", "gru", "lstmCell", "gruCell"],
              "normalization": ["batchNormTraining", "groupNorm", "instanceNorm"]}
    grouped = {family: group for group, families in groups.items() for family in families}
    merged = {}
    for family, tensors in files.items():
        merged.setdefault(grouped.get(family, "others"), {}).update(tensors)
    for group, tensors in merged.items():
        path = HERE / f"operations-{group}.safetensors"
        save_file(tensors, path, metadata={"made-by": f"make_operations.py with torch {torch.__version__.split('+')[0]}"})
        total += path.stat().st_size
    text = ",\n".join("  " + json.dumps(entry) for entry in listed)
    (HERE / "operations.json").write_text(f"[\n{text}\n]\n")
    print(f"{len(listed)} cases, {total} bytes")


main()
