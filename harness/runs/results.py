"""Results as they are kept: one line of JSON per test, written when the test ends."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.appending import AppendOnlyFile
from harness.errors import UsageFault
from harness.runs.verdict import Verdict

__all__ = ["HEAD", "RESULTS", "RESULT_FILES", "RunResult", "TestResult", "load_run"]

#: In a run's folder: what the run is, and a line for each test that ended.
HEAD = "run.json"
RESULTS = "results.jsonl"
#: The same, and one more file for each process that ran tests beside it.
RESULT_FILES = "results*.jsonl"
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test: verdict, reason, evidence. Times in seconds; records by their range.

    ``pbx`` is the kind of Asterisk it ran against. ``measurements`` are what the test measured, by
    name; a name ends in its unit (``boot_s``, ``transfer_gap_ms``), or in none (``mos``). ``files``
    are its evidence: what it is, and the path relative to the run. ``streams`` are its RTP streams.
    ``interrupted`` says that the run ended under it, so that it has to be carried out again.
    """

    __test__ = False

    test: str
    devices: dict[str, str]
    verdict: Verdict
    reason: str
    detail: str
    started: float
    duration: float
    first_record: int
    last_record: int
    pcap: Path | None = None
    ladder_html: str = ""
    pbx: str = ""
    measurements: dict[str, float] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    streams: list[dict[str, Any]] = field(default_factory=list)
    interrupted: bool = False

    @property
    def name(self) -> str:
        """The test without its file's path."""
        return self.test.rpartition("/")[2]

    def as_dict(self, directory: Path) -> dict[str, Any]:
        """Return it as plain values, paths relative to the run."""
        pcap = str(self.pcap.relative_to(directory)) if self.pcap is not None else None
        return {
            "test": self.test, "devices": self.devices, "verdict": self.verdict.value,
            "reason": self.reason, "detail": self.detail, "started": self.started,
            "duration": self.duration, "first_record": self.first_record,
            "last_record": self.last_record, "pcap": pcap, "ladder_html": self.ladder_html,
            "pbx": self.pbx, "measurements": self.measurements, "files": self.files,
            "streams": self.streams, "interrupted": self.interrupted,
        }  # fmt: skip


