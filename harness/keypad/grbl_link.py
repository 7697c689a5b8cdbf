"""The wire to a GRBL 1.1 controller: lines and their answers, real-time bytes, what it says itself.

Source: gnea/grbl wiki "Grbl v1.1 Interface": character counting (the host never has more bytes
unanswered than the controller's receive buffer holds), real-time bytes outside of the line stream.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from harness.errors import BenchFault
from harness.keypad.grbl_codes import alarm_words, error_words
from harness.keypad.grbl_messages import (
    Alarm,
    GrblError,
    GrblMessage,
    LineReader,
    NotGrbl,
    Ok,
    Status,
    Welcome,
)
from harness.keypad.port import SerialLink

__all__ = ["FEED_HOLD", "JOG_CANCEL", "RESUME", "GrblLink", "Line"]

FEED_HOLD = b"!"
RESUME = b"~"
JOG_CANCEL = b"\x85"
_RESET = b"\x18"
_STATUS = b"?"
#: An ATmega328's serial receive buffer; one byte stays free (doc/script/stream.py of gnea/grbl).
_RX_BUFFER = 128
_RESETS = 3


@dataclass(frozen=True, slots=True)
class Line:
    """One line for the controller, and what to do in the reader's thread once it was taken."""

    text: str
    taken: Callable[[], None] | None = None


