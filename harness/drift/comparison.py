"""Two recordings held against each other, aspect by aspect: what the phone did, what the twin did.

Texts are compared as sets, times by their medians. Test by test a difference is told whichever
side it is on; over the whole recording only what the phone did and the twin never did, for the twin
may have been through more on its way.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.drift.aspects import ASPECTS, BOOTING, NONE, Clock, Sight
from harness.drift.rows import VERDICT, Row, concerned, standing_of
from harness.runs import Verdict
from harness.virtual.fidelity import BEHAVIOURS, Behaviour

__all__ = ["Comparison", "Difference", "Tolerance", "compare"]

_PASSED = Verdict.PASSED.value


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far two times may lie apart, given the speeds of both benches.

    A time of the device's clock is taken times the speed of its bench; what processes of the host
    take is stretched with it, so the twin is allowed ``host_s`` real seconds. With a speed of 0,
    when nothing tells it, times of the device's clock are left out.
    """

    phone_speed: float = 1.0
    twin_speed: float = 40.0
    device_share: float = 0.25
    host_s: float = 1.0
    wire_share: float = 0.25
    wire_s: float = 0.2

    def speeds(self, clock: Clock) -> tuple[float, float]:
        """Return by what the phone's and the twin's times of a clock are multiplied."""
        return (self.phone_speed, self.twin_speed) if clock is Clock.DEVICE else (1.0, 1.0)

    def allowed(self, clock: Clock, seconds: float) -> float:
        """Return the seconds by which a time may differ from another of ``seconds``."""
        if clock is Clock.WIRE:
            return max(self.wire_share * seconds, self.wire_s)
        # Each bench has a host of its own; a phone of hardware has none.
        stretched = self.twin_speed + (self.phone_speed if self.phone_speed > 1 else 0)
        return max(self.device_share * seconds, self.host_s * stretched)

    def __str__(self) -> str:
        return (
            f"times of the device's clock may differ by {self.device_share:.0%} or "
            f"{self.allowed(Clock.DEVICE, 0):g} s, whichever is more (the twin's run "
            f"{self.twin_speed:g} times faster); times of the wire by {self.wire_share:.0%} or "
            f"{self.wire_s:g} s"
        )


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing the twin does otherwise. ``tests`` where it is told per test.

    ``follows`` is what was not seen in tests that one side did not come to the end of: because of
    the difference, or the difference because of it.
    """

    aspect: str
    subjects: tuple[str, ...]
    phone: str
    twin: str
    phones: tuple[str, ...]
    tests: tuple[str, ...]
    places: tuple[str, ...]
    follows: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What differs, in words."""
        title = ASPECTS[self.aspect].title
        head = self.subjects[0].partition(" of ")[0] + " of " if self.subjects else ""
        if all(each.startswith(head) for each in self.subjects[1:]) and len(self.subjects) > 1:
            own = [each.removeprefix(head) for each in self.subjects]
            shown = head + "; ".join(own[:4])
        else:
            shown = "; ".join(self.subjects[:4])
        shown += "; ..." if len(self.subjects) > 4 else ""
        return f"{title}: {shown}" if shown else title

    @property
    def behaviours(self) -> tuple[Behaviour, ...]:
        """The rows of the table of twin behaviours it concerns."""
        return concerned(self.aspect, self.tests)


@dataclass
class Comparison:
    """What came of it. ``not_replayed`` is what the phone did and nothing made the twin do."""

    differences: list[Difference] = field(default_factory=list)
    agreed: int = 0
    not_replayed: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)


_NOT = "does not"
_Key = tuple[str, str, str, str]
_Make = Callable[[str, str, str], Difference]
#: Aspects whose every value stands for itself: each is done or not.
_LISTED = {"call.messages", "call.lamps", "register.removed", "rtp.codec"}


