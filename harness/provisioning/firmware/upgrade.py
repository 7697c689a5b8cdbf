"""The way from one load to another: which loads must come between, and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.errors import UsageFault
from harness.provisioning.firmware.release import Release

__all__ = ["FLOOR", "Plan", "Step", "plan_upgrade"]

#: No downgrade below this: reports say loads before 8.5 are refused by phones with 9.x boot
#: code, "only partly" (from memory, to be confirmed on a phone).
FLOOR = Release(8, 5, 2)
_BRIDGE = Release(8, 5, 2)
_OLD = Release(8, 3, 3)
_NEW = Release(9, 2, 3)


@dataclass(frozen=True, slots=True)
class Step:
    """One load to flash on the way, why, and the load's name where a manifest has it."""

    release: Release
    why: str
    load: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps in order; empty when nothing is to be done. ``notes`` are things to know."""

    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Rule:
    applies: Callable[[Release, Release], bool]
    through: Release
    why: str


_RULES = (
    _Rule(
        lambda now, goal: now < _OLD and goal >= _NEW,
        _BRIDGE,
        "from before 8.3(3) to 9.2(3) or newer needs a load of 8.3(3) to 8.5(2) between "
        "(9.2(3) release notes, quoted by sysop.ca; their text is of SCCP)",
    ),
    _Rule(
        lambda now, goal: now.protocol == "SCCP" and goal.protocol == "SIP" and goal > _BRIDGE,
        _BRIDGE,
        "SCCP loads stop with Auth Fail at newer SIP boot loads; 8.5(2) SIP is taken "
        "(itwurx.net, on 7941/7961)",
    ),
)


def plan_upgrade(
    now: Release | None, goal: Release, loads: Sequence[str], *, floor: Release = FLOOR
) -> Plan:
    """Return the upgrade path.

    Args:
        now: what the phone holds; None when nobody knows.
        goal: what it shall hold.
        loads: loads there are manifests of, to name the files of each step.
        floor: the oldest release a phone may be taken back to.

    Raises:
        UsageFault: another model's load, or a downgrade below the floor.
    """
    for release in filter(None, (now, goal)):
        if release.family != "42":
            raise UsageFault(
                f"{release.protocol}{release.family} loads are of another model",
                hint="7942 and 7962 take SIP42 loads",
            )
    if goal.protocol != "SIP":
        raise UsageFault("the goal is an SCCP load", hint="this bench drives SIP phones")
    named = {Release.parse(load): load for load in loads}
    if now is None:
        note = "what the phone holds is unknown: it takes only what is newer, so go step by step"
        first = [Step(_BRIDGE, "a load most older ones can reach", named.get(_BRIDGE, ""))]
        way = first if goal > _BRIDGE else []
        return Plan((*way, Step(goal, "the goal", named.get(goal, ""))), (note,))
    if now == goal and now.protocol == goal.protocol:
        return Plan((), ("the phone holds it already; an equal image is passed over quietly",))
    if goal < floor and goal < now:
        raise UsageFault(
            f"{goal} is older than the floor {floor}: not planned",
            hint="phones refuse old loads in part; --floor RELEASE if you know better",
        )
    way = [
        Step(rule.through, rule.why, named.get(rule.through, ""))
        for rule in _RULES
        if rule.applies(now, goal) and rule.through != goal
    ]
    notes: tuple[str, ...] = ()
    if goal < now:
        notes = (
            "a downgrade: after a factory reset a phone asks for term42/62.default.loads twice "
            "every three minutes and takes none that is not newer; name the load in "
            "loadInformation instead",
        )
    return Plan((*dict.fromkeys(way), Step(goal, "the goal", named.get(goal, ""))), notes)
