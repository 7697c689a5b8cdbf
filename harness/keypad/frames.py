"""Framing of the keypad line protocol: see docs/reference/keypad-protocol.md.

A frame is ``body*HH\\n``: printable ASCII, then two upper-case hex digits of CRC-8 over the body.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.events import LampColour

__all__ = [
    "Answer",
    "Damaged",
    "FrameReader",
    "KeyEdge",
    "LampReport",
    "LimitReached",
    "Message",
    "Watchdog",
    "crc8",
    "encode",
]

#: Longest frame either side may send, without its newline.
LONGEST_FRAME = 512


@dataclass(frozen=True, slots=True)
class Answer:
    """The controller's answer to request ``seq``; ``code`` is empty for ``ok``."""

    seq: int
    device_ms: int
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class KeyEdge:
    """A key moved."""

    device_ms: int
    key: str
    down: bool


@dataclass(frozen=True, slots=True)
class LampReport:
    """A lamp changed."""

    device_ms: int
    lamp: str
    colour: LampColour


@dataclass(frozen=True, slots=True)
class Watchdog:
    """The controller missed the host and released all keys."""

    device_ms: int


@dataclass(frozen=True, slots=True)
class LimitReached:
    """The controller let go of a key because what presses it may not be on any longer."""

    device_ms: int
    key: str


@dataclass(frozen=True, slots=True)
class Damaged:
    """A line that is no frame of this protocol, and why."""

    line: bytes
    why: str


Message = Answer | KeyEdge | LampReport | Watchdog | LimitReached | Damaged


def crc8(data: bytes) -> int:
    """Return the CRC-8 of ``data`` (polynomial 0x07, start 0, as in SMBus packet error codes)."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = ((crc << 1) ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
    return crc


def encode(body: str) -> bytes:
    """Return ``body`` as a frame, newline included."""
    raw = body.encode("ascii")
    return b"%s*%02X\n" % (raw, crc8(raw))


class FrameReader:
    """Cut a stream of bytes into messages, however it was split or glued on its way."""

    def __init__(self) -> None:
        self._rest = b""
        self._overlong = False

    def feed(self, data: bytes) -> list[Message]:
        """Take what came and return the messages it completed, in order."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        messages: list[Message] = []
        for line in lines:
            if self._overlong:
                self._overlong = False
                messages.append(Damaged(line[-40:], "end of a line longer than a frame"))
            elif line.strip(b"\r"):
                messages.append(_read(line.removesuffix(b"\r")))
        if len(self._rest) > LONGEST_FRAME:
            # Without this a stream that never sends a newline would eat all memory.
            self._rest = b""
            self._overlong = True
        return messages


def _read(line: bytes) -> Message:
    body, mark, crc = line[:-3], line[-3:-2], line[-2:]
    if len(line) > LONGEST_FRAME:
        return Damaged(line[:40], "longer than a frame")
    if mark != b"*":
        return Damaged(line, "no checksum at its end")
    if crc != b"%02X" % crc8(body):
        return Damaged(line, f"checksum {crc!r}, computed {crc8(body):02X}")
    try:
        return _parse(body.decode("ascii"))
    except ValueError as error:
        return Damaged(line, f"not understood: {error}")


def _parse(body: str) -> Message:
    words = body.split(" ")
    match words:
        case [head, "ok", ms, *data] if head.startswith("<"):
            return Answer(int(head[1:]), int(ms), "", " ".join(data))
        case [head, "err", ms, code, *text] if head.startswith("<") and code:
            return Answer(int(head[1:]), int(ms), code, " ".join(text))
        case [head, "key", key, ("down" | "up") as way] if head.startswith("!"):
            return KeyEdge(int(head[1:]), key, way == "down")
        case [head, "lamp", lamp, colour] if head.startswith("!"):
            return LampReport(int(head[1:]), lamp, LampColour(colour))
        case [head, "watchdog"] if head.startswith("!"):
            return Watchdog(int(head[1:]))
        case [head, "limit", key] if head.startswith("!"):
            return LimitReached(int(head[1:]), key)
    raise ValueError("no message of this protocol")
