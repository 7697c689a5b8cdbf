"""The whole of it: a recording opened, replayed, and held against what the twins then did."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from harness.drift.aspects import Sight
from harness.drift.comparison import Comparison, Tolerance, compare
from harness.drift.conduct import conduct
from harness.drift.recording import Recording, Station, opened
from harness.drift.replay import other_files, replay
from harness.drift.rows import Standing
from harness.errors import UsageFault
from harness.lab import Lab
from harness.runs import Verdict
from harness.virtual.confirmations import Confirmation

__all__ = ["Drift", "confirmations", "drift"]


@dataclass
class Drift:
    """What came of a comparison. ``caveats`` are why a difference may be none of the twin's."""

    recording: str
    stations: dict[str, Station]
    lab: str
    run_id: str
    began: float
    hardware: bool
    tests: int
    twin: Path
    comparison: Comparison
    tolerance: Tolerance
    missing: tuple[str, ...] = ()
    caveats: list[str] = field(default_factory=list)
    #: Faults planted in the twins it was held against; those are no twins to confirm.
    seeded: dict[str, str] = field(default_factory=dict)

    @property
    def confirms(self) -> bool:
        """Whether agreement says anything about hardware."""
        return self.hardware and not self.seeded


def drift(
    paths: Sequence[Path],
    lab: Lab,
    directory: Path,
    *,
    suite: Path,
    say: Callable[[str], None],
    test: str = "",
    speed: float = 0.0,
    against: Path | None = None,
    must_confirm: bool = False,
) -> Drift:
    """Replay a recording against the twins and return where they differ.

    Args:
        paths: the recording, see :func:`harness.drift.recording.opened`.
        lab: the lab it was made on, where there is one.
        directory: gets the twins' night.
        suite: the tests.
        say: told what goes on.
        test: only the tests whose name holds this.
        speed: of the twins' device time; 0 for what the lab says.
        against: a run of twins made already, instead of a new one.
        must_confirm: refuse at once a recording that can confirm nothing.

    Raises:
        UsageFault: the recording cannot be read or replayed, or cannot confirm anything.
        BenchFault: the virtual bench left no result.
    """
    with opened(paths, test=test) as recording:
        if must_confirm:
            _check_hardware(recording)
        sights = conduct(recording)
        missing: tuple[str, ...] = ()
        if against is None:
            done = replay(recording, sights, lab, directory, suite=suite, say=say, speed=speed)
            folder, missing = done.directory, done.missing
        else:
            folder = against
        with opened([folder]) as twin:
            _check_twin(twin, folder)
            theirs = conduct(twin)
            if not recording.tests:
                sights, theirs = _anyhow(sights), _anyhow(theirs)
            tolerance = Tolerance(_speed(recording, lab), _speed(twin, lab))
            comparison = compare(sights, theirs, tolerance)
            missing += _not_ended(recording, twin)
            return Drift(
                recording=recording.name,
                stations=recording.stations,
                lab=recording.lab,
                run_id=recording.run_id,
                began=recording.began,
                hardware=recording.is_hardware,
                tests=len(recording.tests),
                twin=folder,
                comparison=comparison,
                tolerance=tolerance,
                missing=missing,
                caveats=_caveats(recording, twin, lab, sights, theirs),
                seeded=twin.seeded,
            )


def _anyhow(sights: Sequence[Sight]) -> list[Sight]:
    """Forget what a capture does not tell: the test, and what made a phone boot."""
    return [
        replace(each, test="", subject=re.sub("boot by power|restart", "boot", each.subject))
        for each in sights
    ]


def _check_hardware(recording: Recording) -> None:
    if recording.is_hardware:
        return
    told = ", ".join(f"{n}: {s.label or 'unknown'}" for n, s in recording.stations.items())
    planted = "; faults were planted in it" if recording.seeded else ""
    raise UsageFault(
        f"{recording.name} confirms nothing, as it is not of hardware alone ({told}{planted})",
        hint="compare it without --confirm, or give a run of which every result says hardware",
    )


def _check_twin(twin: Recording, folder: Path) -> None:
    if any(station.label != "virtual" for station in twin.stations.values()):
        raise UsageFault(
            f"{folder} is no run of twins", hint="--against takes a run of which all says virtual"
        )


def _speed(recording: Recording, lab: Lab) -> float:
    if recording.speed:
        return recording.speed
    labels = {station.label for station in recording.stations.values()}
    if labels == {"virtual"}:
        return lab.virtual.speed
    return 1.0 if labels == {"hardware"} else 0.0


def _not_ended(recording: Recording, twin: Recording) -> tuple[str, ...]:
    """Return the tests that the twin's night has no result of, or none that tells of the phone."""
    return tuple(test for test in recording.verdicts if test not in twin.verdicts)


def _caveats(
    recording: Recording,
    twin: Recording,
    lab: Lab,
    sights: Sequence[Sight],
    theirs: Sequence[Sight],
) -> list[str]:
    told: list[str] = []
    for name, station in recording.stations.items():
        other = twin.stations.get(name)
        if other is None:
            told.append(f"{name} asked for nothing on the virtual bench")
        elif station.templates and other.templates and station.templates != other.templates:
            told.append(f"the file {name} was given is not the one this lab.yaml renders now")
        elif not station.templates:
            told.append(f"nothing tells which file {name} was given")
    told += other_files(recording, lab)
    if not _speed(recording, lab):
        told.append("nothing tells how fast the device's clock ran, so its times are left out")
    if recording.pbx and twin.pbx and recording.pbx != twin.pbx:
        told.append(f"recorded with {recording.pbx}, replayed with {twin.pbx}")
    for what in ("harness", "asterisk"):
        made, replayed = recording.versions.get(what, ""), twin.versions.get(what, "")
        if made and replayed and made != replayed:
            told.append(f"recorded with {what} {made}, replayed with {replayed}")
    for which, side in (("recording", recording), ("twin's night", twin)):
        spoilt = [
            f"{test.rpartition('::')[2]} ended as {verdict} in the {which}, and tells little"
            for test, verdict in side.verdicts.items()
            if verdict not in {Verdict.PASSED, Verdict.PRODUCT_FAULT}
        ]
        told += spoilt
    if recording.seeded:
        planted = ", ".join(f"{where}: {what}" for where, what in recording.seeded.items())
        told.append(f"faults were planted when it was recorded: {planted}")
    if twin.seeded:
        planted = ", ".join(f"{where}: {what}" for where, what in twin.seeded.items())
        told.append(f"faults were planted in the twin: {planted}")
    for aspect, what in (("dhcp.asked", "DHCP"), ("rtp.codec", "audio")):
        was, now = ({s.aspect for s in side} for side in (sights, theirs))
        if aspect in was and aspect not in now:
            told.append(f"{what} is in the recording and was not on the virtual bench")
    return told


def confirmations(found: Drift) -> list[Confirmation]:
    """Return what a recording of hardware confirms: the rows it agrees with in full.

    Raises:
        UsageFault: it is no recording of hardware, or the twins had faults planted in them.
    """
    if not found.confirms:
        raise UsageFault(
            f"{found.recording} confirms nothing",
            hint="it takes a recording of hardware, and twins without planted faults",
        )
    date = datetime.fromtimestamp(found.began, UTC).date().isoformat()
    return [
        Confirmation(
            behaviour=row.behaviour.key,
            bench=found.lab,
            model=found.stations[name].model,
            load=found.stations[name].runs or found.stations[name].load,
            date=date,
            run=found.run_id,
        )
        for row in found.comparison.rows
        if row.standing is Standing.AGREES
        for name in row.phones
    ]
