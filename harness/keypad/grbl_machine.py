"""What a GRBL machine is, from its own settings: travel, speeds, buffer; and how a stylus moves.

Source: gnea/grbl wiki "Grbl v1.1 Configuration" ($ settings), doc/csv/build_option_codes_en_US.csv.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from harness.errors import BenchFault, UsageFault
from harness.keypad.grbl_link import Line
from harness.keypad.layout import Point
from harness.lab import GrblSpec, ServoStylus, ZStylus

__all__ = ["Machine", "rises", "sinks"]

#: Seconds added to what a move should take: planning, jerk, an old belt.
_MARGIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Machine:
    """Travel as ``low`` to ``high`` for x, y, z in machine mm; rates in mm/min, mm/s²."""

    low: tuple[float, float, float]
    high: tuple[float, float, float]
    rates: tuple[float, float, float]
    accelerations: tuple[float, float, float]
    stylus: ZStylus | ServoStylus
    rx_buffer: int

    @classmethod
    def read(
        cls, settings: Mapping[int, float], options: str, spec: GrblSpec, device: str
    ) -> Machine:
        """Make it from ``$$`` and ``[OPT:...]``.

        Raises:
            BenchFault: settings are missing, or make the gantry unsafe or unreadable.
            UsageFault: lab.yaml wants the stylus where the machine does not reach.
        """
        wanted = (10, 13, 20, 22, 23, 32, 110, 111, 112, 120, 121, 122, 130, 131, 132)
        missing = [f"${number}" for number in wanted if number not in settings]
        if missing:
            raise BenchFault(
                f"its settings {', '.join(missing)} did not come",
                device=device,
                expected="all of $$",
                hint="is this GRBL 1.1? check cable and baud rate",
            )
        for number, right, why in (
            (22, settings[22] == 1, "homing is off, so it cannot know where it is: $22=1"),
            (20, settings[20] == 1, "soft limits are off, so a mistake would hit the frame: $20=1"),
            (10, int(settings[10]) & 1, "reports give work positions, not machine's: $10=1"),
            (13, settings[13] == 0, "reports are in inches: $13=0"),
            (32, settings[32] == 0, "laser mode is on, which changes M3: $32=0"),
        ):
            if not right:
                raise BenchFault(
                    f"its setting ${number}={settings[number]:g} does not suit a stylus",
                    device=device,
                    expected=why.rpartition(": ")[2],
                    hint=why,
                )
        travel = tuple(settings[number] for number in (130, 131, 132))
        # Machine space is negative from the home corner in stock GRBL. A build with letter Z
        # (homing force origin) puts zero into that corner, on whichever side it is ($23).
        letters, _, sizes = options.partition(",")
        flipped = [("Z" in letters and int(settings[23]) >> axis & 1) == 1 for axis in range(3)]
        low = tuple(0.0 if flip else -length for flip, length in zip(flipped, travel, strict=True))
        high = tuple(length if flip else 0.0 for flip, length in zip(flipped, travel, strict=True))
        buffer = sizes.rpartition(",")[2]
        machine = cls(
            (low[0], low[1], low[2]),
            (high[0], high[1], high[2]),
            (settings[110], settings[111], settings[112]),
            (settings[120], settings[121], settings[122]),
            spec.stylus,
            int(buffer) if buffer.isdecimal() and int(buffer) >= 64 else 128,
        )
        for height in (machine.height(down=False), machine.height(down=True)):
            if height is not None and not low[2] <= height <= high[2]:
                raise UsageFault(
                    f"its stylus cannot go to Z {height:g}",
                    device=device,
                    expected=f"{low[2]:g} to {high[2]:g} mm ($132)",
                    hint="correct stylus up and down in lab.yaml",
                )
        return machine

    def check(self, target: Point, what: str, device: str) -> None:
        """Refuse a target outside of the travel before it becomes an alarm.

        Raises:
            UsageFault: it is outside.
        """
        if not all(
            low <= value <= high
            for value, low, high in zip(target, self.low[:2], self.high[:2], strict=True)
        ):
            raise UsageFault(
                f"{what} is out of reach",
                device=device,
                state=f"at {target[0]:.1f}, {target[1]:.1f} mm",
                expected=f"X {self.low[0]:g} to {self.high[0]:g}, "
                f"Y {self.low[1]:g} to {self.high[1]:g} (soft limits, $130 and $131)",
                hint="move the phone, correct corner in lab.yaml, or calibrate again: "
                f"harness keypad calibrate {device}",
            )

    @property
    def jog_feed(self) -> float:
        """mm/min for moves by hand."""
        return min(self.rates[:2])

    def seconds(self, start: Point, target: Point) -> float:
        """How long a move in the plane may take."""
        way = math.dist(start, target)
        return _MARGIN_S + 2 * _duration(way, min(self.rates[:2]), min(self.accelerations[:2]))

    @property
    def stylus_seconds(self) -> float:
        """How long lowering or lifting may take."""
        if isinstance(self.stylus, ServoStylus):
            return _MARGIN_S + self.stylus.settle_ms / 1000
        rate = min(self.rates[2], self.stylus.feed)
        # From wherever homing or an abort left it.
        way = max(self.stylus.up - self.stylus.down, self.high[2] - self.stylus.up)
        return _MARGIN_S + 2 * _duration(way, rate, self.accelerations[2])

    def height(self, *, down: bool) -> float | None:
        """Z in mm of the stylus down or up; None when a servo moves it."""
        if isinstance(self.stylus, ServoStylus):
            return None
        return self.stylus.down if down else self.stylus.up


def _duration(way: float, rate: float, acceleration: float) -> float:
    speed = max(rate, 1.0) / 60
    return way / speed + speed / max(acceleration, 1.0)


def sinks(stylus: ZStylus | ServoStylus, done: Callable[[], None]) -> list[Line]:
    """Return the lines that lower the stylus; ``done`` is called when it is down.

    A dwell of zero is answered once all motion before it has ended (mc_dwell in
    grbl/motion_control.c), which ``ok`` to a move alone does not say.
    """
    if isinstance(stylus, ServoStylus):
        return [Line(f"M3 S{stylus.down}"), Line(f"G4 P{stylus.settle_ms / 1000:.3f}", done)]
    return [Line(f"G53 G1 Z{stylus.down:.3f} F{stylus.feed:.0f}"), Line("G4 P0", done)]


def rises(stylus: ZStylus | ServoStylus, done: Callable[[], None]) -> list[Line]:
    """Return the lines that lift the stylus; ``done`` is called when it is up."""
    if isinstance(stylus, ServoStylus):
        return [Line(f"M3 S{stylus.up}"), Line(f"G4 P{stylus.settle_ms / 1000:.3f}", done)]
    return [Line(f"G53 G0 Z{stylus.up:.3f}"), Line("G4 P0", done)]