def compare(phone: Iterable[Sight], twin: Iterable[Sight], tolerance: Tolerance) -> Comparison:
    """Hold what phones did against what their twins did.

    Args:
        phone: what was seen on the recording's bench.
        twin: what was seen on the virtual bench; tests and phones have the same names.
        tolerance: how far times may lie apart.
    """
    ours, theirs = _by_key(phone), _by_key(twin)
    found = Comparison()
    raw: list[Difference] = []
    follows: dict[tuple[str, str], list[str]] = defaultdict(list)
    agreed: dict[str, set[tuple[str, str]]] = defaultdict(set)
    recorded, replayed = {key[:2] for key in ours}, {key[:2] for key in theirs}
    stations = {key[0] for key in theirs}
    for key in dict.fromkeys([*ours, *theirs]):
        name, test, aspect, _ = key
        both = (name, test) in recorded & replayed if test else name in stations
        if not both:
            continue
        if key not in theirs and not test:
            title = ASPECTS[aspect].title
            found.not_replayed.append(f"{title}: {key[3]}" if key[3] else title)
            continue
        if not _comparable(aspect, (*ours.get(key, ()), *theirs.get(key, ())), tolerance):
            continue
        differences = list(_differences(key, ours.get(key, []), theirs.get(key, []), tolerance))
        passed = [_passed(side.get((name, test, VERDICT, ""))) for side in (ours, theirs)]
        for each in differences:
            absent = (each.phone == _NOT, each.twin == _NOT)
            if (
                aspect in _LISTED
                and passed in ([False, True], [True, False])
                and (absent[passed.index(False)])
            ):
                follows[name, test].append(each.twin if absent[0] else each.phone)
            else:
                raw.append(each)
        if not differences and key in ours and key in theirs and _tells(aspect, ours[key]):
            agreed[aspect].add((name, test))
            found.agreed += 1
    raw = [_with_follows(each, follows) for each in raw]
    found.not_replayed = list(dict.fromkeys(found.not_replayed))
    found.differences = _merged(raw)
    found.rows = list(_rows(agreed, found.differences))
    return found


def _rows(
    agreed: Mapping[str, set[tuple[str, str]]], differences: Sequence[Difference]
) -> Iterator[Row]:
    ended = [each for each in differences if each.aspect == VERDICT]
    unlike = {(phone, test) for each in ended for phone in each.phones for test in each.tests}
    others = [each for each in differences if each.aspect != VERDICT]
    for row in BEHAVIOURS:
        against = [name for each in others if row in each.behaviours for name in each.phones]
        yield standing_of(row, agreed, against, unlike)


def _by_key(sights: Iterable[Sight]) -> dict[_Key, list[Sight]]:
    found: dict[_Key, list[Sight]] = defaultdict(list)
    for each in sights:
        found[each.phone, each.test, each.aspect, each.subject].append(each)
    return found


def _passed(sights: Sequence[Sight] | None) -> bool | None:
    return sights[0].value == _PASSED if sights else None


def _comparable(aspect: str, sights: Sequence[Sight], tolerance: Tolerance) -> bool:
    """Whether it makes sense to compare: not times of an unknown clock, or lamps of a boot."""
    if ASPECTS[aspect].clock is Clock.DEVICE:
        return bool(tolerance.phone_speed and tolerance.twin_speed)
    return aspect != "call.lamps" or all(each.value != BOOTING for each in sights)


def _with_follows(each: Difference, follows: Mapping[tuple[str, str], list[str]]) -> Difference:
    if each.aspect != VERDICT:
        return each
    return replace(each, follows=tuple(follows.get((each.phones[0], each.tests[0]), ())))


def _tells(aspect: str, sights: Sequence[Sight]) -> bool:
    """Whether agreement shows a behaviour: not that two tests failed, or asked for nothing."""
    if aspect == VERDICT:
        return all(each.value == _PASSED for each in sights)
    return aspect != "boot.locale" or all(each.value != NONE for each in sights)


