"""What a check found, and how it is shown: a tree for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass
from enum import StrEnum

from harness.errors import BenchFaults, HarnessError

__all__ = ["Finding", "State", "as_json", "as_tree", "faults_of", "without_secrets"]


class State(StrEnum):
    """``unknown`` is what could not be told: said, but no fault."""

    OK = "ok"
    FAULT = "fault"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: of what, how it is, what was found, and how to mend it.

    ``subject`` is the branch of the tree: ``host`` or a device's name in lab.yaml. ``part`` names
    an outlet where only that is concerned.
    """

    subject: str
    check: str
    state: State
    found: str
    fix: str = ""
    part: str = ""


def faults_of(subject: str, check: str, error: HarnessError) -> Iterator[Finding]:
    """Yield an error, or each of several, as a finding."""
    if isinstance(error, BenchFaults):
        for fault in error.faults:
            yield from faults_of(subject, check, fault)
        return
    state = f" ({error.state})" if error.state else ""
    wanted = f"; expected {error.expected}" if error.expected else ""
    yield Finding(subject, check, State.FAULT, f"{error.summary}{state}{wanted}", error.hint)


_MARKS = {State.OK: "ok   ", State.FAULT: "FAULT", State.UNKNOWN: "?    "}


def as_tree(findings: Sequence[Finding]) -> str:
    """Return the findings by subject, each fault with its fix below, and their number."""
    lines: list[str] = []
    for subject in dict.fromkeys(finding.subject for finding in findings):
        lines.append(subject)
        own = [finding for finding in findings if finding.subject == subject]
        for finding in own:
            last = finding is own[-1]
            found = finding.found.replace("\n", " ")
            text = f"{_MARKS[finding.state]} {finding.check}: {found}"
            lines.append(f"{'└──' if last else '├──'} {text}")
            if finding.fix and finding.state is not State.OK:
                lines.append(f"{'   ' if last else '│  '}       fix: {finding.fix}")
    faults = sum(finding.state is State.FAULT for finding in findings)
    unknown = sum(finding.state is State.UNKNOWN for finding in findings)
    told = f", {unknown} could not be told" if unknown else ""
    lines.append((f"{faults} fault(s)" if faults else "all well") + told)
    return "\n".join(lines)


def as_json(lab: str, findings: Sequence[Finding]) -> str:
    """Return the findings as JSON: ``lab``, ``faults`` (a number) and ``findings``."""
    faults = sum(finding.state is State.FAULT for finding in findings)
    plain = [asdict(finding) for finding in findings]
    return json.dumps({"lab": lab, "faults": faults, "findings": plain}, indent=2)


def without_secrets(findings: Iterable[Finding], secrets: AbstractSet[str]) -> list[Finding]:
    """Return the findings with every secret replaced by dots."""
    kept: list[Finding] = []
    for finding in findings:
        found, fix = finding.found, finding.fix
        for secret in sorted(filter(None, secrets), key=len, reverse=True):
            found, fix = found.replace(secret, "•••"), fix.replace(secret, "•••")
        kept.append(
            Finding(finding.subject, finding.check, finding.state, found, fix, finding.part)
        )
    return kept
