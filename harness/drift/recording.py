"""A recording of a real night opened: a bundle, a run, one test's folder, or a capture.

Everything in it is told as records with the place each is at, whatever it came as, so that what
a phone did is read off a bundle and off somebody's capture by the same code.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.diagnosis.reading import unpack
from harness.errors import HarnessBug, UsageFault
from harness.events import FileRequested, Record, SipMessage
from harness.evidence import parse_sip, recall
from harness.runs import RunResult, Verdict, load_run
from harness.runs.failures import holds_run, opened_run
from harness.runs.results import RESULTS
from harness.timeline import TIMELINES, read_timeline

__all__ = ["Recording", "Station", "load_said", "opened"]

_CAPTURES = {".pcap", ".pcapng", ".cap"}
_SEP = re.compile(r"SEP([0-9A-F]{12})")
_INSTANCE = re.compile(r"0{8}-0{4}-0{4}-0{4}-([0-9a-f]{12})", re.IGNORECASE)
_AGENT = re.compile(r"CP-?(79\d2G)/")
_LOAD = re.compile(r"\bLoad=(\S+?)[\s\"]")
_USER = re.compile(r"sips?:([^@;>]+)@")


@dataclass
class Station:
    """A phone of a recording: what it is, where it was, and as whom it registered.

    ``label`` is ``virtual``, ``hardware``, or empty when nothing tells; ``held`` is the load it
    said it ran when it first registered, ``runs`` when it last did; ``load`` what it was given.
    """

    name: str
    label: str = ""
    model: str = ""
    load: str = ""
    templates: str = ""
    mac: str = ""
    held: str = ""
    runs: str = ""
    addresses: set[str] = field(default_factory=set)
    users: list[str] = field(default_factory=list)


@dataclass
class Recording:
    """What was recorded.

    ``places`` says of each record where it is; ``captures`` has the capture of each test, under an
    empty name when no test is known. ``speed`` is how many times faster device time ran: 1 on
    hardware, 0 when the recording does not say.
    """

    name: str
    records: list[Record]
    places: list[str]
    captures: dict[str, Path] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    stations: dict[str, Station] = field(default_factory=dict)
    lab: str = ""
    pbx: str = ""
    run_id: str = ""
    began: float = 0.0
    speed: float = 0.0
    seeded: dict[str, str] = field(default_factory=dict)
    #: Of the harness and of Asterisk, where it is told.
    versions: dict[str, str] = field(default_factory=dict)
    #: The addresses phones registered at, also in tests that are left out.
    hosts: set[str] = field(default_factory=set)
    #: Texts of the files that phones of failed tests were served, by phone and name.
    served: dict[str, dict[str, str]] = field(default_factory=dict)
    _frames: dict[str, dict[tuple[str, str], int]] = field(default_factory=dict)

    @property
    def tests(self) -> list[str]:
        """The tests it names, in their order; none in a capture."""
        named = self.verdicts or dict.fromkeys(r.test for r in self.records if r.test)
        return list(named)

    @property
    def is_hardware(self) -> bool:
        """Whether each phone in it is one of hardware, by the recording's own labels."""
        labels = {station.label for station in self.stations.values()}
        return labels == {"hardware"} and not self.seeded

    def at(self, end: str) -> Station | None:
        """Return the phone that lives at an address, with or without a port."""
        address = end.rpartition(":")[0] or end
        return next((s for s in self.stations.values() if address in s.addresses), None)

    def place(self, index: int) -> str:
        """Return where a record is: its line, and its frame when the test has a capture."""
        record = self.records[index]
        event = record.event
        capture = self.captures.get(record.test)
        if capture is None or not isinstance(event, SipMessage):
            return self.places[index]
        if record.test not in self._frames:
            self._frames[record.test] = dict(_frames(capture))
        frame = self._frames[record.test].get((event.source, event.text))
        if frame is None:
            return self.places[index]
        folder = "/".join(capture.parts[-3:]) if record.test else capture.name
        shown = f"{folder} frame {frame}"
        return shown if self.places[index] == shown else f"{self.places[index]}, {shown}"


def _frames(capture: Path) -> Iterator[tuple[tuple[str, str], int]]:
    seen = list(recall(capture))
    for each in reversed(seen):
        if isinstance(each.event, SipMessage):
            yield (each.event.source, each.event.text), each.frame


