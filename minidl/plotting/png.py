"""PNG files of pictures, written for speed.

W3C, Portable Network Graphics, third edition (2025), https://www.w3.org/TR/png-3/. No row is filtered: figures, white
for the most part, get smaller that way than with any filter, and trying out which filter is best takes most of the
time that the usual writers need.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
import numpy.typing as npt

INCH = 0.0254  # metres


def png_of(pixels: npt.NDArray[np.uint8], dpi: float) -> bytes:
    """A picture as PNG.

    Parameters
    ----------
    pixels : (height, width, 3 or more), red, green, blue; what follows is left out.
    dpi : pixels per inch.
    """
    height, width = pixels.shape[:2]
    rows = np.zeros((height, 1 + 3 * width), np.uint8)  # each with its filter in front: 0, none
    for color in range(3):  # faster than all at once, which copies three bytes at a time
        rows[:, 1 + color :: 3] = pixels[:, :, color]
    per_metre = round(dpi / INCH)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),  # 8 bits, RGB
            _chunk(b"pHYs", struct.pack(">IIB", per_metre, per_metre, 1)),
            _chunk(b"IDAT", zlib.compress(rows.data, 1)),
            _chunk(b"IEND", b""),
        ]
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
