"""What is seen of one run: its records and results folded into what the page shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from harness.events import (
    FileRequested,
    LampChanged,
    PhoneStateChanged,
    Record,
    Registered,
    SipMessage,
    StationQuarantined,
    StepEnded,
    StepStarted,
    TestEnded,
    TestStarted,
)
from harness.models import PHONE_MODELS, ModelName
from harness.runs import RunResult, TestResult, Verdict
from harness.station.ladders import LiveLadder

__all__ = ["RunView"]

#: Tests that did not pass beyond this are left to the report.
_MOST_FAILED = 100


@dataclass
class _Phone:
    """One phone as last seen; ``steps`` are those begun and not ended, outermost first."""

    name: str
    timeline: str = ""
    state: str = ""
    why: str = ""
    steps: dict[int, tuple[str, float]] = field(default_factory=dict)
    lamps: dict[str, str] = field(default_factory=dict)
    test: str = ""
    test_since: float = 0.0


@dataclass
class _Running:
    """The test that runs, or ran last, in one timeline; ``phones`` are those its name tells."""

    name: str
    since: float
    phones: list[str]
    ladder: LiveLadder
    verdict: str = ""


class RunView:
    """A run while it goes on.

    ``parts`` is by name what the page is made of, as plain values; ``take_changed`` tells which of
    them are to be sent again. Every text in it is as the run wrote it: secrets are still in there.

    Args:
        run_id: the name of the run's folder.
    """

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self._run: RunResult | None = None
        self._pages: dict[str, str] = {}
        self._phones: dict[str, _Phone] = {}
        self._running: dict[str, _Running] = {}
        self._names: dict[str, str] = {}
        self._last = 0.0
        self._changed = {"run", "tests", "pulse"}

    def take_changed(self) -> set[str]:
        """Return the names of the parts that changed since the last call."""
        changed, self._changed = self._changed, set()
        return changed

    def part(self, name: str) -> dict[str, Any]:
        """Return one part as plain values."""
        kind, _, which = name.partition("/")
        make: dict[str, Callable[[], dict[str, Any]]] = {
            "run": self._head,
            "tests": self._tests,
            "pulse": lambda: {"last": round(self._last, 3)},
            "phone": lambda: self._card(self._phones[which]),
            "ladder": lambda: self._ladder(which),
        }
        return make[kind]()

    def names(self) -> list[str]:
        """Return the names of all parts."""
        phones = [f"phone/{name}" for name in self._phones]
        return ["run", "tests", "pulse", *phones, *(f"ladder/{name}" for name in self._running)]

    def take_run(self, run: RunResult, pages: dict[str, str]) -> None:
        """Take what the run says of itself, and its results so far.

        Args:
            run: as its folder tells.
            pages: the pages that are there to open: what they are, and their addresses.
        """
        self._run, self._pages = run, pages
        for name in run.devices:
            self._phone(name)
        # What models and last verdicts are is told on the cards.
        self._changed |= {"run", "tests", *(f"phone/{name}" for name in self._phones)}

    def see(self, timeline: str, record: Record) -> None:
        """Take in one record of one of the run's timelines."""
        event = record.event
        self._last = max(self._last, record.wall)
        self._changed.add("pulse")
        if isinstance(event, TestStarted):
            self._begin(timeline, event, record)
        elif isinstance(event, TestEnded):
            self._end(timeline, event)
        self._learn_address(record)
        running = self._running.get(timeline)
        if isinstance(event, SipMessage) and running is not None and record.test == running.name:
            running.ladder.add(record)
            self._changed.add(f"ladder/{timeline}")
        tells = isinstance(event, PhoneStateChanged | StationQuarantined | LampChanged)
        if record.device in self._phones or (record.device and tells):
            self._about(self._phone(record.device), timeline, record)

    def _phone(self, name: str) -> _Phone:
        if name not in self._phones:
            self._phones[name] = _Phone(name)
            self._changed |= {"run", f"phone/{name}"}
        return self._phones[name]

    def _begin(self, timeline: str, event: TestStarted, record: Record) -> None:
        phones = self._named(event.name)
        ladder = LiveLadder(self._names)
        self._running[timeline] = _Running(event.name, record.wall, phones, ladder)
        for name in phones:
            self._moves_to(self._phones[name], timeline)
            self._takes_part(self._phones[name], self._running[timeline])
        self._changed |= {"run", f"ladder/{timeline}"}

    def _named(self, test: str) -> list[str]:
        """The phones that a test's parameters name, as in ``test_it[desk-7942-PCMA]``."""
        left = f"-{test.rpartition('[')[2].removesuffix(']')}-" if "[" in test else ""
        found = []
        # The longest first: `desk` is no part of `desk-2`.
        for name in sorted(self._phones, key=len, reverse=True):
            if f"-{name}-" in left:
                found.append(name)
                left = left.replace(f"-{name}-", "--")
        return found

    def _end(self, timeline: str, event: TestEnded) -> None:
        running = self._running.get(timeline)
        if running is None or running.name != event.name:
            return
        running.verdict = event.verdict
        for phone in self._phones.values():
            if phone.timeline == timeline:
                phone.test, phone.steps = "", {}
                self._changed.add(f"phone/{phone.name}")
        self._changed.add(f"ladder/{timeline}")

    def _about(self, phone: _Phone, timeline: str, record: Record) -> None:
        event = record.event
        self._moves_to(phone, timeline)
        running = self._running.get(timeline)
        if running is not None and not running.verdict and not running.phones:
            # The test's name tells no phone: those take part that something is seen of.
            self._takes_part(phone, running)
        if isinstance(event, PhoneStateChanged):
            phone.state, phone.why = event.state, event.why
        elif isinstance(event, StationQuarantined):
            phone.state, phone.why = "QUARANTINED", event.reason
        elif isinstance(event, LampChanged):
            phone.lamps[event.lamp] = event.colour.value
        elif isinstance(event, StepStarted):
            phone.steps[event.step] = (event.name, record.wall)
        elif isinstance(event, StepEnded):
            phone.steps.pop(event.step, None)
        else:
            return
        self._changed.add(f"phone/{phone.name}")

    def _moves_to(self, phone: _Phone, timeline: str) -> None:
        """Another process works with the phone now: what the one before had begun is over."""
        if phone.timeline != timeline:
            phone.timeline, phone.steps, phone.test = timeline, {}, ""
            self._changed.add(f"phone/{phone.name}")

    def _takes_part(self, phone: _Phone, running: _Running) -> None:
        if phone.test != running.name:
            phone.test, phone.test_since = running.name, running.since
            self._changed.add(f"phone/{phone.name}")

    def _learn_address(self, record: Record) -> None:
        """Whose address is whose, for the ladders; told by who asks for files and registers."""
        event = record.event
        if isinstance(event, FileRequested) and record.device in self._phones:
            self._names[event.address] = record.device
        elif isinstance(event, Registered) and record.device in self._phones:
            host = event.contact.rpartition("@")[2].partition(";")[0].partition(":")[0]
            self._names[host] = record.device
        elif isinstance(event, SipMessage) and event.start_line.startswith("REGISTER "):
            self._names[event.destination.rpartition(":")[0]] = "asterisk"

    def _head(self) -> dict[str, Any]:
        run = self._run
        running = [each for each in self._running.values() if not each.verdict]
        return {
            "id": self.run_id,
            "lab": run.lab if run else "",
            "pbx": run.pbx if run else "",
            "started": run.started if run else min((r.since for r in running), default=0.0),
            "ended": run.ended if run else 0.0,
            "seeded": run.seeded if run else {},
            "not_run": len(run.not_run) if run else 0,
            "virtual": "virtual" in run.devices.values() if run else False,
            "phones": list(self._phones),
            "ladders": list(self._running),
            "pages": self._pages,
        }

    def _card(self, phone: _Phone) -> dict[str, Any]:
        steps = list(phone.steps.values())
        model = self._run.facts.get(phone.name, {}).get("model", "") if self._run else ""
        return {
            "name": phone.name,
            "label": self._run.devices.get(phone.name, "") if self._run else "",
            "model": model,
            "state": phone.state,
            "why": phone.why,
            "steps": [name for name, _ in steps],
            "step_since": steps[-1][1] if steps else 0.0,
            "lamps": [
                {"lamp": lamp, "colour": phone.lamps.get(lamp, "")}
                for lamp in _lamps(model, phone.lamps)
            ],
            "test": _short(phone.test),
            "test_since": phone.test_since,
            "last": self._last_of(phone.name),
        }

    def _last_of(self, phone: str) -> dict[str, Any] | None:
        results = self._run.results if self._run else []
        found = next((each for each in reversed(results) if phone in each.devices), None)
        return None if found is None else _result(found)

    def _tests(self) -> dict[str, Any]:
        results = self._run.results if self._run else []
        counts = {verdict.value: sum(r.verdict is verdict for r in results) for verdict in Verdict}
        failed = [each for each in results if each.verdict is not Verdict.PASSED]
        told = []
        for result in reversed(failed[-_MOST_FAILED:]):
            folder = self._run.folder_of(result.test) if self._run else None
            there = folder is not None and folder.is_dir()
            evidence = f"/runs/{self.run_id}/tests/{folder.name}/" if folder and there else ""
            told.append({**_result(result), "evidence": evidence})
        return {
            "counts": {verdict: count for verdict, count in counts.items() if count},
            "failed": told,
            "left_out": max(0, len(failed) - _MOST_FAILED),
        }

    def _ladder(self, timeline: str) -> dict[str, Any]:
        running = self._running[timeline]
        return {
            "key": timeline,
            "test": _short(running.name),
            "since": running.since,
            "verdict": running.verdict,
            "messages": running.ladder.messages,
            "left_out": running.ladder.left_out,
            "html": running.ladder.html(),
        }


def _result(result: TestResult) -> dict[str, Any]:
    return {
        "test": result.name,
        "verdict": result.verdict.value,
        "reason": result.reason,
        "duration": round(result.duration, 1),
        "phones": list(result.devices),
    }


def _short(test: str) -> str:
    """A test without its file's path, as the report names it."""
    return test.rpartition("/")[2]


def _lamps(model: str, seen: Iterable[str]) -> list[str]:
    """The lamps on the case of a model, and any other that was seen."""
    known = PHONE_MODELS[ModelName(model)].lines if model in set(ModelName) else 0
    lamps = [f"line{number}" for number in range(1, known + 1)] + (["mwi"] if known else [])
    return lamps + sorted(set(seen) - set(lamps))
