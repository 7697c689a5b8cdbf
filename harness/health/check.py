"""Checks, run side by side and cut off at their deadlines."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from harness.errors import HarnessError
from harness.health.finding import Finding, State, faults_of

__all__ = ["Check", "run_checks"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at.

    ``look`` yields findings as it goes: those it had before its deadline are kept. ``within`` is
    in seconds.
    """

    subject: str
    name: str
    look: Callable[[], Iterable[Finding]]
    within: float = 10.0


@dataclass
class _Run:
    check: Check
    found: list[Finding] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    cut_off: bool = False

    def go(self) -> None:
        check = self.check
        try:
            for finding in check.look():
                self._keep(finding)
        except HarnessError as error:
            for finding in faults_of(check.subject, check.name, error):
                self._keep(finding)
        except Exception as error:  # noqa: BLE001 - one broken check must not hide the others
            text = f"the check itself failed: {type(error).__name__}: {error}"
            self._keep(
                Finding(
                    check.subject, check.name, State.FAULT, text, "a bug of the harness: report it"
                )
            )
        finally:
            self.done.set()

    def _keep(self, finding: Finding) -> None:
        with self.lock:
            if not self.cut_off:
                self.found.append(finding)

    def result(self, deadline: float) -> list[Finding]:
        ended = self.done.wait(max(0.0, deadline - time.monotonic()))
        with self.lock:
            self.cut_off = True
            if not ended and not self.done.is_set():
                check = self.check
                text = f"nothing more came within {check.within:g} s; given up"
                fix = "it hangs: switch it off and on, check its cable, then run this again"
                self.found.append(Finding(check.subject, check.name, State.FAULT, text, fix))
            return self.found


def run_checks(checks: Sequence[Check]) -> list[Finding]:
    """Run all of them at once and return what they found, in their order.

    A check that hangs is left behind on a thread that does not keep the process alive.
    """
    runs = [_Run(check) for check in checks]
    started = time.monotonic()
    for run in runs:
        name = f"check {run.check.subject} {run.check.name}"
        threading.Thread(target=run.go, name=name, daemon=True).start()
    return [finding for run in runs for finding in run.result(started + run.check.within)]
