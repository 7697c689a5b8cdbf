"""One version tried on the bench: the regression tests that a change can touch, as a night."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML

from harness.events import FileRefused, FileRequested, Record, StatusLogRead
from harness.lab import Lab
from harness.preflight.version import Version
from harness.provisioning.diff import ALL_PHONES, Change
from harness.provisioning.elements import Area
from harness.runs import RunResult, Verdict, load_run
from harness.runs.night import run_night
from harness.timeline import read_timelines

__all__ = ["Trial", "chosen_tests", "representatives", "try_out"]

_SUITE = {
    Area.PROVISIONING: "test_1",
    Area.REGISTRATION: "test_2",
    Area.CALLS: "test_3",
    Area.DTMF: "test_4",
    Area.TRANSFER: "test_5",
}


#: Settings whose value is each phone's own.
_OWN = frozenset(
    (
        "sipProfile/phoneLabel",
        *(f"line/{name}" for name in ("name", "displayName", "authName", "contact")),
        *("line/authPassword", "line/featureLabel"),
    )
)


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it."""

    run: RunResult
    records: tuple[Record, ...]

    @property
    def evidence(self) -> Path:
        """The report of the night, with timeline, ladders and captures beside it."""
        return self.run.directory / "report.html"

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """The verdict of each test by name."""
        return {result.name: result.verdict for result in self.run.results}

    def symptoms(self, phone: str) -> list[str]:
        """Return what a phone said and did that tells its trouble, each once."""
        said = [
            line
            for record in self.records
            if record.device == phone and isinstance(record.event, StatusLogRead)
            for line in record.event.text.splitlines()
        ]
        refused = [
            f"asked for {record.event.name}, which is not there"
            for record in self.records
            if record.device == phone
            and isinstance(record.event, FileRefused)
            and not record.event.name.endswith(".tlv")
        ]
        asked = any(
            record.device == phone and isinstance(record.event, FileRequested)
            for record in self.records
        )
        silent = [] if asked else ["asked for no file at all"]
        return list(dict.fromkeys([*said, *refused, *silent]))


def chosen_tests(areas: Iterable[Area]) -> str:
    """Return the pytest expression of what a change can touch.

    Whatever it touches, the phone has to register: where no other test needs that, the tests of
    the registration itself are chosen.
    """
    files = sorted({_SUITE[area] for area in areas})
    return " or ".join(files or [_SUITE[Area.REGISTRATION]])


def representatives(lab: Lab, changes: Sequence[Change]) -> list[str]:
    """Return one phone of each kind among those affected.

    Phones are of one kind when model, load and site are the same, and the same of their settings
    become the same; what is each phone's own, like its user, may differ.
    """
    kinds: dict[tuple[object, ...], str] = {}
    for name, spec in lab.phones.items():
        become = [
            (each.path, "" if each.element.path in _OWN else each.new)
            for each in changes
            if {spec.host_name, ALL_PHONES} & {*each.phones}
        ]
        if become:
            load = spec.load or lab.provisioning.load
            kinds.setdefault((spec.model, load, spec.site, *sorted(become)), name)
    return list(kinds.values())


def try_out(
    version: Version,
    phones: Sequence[str],
    tests: str,
    directory: Path,
    *,
    suite: Path,
    say: Callable[[str], None],
    max_failures: int = 4,
    wait: float = 0.0,
) -> Trial:
    """Run a night with one version's lab and templates; it ends after ``max_failures``.

    It waits for places that somebody else has for ``wait`` seconds.

    Raises:
        BenchFault: the night left no result.
    """
    directory.mkdir(parents=True, exist_ok=True)
    lab_file = directory / "lab.yaml"
    _write_lab(version, lab_file)
    options = ["-k", tests, "--phones", ",".join(phones), "--max-failures", str(max_failures)]
    options += ["--wait", f"{wait:.1f}"]
    run = run_night(
        lab_file,
        directory / "runs",
        suite=[str(suite)],
        options=options,
        name=version.name,
        say=say,
    )
    return Trial(load_run(run), tuple(read_timelines(run)))


def _write_lab(version: Version, target: Path) -> None:
    yaml = YAML()
    plain = yaml.load(version.lab_file.read_text(encoding="utf-8"))
    if version.templates is not None:
        plain.setdefault("provisioning", {})["templates"] = str(version.templates.resolve())
    with target.open("w", encoding="utf-8") as file:
        yaml.dump(plain, file)
