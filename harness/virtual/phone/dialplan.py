"""The dial template: when the digits typed so far are a number to dial.

``.`` is any digit, ``*`` anything, ``\\*`` the star key, ``,`` a second dial tone; Timeout 0
dials at once (Cisco dial template; usecallmanager.nz "Dial template").
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass

__all__ = ["DialPlan", "parse_dial_plan"]

#: Seconds without a template or a match, "T302Timer" of users' notes.
UNMATCHED_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class _Template:
    pattern: re.Pattern[str]
    timeout: float
    wildcards: int


@dataclass(frozen=True, slots=True)
class DialPlan:
    """Templates in force; an empty plan dials after a long wait or ``#``."""

    templates: tuple[_Template, ...] = ()

    def wait(self, digits: str) -> float:
        """Return the seconds to wait for another digit; 0 dials now."""
        matching = [t for t in self.templates if t.pattern.fullmatch(digits)]
        if not matching:
            return UNMATCHED_SECONDS
        # The more exact template wins: one that takes anything matches every number.
        return min(matching, key=lambda template: template.wildcards).timeout


def _pattern(match: str) -> re.Pattern[str]:
    parts: list[str] = []
    escaped = False
    for character in match:
        if escaped:
            parts.append(re.escape(character))
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == ".":
            parts.append("[0-9]")
        elif character == "*":
            parts.append(".+")
        elif character != ",":
            parts.append(re.escape(character))
    return re.compile("".join(parts))


def parse_dial_plan(content: bytes) -> DialPlan | None:
    """Read a dial template file; None when it is not well formed."""
    if b"<!ENTITY" in content:
        return None
    try:
        root = ET.fromstring(content)
    except (ET.ParseError, ValueError, LookupError):
        return None
    if root.tag.upper() != "DIALTEMPLATE":
        return None
    templates: list[_Template] = []
    for element in root.findall("TEMPLATE"):
        match = element.get("MATCH") or element.get("match") or ""
        timeout = re.match(r"\d+", element.get("Timeout") or element.get("TIMEOUT") or "5")
        seconds = float(timeout[0]) if timeout else 0.0
        templates.append(_Template(_pattern(match), seconds, match.count("*")))
    return DialPlan(tuple(templates))
