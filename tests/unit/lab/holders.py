"""Processes that reserve things: they say what happens to them, line by line."""

from __future__ import annotations

import os
import queue
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

from harness.lab.reservation import TOKENS_VARIABLE
from harness.state import STATE_VARIABLE

_PROGRAM = """
import sys
from harness.errors import HarnessError
from harness.lab.lock_entries import Resource
from harness.lab.reservation import reserve

names, within, lease = sys.argv[1].split(","), float(sys.argv[2]), float(sys.argv[3])
say = lambda text: print(text, flush=True)
try:
    wanted = [Resource(f"test:{name}", name) for name in names]
    with reserve(wanted, reason="a test", within=within, lease=lease, say=say) as mine:
        say("held")
        for line in sys.stdin:
            if line == "check\\n":
                mine.check()
                say("still held")
                continue
            break
    say("released")
except HarnessError as error:
    say(f"fault: {error.device}: {error.summary}")
"""


class Process:
    """A process that reserves ``names`` and holds them until it is told to let go."""

    def __init__(
        self,
        state: Path,
        names: str,
        *,
        within: float = 0.0,
        lease: float = 60.0,
        stranger: bool = False,
    ) -> None:
        own = {STATE_VARIABLE: str(state)} | ({TOKENS_VARIABLE: ""} if stranger else {})
        self._book = state / "locks" / "locks.sqlite"
        self.process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, names, str(within), str(lease)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | own,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip())

    @property
    def pid(self) -> int:
        return self.process.pid

    def says(self, beginning: str, within: float = 20.0) -> str:
        """Return its next line, which has to begin so."""
        line = self._lines.get(timeout=within)
        assert line.startswith(beginning), line
        return line

    def gets_it(self, within: float = 20.0) -> None:
        """Wait until it holds what it wants; before, it may tell for whom it waits."""
        while (line := self._lines.get(timeout=within)) != "held":
            assert line.startswith("waiting for "), line

    @property
    def silent(self) -> bool:
        return self._lines.empty()

    def tell(self, word: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def let_go(self) -> None:
        self.tell("go")

    def stop(self) -> None:
        """Stop it, but not while it writes into or reads the book: nobody else could write then."""
        while True:
            self.process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WNOWAIT)
            try:
                with closing(sqlite3.connect(self._book, timeout=0, isolation_level=None)) as book:
                    book.execute("BEGIN EXCLUSIVE")
                return
            except sqlite3.OperationalError:
                self.process.send_signal(signal.SIGCONT)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join(5.0)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
