"""The checks there are of the host: each registers itself with a decorator."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from harness.health.check import Check
from harness.health.finding import Finding
from harness.lab import Lab

__all__ = ["HOST", "HostLook", "Situation", "host_check", "host_checks"]

#: The branch of the tree that is about this machine.
HOST = "host"


@dataclass(frozen=True, slots=True)
class Situation:
    """What a check of the host may need to know: the lab, and where runs are kept."""

    lab: Lab
    runs_dir: Path


HostLook = Callable[[Situation], Iterable[Finding]]
_CHECKS: dict[str, tuple[HostLook, float]] = {}


def host_check(name: str, *, within: float = 10.0) -> Callable[[HostLook], HostLook]:
    """Register a check of the host; ``within`` is its deadline in seconds."""

    def keep(look: HostLook) -> HostLook:
        _CHECKS[name] = look, within
        return look

    return keep


def host_checks(situation: Situation) -> list[Check]:
    """Return every registered check, ready to run, in the order they were registered."""

    def bound(look: HostLook) -> Callable[[], Iterable[Finding]]:
        return lambda: look(situation)

    return [Check(HOST, name, bound(look), within) for name, (look, within) in _CHECKS.items()]
