"""A peer's process from the outside: started, asked, listened to, and its death noticed."""

from __future__ import annotations

import itertools
import os
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

import harness
from harness.errors import BenchFault, HarnessBug, HarnessError, UsageFault
from harness.softphone.messages import (
    Alive,
    Answered,
    Command,
    Leave,
    Message,
    PeerSpec,
    Ready,
    Unusable,
    decode,
    encode,
)

__all__ = ["AGENT", "PeerProcess"]

#: What runs as the peer's process.
AGENT: Sequence[str] = (sys.executable, "-m", "harness.softphone")

_START_SECONDS = 15.0
_ANSWER_SECONDS = 5.0
_LEAVE_SECONDS = 2.0
#: A process that said it lived and says nothing for so long hangs; it says so twice a second.
_HUNG_SECONDS = 4.0
_CHUNK = 65536


class PeerProcess:
    """The process behind a peer, and the typed calls to it.

    Args:
        spec: who the process is to be.
        take: called with each report, in the reader thread, one at a time.
        died: called with the reason when the process ends without having been asked to, or was
            ended because it hung.
        command: what to run.

    ``changed`` is notified after each report has been taken and when the process ends; wait on
    it for whatever ``take`` changes.
    """

    def __init__(
        self,
        spec: PeerSpec,
        take: Callable[[Message], None],
        died: Callable[[str], None],
        command: Sequence[str] = AGENT,
    ) -> None:
        self.spec = spec
        self.changed = threading.Condition()
        #: Why the process can no longer be asked; empty while it can.
        self.gone = "it was not started"
        self._take = take
        self._died = died
        self._command = tuple(command)
        self._directory = Path(spec.directory)
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._ids = itertools.count(1)
        self._writing = threading.Lock()
        self._answers: dict[int, Answered] = {}
        self._ready: Ready | None = None
        self._unusable: Unusable | None = None
        self._asked_to_leave = False
        self._shows_life = False

    def start(self) -> Ready:
        """Start the process and wait until its SIP port is open.

        Raises:
            UsageFault: pjsua2 is not installed.
            BenchFault: the process ended, or was not ready in time.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        self.gone = ""
        # The harness may be on sys.path without being installed; the process needs it as well.
        home = str(Path(harness.__file__).resolve().parent.parent)
        paths = [home, *filter(None, [os.environ.get("PYTHONPATH")])]
        with self._errors_path.open("wb") as errors:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
                # Control-C is for the tests; they end the peers when they are done.
                start_new_session=True,
            )
        self._reader = threading.Thread(
            target=self._read,
            args=(self._process, self._process.stdout),
            name=f"peer-{self.spec.name}",
            daemon=True,
        )
        self._reader.start()
        self._send(self.spec)
        with self.changed:
            self.changed.wait_for(
                lambda: self._ready or self._unusable or self.gone, _START_SECONDS
            )
            ready, unusable = self._ready, self._unusable
        if ready is not None and not self.gone:
            return ready
        state = self.gone
        self.stop()
        if unusable is not None:
            fault: type[HarnessError] = UsageFault if unusable.usage else BenchFault
            raise fault(
                unusable.summary,
                device=self.spec.name,
                expected=unusable.expected,
                hint=unusable.hint,
            )
        raise BenchFault(
            f"its process did not start: {self._last_words()}",
            device=self.spec.name,
            state=state or "running, but silent",
            expected=f"pjsua2 ready within {_START_SECONDS:.0f} s",
            hint=f"read {self._errors_path}",
        )

    def stop(self) -> None:
        """End calls and registration, then the process; never raises, at most about 3 s."""
        process = self._process
        if process is None:
            return
        self._asked_to_leave = True
        self._send(Leave(id=next(self._ids)))
        try:
            process.wait(_LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin is not None:
            with self._writing:
                try:
                    process.stdin.close()
                except OSError:
                    # What was still to be written has no reader any more.
                    self.gone = self.gone or "it was stopped"
        if self._reader is not None and self._reader is not threading.current_thread():
            self._reader.join(1.0)
        self._process = None

    def ask(self, command: Command) -> Answered:
        """Send a command and return its answer.

        Raises:
            BenchFault: the process ended, does not answer, or pjsua2 refused.
        """
        what = type(command).__name__
        number = next(self._ids)
        self.check()
        self._send(replace(command, id=number))
        with self.changed:
            self.changed.wait_for(lambda: number in self._answers or self.gone, _ANSWER_SECONDS)
            answer = self._answers.pop(number, None)
        if answer is None:
            self.check()
            raise BenchFault(
                f"its process does not answer {what}",
                device=self.spec.name,
                expected=f"an answer within {_ANSWER_SECONDS:.0f} s",
                hint=f"read {self._directory / 'pjsua.log'}",
            )
        if answer.fault:
            raise BenchFault(
                f"pjsua2 refused {what}: {answer.fault}",
                device=self.spec.name,
                state=str(command),
                hint=f"read {self._directory / 'pjsua.log'}",
            )
        return answer

    def check(self) -> None:
        """Make sure that the process lives.

        Raises:
            BenchFault: it does not.
        """
        if self.gone:
            raise BenchFault(
                f"its process is gone: {self.gone}",
                device=self.spec.name,
                expected="a peer to outlive the run",
                hint=f"read {self._errors_path} and {self._directory / 'pjsua.log'}",
            )

    @property
    def pid(self) -> int | None:
        """The process's number while it runs."""
        return self._process.pid if self._process is not None else None

    @property
    def _errors_path(self) -> Path:
        return self._directory / "stderr.log"

    def _last_words(self) -> str:
        words = self._errors_path.read_text(errors="replace").strip().splitlines()
        return words[-1] if words else "it said nothing"

    def _send(self, message: Message) -> None:
        process = self._process
        if process is None or process.stdin is None:
            return
        with self._writing:
            try:
                process.stdin.write(encode(message))
                process.stdin.flush()
            except (OSError, ValueError):
                # Its end is noticed by the reader, which knows the exit code.
                return

    def _read(self, process: subprocess.Popen[bytes], output: IO[bytes]) -> None:
        why = ""
        with output:
            try:
                for line in self._lines(output.fileno()):
                    self._dispatch(decode(line))
            except HarnessBug as bug:
                why = bug.summary
                process.kill()
            except TimeoutError:
                # A stopped process cannot be asked to end.
                why = f"it hung: no sign of life for {_HUNG_SECONDS:.0f} s, so it was ended"
                process.kill()
        code = process.wait()
        with self.changed:
            self.gone = why or (f"signal {-code}" if code < 0 else f"exit code {code}")
            self.changed.notify_all()
        if not self._asked_to_leave:
            self._died(self.gone)

    def _lines(self, pipe: int) -> Iterator[bytes]:
        """Yield each line it says; `TimeoutError` when it showed life before and does no more."""
        rest = b""
        while True:
            patience = _HUNG_SECONDS if self._shows_life else None
            if not select.select([pipe], [], [], patience)[0]:
                raise TimeoutError
            received = os.read(pipe, _CHUNK)
            if not received:
                return
            *lines, rest = (rest + received).split(b"\n")
            yield from lines

    def _dispatch(self, message: Message) -> None:
        if isinstance(message, Alive):
            self._shows_life = True
            return
        if isinstance(message, Answered):
            self._answers[message.id] = message
        elif isinstance(message, Ready):
            self._ready = message
        elif isinstance(message, Unusable):
            self._unusable = message
        else:
            self._take(message)
        with self.changed:
            self.changed.notify_all()
