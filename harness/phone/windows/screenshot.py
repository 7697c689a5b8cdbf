"""CGI/Screenshot: the phone's display as a picture.

Later models answer BMP or PNG; the 79x0 of the old Perl client answer a ``CiscoIPPhoneImage``: two
bits a pixel, four pixels a byte, the leftmost in the low bits (ImageMagick ``coders/cip.c``). What
a 79x2 answers is not published, so all three are taken. Which way round the four greys run is as
in the Services notes: 0 is white, 3 is black.
"""

from __future__ import annotations

import binascii
import io
import re
import warnings
import xml.etree.ElementTree as ET

from PIL import Image

from harness.errors import ProductFault

__all__ = ["picture_as_png"]

#: No phone of the family has a display beyond this.
_LARGEST_SIDE = 1024
_GREYS = (255, 170, 85, 0)
_ERROR = re.compile(rb'<CiscoIPPhoneError Number="(\d+)"')


def picture_as_png(content: bytes, device: str = "") -> bytes:
    """Return a screenshot as PNG, whichever of the three formats the phone sent.

    Raises:
        ProductFault: it is none of them, damaged, or larger than any display.
    """
    head = content.lstrip()[:400]
    try:
        image = _cip(content) if b"<CiscoIPPhoneImage" in head else _bitmap(content)
    # Pillow says what is wrong with a picture in many ways.
    except (OSError, ValueError, SyntaxError, ET.ParseError, LookupError, MemoryError,
            ArithmeticError, TypeError, AttributeError, Warning,
            Image.DecompressionBombError) as error:  # fmt: skip
        raise ProductFault(
            f"its screenshot cannot be read: {type(error).__name__} {error}",
            device=device,
            state=f"{len(content)} bytes, beginning with {content[:16]!r}",
        ) from error
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def _bitmap(content: bytes) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = Image.open(io.BytesIO(content), formats=("PNG", "BMP"))
        _check(*image.size)
        image.load()
    return image.convert("RGB") if image.mode not in ("1", "L", "P", "RGB") else image


def _cip(content: bytes) -> Image.Image:
    if b"<!ENTITY" in content or b"<!DOCTYPE" in content:
        raise ValueError("it declares a document type")
    root = ET.fromstring(content.strip())
    width, height = (int(root.findtext(name) or 0) for name in ("Width", "Height"))
    if root.findtext("Depth", "2").strip() != "2":
        raise ValueError(f"{root.findtext('Depth')} bits a pixel, where the format has 2")
    _check(width, height)
    packed = binascii.unhexlify("".join((root.findtext("Data") or "").split()))
    row = (width + 3) // 4
    if len(packed) < row * height:
        raise ValueError(f"{len(packed)} bytes of picture where {row * height} belong")
    pixels = bytearray()
    for y in range(height):
        line = packed[y * row : (y + 1) * row]
        unpacked = [_GREYS[byte >> shift & 3] for byte in line for shift in (0, 2, 4, 6)]
        pixels += bytes(unpacked[:width])
    return Image.frombytes("L", (width, height), bytes(pixels))


def _check(width: int, height: int) -> None:
    if not (1 <= width <= _LARGEST_SIDE and 1 <= height <= _LARGEST_SIDE):
        raise ValueError(f"{width} x {height} pixels are no phone's display")


def refusal(content: bytes) -> str:
    """Return the number of the CiscoIPPhoneError in an answer, empty when it is none."""
    match = _ERROR.search(content[:400])
    return match[1].decode() if match else ""
