"""What lamps mean when watched over time: dark, steady, blinking, walking.

All of it is computed from the edges the keypad's sensors reported, by the controller's clock, so
scheduling on the host does not bend it. Levels have their hysteresis in the controller; here is the
one in time: a change counts only when it stays, a blink only when it repeats.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from harness.errors import ProductFault
from harness.events import LampChanged, LampColour, Record
from harness.timeline import Mark, Timeline

__all__ = [
    "Blinking",
    "Dark",
    "LampEdge",
    "LampPattern",
    "Steady",
    "Unsteady",
    "Walk",
    "find_walk",
    "lamp_edges",
    "lamp_pattern",
    "wait_for_pattern",
    "wait_for_walk",
]

#: Part of a step for which two neighbours may be lit together; two lamps that blink in unison are
#: lit together all the time, which on a two-line 7942G is the only thing that tells them apart.
_OVERLAP = 0.5
#: A change that is taken back within this many seconds has not been one.
_GLITCH_S = 0.02
#: A step may take this many times the median step: scheduling of a slow sensor, not a new pattern.
_LONGEST_STEP = 10.0
#: Line lamps change so often at most while a round is walked, for each lamp of the phone. Older
#: edges cannot belong to it, and a boot loader may flicker for minutes before it walks.
_EDGES_PER_LAMP = 8


@dataclass(frozen=True, slots=True)
class LampEdge:
    """A lamp took a colour at ``at`` seconds of the controller's clock."""

    at: float
    lamp: str
    colour: LampColour


@dataclass(frozen=True, slots=True)
class Dark:
    """The lamp is off and has been for a while."""


@dataclass(frozen=True, slots=True)
class Steady:
    """The lamp has shown one colour for a while."""

    colour: LampColour


@dataclass(frozen=True, slots=True)
class Blinking:
    """The lamp goes on and off; ``period_s`` is from one lighting to the next."""

    colour: LampColour
    period_s: float


@dataclass(frozen=True, slots=True)
class Unsteady:
    """The lamp changed too recently, or too unevenly, to be called anything else."""

    colour: LampColour


LampPattern = Dark | Steady | Blinking | Unsteady


@dataclass(frozen=True, slots=True)
class Walk:
    """One whole round of a walking light, first lamp lit again; ``step_s`` is the median step."""

    colour: LampColour
    lamps: tuple[str, ...]
    step_s: float
    began_at: float


@dataclass(slots=True)
class _Lit:
    lamp: str
    colour: LampColour
    on: float
    off: float | None = None


def lamp_edges(records: Iterable[Record], device: str) -> list[LampEdge]:
    """Return the lamp edges about one phone, oldest first."""
    return [
        LampEdge(record.event.device_ms / 1000, record.event.lamp, record.event.colour)
        for record in records
        if isinstance(record.event, LampChanged) and record.device == device
    ]


def lamp_pattern(
    edges: Sequence[LampEdge],
    lamp: str,
    *,
    now: float,
    settle_s: float = 2.0,
    tolerance: float = 0.3,
    glitch_s: float = _GLITCH_S,
) -> LampPattern:
    """Say what one lamp does.

    Args:
        edges: what was seen, oldest first.
        lamp: its name.
        now: the present time on the controller's clock, seconds.
        settle_s: without a change for this long it counts as dark or steady.
        tolerance: part by which each blink may differ from the mean period.
        glitch_s: a change that is taken back within this time has not been one.
    """
    mine = _lasting([edge for edge in edges if edge.lamp == lamp], now, glitch_s)
    if not mine:
        return Dark()
    last = mine[-1]
    lit = _lightings(mine)[-3:]
    if len(lit) == 3 and len({lighting.colour for lighting in lit}) == 1:
        steps = [after.on - before.on for before, after in itertools.pairwise(lit)]
        period = statistics.fmean(steps)
        even = all(abs(step - period) <= tolerance * period for step in steps)
        if period > 0 and even and now - last.at <= (1 + tolerance) * period:
            return Blinking(lit[-1].colour, period)
    if now - last.at < settle_s:
        return Unsteady(last.colour)
    return Dark() if last.colour is LampColour.DARK else Steady(last.colour)


