"""The wire to a keypad controller: requests and their answers, reports, signs of life."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable

import serial

from harness.errors import BenchFault
from harness.keypad.frames import Answer, Damaged, FrameReader, Message, encode
from harness.keypad.port import close_port, follow, open_port

__all__ = ["ControllerLink", "ControllerRefusal"]


class ControllerRefusal(BenchFault):
    """The controller answered a request with an error; `code` is its word for it."""

    code = ""


class ControllerLink:
    """Speak the keypad line protocol on a serial port.

    A message is handed to `hear` before whoever waits for it goes on. After a damaged line
    the lamps are asked for: it may have been a report, and reports are not repeated.

    Args:
        port: serial device.
        name: the keypad's name in lab.yaml.
        baud: line speed.
        answer_s: seconds to wait for an answer, beyond the time the keys need.
        alive_s: seconds between signs of life.
        hear: takes each message, in the reader's thread, with the command it answers if any.
        note: takes remarks about the link itself.
        lost: told why, when the port went by itself.
        situation: says what is known of the keys, for a fault.

    Raises:
        BenchFault: the port cannot be opened.
    """

    def __init__(
        self,
        port: str,
        name: str,
        baud: int,
        answer_s: float,
        alive_s: float,
        *,
        hear: Callable[[Message, str], None],
        note: Callable[[str], None],
        lost: Callable[[str], None],
        situation: Callable[[], str],
    ) -> None:
        self._port = port
        self._name = name
        self._baud = baud
        self._lost = lost
        self._answer_s = answer_s
        self._alive_s = alive_s
        self._hear = hear
        self._note = note
        self._situation = situation
        self._seq = itertools.count(1)
        self._changed = threading.Condition()
        self._answers: dict[int, Answer | None] = {}
        self._asked: dict[int, str] = {}
        self._watch_lamps_again = False
        self._gone = ""
        self._write_lock = threading.Lock()
        self._closing = threading.Event()
        #: How many lines came damaged so far.
        self.damaged = 0
        self._open()

    def _open(self) -> None:
        self._serial = open_port(
            self._port,
            self._baud,
            self._name,
            write_timeout=self._answer_s,
            expected="a keypad controller on that port",
        )
        self._gone = ""
        self._reader = threading.Thread(
            target=self._read, args=(self._serial,), name=f"{self._name}-reader", daemon=True
        )
        self._reader.start()
        self._keeper = threading.Thread(
            target=self._keep_alive, name=f"{self._name}-alive", daemon=True
        )

    @property
    def gone(self) -> str:
        """Why the port is gone; empty while it is there."""
        return self._gone

    def reopen(self) -> None:
        """Open the port again after it was gone; `keep_alive` has to be called again, too.

        Raises:
            BenchFault: it is not back.
        """
        close_port(self._serial, self._reader)
        if self._keeper.is_alive():
            self._keeper.join(2.0)
        self._open()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closing.is_set()

    def keep_alive(self) -> None:
        """Begin to send signs of life."""
        self._keeper.start()

    def request(self, command: str, seconds: float = 0.0) -> str:
        """Send a command, once more if no answer comes, and return the answer's data.

        Args:
            command: verb and arguments.
            seconds: what the keys need by themselves.

        Raises:
            ControllerRefusal: it answered with an error.
            BenchFault: no answer, or the port is gone.
        """
        within = self._answer_s + seconds
        seq = next(self._seq)
        damaged_before = self.damaged
        with self._changed:
            self._answers[seq] = None
            self._asked[seq] = command
        try:
            answer = None
            for _ in range(2):
                self._write(f">{seq} {command}")
                answer = self._await(seq, within)
                if answer is not None:
                    break
        finally:
            with self._changed:
                del self._answers[seq], self._asked[seq]
        if answer is None:
            raise self._no_answer(command, within, self.damaged - damaged_before)
        if answer.code:
            raise self._refusal(command, answer)
        return answer.text

    def _refusal(self, command: str, answer: Answer) -> ControllerRefusal:
        hints = {
            "busy": "another thread drives the same keypad",
            "aborted": "another thread drives the same keypad, or a coil had to be switched off",
            "broken": "mend what it names; see docs/how-to/build-the-keypad.md",
            "limit": "let go of other keys first, or let the coil cool",
        }
        refusal = ControllerRefusal(
            f"it refuses {command!r}: {answer.code} {answer.text}".rstrip(),
            device=self._name,
            state=self._situation(),
            expected="ok",
            hint=hints.get(answer.code, "the controller's firmware differs from this driver"),
        )
        refusal.code = answer.code
        return refusal

    def _no_answer(self, command: str, within: float, damaged: int) -> BenchFault:
        expected = f"an answer to {command!r} within {within:.1f} s, asked twice"
        if damaged:
            return BenchFault(
                f"its answers arrive damaged: {damaged} line(s) with a wrong checksum or form",
                device=self._name,
                state=f"port {self._port} is open",
                expected=expected,
                hint="check cable, ground and baud rate; is a second program reading the port?",
            )
        return BenchFault(
            "it does not answer",
            device=self._name,
            state=f"port {self._port} is open, nothing came",
            expected=expected,
            hint="reset the controller; check that this port is the keypad's and the baud rate",
        )

    def _await(self, seq: int, within: float) -> Answer | None:
        deadline = time.monotonic() + within
        with self._changed:
            while self._answers[seq] is None:
                if self._gone or self._closing.is_set():
                    raise self._gone_fault()
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                self._changed.wait(left)
            return self._answers[seq]

    def _write(self, body: str) -> None:
        if self._gone or self._closing.is_set():
            raise self._gone_fault()
        try:
            with self._write_lock:
                self._serial.write(encode(body))
        except (serial.SerialException, OSError) as error:
            self._lose(str(error))
            raise self._gone_fault() from error

    def _gone_fault(self) -> BenchFault:
        return BenchFault(
            f"its serial port {self._port} is gone: {self._gone or 'the driver was closed'}",
            device=self._name,
            state=self._situation(),
            expected="the port to stay while the bench is up",
            hint="unplugged, or the controller restarted? it is opened again when it is back",
        )

    def _read(self, port: serial.Serial) -> None:
        follow(port, self._closing, FrameReader().feed, self._take, self._lose)

    def give_up(self, why: str) -> None:
        """Take the port for gone: what is behind it does not answer as it should."""
        with self._changed:
            self._gone = why
            self._changed.notify_all()

    def _lose(self, why: str) -> None:
        with self._changed:
            first, self._gone = not self._gone, self._gone or why
            self._changed.notify_all()
        if first and not self._closing.is_set():
            self._lost(f"its serial port {self._port} is gone: {why}")

    def _take(self, message: Message) -> None:
        command = self._asked.get(message.seq, "") if isinstance(message, Answer) else ""
        self._hear(message, command)
        with self._changed:
            if isinstance(message, Answer) and message.seq in self._answers:
                self._answers[message.seq] = message
            elif isinstance(message, Damaged):
                self.damaged += 1
                self._watch_lamps_again = True
            self._changed.notify_all()

    def _keep_alive(self) -> None:
        told = False
        while not self._closing.wait(self._alive_s):
            look, self._watch_lamps_again = self._watch_lamps_again, False
            try:
                self.request("lamps" if look else "alive")
                told = False
            except BenchFault as fault:
                if self._closing.is_set() or self._gone:
                    return
                if not told:
                    self._note(f"keep-alive: {fault.summary}")
                told = True

    def close(self) -> None:
        """Let go of the port."""
        self._closing.set()
        with self._changed:
            self._changed.notify_all()
        close_port(self._serial, self._reader)
        if self._keeper.is_alive():
            self._keeper.join(2.0)
