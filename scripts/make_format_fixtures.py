#!/usr/bin/env python3
"""Writes Tests/HillockFormatsTests/Fixtures.swift: small files made by other programs, which Hillock's readers must understand.

    pip install safetensors numpy torch pillow
    python3 scripts/make_format_fixtures.py > Tests/HillockFormatsTests/Fixtures.swift

The expected values are in the tests. PNG kinds that Pillow does not write (interlaced, 16-bit colour) are put together here with zlib.
"""

import base64
import io
import struct
import zlib

import torch
from PIL import Image
from safetensors.torch import save


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, depth, colour, scanlines, interlace=0):
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(scanlines, 9)) + chunk(b"IEND", b"")


def pillow(image, **options):
    stream = io.BytesIO()
    image.save(stream, "PNG", **options)
    return stream.getvalue()


def interlaced():
    """Grey 5x4, sample = 16 * y + x, in Adam7's seven passes."""
    lines = b""
    for x0, y0, dx, dy in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)):
        for y in range(y0, 4, dy):
            row = bytes(16 * y + x for x in range(x0, 5, dx))
            if row:
                lines += b"\x00" + row
    return png(5, 4, 8, 0, lines, interlace=1)


def palette():
    image = Image.new("P", (3, 1))
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.putdata([2, 0, 1])
    return pillow(image)


def rgba():
    image = Image.new("RGBA", (3, 1))
    image.putdata([(10, 20, 30, 255), (10, 20, 30, 0), (0, 100, 200, 128)])
    return pillow(image)


def grey_alpha():
    image = Image.new("LA", (2, 1))
    image.putdata([(40, 255), (40, 0)])
    return pillow(image)


def bits():
    image = Image.new("1", (3, 1))
    image.putdata([255, 0, 255])
    return pillow(image)


FIXTURES = {
    "safetensors": (
        "Tensors of every type, a scalar and an empty one, with metadata, by the safetensors package from PyTorch tensors.",
        save(
            {
                "hidden.weight": torch.arange(6, dtype=torch.float32).reshape(2, 3) / 4,
                "double": torch.tensor([1.5, -2.5], dtype=torch.float64),
                "int": torch.tensor([-1, 2147483647], dtype=torch.int32),
                "long": torch.tensor([[-5]], dtype=torch.int64),
                "byte": torch.tensor([0, 127, 255], dtype=torch.uint8),
                "flag": torch.tensor([True, False, True]),
                "brain": torch.tensor([1.0, -2.0], dtype=torch.bfloat16),
                "half": torch.tensor([1.0, -2.0], dtype=torch.float16),
                "scalar": torch.tensor(7.0),
                "empty": torch.zeros(0, 4),
            },
            {"format": "pt", "épique": 'a "quoted"\nline'},
        ),
    ),
    "interlacedPNG": ("Grey 5x4, interlaced; sample = 16 * row + column.", interlaced()),
    "palettePNG": ("Blue, red, green out of a palette.", palette()),
    "rgbaPNG": ("Opaque (10, 20, 30), transparent (10, 20, 30), half transparent (0, 100, 200).", rgba()),
    "greyAlphaPNG": ("Opaque and transparent grey 40.", grey_alpha()),
    "oneBitPNG": ("White, black, white in one bit each.", bits()),
    "grey16PNG": ("16-bit grey 0x0000, 0x8080, 0xffff.", png(3, 1, 16, 0, b"\x00" + struct.pack(">HHH", 0, 0x8080, 0xFFFF))),
    "rgb16PNG": ("One 16-bit pixel (0xffff, 0x8080, 0).", png(1, 1, 16, 2, b"\x00" + struct.pack(">HHH", 0xFFFF, 0x8080, 0))),
    "hugePNG": ("A header that claims 1,000,000 x 1,000,000 pixels.", png(1_000_000, 1_000_000, 8, 0, b"\x00")),
}

print("// Made by scripts/make_format_fixtures.py; do not edit.\n\nimport Foundation\n")
print("/// Small files made by other programs.\nenum Fixtures {")
for index, (name, (comment, data)) in enumerate(FIXTURES.items()):
    text = base64.b64encode(data).decode()
    lines = [text[i : i + 120] for i in range(0, len(text), 120)]
    print("" if index == 0 else "\n", end="")
    print(f"    /// {comment}\n    static let {name} = decoded(\n        \"\"\"")
    print("\n".join("        " + line for line in lines))
    print('        """)')
print("""
    private static func decoded(_ text: String) -> [UInt8] {
        Array(Data(base64Encoded: text, options: .ignoreUnknownCharacters)!)
    }
}""")
