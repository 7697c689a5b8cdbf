"""How long a phone was busy in a night: the part of its time that no harness can shorten.

A phone is busy while it boots, flashes, is off or registers, while a key is down, and while it has
a call. All else is the harness: opening a bench, looking at what was captured, writing it down.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.events import KeyPressed, KeyReleased, PhoneStateChanged, Record, SipMessage

__all__ = ["critical_path"]

_READY = "READY"
Interval = tuple[float, float]


def critical_path(records: Iterable[Record], phone: str, keypad: str) -> float:
    """Return the seconds in which a phone was busy.

    Args:
        records: what was seen in a night of this phone alone.
        phone: its name.
        keypad: the name of the robot in front of it.
    """
    own = [record for record in records if record.device in {phone, keypad}]
    own.sort(key=lambda record: record.mono)
    return _length([*_not_ready(own), *_keys_down(own), *_calls(own)])


def _not_ready(records: Iterable[Record]) -> Iterator[Interval]:
    since: float | None = None
    for record in records:
        if isinstance(record.event, PhoneStateChanged):
            if since is not None:
                yield since, record.mono
            since = record.mono if record.event.state != _READY else None


def _keys_down(records: Iterable[Record]) -> Iterator[Interval]:
    down: dict[str, float] = {}
    for record in records:
        if isinstance(record.event, KeyPressed):
            down[record.event.key] = record.mono
        elif isinstance(record.event, KeyReleased) and record.event.key in down:
            yield down.pop(record.event.key), record.mono


def _calls(records: Iterable[Record]) -> Iterator[Interval]:
    """From a call's INVITE to the last message of its dialog."""
    calls: dict[str, Interval] = {}
    for record in records:
        event = record.event
        if isinstance(event, SipMessage) and (event.call_id in calls or _invites(event)):
            calls[event.call_id] = calls.get(event.call_id, (record.mono, 0.0))[0], record.mono
    yield from calls.values()


def _invites(message: SipMessage) -> bool:
    return message.start_line.startswith("INVITE ")


def _length(intervals: Iterable[Interval]) -> float:
    """The length of all intervals together; where they overlap it counts once."""
    total = 0.0
    end = float("-inf")
    for since, until in sorted(intervals):
        total += max(0.0, until - max(since, end))
        end = max(end, until)
    return total
