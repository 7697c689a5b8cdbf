"""All that the phones of a recording were seen to do: SIP, boots, media, lamps and verdicts."""

from __future__ import annotations

from collections.abc import Iterator

from harness.drift.aspects import BOOTING, Sight
from harness.drift.boots import boots
from harness.drift.media import media
from harness.drift.recording import Recording
from harness.drift.signalling import signalling
from harness.events import FileRequested, LampChanged, LampColour
from harness.runs import Verdict
from harness.runs.results import RESULTS

__all__ = ["conduct"]


def conduct(recording: Recording) -> list[Sight]:
    """Return what the phones of a recording were seen to do, in no order but each kind's own.

    Raises:
        UsageFault: a capture of the recording cannot be read.
    """
    return [
        *boots(recording),
        *signalling(recording),
        *media(recording),
        *_lamps(recording),
        *_verdicts(recording),
    ]


def _lamps(recording: Recording) -> Iterator[Sight]:
    """Yield the colours of each lamp in tests without a boot: within one they are a walk's."""
    booting = {r.test for r in recording.records if isinstance(r.event, FileRequested) and r.test}
    for test in booting:
        for phone in recording.stations:
            yield Sight(phone, test, "call.lamps", "", BOOTING, "")
    for index, record in enumerate(recording.records):
        event = record.event
        if not isinstance(event, LampChanged) or event.colour is LampColour.DARK:
            continue
        if record.device in recording.stations and record.test and record.test not in booting:
            value = f"{event.lamp} {event.colour}"
            place = recording.place(index)
            yield Sight(record.device, record.test, "call.lamps", "", value, place)


def _verdicts(recording: Recording) -> Iterator[Sight]:
    """Yield how tests ended for the phones; what the bench spoilt says nothing about them."""
    for test, verdict in recording.verdicts.items():
        if verdict not in {Verdict.PASSED, Verdict.PRODUCT_FAULT}:
            continue
        for phone in recording.stations:
            if len(recording.stations) == 1 or f"[{phone}" in test or f"-{phone}" in test:
                yield Sight(phone, test, "test.verdict", "", verdict.value, RESULTS)