@contextmanager
def opened(paths: Sequence[Path], *, test: str = "") -> Iterator[Recording]:
    """Open a recording for as long as this lasts.

    Args:
        paths: a bundle of ``harness evidence export``, a run's folder, the folder of one of its
            tests; or captures and a ``timeline.jsonl``, or a folder or zip of these.
        test: only the tests whose name holds this.

    Raises:
        UsageFault: there is nothing in it that can be read, or no phone, or no such test.
    """
    for path in paths:
        if not path.exists():
            raise UsageFault(
                f"there is no {path}", hint="give a bundle, a run's folder, or a capture"
            )
    (first, *more) = paths
    if not more and holds_run(first):
        with opened_run(first) as whole:
            yield _ready(_of_run(whole, str(first)), test)
        return
    if not more and (run := _run_around(first)) is not None:
        name = first.resolve().name
        own = next(r.test for r in run.results if run.folder_of(r.test, r).name == name)
        yield _ready(_of_run(run, str(first)), own)
        return
    with TemporaryDirectory(prefix="phone-bench-") as folder:
        files: list[Path] = []
        for number, path in enumerate(paths):
            if path.is_file() and (path.suffix == ".zip" or zipfile.is_zipfile(path)):
                inside = Path(folder) / str(number)
                unpack(path, inside)
                path = inside  # noqa: PLW2901 (from here on it is a folder like any other)
            files += sorted(path.rglob("*")) if path.is_dir() else [path]
        shown = ", ".join(map(str, paths))
        yield _ready(_of_files([each for each in files if each.is_file()], shown), test)


def _run_around(path: Path) -> RunResult | None:
    """Return the run that a folder is the test's folder of."""
    directory = path.resolve().parent.parent
    if not path.is_dir() or not (directory / RESULTS).exists():
        return None
    run = load_run(directory)
    known = {run.folder_of(result.test, result).name for result in run.results}
    return run if path.resolve().name in known else None


def _of_run(run: RunResult, name: str) -> Recording:
    # Of a test that the run ended under, and that was carried out again, only the last try counts.
    counted = run.counted
    again = [each for each in run.results if each not in counted]
    told = [
        (record, place)
        for record, place in zip(*_timelines(run.directory.glob(TIMELINES)), strict=True)
        if not any(
            record.test == cut.test and cut.first_record <= record.seq < cut.last_record
            for cut in again
        )
    ]
    stations = {
        phone: Station(
            phone,
            label,
            run.facts.get(phone, {}).get("model", ""),
            run.facts.get(phone, {}).get("load", ""),
            run.facts.get(phone, {}).get("templates", ""),
        )
        for phone, label in run.devices.items()
    }
    served: dict[str, dict[str, str]] = {}
    for result in run.results:
        folder = run.folder_of(result.test, result) / "configs"
        for phone in stations:
            for file in sorted((folder / phone).glob("*.xml")):
                text = file.read_text(encoding="utf-8", errors="replace")
                served.setdefault(phone, {})[file.name] = text
    return Recording(
        name=name,
        records=[record for record, _ in told],
        places=[place for _, place in told],
        captures={r.test: r.pcap for r in counted if r.pcap is not None and r.pcap.exists()},
        verdicts={result.test: result.verdict for result in counted},
        stations=stations,
        lab=run.lab,
        pbx=run.pbx,
        run_id=run.run_id,
        began=run.started,
        speed=run.speed,
        versions=run.versions,
        seeded=run.seeded,
        served=served,
    )


def _timelines(files: Iterable[Path]) -> tuple[list[Record], list[str]]:
    """Read the timelines of a run, which has one more for each time it was gone on with."""
    told: list[tuple[Record, str]] = []
    for file in files:
        try:
            own = read_timeline(file)
        except (OSError, UnicodeDecodeError, HarnessBug) as error:
            raise UsageFault(
                f"{file.name} is no timeline that can be read: {error}",
                hint="have it made again: harness evidence export",
            ) from error
        told += [(record, f"{file.name} line {line}") for line, record in enumerate(own, start=1)]
    told.sort(key=lambda each: each[0].seq)
    return [record for record, _ in told], [place for _, place in told]


