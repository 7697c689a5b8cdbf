"""What the history holds, as it is read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from harness.runs.results import RunResult, TestResult
from harness.runs.verdict import Verdict

__all__ = ["Entry", "Key", "Night", "entry_of", "short_load"]

#: Between the models, loads or digests of a test that takes several phones.
_AND = " + "


@dataclass(frozen=True, slots=True)
class Key:
    """What a result is kept by: only results of one key are the same experiment.

    ``load`` is the one the phone was given; that it runs it is what the night's own tests show.
    ``bench`` is the lab's name with ``virtual`` or ``hardware``.
    """

    test: str
    model: str
    load: str
    templates: str
    pbx: str
    bench: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One time a test was carried out."""

    run_id: str
    key: Key
    phones: str
    verdict: Verdict
    reason: str
    started: float
    duration: float
    evidence: str
    measurements: Mapping[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The test without its file's path."""
        return self.key.test.rpartition("/")[2]

    @property
    def judged(self) -> bool:
        """Whether it says something about the phone."""
        return self.verdict in {Verdict.PASSED, Verdict.PRODUCT_FAULT}

    @property
    def numbers(self) -> dict[str, float]:
        """Its measurements, and how long the test took as ``duration_s``."""
        return {**self.measurements, "duration_s": self.duration}


@dataclass(frozen=True, slots=True)
class Night:
    """One run; ``entries`` in the order they were carried out, every retry among them.

    ``ended`` is 0 for a run that was killed or is going on.
    """

    run_id: str
    lab: str
    started: float
    ended: float
    pbx: str
    versions: Mapping[str, str]
    seeded: Mapping[str, str]
    entries: tuple[Entry, ...] = ()

    @property
    def last(self) -> dict[str, Entry]:
        """The last attempt of each test."""
        return {entry.key.test: entry for entry in self.entries}

    @property
    def loads(self) -> list[str]:
        """The loads its phones were given."""
        return list(dict.fromkeys(entry.key.load for entry in self.entries))

    @property
    def benches(self) -> list[str]:
        """Where it was, with ``virtual`` or ``hardware``."""
        return list(dict.fromkeys(entry.key.bench for entry in self.entries))

    def attempts(self, test: str) -> int:
        """How often a test was carried out."""
        return sum(entry.key.test == test for entry in self.entries)

    def count(self, verdict: Verdict) -> int:
        """How many tests ended so, by their last attempt."""
        return sum(entry.verdict is verdict for entry in self.last.values())

    def only(self, bench: str) -> Night:
        """The same night without what was on other benches."""
        return replace(self, entries=tuple(e for e in self.entries if e.key.bench == bench))


def entry_of(run: RunResult, result: TestResult) -> Entry:
    """Return what the history keeps of a result."""
    names = sorted(result.devices)
    facts = [run.facts.get(name, {}) for name in names]
    label = "virtual" if "virtual" in result.devices.values() else "hardware"
    folder = run.folder_of(result.test, result)
    folder = folder if folder.exists() else run.directory
    return Entry(
        run_id=run.run_id,
        key=Key(
            test=result.test,
            model=_joined(facts, "model"),
            load=_joined(facts, "load"),
            templates=_joined(facts, "templates"),
            pbx=result.pbx or run.pbx,
            bench=f"{run.lab} ({label})",
        ),
        phones=_AND.join(names),
        verdict=result.verdict,
        reason=result.reason,
        started=result.started,
        duration=result.duration,
        evidence=f"{run.directory.name}/{folder.relative_to(run.directory).as_posix()}",
        measurements=result.measurements,
    )


def _joined(facts: list[dict[str, str]], name: str) -> str:
    return _AND.join(dict.fromkeys(each[name] for each in facts if name in each))


def short_load(load: str) -> str:
    """A load as a table has room for: ``9-3-1SR4-1S``."""
    return load.partition(".")[2] or load
