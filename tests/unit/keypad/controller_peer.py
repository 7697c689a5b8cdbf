"""A scripted keypad controller behind a pseudo-terminal; its script must be used up exactly."""

from __future__ import annotations

import os
import select
import threading
import time
import tty
from dataclasses import dataclass
from types import TracebackType

LAMPS = (
    "line1=dark line2=dark line3=dark line4=dark line5=dark line6=dark "
    "mwi=dark headset=dark mute=dark speaker=dark"
)


def crc(body: str) -> int:
    """Bit by bit, as polynomial division: not the way the driver does it."""
    bits = int.from_bytes(body.encode(), "big") << 8
    for shift in range(bits.bit_length() - 9, -1, -1):
        if bits >> (shift + 8) & 1:
            bits ^= 0x107 << shift
    return bits & 0xFF


def frame(body: str) -> bytes:
    return f"{body}*{crc(body):02X}\n".encode()


@dataclass(frozen=True)
class Heard:
    """Expect this frame's body (``{n}`` = its number); then write ``chunks`` one by one."""

    body: str
    chunks: tuple[bytes, ...] = ()
    unplug: bool = False


def heard(body: str, *says: str, unplug: bool = False) -> Heard:
    return Heard(body, tuple(frame(line) for line in says), unplug)


#: What every driver begins with.
GREETING = (
    heard(">1 hello 2", "<1 ok 5 matrix 2 35 scripted-1"),
    heard(">2 lamps", f"<2 ok 6 {LAMPS}"),
)


class ScriptedController:
    """Signs of life are answered and not part of the script: the host sends them as it likes.

    They take numbers, so a script names the requests by their verb after the greeting: ``>{n}``
    in an expected body stands for any number and in an answer for that number.
    """

    def __init__(self, *steps: Heard) -> None:
        self._steps = list(steps)
        self._wrong: list[str] = []
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self._stop, self._stopped = os.pipe()
        self._thread = threading.Thread(target=self._play, daemon=True)

    def __enter__(self) -> ScriptedController:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        deadline = time.monotonic() + 3.0
        while kind is None and self._steps and not self._wrong and time.monotonic() < deadline:
            self._thread.join(0.01)
        os.close(self._stopped)
        self._thread.join(3.0)
        self.unplug()
        os.close(self._stop)
        if kind is None:
            assert not self._wrong, self._wrong
            assert not self._steps, f"left over: {self._steps}"

    def unplug(self) -> None:
        for fd in (self._master, self._slave):
            if fd >= 0:
                os.close(fd)
        self._master = self._slave = -1

    def say(self, *bodies: str) -> None:
        for body in bodies:
            os.write(self._master, frame(body))

    def _play(self) -> None:
        rest = b""
        while self._master >= 0:
            ready, _, _ = select.select([self._master, self._stop], [], [])
            if self._stop in ready:
                return
            *lines, rest = (rest + os.read(self._master, 4096)).split(b"\n")
            for line in lines:
                self._take(line.decode())

    def _take(self, line: str) -> None:
        body, checksum = line[:-3], line[-3:]
        if checksum != f"*{crc(body):02X}":
            self._wrong.append(f"bad checksum: {line!r}")
        number, _, request = body.partition(" ")
        number = number.removeprefix(">")
        if request == "alive":
            self.say(f"<{number} ok 1")
            return
        if not self._steps:
            if request != "release-all":  # what close() says, whatever the test did
                self._wrong.append(f"after the end of the script: {body!r}")
            self.say(f"<{number} ok 1")
            return
        step = self._steps.pop(0)
        if body != step.body.replace("{n}", number):
            self._wrong.append(f"expected {step.body!r}, got {body!r}")
            return
        for chunk in step.chunks:
            if b"{n}" in chunk:
                chunk = frame(chunk.decode()[:-4].replace("{n}", number))  # noqa: PLW2901
            os.write(self._master, chunk)
        if step.unplug:
            self.unplug()
