"""What single values cannot show of keypads: which phones a robot can serve, on which line."""

from __future__ import annotations

from collections.abc import Iterator

from harness.lab.checked import Fault, Place
from harness.lab.inventory import Lab
from harness.lab.keypad_spec import GrblSpec, serial_device

__all__ = ["keypad_faults"]

_VIRTUAL = "virtual"
#: Millimetres a 7942G and a 7962G measure: 26.7 by 20.3 cm (Cisco 7962G/7942G data sheets).
_FACE = (267.0, 203.0)


def keypad_faults(lab: Lab) -> Iterator[Fault]:
    """Yield each fault with the keys that lead to it."""
    for name, keypad in lab.keypads.items():
        under = [phone for phone, spec in lab.phones.items() if spec.keypad == name]
        if isinstance(keypad, GrblSpec):
            yield from _positions(name, keypad, under)
            continue
        for phone in under[1:]:
            text = f"{name} is already used by {under[0]}: a matrix controller has the keys of one"
            yield (
                ("phones", phone, "keypad"),
                f"{text} phone; a gantry with positions can serve two",
            )
    yield from _ports(lab)


def _positions(name: str, gantry: GrblSpec, under: list[str]) -> Iterator[Fault]:
    here: Place = ("keypads", name, "positions")
    if not gantry.positions and len(under) > 1:
        for phone in under[1:]:
            text = (
                f"{name} is already used by {under[0]}: to serve both it needs a position for each"
            )
            yield ("phones", phone, "keypad"), f"{text}, keypads.{name}.positions"
        return
    for phone in gantry.positions:
        if phone not in under:
            yield (*here, phone), f"no phone of this name has keypad: {name}"
    for phone in under:
        if gantry.positions and phone not in gantry.positions:
            text = f"{phone} has keypad: {name} and no position under it"
            yield here, f"{text}; add {phone}: {{corner: [X, Y]}}"
    placed = list(gantry.positions.items())
    for number, (phone, position) in enumerate(placed):
        for other, beside in placed[:number]:
            apart = [abs(a - b) for a, b in zip(position.corner, beside.corner, strict=True)]
            if apart[0] < _FACE[0] and apart[1] < _FACE[1]:
                text = f"{phone} would lie on {other}: a face is {_FACE[0]:g} mm wide and"
                yield (*here, phone, "corner"), f"{text} {_FACE[1]:g} mm high"


def _ports(lab: Lab) -> Iterator[Fault]:
    """One program opens a serial device, once."""
    taken: dict[str, str] = {}
    for name, keypad in lab.keypads.items():
        for key, port in keypad.serial_ports.items():
            if port == _VIRTUAL:
                continue
            here: Place = ("keypads", name, *key.split("."))
            device = serial_device(port)
            if device in taken:
                text = f"{port} is already used by {taken[device]}"
                yield here, f"{text}; one gantry over several phones is one keypad with positions"
            taken.setdefault(device, f"keypads.{name}.{key}")
