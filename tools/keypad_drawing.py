"""Draw the keypad's wiring from ``firmware/board.py``: ``python tools/keypad_drawing.py``.

Writes ``docs/how-to/keypad-pins.svg`` and the tables between the markers in
``docs/how-to/build-the-keypad.md``. A test tells when they no longer agree with the board.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/how-to/build-the-keypad.md"
DRAWING = ROOT / "docs/how-to/keypad-pins.svg"

#: A Raspberry Pi Pico's edge, pin 1 to 40 (Pico data sheet, figure "The pinout").
PICO = [
    *["GP0", "GP1", "GND", "GP2", "GP3", "GP4", "GP5", "GND", "GP6", "GP7"],
    *["GP8", "GP9", "GND", "GP10", "GP11", "GP12", "GP13", "GND", "GP14", "GP15"],
    *["GP16", "GP17", "GND", "GP18", "GP19", "GP20", "GP21", "GND", "GP22", "RUN"],
    *["GP26", "GP27", "AGND", "GP28", "ADC_VREF", "3V3", "3V3_EN", "GND", "VSYS", "VBUS"],
]
COLOURS = {"row": "#c0392b", "column": "#2471a3", "mux": "#1e8449", "adc": "#8e44ad", "": "#666"}


def read_board() -> ModuleType:
    """Import the board's data."""
    spec = importlib.util.spec_from_file_location("keypad_board", ROOT / "firmware/board.py")
    if spec is None or spec.loader is None:
        raise SystemExit("firmware/board.py cannot be read")
    board = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(board)
    return board


def uses(board: ModuleType) -> dict[str, tuple[str, str]]:
    """Return the kind and the use of each pin of the Pico that is wired."""
    found = {
        "GND": ("", "ground"),
        "AGND": ("", "ground of the light sensors"),
        "3V3": ("", "+3.3 V: multiplexer, light sensors"),
    }
    for index, pin in enumerate(board.ROW_PINS):
        found[f"GP{pin}"] = ("row", f"row {index}: driver input (12 V)")
    for index, pin in enumerate(board.COLUMN_PINS):
        found[f"GP{pin}"] = ("column", f"column {index}: driver input (ground)")
    for index, pin in enumerate(board.MUX_PINS):
        found[f"GP{pin}"] = ("mux", f"multiplexer S{index}")
    found[f"GP{board.ADC_PIN}"] = ("adc", "multiplexer common: light level")
    found[f"GP{board.MAINTENANCE_PIN}"] = ("", "maintenance jumper to ground")
    return found


def svg(board: ModuleType) -> str:
    """Return the Pico from above, each pin with what it is wired to."""
    wired = uses(board)
    lines = [
        '<svg xmlns="http://www.w3.org/2000/svg" width="900" height="510" '
        'font-family="sans-serif" font-size="13">',
        "<title>Pins of the keypad controller</title>",
        '<rect width="900" height="510" fill="white"/>',
        '<rect x="350" y="40" width="200" height="450" rx="8" fill="#dff0e0" stroke="#333"/>',
        '<rect x="420" y="22" width="60" height="34" fill="#ccc" stroke="#333"/>',
        '<text x="450" y="44" text-anchor="middle">USB</text>',
        '<text x="20" y="32" font-size="16">Raspberry Pi Pico (RP2040), from above</text>',
    ]
    for number, name in enumerate(PICO, start=1):
        left = number <= 20
        y = 75 + 21 * ((number - 1) if left else (40 - number))
        kind, use = wired.get(name, ("", ""))
        colour = COLOURS[kind] if use else "#bbb"
        edge, inner, outer = (350, 378, 340) if left else (550, 522, 560)
        end = "end" if left else "start"
        lines.append(f'<circle cx="{edge}" cy="{y}" r="6" fill="{colour}"/>')
        lines.append(
            f'<text x="{inner}" y="{y + 4}" text-anchor="{"start" if left else "end"}">'
            f"{number} {escape(name)}</text>"
        )
        if use:
            lines.append(
                f'<text x="{outer}" y="{y + 4}" text-anchor="{end}" fill="{colour}">'
                f"{escape(use)}</text>"
            )
    return "\n".join([*lines, "</svg>", ""])


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    body = ["| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]]
    return "\n".join(body)


def matrix(board: ModuleType) -> str:
    """Return which key's coil is at which crossing."""
    head = ["", *(f"column {n} (GP{pin})" for n, pin in enumerate(board.COLUMN_PINS))]
    rows = [
        [f"row {n} (GP{pin})", *(f"`{key}`" if key else "–" for key in board.KEYS[n])]
        for n, pin in enumerate(board.ROW_PINS)
    ]
    return table(head, rows)


def sensors(board: ModuleType) -> str:
    """Return which sensor is on which channel of the multiplexer."""
    rows = []
    for name, channels, only in board.LAMPS:
        filters = [f"none ({only} lamp)"] if only else ["red", "green"]
        rows += [
            [f"C{channel}", f"`{name}`", kind]
            for channel, kind in zip(channels, filters, strict=True)
        ]
    return table(["channel", "lamp", "filter"], rows)


def limits(board: ModuleType) -> str:
    """Return what the firmware keeps to."""
    rows = [
        ["current of one coil at full voltage, at most", f"{board.COIL_MA} mA"],
        ["coils on at once, at most", f"{board.MOST_DOWN}"],
        ["full current for", f"{board.PULL_IN_MS} ms"],
        ["then", f"{board.HOLD_PERCENT} %, by PWM at {board.PWM_HZ // 1000} kHz"],
        ["heat a coil bears for ever", f"{board.RATED_PERCENT} % of full"],
        ["full current a cold coil bears", f"{board.LONGEST_FULL_MS // 1000} s"],
        ["a key is down, at most", f"{board.LONGEST_DOWN_MS // 1000} s"],
        ["host silent: all keys up after", f"{board.WATCHDOG_MS / 1000:g} s"],
        ["firmware stuck: chip resets after", f"{board.RESET_MS / 1000:g} s"],
    ]
    return table(["limit", "value"], rows)


def page(text: str, board: ModuleType) -> str:
    """Return the page with its tables drawn anew."""
    for name, draw in (("matrix", matrix), ("sensors", sensors), ("limits", limits)):
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        text, count = pattern.subn(lambda m, d=draw: f"{m[1]}{d(board)}\n{m[2]}", text)
        if count != 1:
            raise SystemExit(f"{PAGE}: {count} places for {name}, not one")
    return text


def main() -> int:
    """Write drawing and tables."""
    board = read_board()
    DRAWING.write_text(svg(board), encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), board), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
