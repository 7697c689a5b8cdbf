"""A scripted GRBL controller behind a pseudo-terminal; its script must be used up exactly."""

from __future__ import annotations

import select
from dataclasses import dataclass

from scripted_line import ScriptedLine

SETTINGS = {
    **{10: "1", 13: "0", 20: "1", 22: "1", 23: "0", 32: "0"},
    **{110: "12000.000", 111: "12000.000", 112: "6000.000"},
    **{120: "1500.000", 121: "1500.000", 122: "800.000"},
    **{130: "300.000", 131: "240.000", 132: "40.000"},
}


@dataclass(frozen=True)
class Step:
    """Expect exactly these bytes; then write ``chunks`` one by one.

    With ``quiet`` nothing more may come for that many seconds before the answer.
    """

    heard: bytes
    chunks: tuple[bytes, ...] = ()
    unplug: bool = False
    quiet: float = 0.0


def step(heard: str, *says: str, unplug: bool = False) -> Step:
    lines = tuple(f"{line}\r\n".encode() for line in says)
    return Step(heard.encode("latin-1"), lines, unplug)


WELCOME = step("\x18", "", "Grbl 1.1h ['$' for help]", "[MSG:'$H'|'$X' to unlock]")
BUILD = step("$I\n", "[VER:1.1h.20190830:]", "[OPT:V,15,128]", "ok")


def settings(**changed: str) -> Step:
    values = SETTINGS | {int(number[1:]): value for number, value in changed.items()}
    return step("$$\n", *(f"${number}={value}" for number, value in values.items()), "ok")


#: What every driver begins with: reset, build, settings, homing, stylus up.
OPENING = (
    WELCOME,
    BUILD,
    settings(),
    step("$H\n", "ok"),
    step("G53 G0 Z-2.000\n", "ok"),
    step("G4 P0\n", "ok"),
)
CLOSING = (step("G53 G0 Z-2.000\n", "ok"), step("G4 P0\n", "ok"))


def idle(x: float, y: float, z: float) -> str:
    return f"<Idle|MPos:{x:.3f},{y:.3f},{z:.3f}|FS:0,0>"


class ScriptedGrbl(ScriptedLine[Step]):
    """Every byte is part of the script, and none may come before its turn."""

    def _take(self) -> None:
        while self._rest and not self._wrong:
            if not self._steps:
                self._wrong.append(f"after the end of the script: {self._rest!r}")
                return
            step = self._steps[0]
            if not self._rest.startswith(step.heard):
                if not step.heard.startswith(self._rest):
                    self._wrong.append(f"expected {step.heard!r}, got {self._rest!r}")
                return
            self._rest = self._rest[len(step.heard) :]
            if step.quiet and (self._rest or select.select([self._master], [], [], step.quiet)[0]):
                self._wrong.append(f"more than {step.heard!r} before an answer")
                return
            del self._steps[0]
            for chunk in step.chunks:
                self.write(chunk)
            if step.unplug:
                self.unplug()
                return
