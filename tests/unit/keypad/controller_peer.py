"""A scripted keypad controller behind a pseudo-terminal; its script must be used up exactly."""

from __future__ import annotations

from dataclasses import dataclass

from scripted_line import ScriptedLine

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


class ScriptedController(ScriptedLine[Heard]):
    """Signs of life are answered and not part of the script: the host sends them as it likes.

    They take numbers, so a script names the requests by their verb after the greeting: ``>{n}``
    in an expected body stands for any number and in an answer for that number.
    """

    def say(self, *bodies: str) -> None:
        for body in bodies:
            self.write(frame(body))

    def _take(self) -> None:
        *lines, self._rest = self._rest.split(b"\n")
        for line in lines:
            self._answer(line.decode())

    def _answer(self, line: str) -> None:
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
            self.write(chunk)
        if step.unplug:
            self.unplug()
