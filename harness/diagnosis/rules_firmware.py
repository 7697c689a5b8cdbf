"""Upgrades that do not happen, or never end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from harness.diagnosis.case import Case, Clue
from harness.diagnosis.diagnosis import Confidence, Diagnosis
from harness.diagnosis.rule import Rule
from harness.events import FileRequested, FileServed

__all__: list[str] = []

#: Requests of the same boot load within this many seconds are one pair.
_PAIR_SECONDS = 20.0
_BOOT_LOAD = re.compile(r"term\d\d\.default\.loads", re.IGNORECASE)


def _boot_loads(case: Case) -> dict[tuple[str, str], list[Clue]]:
    """Return who asked for which boot load, each time since it last took an image.

    Some TFTP servers log what is asked for and not what was sent, so either is believed.
    """
    found: dict[tuple[str, str], list[Clue]] = {}
    for clue in case.clues:
        event = clue.event
        if not isinstance(event, FileRequested | FileServed):
            continue
        if event.name.lower().endswith(".sbn"):
            for device in [each for each in found if each[0] == event.address]:
                del found[device]
        elif isinstance(event, FileRequested) and _BOOT_LOAD.fullmatch(event.name):
            found.setdefault((event.address, event.name), []).append(clue)
    return found


class NotNewer(Rule):
    """The boot load is asked for again and again: what is offered is not taken."""

    id = "load-not-newer"
    symptom = "after a reset, term42.default.loads is asked for twice, every three minutes"
    fix = (
        "offer a newer load, of the same signing type as the one installed; from 8.x go through "
        "8.5(2) first"
    )
    source = "article, comment 9; itwurx.net on Auth Fail"

    def look(self, case: Case) -> Iterator[Diagnosis]:
        """Find a boot load asked for twice or more with no component asked for after it."""
        refused = {e.address for _, e in case.refused(r"term\d\d\.default\.loads")}
        for device, own in _boot_loads(case).items():
            if len(own) < 2 or device[0] in refused:
                continue
            times = [clue.time for clue in own]
            apart = [b - a for a, b in pairwise(times) if b - a > _PAIR_SECONDS]
            every = f", then again after {apart[0]:.0f} s" if apart else ""
            yield self.found(
                f"{device[1]} was fetched {len(own)} times{every}, and no image after it: the "
                "phone does not take this load, because it is not newer or not signed for it",
                Confidence.CERTAIN if len(own) > 2 else Confidence.LIKELY,
                own,
            )


class LoadMissing(Rule):
    """loadInformation names a load the server does not have, or not whole."""

    id = "load-missing"
    symptom = "an upgrade is tried at each boot; a reset phone cannot come up"
    fix = "stage every file of the release beside it, or empty loadInformation"
    source = "Issabel 7942 guide; FreePBX 7942 notes"

    def look(self, case: Case) -> Iterator[Diagnosis]:
        """Find refused .loads and .sbn files."""
        refused = case.refused(r".*\.(loads|sbn)")
        for name in dict.fromkeys(event.name for _, event in refused):
            clues = [clue for clue, event in refused if event.name == name]
            near = next((n for n in case.files.names if n.lower() == name.lower()), "")
            if near and near != name:
                continue
            yield self.found(f"{name} is not on the server", Confidence.CERTAIN, clues)


class AuthFail(Rule):
    """The phone refuses the signature of an image."""

    id = "signature-refused"
    symptom = "Auth Fail in the status messages"
    fix = "flash 8.5(2) first, then the wanted load; never rename or repack an .sbn file"
    source = "itwurx.net, 7941/7961; the file name is part of the signature"

    def look(self, case: Case) -> Iterator[Diagnosis]:
        """Find the phone's words."""
        lines = case.lines(r"\bAuth Fail\b|Load rejected HC", "phone")
        if lines:
            yield self.found(
                "the phone does not accept the signature of the image it was given",
                Confidence.CERTAIN,
                [clue for clue, _ in lines],
            )