def _of_files(files: Sequence[Path], name: str) -> Recording:
    captures = [file for file in files if file.suffix.lower() in _CAPTURES]
    timelines = [file for file in files if file.suffix == ".jsonl"]
    if len(timelines) > 1 or len(captures) > 1:
        raise UsageFault(
            f"{name} holds {len(captures)} captures and {len(timelines)} timelines",
            hint="give a run, or one capture and its timeline",
        )
    if timelines:
        records, places = _timelines(timelines)
        known = {record.test for record in records if record.test}
        test = known.pop() if len(known) == 1 else ""
        return Recording(name, records, places, {test: captures[0]} if captures else {})
    if not captures:
        raise UsageFault(
            f"{name} is no recording: neither a run nor a capture is in it",
            hint="harness evidence export makes a bundle; a capture ends in .pcap or .pcapng",
        )
    return _of_capture(captures[0], name)


def _of_capture(capture: Path, name: str) -> Recording:
    records, places = [], []
    for seq, seen in enumerate(recall(capture)):
        records.append(Record(seq, seen.time, seen.time, "capture", "", "", seen.event))
        places.append(f"{capture.name} frame {seen.frame}")
    began = records[0].wall if records else 0.0
    return Recording(name, records, places, captures={"": capture}, began=began)


def _ready(recording: Recording, test: str) -> Recording:
    """Find out which phone is where, and leave out the tests nobody asked for."""
    if not recording.stations:
        recording.stations = {each.name: each for each in _strangers(recording.records)}
    for record in recording.records:
        _learn(recording, record)
    for name in [n for n, s in recording.stations.items() if not s.addresses]:
        del recording.stations[name]
    if not recording.stations:
        raise UsageFault(
            f"no phone is seen in {recording.name}",
            hint="a recording has a phone that asks for files, or that registers",
        )
    if test:
        chosen = {each for each in recording.tests if test in each}
        if not chosen:
            known = ", ".join(each.rpartition("/")[2] for each in recording.tests)
            raise UsageFault(
                f"the recording has no test named {test!r}", hint=f"choose from: {known or 'none'}"
            )
        recording.verdicts = {t: v for t, v in recording.verdicts.items() if t in chosen}
        kept = [n for n, record in enumerate(recording.records) if record.test in chosen]
        recording.records = [recording.records[n] for n in kept]
        recording.places = [recording.places[n] for n in kept]
    return recording


def _strangers(records: Iterable[Record]) -> Iterator[Station]:
    """Yield the phones nobody named: each by its MAC, or by its address."""
    names: dict[str, str] = {}
    for record in records:
        event = record.event
        if isinstance(event, FileRequested) and (match := _SEP.search(event.name)):
            names[event.address] = record.device or f"SEP{match[1]}"
        elif isinstance(event, SipMessage) and event.start_line.startswith("REGISTER "):
            address = event.source.rpartition(":")[0]
            if _AGENT.search(event.text):
                match = _INSTANCE.search(event.text) or _SEP.search(event.text)
                own = f"SEP{match[1].upper()}" if match else address
                names.setdefault(address, record.device or own)
    for name in dict.fromkeys(names.values()):
        yield Station(name, addresses={a for a, n in names.items() if n == name})


def load_said(text: str) -> str:
    """Return the load a REGISTER names as the one that runs, empty when it names none."""
    found = _LOAD.search(text)
    return found[1] if found else ""


def _learn(recording: Recording, record: Record) -> None:
    event = record.event
    if isinstance(event, FileRequested):
        station = recording.stations.get(record.device) or recording.at(event.address)
        if station is not None:
            station.addresses.add(event.address)
            match = _SEP.search(event.name)
            station.mac = station.mac or (match[1] if match else "")
    elif isinstance(event, SipMessage) and event.start_line.startswith("REGISTER "):
        station = recording.stations.get(record.device) or recording.at(event.source)
        message = parse_sip(event.text.encode())
        if station is None or message is None:
            return
        station.addresses.add(event.source.rpartition(":")[0])
        recording.hosts.add(event.destination.rpartition(":")[0])
        user = _USER.search(message.header("to"))
        if user is not None and user[1] not in station.users:
            station.users.append(user[1])
        mac = _INSTANCE.search(event.text) or _SEP.search(event.text)
        station.mac = station.mac or (mac[1].upper() if mac else "")
        model = _AGENT.search(message.header("user-agent"))
        station.model = station.model or (model[1] if model else "")
        load = load_said(event.text)
        station.held, station.runs = station.held or load, load or station.runs
        station.load = station.load or station.held
