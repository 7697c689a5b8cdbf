"""The view while a run goes on: each phone's state and step, redrawn; plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from harness.events import (
    ClockJumped,
    PartBack,
    PartLost,
    PhoneStateChanged,
    Record,
    StationQuarantined,
    StepEnded,
    StepStarted,
    TestEnded,
    TestStarted,
    Waiting,
)
from harness.timeline import Timeline

__all__ = ["LiveView"]

_STYLES = {"passed": "green", "product fault": "red bold", "harness bug": "red"}


class LiveView:
    """Follow the timeline on a screen.

    Args:
        timeline: what to follow.
        phones: ``virtual`` or ``hardware`` by phone.
        plain: one line per thing instead of a redrawn view.
        console: where to draw.
    """

    def __init__(
        self,
        timeline: Timeline,
        phones: Mapping[str, str],
        *,
        plain: bool = False,
        console: Console | None = None,
    ) -> None:
        self._timeline = timeline
        self._phones = dict(phones)
        self._console = console or Console()
        self._plain = plain or not self._console.is_terminal
        self._state = dict.fromkeys(self._phones, "OFF")
        self._step: dict[str, tuple[str, float]] = {}
        self._tests: dict[str, None] = {}
        #: Whether tests ever ran at the same time; each is named again when it ends then.
        self._several = False
        self._counts: dict[str, int] = {}
        self._started = time.monotonic()
        self._live: Live | None = None
        self._undo: Callable[[], None] = lambda: None

    def __enter__(self) -> LiveView:
        if not self._plain:
            self._live = Live(
                get_renderable=self._draw, console=self._console, refresh_per_second=8,
                redirect_stdout=False, redirect_stderr=False,
            )  # fmt: skip
            self._live.start()
        self._undo = self._timeline.listen(self._see)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._undo()
        if self._live is not None:
            self._live.stop()

    def _see(self, record: Record) -> None:
        event = record.event
        if isinstance(event, PhoneStateChanged):
            self._state[record.device] = event.state
            self._say(record, f"{event.state.lower()} ({event.why})")
        elif isinstance(event, StationQuarantined):
            self._state[record.device] = "QUARANTINED"
            self._say(record, str(event))
        elif isinstance(event, PartLost | PartBack | ClockJumped | Waiting):
            self._say(record, f"! {event}")
        elif isinstance(event, StepStarted) and record.device:
            self._step[record.device] = (event.name, time.monotonic())
            self._say(record, event.name)
        elif isinstance(event, StepEnded) and record.device:
            if self._step.get(record.device, ("", 0.0))[0] == event.name:
                self._step.pop(record.device, None)
        elif isinstance(event, TestStarted):
            self._tests[_short(event.name)] = None
            self._several |= len(self._tests) > 1
            self._say(record, f"▶ {_short(event.name)}")
        elif isinstance(event, TestEnded):
            self._counts[event.verdict] = self._counts.get(event.verdict, 0) + 1
            reason = f": {event.reason}" if event.reason else ""
            name = f" {_short(event.name)}" if self._several else ""
            self._tests.pop(_short(event.name), None)
            self._say(record, f"  {event.verdict}{name}{reason}")
            if self._live is not None and event.verdict != "passed":
                text = f"{event.verdict}: {event.name}{reason}"
                self._live.console.print(Text(text, style=_STYLES.get(event.verdict, "yellow")))

    def _say(self, record: Record, text: str) -> None:
        if self._plain:
            elapsed = time.monotonic() - self._started
            device = f"{record.device}: " if record.device else ""
            self._console.print(
                f"{elapsed:7.1f}  {device}{text}", markup=False, highlight=False, soft_wrap=True
            )

    def _draw(self) -> Group:
        now = time.monotonic()
        table = Table(box=None, padding=(0, 2, 0, 0))
        for heading in ("phone", "", "state", "step", "for"):
            table.add_column(heading, no_wrap=heading != "step")
        for phone, label in self._phones.items():
            step, since = self._step.get(phone, ("", now))
            elapsed = f"{now - since:.1f} s" if step else ""
            state = self._state.get(phone, "")
            colour = {"READY": "green", "OFF": "dim"}.get(state, "yellow")
            table.add_row(phone, Text(label, "magenta"), Text(state, colour), step, elapsed)
        counts = "  ".join(f"{count} {verdict}" for verdict, count in self._counts.items())
        elapsed = f"{now - self._started:.0f} s"
        tests = [Text(name, "bold") for name in self._tests] or [Text("")]
        return Group(table, *tests, Text(f"{counts}  {elapsed}", "dim"))


def _short(test: str) -> str:
    return test.rpartition("/")[2]