class GrblLink(SerialLink[GrblMessage]):
    """Speak with a GRBL 1.1 controller on a serial port.

    Args:
        port: serial device.
        name: the keypad's name in lab.yaml.
        baud: line speed.
        answer_s: seconds to wait for an answer, beyond the time the motion needs.
        hear: takes each message, in the reader's thread.
        note: takes remarks about the link itself.
        lost: told why, when the port went by itself.

    Raises:
        BenchFault: the port cannot be opened.
    """

    def __init__(
        self,
        port: str,
        name: str,
        baud: int,
        answer_s: float,
        *,
        hear: Callable[[GrblMessage], None],
        note: Callable[[str], None],
        lost: Callable[[str], None],
    ) -> None:
        super().__init__(
            port,
            name,
            baud,
            answer_s,
            expected="a GRBL controller on that port",
            unplugged="unplugged? it is opened again when it is back; the stylus may still be down",
            lost=lost,
        )
        self._hear = hear
        self._note = note
        self._unanswered: deque[Line] = deque()
        self._refused: list[tuple[str, int]] = []
        self._statuses: deque[Status] = deque(maxlen=4)
        self._resetting = False
        self._version = ""
        self._broken: BenchFault | None = None
        self._generation = 0
        self._damaged = 0
        #: Bytes the controller's receive buffer holds.
        self.rx_buffer = _RX_BUFFER
        self._open()

    @property
    def broken(self) -> BenchFault | None:
        """Why the controller must be reset before it can be trusted again, if it must."""
        return self._broken

    def reset(self) -> str:
        """Soft-reset the controller and return its version.

        A board that restarts when its port is opened sleeps in its boot loader for a second or two
        and hears nothing, so the byte is sent again.

        Raises:
            BenchFault: it does not greet.
        """
        with self._changed:
            self._resetting, self._version = True, ""
            self._generation += 1
            self._unanswered.clear()
            self._changed.notify_all()
        try:
            for _ in range(_RESETS):
                self._write(_RESET)
                if self._wait(lambda: bool(self._version), self._answer_s):
                    break
            else:
                raise self._silent(f"a greeting after a reset, sent {_RESETS} times")
        finally:
            with self._changed:
                self._resetting = False
        with self._changed:
            self._broken = None
            self._refused.clear()
            return self._version

    def send(self, lines: Sequence[Line], seconds: float = 0.0) -> None:
        """Send lines back to back and return when the controller has taken all of them.

        Args:
            lines: without line ends; none longer than the controller's buffer.
            seconds: what the motion needs by itself.

        Raises:
            BenchFault: a line was refused, the controller stopped, restarted, is silent or gone.
        """
        deadline = time.monotonic() + self._answer_s + seconds
        expected = f"ok to {', '.join(line.text for line in lines)} within "
        expected += f"{self._answer_s + seconds:.1f} s"
        with self._changed:
            self._refused.clear()
            generation = self._generation
        for line in lines:
            room = self.rx_buffer - 1 - len(line.text) - 1

            def fits(room: int = room) -> bool:
                return sum(len(waiting.text) + 1 for waiting in self._unanswered) <= room

            if not self._wait(fits, deadline - time.monotonic(), generation):
                raise self._silent(expected)
            with self._changed:
                self._unanswered.append(line)
            self._write(line.text.encode("ascii") + b"\n")
        if not self._wait(lambda: not self._unanswered, deadline - time.monotonic(), generation):
            raise self._silent(expected)
        with self._changed:
            refused = self._refused[:]
        if refused:
            text, code = refused[0]
            fault = BenchFault(
                f"it refuses {text!r}: {error_words(code)}",
                device=self._name,
                expected="ok",
                hint="error:9: an alarm is pending, home it again; else compare its $$ settings "
                "with docs/how-to/use-a-gantry.md",
            )
            with self._changed:
                self._broken = fault
            raise fault

    def status(self) -> Status:
        """Ask where it is and what it does.

        Raises:
            BenchFault: no report came.
        """
        with self._changed:
            self._statuses.clear()
        self._write(_STATUS)
        if not self._wait(lambda: bool(self._statuses), self._answer_s):
            raise self._silent(f"a status report within {self._answer_s:.1f} s")
        with self._changed:
            return self._statuses[-1]

    def wait_status(self, good: Callable[[Status], bool], within: float) -> Status:
        """Ask again and again until a report is ``good``; returns the last one either way."""
        deadline = time.monotonic() + within
        while True:
            status = self.status()
            if good(status) or time.monotonic() > deadline:
                return status

    def realtime(self, byte: bytes) -> None:
        """Send a byte that acts at once and has no answer: `FEED_HOLD`, `RESUME`, `JOG_CANCEL`."""
        self._write(byte)

    def abort(self) -> None:
        """Stop what is under way without losing the position, and drop what is queued.

        A feed hold first: a reset in motion would be ALARM:3 and cost the position.

        Raises:
            BenchFault: it does not answer.
        """
        self.realtime(FEED_HOLD)
        self.wait_status(lambda status: status.stands, self._answer_s)
        self.reset()

    def _wait(self, done: Callable[[], bool], within: float, generation: int | None = None) -> bool:
        """Wait for what the reader's thread brings; with ``generation``, also for its undoing."""
        deadline = time.monotonic() + within
        with self._changed:
            while True:
                self.check()
                if generation is not None:
                    if self._broken is not None:
                        raise self._broken
                    if self._generation != generation:
                        raise self._aborted()
                if done():
                    return True
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(left)

    # --- what goes wrong --------------------------------------------------------------------------

    def _silent(self, expected: str) -> BenchFault:
        damaged = f"; {self._damaged} line(s) came damaged" if self._damaged else ""
        fault = BenchFault(
            "it does not answer",
            device=self._name,
            state=f"port {self._port} is open{damaged}",
            expected=expected,
            hint="power-cycle the controller; check that this port is the gantry's and the baud "
            "rate (GRBL 1.1: 115200)",
        )
        with self._changed:
            # An answer that comes late would be taken for that to a later line.
            self._broken = fault
        return fault

    def _aborted(self) -> BenchFault:
        return BenchFault(
            "aborted: its keys were let go meanwhile",
            device=self._name,
            expected="the keys typed to their end",
            hint="another thread or the end of the run released all keys",
        )

    def _doing(self) -> str:
        lines = ", ".join(line.text for line in self._unanswered)
        return f"unanswered: {lines}" if lines else "no line unanswered"

    # --- the reader's thread ----------------------------------------------------------------------

    def _feeder(self) -> Callable[[bytes], Iterable[GrblMessage]]:
        return LineReader().feed

    def _take(self, message: GrblMessage) -> None:
        match message:
            case Ok():
                self._answered(None)
            case GrblError(code=code):
                self._answered(code)
            case Alarm(code=code):
                self._note(f"{self._name}: {alarm_words(code)}")
                self._break(
                    f"it stopped with {alarm_words(code)}",
                    "clear its way, look at end switches and travel; it is homed again before the "
                    "next key",
                )
            case Welcome(version=version):
                self._welcome(version)
            case NotGrbl(line=line):
                self._note(f"{self._name} sent what GRBL does not say: {line[:80]!r}")
                self._damaged += 1
        self._hear(message)
        with self._changed:
            if isinstance(message, Status):
                self._statuses.append(message)
            self._changed.notify_all()

    def _answered(self, code: int | None) -> None:
        with self._changed:
            line = self._unanswered[0] if self._unanswered else None
        if line is None:
            return
        if code is None and line.taken is not None:
            line.taken()
        with self._changed:
            if self._unanswered and self._unanswered[0] is line:
                self._unanswered.popleft()
            if code is not None:
                self._refused.append((line.text, code))

    def _welcome(self, version: str) -> None:
        with self._changed:
            expected = self._resetting
            if expected:
                self._version = version
        if not expected:
            self._note(f"{self._name} restarted by itself: Grbl {version}")
            self._break(
                "it restarted by itself",
                "a brown-out when motors start, or a loose USB plug: give it its own supply",
            )

    def _break(self, summary: str, hint: str) -> None:
        with self._changed:
            if not self._resetting:
                self._broken = BenchFault(
                    summary,
                    device=self._name,
                    state=self._doing(),
                    expected="motion carried out to its end",
                    hint=hint,
                )
