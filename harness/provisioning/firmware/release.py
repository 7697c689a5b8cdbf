"""Release numbers of phone firmware, in every spelling, in order."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from harness.errors import UsageFault

__all__ = ["Release"]

_LOAD = re.compile(r"^(?P<protocol>SIP|SCCP|CP)(?P<family>\d\d)\.", re.IGNORECASE)
_NUMBERS = re.compile(
    r"^(?P<major>\d{1,2})[.-](?P<minor>\d+)(?:[.(-](?P<point>\d+)\)?)?"
    r"(?:[-.]?(?P<kind>SR|ES|TH)(?P<patch>\d+)(?:[-.](?P<sub>\d+))?)?(?P<rest>[-.]?\d*[A-Z]?)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, order=True)
class Release:
    """A release such as 9.3(1)SR4; ordered by major, minor, point and service release.

    ES and TH builds are Cisco's inner names of a release: they order with its base release, since
    how they map to SR numbers is not written anywhere but in the .loads file.
    """

    major: int
    minor: int
    point: int = 0
    service: int = 0
    protocol: str = field(default="SIP", compare=False)
    family: str = field(default="42", compare=False)

    @classmethod
    def parse(cls, text: str) -> Release:
        """Read ``9.3(1)SR4``, ``9-3-1SR4-1S``, ``SIP42.9-3-1SR4-1S`` or ``9.3.1``.

        Raises:
            UsageFault: it is no release.
        """
        bare = text.strip().removesuffix(".loads").removesuffix(".sbn")
        load = _LOAD.match(bare)
        match = _NUMBERS.match(bare[load.end() :] if load else bare)
        if match is None:
            raise UsageFault(
                f"{text!r} is no firmware release",
                hint="write it like 9.3(1)SR4 or like the load, SIP42.9-3-1SR4-1S",
            )
        service = match["patch"] if (match["kind"] or "").upper() == "SR" else "0"
        return cls(
            int(match["major"]),
            int(match["minor"]),
            int(match["point"] or 0),
            int(service or 0),
            protocol=load["protocol"].upper() if load else "SIP",
            family=load["family"] if load else "42",
        )

    def __str__(self) -> str:
        service = f"SR{self.service}" if self.service else ""
        return f"{self.major}.{self.minor}({self.point}){service}"