def find_walk(edges: Sequence[LampEdge], *, colour: LampColour | str, lines: int) -> Walk | None:
    """Find the first whole round of a light walking ``line1`` → ``line<n>`` → ``line1``.

    The round may begin at any lamp. Lamps that light in another order, in another colour in
    between, or together, are no walk. Other lamps than the line lamps do not matter.

    Args:
        edges: what was seen, oldest first.
        colour: the colour of the walking light.
        lines: how many line lamps the phone has, 2 or more.
    """
    wanted = LampColour(colour)
    follower = {f"line{n}": f"line{n % lines + 1}" for n in range(1, lines + 1)}
    lit = _lightings([edge for edge in edges if edge.lamp in follower])
    for start in range(len(lit) - lines):
        walk_round = lit[start : start + lines + 1]
        if any(lighting.colour is not wanted for lighting in walk_round):
            continue
        pairs = list(itertools.pairwise(walk_round))
        steps = [after.on - before.on for before, after in pairs]
        step = statistics.median(steps)
        if (
            all(follower[before.lamp] == after.lamp for before, after in pairs)
            and all(_hands_over(before, after) for before, after in pairs)
            and max(steps) <= max(_LONGEST_STEP * step, 0.001)
            # Time runs backwards only where the controller started anew.
            and min(steps) >= 0
        ):
            lamps = tuple(lighting.lamp for lighting in walk_round)
            return Walk(wanted, lamps, step, walk_round[0].on)
    return None


def wait_for_walk(
    timeline: Timeline,
    *,
    device: str,
    colour: LampColour | str,
    lines: int,
    within: float,
    since: Mark = 0,
    give_up: Callable[[Record], bool] | None = None,
) -> Walk:
    """Wait until a phone's line lamps have walked one whole round.

    Source: a 79x2 whose # is held at power-on walks its line lamps amber from top to bottom, and
    red once it accepts a reset code (Cisco: "Reset 7900 series to factory defaults").

    Args:
        timeline: where the keypad's driver writes lamp edges.
        device: the phone's name in lab.yaml.
        colour: the colour of the walk.
        lines: how many line lamps the phone has.
        within: deadline in seconds.
        since: only edges after this mark.
        give_up: a record that shows the walk will not come ends the wait early.

    Raises:
        ProductFault: it did not, with what the lamps did instead.
    """
    wanted = LampColour(colour)
    line_lamps = {f"line{n}" for n in range(1, lines + 1)}
    edges: list[LampEdge] = []
    looked_at = 0
    walk: Walk | None = None
    hopeless = False

    def walked(records: list[Record]) -> bool:
        # Only a lamp edge can complete a walk; on a busy wire most records are none.
        nonlocal looked_at, walk, hopeless
        fresh, looked_at = records[looked_at:], len(records)
        hopeless = hopeless or (give_up is not None and any(map(give_up, fresh)))
        for edge in [e for e in lamp_edges(fresh, device) if e.lamp in line_lamps]:
            edges.append(edge)
            walk = find_walk(edges[-_EDGES_PER_LAMP * lines :], colour=wanted, lines=lines)
            if walk is not None:
                break
        return hopeless or walk is not None

    timeline.wait_until(walked, within=within, since=since, device=device)
    if walk is not None:
        return walk
    state, hint = _instead(edges, wanted, lines)
    raise ProductFault(
        f"its line lamps did not walk {wanted}",
        device=device,
        state=state,
        expected=f"{wanted} from line1 to line{lines} and back to line1 within {within:.1f} s",
        hint=hint,
    )


