"""The wire to a keypad controller: requests and their answers, reports, signs of life."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterable

from harness.errors import BenchFault
from harness.keypad.frames import Answer, Damaged, FrameReader, Message, encode
from harness.keypad.port import SerialLink

__all__ = ["ControllerLink", "ControllerRefusal"]


class ControllerRefusal(BenchFault):
    """The controller answered a request with an error; `code` is its word for it."""

    code = ""


class ControllerLink(SerialLink[Message]):
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
        super().__init__(
            port,
            name,
            baud,
            answer_s,
            expected="a keypad controller on that port",
            unplugged="unplugged, or the controller restarted? it is opened again when it is back",
            lost=lost,
        )
        self._alive_s = alive_s
        self._hear = hear
        self._note = note
        self._situation = situation
        self._seq = itertools.count(1)
        self._answers: dict[int, Answer | None] = {}
        self._asked: dict[int, str] = {}
        self._watch_lamps_again = False
        #: How many lines came damaged so far.
        self.damaged = 0
        self._open()

    def _open(self) -> None:
        super()._open()
        self._keeper = threading.Thread(
            target=self._keep_alive, name=f"{self._name}-alive", daemon=True
        )

    def _let_go(self) -> None:
        super()._let_go()
        if self._keeper.is_alive():
            self._keeper.join(2.0)

    def keep_alive(self) -> None:
        """Begin to send signs of life; `reopen` ends them."""
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
                self._write(encode(f">{seq} {command}"))
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
                self.check()
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                self._changed.wait(left)
            return self._answers[seq]

    def _doing(self) -> str:
        return self._situation()

    def _feeder(self) -> Callable[[bytes], Iterable[Message]]:
        return FrameReader().feed

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
