"""The way to labgrid's coordinator: a process with labgrid in it that asks and holds for us."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.errors import BenchFault, HarnessError
from harness.lab import LabgridSpec
from harness.power.labgrid_process import START_S, no_interpreter, not_installed

__all__ = ["Coordinator"]

_LABGRID = "labgrid"
_WORKER = Path(__file__).parent / "worker.py"
#: Seconds for an answer: the coordinator gives each exporter ten for each resource.
_ANSWER_S = 30.0


class Coordinator:
    """A session with a coordinator, under a name of its own.

    Args:
        spec: where it is, and the interpreter that has labgrid.
        user: the user's part of the name that holds what is acquired.
        lost: told of each place that was lost, and why; from another thread.

    Raises:
        UsageFault: the interpreter is none, or has no labgrid.
        BenchFault: the coordinator cannot be reached.
    """

    def __init__(self, spec: LabgridSpec, user: str, lost: Callable[[str, str], None]) -> None:
        self._spec = spec
        self._lost = lost
        self._held: set[str] = set()
        self._closing = False
        self._news = threading.Condition()
        self._changes = 0
        self._gone = ""
        self._answers: queue.Queue[dict[str, Any] | None] = queue.Queue()
        python = spec.interpreter
        try:
            # A session of its own: Ctrl-C in the terminal is ours, it goes when we are gone.
            self._process = subprocess.Popen(
                [python, "-I", str(_WORKER), spec.coordinator],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "LG_USERNAME": user},
                start_new_session=True,
                text=True,
                bufsize=1,
            )
        except OSError as error:
            raise no_interpreter(_LABGRID, python, str(error)) from None
        self._reader = threading.Thread(target=self._read, name="labgrid-reader", daemon=True)
        self._reader.start()
        try:
            greeting = self._answer(START_S)
            if greeting is None:
                raise no_interpreter(_LABGRID, python, "it ended")
            if "missing" in greeting:
                raise not_installed("labgrid", _LABGRID, python, greeting["missing"])
            me = self._answer(spec.timeout_s)
            if me is None or "unreachable" in me:
                raise self._unreachable((me or {}).get("unreachable", "labgrid's client ended"))
        except BaseException as error:
            # Nothing is held yet.
            self._process.kill()
            self.close()
            if isinstance(error, _Late):
                raise self._unreachable(str(error)) from None
            raise
        self.version = str(greeting["labgrid"])
        #: The name that holds what is acquired, as labgrid shows it: ``host/user``.
        self.me = str(me["me"])

    @property
    def title(self) -> str:
        """Who it is, for people."""
        return f"labgrid {self.version} at {self._spec.coordinator}"

    @property
    def gone(self) -> str:
        """Why nobody can be asked here any more; empty while somebody can."""
        return self._gone

    @property
    def changes(self) -> int:
        """How often it told of a change to a place that was looked at."""
        return self._changes

    def wait_for_change(self, since: int, within: float) -> None:
        """Wait until there are more changes than ``since``, or nobody to ask, for some seconds."""
        deadline = time.monotonic() + within
        with self._news:
            while self._changes <= since and not self._gone:
                left = deadline - time.monotonic()
                if left <= 0 or not self._news.wait(left):
                    return

    def look(self, places: Sequence[str]) -> tuple[dict[str, dict[str, Any]], list[str]]:
        """Return what is told of those places that there are, by name, and the names of all.

        Raises:
            BenchFault: it does not answer, or refuses.
        """
        told = self._ask({"do": "look", "places": list(places)})
        if "refused" in told:
            raise BenchFault(f"labgrid's coordinator refuses: {told['refused']}", device=_LABGRID)
        return told["places"], told["known"]

    def acquire(self, place: str, paths: Sequence[str]) -> str:
        """Take a place and watch over it; returns why it was refused, if it was.

        Args:
            place: its name.
            paths: the resources in it that are needed; without one of them it is lost.

        Raises:
            BenchFault: it does not answer.
        """
        told = self._ask({"do": "acquire", "place": place, "paths": list(paths)})
        if "refused" in told:
            return str(told["refused"])
        self._held.add(place)
        return ""

    def free(self, place: str, holder: str) -> None:
        """Release a place from a holder, and only from that one; from us, it is not lost then.

        Raises:
            BenchFault: it does not answer.
        """
        if holder == self.me:
            self._held.discard(place)
        self._ask({"do": "free", "place": place, "holder": holder})

    def close(self) -> dict[str, str]:
        """Release what is held and end; returns the places that could not be, and why."""
        assert self._process.stdin is not None  # noqa: S101 (Popen with PIPE)
        self._closing = True
        with suppress(OSError, ValueError):
            self._process.stdin.close()
        kept: dict[str, str] = {}
        deadline = time.monotonic() + _ANSWER_S
        with suppress(_Late):
            while (answer := self._answer(max(0.0, deadline - time.monotonic()))) is not None:
                kept = answer.get("kept", kept)
        try:
            self._process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(2.0)
        if self._process.stdout is not None:
            self._process.stdout.close()
        return kept

    def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        if self._gone:
            raise self._unreachable(self._gone)
        assert self._process.stdin is not None  # noqa: S101 (Popen with PIPE)
        try:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            answer = self._answer(_ANSWER_S)
        except (OSError, ValueError, _Late) as error:
            raise self._unreachable(str(error)) from None
        if answer is None:
            raise self._unreachable("labgrid's client ended")
        return answer

    def _answer(self, within: float) -> dict[str, Any] | None:
        try:
            answer = self._answers.get(timeout=within)
        except queue.Empty:
            raise _Late(f"no answer within {within:.1f} s") from None
        if answer is None:
            # The end stays the end, whoever asks again.
            self._answers.put(None)
        return answer

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 (Popen with PIPE)
        for line in self._process.stdout:
            told = json.loads(line)
            if "lost" in told:
                self._lost(told["lost"], told["why"])
            elif "changed" in told:
                self._tell()
            elif "gone" in told:
                self._tell(told["gone"])
            else:
                self._answers.put(told)
        self._answers.put(None)
        if not self._closing:
            for place in sorted(self._held):
                self._lost(place, "the process that held it here ended")
        # Last: who sees it may ask elsewhere, and every loss must be known by then.
        self._tell("labgrid's client ended")

    def _tell(self, gone: str = "") -> None:
        with self._news:
            self._changes += 1
            self._gone = self._gone or gone
            self._news.notify_all()

    def _unreachable(self, why: str) -> HarnessError:
        return BenchFault(
            f"labgrid's coordinator at {self._spec.coordinator} cannot be reached: {why}",
            device=_LABGRID,
            expected=f"an answer within {self._spec.timeout_s:.1f} s",
            hint="does labgrid-coordinator run there, does the network let us through? "
            f"labgrid-client -x {self._spec.coordinator} places",
        )


class _Late(Exception):
    """No answer in time."""