def wait_for_pattern(
    timeline: Timeline,
    *,
    device: str,
    lamp: str,
    matches: Callable[[LampPattern], bool],
    expected: str,
    within: float,
    settle_s: float = 2.0,
) -> LampPattern:
    """Wait until a lamp shows a pattern; returns it.

    Args:
        timeline: where the keypad's driver writes lamp edges.
        device: the phone's name in lab.yaml.
        lamp: the lamp's name, e.g. ``mwi``.
        matches: whether a pattern is the one waited for.
        expected: the pattern in words, for the fault.
        within: deadline in seconds.
        settle_s: without a change for this long the lamp counts as dark or steady.

    Raises:
        ProductFault: it did not, with what it shows instead.
    """
    deadline = time.monotonic() + within
    while True:
        records = [
            record
            for record in timeline.records()
            if isinstance(record.event, LampChanged)
            and record.device == device
            and record.event.lamp == lamp
        ]
        edges = lamp_edges(records, device)
        # The controller's clock goes on from the last edge as the host's does from its arrival.
        passed = time.monotonic() - records[-1].mono if records else 0.0
        now = edges[-1].at + passed if edges else 0.0
        shown = lamp_pattern(edges, lamp, now=now, settle_s=settle_s)
        # While the last change may still be taken back, what was before it proves nothing.
        if matches(shown) and not (records and passed < _GLITCH_S):
            return shown
        left = deadline - time.monotonic()
        if left <= 0:
            raise ProductFault(
                f"its lamp {lamp} does not show what it should",
                device=device,
                state=f"{lamp}: {shown}",
                expected=f"{expected} within {within:.1f} s",
                hint="is the keypad's light sensor over that lamp? see: harness phone … status",
            )
        # A new edge changes the pattern, and so does time: what has not changed gets settled.
        waits = (_GLITCH_S, settle_s) if records else ()
        pause = next((wait - passed for wait in waits if wait > passed), left)
        seen = len(records)
        timeline.wait_until(
            lambda every, seen=seen: _edges_about(every, device, lamp) > seen,  # type: ignore[misc]
            within=min(left, pause + 0.001),
            device=device,
        )


def _edges_about(records: Iterable[Record], device: str, lamp: str) -> int:
    return sum(edge.lamp == lamp for edge in lamp_edges(records, device))


def _lasting(edges: Sequence[LampEdge], now: float, glitch_s: float) -> list[LampEdge]:
    """Leave out changes of one lamp that were taken back at once, or may still be."""
    kept: list[LampEdge] = []
    for index, edge in enumerate(edges):
        ended = edges[index + 1].at if index + 1 < len(edges) else now
        shown = kept[-1].colour if kept else LampColour.DARK
        if edge.colour is not shown and ended - edge.at >= glitch_s:
            kept.append(edge)
    return kept


def _lightings(edges: Sequence[LampEdge]) -> list[_Lit]:
    """Turn edges into the times each lamp was lit in one colour, in the order of lighting."""
    found: list[_Lit] = []
    burning: dict[str, _Lit] = {}
    for edge in edges:
        before = burning.get(edge.lamp)
        if before is not None:
            if before.colour is edge.colour:
                continue
            before.off = edge.at
            del burning[edge.lamp]
        if edge.colour is not LampColour.DARK:
            burning[edge.lamp] = lighting = _Lit(edge.lamp, edge.colour, edge.at)
            found.append(lighting)
    return found


def _hands_over(before: _Lit, after: _Lit) -> bool:
    if before.off is None:
        return False
    return before.off - after.on <= _OVERLAP * (after.on - before.on)


def _instead(edges: Sequence[LampEdge], wanted: LampColour, lines: int) -> tuple[str, str]:
    """Say what the lamps did instead of walking, and what to try."""
    line_lamps = {f"line{n}" for n in range(1, lines + 1)}
    edges = [edge for edge in edges if edge.lamp in line_lamps]
    lit = _lightings(edges)
    if not lit:
        return (
            "no line lamp lit at all",
            "is the outlet on? is # really held at power-on? are the keypad's light sensors over "
            "the line lamps?",
        )
    for other in LampColour:
        if other is not wanted and find_walk(edges, colour=other, lines=lines):
            return f"they walked {other} instead", "the phone is in another stage of its reset"
    order = " ".join(f"{lighting.lamp}:{lighting.colour}" for lighting in lit[-2 * lines :])
    colours = {lighting.colour for lighting in lit}
    if wanted not in colours:
        shown = ", ".join(sorted(colours))
        return (
            f"they showed {shown}, never {wanted}; last lit in order: {order}",
            "the phone booted normally, or refused the code: was # held, was the code right?",
        )
    return (
        f"last lit in order: {order}",
        "the walk broke off, or the sensors are mounted in another order than line1 to "
        f"line{lines}",
    )