def _differences(
    key: _Key, ours: Sequence[Sight], theirs: Sequence[Sight], tolerance: Tolerance
) -> Iterator[Difference]:
    phone, test, aspect, subject = key
    about = ASPECTS[aspect]

    def difference(did: str, does: str, place: str) -> Difference:
        tests = (test,) if test else ()
        return Difference(
            aspect, (subject,) if subject else (), did, does, (phone,), tests, (place,)
        )

    if about.clock is not None:
        if ours and theirs:
            yield from _times(ours, theirs, about.clock, tolerance, difference)
        return
    was = {str(each.value): each.place for each in reversed(ours)}
    now = {str(each.value): each.place for each in reversed(theirs)}
    # Without a test that made the phone do it, the twin may have been made to do more.
    strict = bool(test)
    if aspect in _LISTED:
        only = [value for value in was if value not in now]
        more = [value for value in now if value not in was] if strict else []
        for value in only:
            yield difference(value, _NOT, was[value])
        for value in more:
            yield difference(_NOT, value, f"nowhere in {test.rpartition('/')[2]}")
        return
    if not ours or not theirs:
        # That it sent another message, or no digit, is told by the aspect that counts those.
        return
    if set(was) == set(now) or (not strict and set(was) <= set(now)):
        return
    only = sorted(set(was) - set(now)) or sorted(was)
    others = sorted(set(now) - set(was)) or sorted(now)
    place = was[only[0]]
    if aspect.endswith(".headers") and len(only) == len(others) == 1:
        yield difference(*_order(only[0], others[0]), place)
    else:
        yield difference(" / ".join(only), " / ".join(others), place)


def _times(
    ours: Sequence[Sight],
    theirs: Sequence[Sight],
    clock: Clock,
    tolerance: Tolerance,
    difference: _Make,
) -> Iterator[Difference]:
    phone_speed, twin_speed = tolerance.speeds(clock)
    took = statistics.median(float(each.value) for each in ours) * phone_speed
    takes = statistics.median(float(each.value) for each in theirs) * twin_speed
    if abs(took - takes) > tolerance.allowed(clock, max(took, takes)):
        yield difference(f"{took:.3g} s", f"{takes:.3g} s", ours[0].place)


def _order(was: str, now: str) -> tuple[str, str]:
    """Tell two orders of headers by what one of them lacks, or else by the whole orders."""
    ours, theirs = was.split(", "), now.split(", ")
    gone = [name for name in ours if name not in theirs]
    more = [name for name in theirs if name not in ours]
    if not gone and not more:
        return was, now
    return (
        "; ".join(filter(None, [_has("with", gone), _has("without", more)])),
        "; ".join(filter(None, [_has("without", gone), _has("with", more)])),
    )


def _has(word: str, names: Sequence[str]) -> str:
    return f"{word} {', '.join(names)}" if names else ""


def _merged(raw: Sequence[Difference]) -> list[Difference]:
    """Put together what differs alike in several tests, messages or phones."""
    found: dict[tuple[str, str, str, str], Difference] = {}
    for each in raw:
        # "Contact of BYE" and "Contact of INVITE" are one mistake when they differ alike.
        what = each.subjects[0].partition(" of ")[0] if each.aspect.endswith(".values") else ""
        group = each.aspect.partition(".")[0] if each.aspect.endswith(".values") else each.aspect
        key = (group, what, each.phone, each.twin)
        before = found.get(key)
        if before is None:
            found[key] = each
            continue
        found[key] = replace(
            before,
            subjects=tuple(dict.fromkeys(before.subjects + each.subjects)),
            phones=tuple(dict.fromkeys(before.phones + each.phones)),
            tests=tuple(dict.fromkeys(before.tests + each.tests)),
            places=tuple(dict.fromkeys(before.places + each.places)),
            follows=tuple(dict.fromkeys(before.follows + each.follows)),
        )
    return list(found.values())
