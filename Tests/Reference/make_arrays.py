"""What NumPy prints and what its basic indexing takes.

    python3 make_arrays.py        (needs numpy 2)

Writes, next to this file,
    printing.json   arrays and the text of np.array2string(precision=4), everything else by default
    indexing.json   random index expressions on arange(n).reshape(shape), and what they give
"""

import json
import pathlib

import numpy as np

HERE = pathlib.Path(__file__).parent
generator = np.random.default_rng(20)


def printed():
    inf, nan = np.inf, np.nan
    f32, f64, f16 = np.float32, np.float64, np.float16
    arrays = [
        np.array(1.0, f32), np.array(-0.1, f32), np.array(123456.789, f64), np.array(nan, f32), np.array(-inf, f64), np.array(7, np.int32),
        np.array(1e-9, f32), np.array(-0.0, f32), np.zeros(0, f32),
        np.array([1, 2, 3], f32), np.array([1.5, 2.25], f32), np.array([0.1, 0.2, 0.3], f32), np.array([0.1, 0.2, 0.3], f64),
        np.array([1 / 3, 2 / 3], f32), np.array([1, -1], f32), np.array([0, -0.0], f32), np.array([-1.5, 0.00049, 20], f32),
        np.array([0.99999, 0.5], f32), np.array([0.00005, 0.5], f64), np.array([0.00015, 0.1], f64), np.array([2.00005, 1.00015], f64),
        np.array([0.001, 1], f32), np.array([0.001, 1.001], f32), np.array([1e-4, 1e-2], f32), np.array([9.9e-5, 1e-2], f32),
        np.array([1e8, 1], f32), np.array([99999992, 1e5], f32), np.array([33554432.0, 16777216.0], f32), np.array([1e7, 123456.7], f64),
        np.array([1e-45, 3.4e38], f32), np.array([1e-300, 1e300], f64), np.array([1e100, 1e5], f64), np.array([1e-10, 1e-100], f64),
        np.array([123456.789, 0.5], f64), np.array([1000.0, 1.0], f32), np.array([1001.0, 1.0], f32), np.array([-1e-7, 1.0], f32),
        np.array([inf, 1], f32), np.array([-inf, 1], f32), np.array([nan, 1.25], f32), np.array([nan, inf, -inf], f32), np.array([nan, nan], f32),
        np.array([inf, 100.5, -3], f32), np.array([-inf, 1e-8], f32), np.array([nan, 1e20], f32), np.array([0, 0, 0], f32),
        np.array([0.5, 65504, 1e-3], f16), np.array([0.1, 0.2], f16), np.array([[1.5, -2], [3, 4.125]], f32),
        np.array([[1, 2], [3, 4]], np.int32), np.array([-5, 100, 7], np.int64), np.array([255, 0, 3], np.uint8),
        np.array([[10, -200], [3000, 4]], np.int64), np.arange(24, dtype=f32).reshape(2, 3, 4), np.arange(16, dtype=f32).reshape(2, 2, 2, 2),
        np.arange(6, dtype=np.int64).reshape(1, 6, 1), np.arange(40, dtype=f32), np.arange(60, dtype=np.int64), np.linspace(0, 1, 30),
        np.linspace(-1, 1, 90).reshape(3, 30).astype(f32), np.arange(1000, dtype=np.int64), np.arange(1001, dtype=np.int64), np.arange(2000, dtype=f32),
        np.arange(2000, dtype=f32).reshape(40, 50), np.arange(2400, dtype=f32).reshape(20, 30, 4), np.arange(2400, dtype=f32).reshape(2, 3, 400),
        np.arange(1200, dtype=f32).reshape(6, 200), np.arange(1400, dtype=f32).reshape(7, 200), np.full((1100,), 0.5, f32),
        np.arange(1500, dtype=f64).reshape(1500, 1), np.ones((1, 1, 1), f32),
    ]
    for _ in range(120):
        shape = tuple(generator.integers(1, 6, generator.integers(1, 4)))
        scale = 10.0 ** generator.integers(-6, 9)
        spread = 10.0 ** (generator.random(shape) * generator.integers(0, 5))
        data = generator.standard_normal(shape) * scale * spread
        if generator.random() < 0.3:
            data = np.round(data, int(generator.integers(0, 4)))
        if generator.random() < 0.2:
            data.flat[generator.integers(0, data.size)] = generator.choice([np.nan, np.inf, -np.inf, 0.0])
        arrays.append(data.astype(generator.choice([np.float32, np.float64])))
    names = {"float16": "f16", "float32": "f32", "float64": "f64", "int32": "i32", "int64": "i64", "uint8": "u8"}
    return [
        {"dtype": names[str(a.dtype)], "shape": list(a.shape), "bits": a.tobytes().hex(), "text": np.array2string(a, precision=4)} for a in arrays
    ]


def bound(extent):
    return None if generator.random() < 0.25 else int(generator.integers(-extent - 2, extent + 3))


def indexed():
    result = []
    for _ in range(300):
        shape = [int(n) for n in generator.integers(0, 6, generator.integers(0, 5))]
        array = np.arange(int(np.prod(shape))).reshape(shape)
        named = int(generator.integers(0, len(shape) + 1))
        expression, items = [], []
        has_ellipsis = generator.random() < 0.4
        place = int(generator.integers(0, named + 1))
        for axis in range(named):
            if has_ellipsis and axis == place:
                expression.append(Ellipsis)
                items.append("ellipsis")
            if generator.random() < 0.15:
                expression.append(None)
                items.append("newAxis")
            at = len(shape) - named + axis if has_ellipsis and axis >= place else axis
            extent = shape[at]
            if generator.random() < 0.3 and extent > 0:
                index = int(generator.integers(-extent, extent))
                expression.append(index)
                items.append({"index": index})
            else:
                start, stop, step = bound(extent), bound(extent), int(generator.choice([1, 1, 1, 2, 3, -1, -1, -2, -3]))
                expression.append(slice(start, stop, step))
                items.append({"from": start, "to": stop, "step": step})
        if has_ellipsis and place == named:
            expression.append(Ellipsis)
            items.append("ellipsis")
        if generator.random() < 0.1:
            expression.append(None)
            items.append("newAxis")
        part = array[tuple(expression)]
        result.append({"shape": shape, "items": items, "result": list(np.shape(part)), "elements": np.asarray(part).reshape(-1).tolist()})
    return result


for name, entries in {"printing": printed(), "indexing": indexed()}.items():
    text = ",\n".join("  " + json.dumps(entry) for entry in entries)
    (HERE / f"{name}.json").write_text(f"[\n{text}\n]\n")
    print(name, len(entries))
