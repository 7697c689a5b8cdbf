"""The display as a picture: what the phone shows, drawn at its size.

320 x 222 grey pixels (7942G, 7962G data sheets). In which format a 79x2 answers a screenshot is
not published, so it can be told to use any of the three that clients of the family read.
"""

from __future__ import annotations

import io
import time

from PIL import Image, ImageDraw, ImageFont

from harness.virtual.phone.windows.handset import Picture
from harness.virtual.spec import ScreenshotFormat

__all__ = ["draw", "encode"]

_SIZE = (320, 222)
_LINE_HEIGHT = 17
_LABEL_LEFT = 208
_WHITE, _GREY, _BLACK = 255, 170, 0


def draw(picture: Picture) -> Image.Image:
    """Draw what the display shows."""
    image = Image.new("L", _SIZE, _WHITE)
    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(11)

    def write(x: int, y: int, text: str) -> None:
        pen.text((x, y), text, fill=_BLACK, font=font)

    pen.rectangle((0, 0, _SIZE[0], _LINE_HEIGHT), fill=_GREY)
    write(4, 2, time.strftime("%H:%M %d/%m/%y"))
    write(_LABEL_LEFT, 2, picture.title)
    for index, label in enumerate(picture.line_labels):
        write(_LABEL_LEFT, 24 + index * 28, label)
    for index, line in enumerate(picture.lines):
        write(8, 60 + index * _LINE_HEIGHT, line)
    for index, key in enumerate(picture.soft_keys):
        left = index * _SIZE[0] // 4
        pen.rectangle((left + 1, 203, left + 78, 220), outline=_BLACK)
        write(left + 8, 205, key)
    return image


def encode(image: Image.Image, kind: ScreenshotFormat) -> tuple[str, bytes]:
    """Return the content type and the bytes of a picture in one of the formats."""
    if kind == "cip":
        return "text/xml", _cip(image)
    out = io.BytesIO()
    image.save(out, kind.upper())
    return f"image/{kind}", out.getvalue()


def _cip(image: Image.Image) -> bytes:
    """A CiscoIPPhoneImage: two bits a pixel, the leftmost in the low bits, 0 white."""
    width, height = image.size
    greys = [3 - round(value / 85) for value in image.tobytes()]
    packed = bytearray()
    for y in range(height):
        row = [*greys[y * width : (y + 1) * width], 0, 0, 0]
        for x in range(0, width, 4):
            packed.append(row[x] | row[x + 1] << 2 | row[x + 2] << 4 | row[x + 3] << 6)
    return (
        "<CiscoIPPhoneImage><Title></Title><LocationX>0</LocationX><LocationY>0</LocationY>"
        f"<Width>{width}</Width><Height>{height}</Height><Depth>2</Depth>"
        f"<Data>{packed.hex()}</Data></CiscoIPPhoneImage>"
    ).encode()