@dataclass
class RunResult:
    """A run: what it was made with, and its results so far.

    ``facts`` says of each phone what a result is kept by besides its test: ``model``, ``load``, and
    ``templates``, a digest of its file as rendered, without passwords.
    ``quarantined`` is the reason for each station that failed the health check; ``not_run`` are
    the tests that were therefore not run, each with its station (empty when it needs any).
    ``notes`` are what else a person should know at the end.
    ``options`` are what it was asked for, ``owner`` is the journal of the process that carries it
    out, ``interrupted`` says how it ended before its tests did (empty: it did not), and ``resumed``
    are the times it was gone on with. ``speed`` is how many times faster device time ran; 0 when
    nobody wrote it down, or it was not the same for all phones.
    """

    run_id: str
    lab: str
    started: float
    devices: dict[str, str]
    directory: Path
    versions: dict[str, str] = field(default_factory=dict)
    seeded: dict[str, str] = field(default_factory=dict)
    results: list[TestResult] = field(default_factory=list)
    ended: float = 0.0
    pbx: str = ""
    facts: dict[str, dict[str, str]] = field(default_factory=dict)
    paths: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    quarantined: dict[str, str] = field(default_factory=dict)
    not_run: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    owner: str = ""
    speed: float = 0.0
    interrupted: str = ""
    resumed: list[float] = field(default_factory=list)
    #: What of it could not be written, and why.
    unwritten: dict[str, str] = field(default_factory=dict)
    #: Tests that need the whole bench, and that a parallel run left to be run alone.
    alone: list[str] = field(default_factory=list)
    #: Which side of a parallel run this is; its head and its reports are not a side's to write.
    side: str = ""
    _file: AppendOnlyFile | None = field(default=None, init=False, repr=False, compare=False)

    def add(self, result: TestResult) -> None:
        """Take a result and write it down at once; without room on the disk, as soon as there is.

        Raises:
            OSError: it is not on disk yet.
        """
        self.results.append(result)
        if self._file is None:
            name = f"results-{self.side}.jsonl" if self.side else RESULTS
            self._file = AppendOnlyFile(self.directory / name)
        trouble = self._file.write(json.dumps(result.as_dict(self.directory)) + "\n")
        if trouble is not None:
            raise trouble
        self.save_head()

    def save_head(self) -> None:
        """Write down what the run is; the last head stays until the new one is whole.

        Raises:
            OSError: it cannot be written, or a result that was owed still cannot.
        """
        if self._file is not None and (trouble := self._file.write("")) is not None:
            raise trouble
        if self.side:
            return
        head = {
            "run_id": self.run_id, "lab": self.lab, "started": self.started, "ended": self.ended,
            "devices": self.devices, "versions": self.versions, "seeded": self.seeded,
            "pbx": self.pbx, "facts": self.facts, "quarantined": self.quarantined,
            "not_run": self.not_run, "options": self.options, "owner": self.owner,
            "interrupted": self.interrupted, "resumed": self.resumed, "speed": self.speed,
        }  # fmt: skip
        (self.directory / RESULTS).touch()
        # Whole at any moment: half a head would cost a killed run all its results.
        fresh = self.directory / f".{HEAD}.new"
        fresh.write_text(json.dumps(head, indent=1), encoding="utf-8")
        fresh.replace(self.directory / HEAD)

    def folder_of(self, test: str, result: TestResult | None = None) -> Path:
        """Where a test's evidence is kept: of its next try, or of the one with a ``result``."""
        name = _UNSAFE.sub("_", test).strip("_")[-120:]
        cut = [each for each in self.results if each.test == test and each.interrupted]
        if result is not None:
            cut = [each for each in cut if each.first_record < result.first_record]
        return self.directory / "tests" / (f"{name}-try-{len(cut) + 1}" if cut else name)

    @property
    def is_told(self) -> bool:
        """Whether there is anything to report of it."""
        return bool(self.results or self.quarantined or self.alone)

    @property
    def how_to_go_on(self) -> str:
        """How an interrupted run ended, and what to do."""
        return f"{self.interrupted}; to go on with it: harness nightly --resume {self.run_id}"

    @property
    def counted(self) -> list[TestResult]:
        """The results without tries that the run ended under and that were made again."""
        whole = self.done
        last = {result.test: result for result in self.results}
        return [
            result
            for result in self.results
            if not result.interrupted or (result.test not in whole and result is last[result.test])
        ]

    @property
    def done(self) -> set[str]:
        """The tests that were carried out to their end."""
        return {result.test for result in self.results if not result.interrupted}

    @property
    def verdicts(self) -> list[Verdict]:
        """What decides the exit code: a station out, or no room to write, is the bench's fault."""
        told = [result.verdict for result in self.counted]
        return [*told, Verdict.BENCH_FAULT] if self.quarantined or self.unwritten else told

    def reason_not_run(self, test: str) -> str:
        """Why a test was not run: its station's reason, or that of all of them."""
        station = self.not_run[test]
        ill = {station: self.quarantined[station]} if station else self.quarantined
        return "; ".join(f"{name} is quarantined: {reason}" for name, reason in ill.items())

    def count(self, verdict: Verdict) -> int:
        """Return how many tests ended with a verdict."""
        return sum(result.verdict is verdict for result in self.counted)


def load_run(directory: Path) -> RunResult:
    """Read a run back, its results in the order they began; a torn last line is left out.

    Raises:
        UsageFault: there is no run in the folder.
    """
    try:
        head = json.loads((directory / HEAD).read_text(encoding="utf-8"))
        (directory / RESULTS).stat()
        files = sorted(directory.glob(RESULT_FILES))
        written = [file.read_text(encoding="utf-8").splitlines() for file in files]
    except (OSError, ValueError) as error:
        raise UsageFault(f"{directory} holds no run that can be read: {error}") from error
    try:
        run = RunResult(directory=directory, **head)
        for lines in written:
            run.results += _results(directory, lines)
        run.results.sort(key=lambda result: result.started)
    except (ValueError, TypeError, KeyError) as error:
        raise UsageFault(
            f"{directory} holds no run that this harness knows: {error}",
            hint="read it with the version of the harness that wrote it",
        ) from error
    return run


def _results(directory: Path, lines: list[str]) -> Iterator[TestResult]:
    for line in lines:
        try:
            plain = json.loads(line)
        except ValueError:
            return
        plain["verdict"] = Verdict(plain["verdict"])
        plain["pcap"] = directory / plain["pcap"] if plain["pcap"] else None
        yield TestResult(**plain)
