// Made by scripts/make_format_fixtures.py; do not edit.

import Foundation

/// Small files made by other programs.
enum Fixtures {
    /// Tensors of every type, a scalar and an empty one, with metadata, by the safetensors package from PyTorch tensors.
    static let safetensors = decoded(
        """
        mAIAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyLDqXBpcXVlIjoiYSBcInF1b3RlZFwiXG5saW5lIiwiZm9ybWF0IjoicHQifSwibG9uZyI6eyJkdHlwZSI6Ikk2
        NCIsInNoYXBlIjpbMSwxXSwiZGF0YV9vZmZzZXRzIjpbMCw4XX0sImRvdWJsZSI6eyJkdHlwZSI6IkY2NCIsInNoYXBlIjpbMl0sImRhdGFfb2Zmc2V0cyI6
        WzgsMjRdfSwiZW1wdHkiOnsiZHR5cGUiOiJGMzIiLCJzaGFwZSI6WzAsNF0sImRhdGFfb2Zmc2V0cyI6WzI0LDI0XX0sImhpZGRlbi53ZWlnaHQiOnsiZHR5
        cGUiOiJGMzIiLCJzaGFwZSI6WzIsM10sImRhdGFfb2Zmc2V0cyI6WzI0LDQ4XX0sInNjYWxhciI6eyJkdHlwZSI6IkYzMiIsInNoYXBlIjpbXSwiZGF0YV9v
        ZmZzZXRzIjpbNDgsNTJdfSwiaW50Ijp7ImR0eXBlIjoiSTMyIiwic2hhcGUiOlsyXSwiZGF0YV9vZmZzZXRzIjpbNTIsNjBdfSwiYnJhaW4iOnsiZHR5cGUi
        OiJCRjE2Iiwic2hhcGUiOlsyXSwiZGF0YV9vZmZzZXRzIjpbNjAsNjRdfSwiaGFsZiI6eyJkdHlwZSI6IkYxNiIsInNoYXBlIjpbMl0sImRhdGFfb2Zmc2V0
        cyI6WzY0LDY4XX0sImJ5dGUiOnsiZHR5cGUiOiJVOCIsInNoYXBlIjpbM10sImRhdGFfb2Zmc2V0cyI6WzY4LDcxXX0sImZsYWciOnsiZHR5cGUiOiJCT09M
        Iiwic2hhcGUiOlszXSwiZGF0YV9vZmZzZXRzIjpbNzEsNzRdfX0gICAg+/////////8AAAAAAAD4PwAAAAAAAATAAAAAAAAAgD4AAAA/AABAPwAAgD8AAKA/
        AADgQP////////9/gD8AwAA8AMAAf/8BAAE=
        """)

    /// Grey 5x4, interlaced; sample = 16 * row + column.
    static let interlacedPNG = decoded(
        """
        iVBORw0KGgoAAAANSUhEUgAAAAUAAAAECAAAAAEUX5oKAAAAJElEQVR42mNgYGBhYGJQUFJhYGRmUFRmEBAUEhZhMDA0MjYBABJ8AglYL3PWAAAAAElFTkSu
        QmCC
        """)

    /// Blue, red, green out of a palette.
    static let palettePNG = decoded(
        """
        iVBORw0KGgoAAAANSUhEUgAAAAMAAAABAgMAAABmjvwnAAAACVBMVEX/AAAA/wAAAP8tSs2KAAAACklEQVR4nGNoAQAAhgCFvPXN1gAAAABJRU5ErkJggg==
        """)

    /// Opaque (10, 20, 30), transparent (10, 20, 30), half transparent (0, 100, 200).
    static let rgbaPNG = decoded(
        """
        iVBORw0KGgoAAAANSUhEUgAAAAMAAAABCAYAAAAb4BS0AAAAFUlEQVR4nGPkEpH7z8DAwPgtYFUDABIyA65Dul6fAAAAAElFTkSuQmCC
        """)

    /// Opaque and transparent grey 40.
    static let greyAlphaPNG = decoded(
        """
        iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAQAAABeK7cBAAAADUlEQVR4nGPU+M/ACAADqAEq/YGD2gAAAABJRU5ErkJggg==
        """)

    /// White, black, white in one bit each.
    static let oneBitPNG = decoded(
        """
        iVBORw0KGgoAAAANSUhEUgAAAAMAAAABAQAAAAAzmykZAAAACklEQVR4nGNYAAAAogCh3I2xzAAAAABJRU5ErkJggg==
        """)

    /// 16-bit grey 0x0000, 0x8080, 0xffff.
    static let grey16PNG = decoded(
        """
        iVBORw0KGgoAAAANSUhEUgAAAAMAAAABEAAAAABuG5crAAAAD0lEQVR42mNgYGho+P8fAAaEAv//G2LxAAAAAElFTkSuQmCC
        """)

    /// One 16-bit pixel (0xffff, 0x8080, 0).
    static let rgb16PNG = decoded(
        """
        iVBORw0KGgoAAAANSUhEUgAAAAEAAAABEAIAAADA54+dAAAAD0lEQVR42mP4/7+hgYEBAA58Av8+efoDAAAAAElFTkSuQmCC
        """)

    /// A header that claims 1,000,000 x 1,000,000 pixels.
    static let hugePNG = decoded(
        """
        iVBORw0KGgoAAAANSUhEUgAPQkAAD0JACAAAAAB5BmehAAAACUlEQVR42mMAAAABAAGxDbaTAAAAAElFTkSuQmCC
        """)

    private static func decoded(_ text: String) -> [UInt8] {
        Array(Data(base64Encoded: text, options: .ignoreUnknownCharacters)!)
    }
}
