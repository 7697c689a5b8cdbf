"""The history as a file: every version of it opens, nothing is lost, nothing is there twice."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from made_up_nights import NEW, OLD, a_run

from harness.errors import UsageFault
from harness.events import FileRequested, PhoneStateChanged
from harness.runs import Verdict
from harness.runs.history import History, import_run, schema
from harness.timeline import Timeline

PASSED, FAILED, BENCH = Verdict.PASSED, Verdict.PRODUCT_FAULT, Verdict.BENCH_FAULT


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "history.sqlite"


def test_a_result_is_read_back_with_all_it_is_kept_by(path: Path) -> None:
    run = a_run(path.parent, "n1", [PASSED], measurements={"boot_s": 61.5})
    with History(path) as history:
        history.record(run, run.results[0])
    with History(path) as history:
        night = history.night("latest")
    (entry,) = night.entries
    assert (entry.key.model, entry.key.load, entry.key.templates) == ("7942G", OLD, "aaaa")
    assert (entry.key.pbx, entry.key.bench) == ("asterisk22", "lab (virtual)")
    assert entry.numbers == {"boot_s": 61.5, "duration_s": 2.5}
    assert (entry.phones, entry.verdict, entry.started) == ("desk", PASSED, 1000.0)
    assert entry.evidence.startswith("n1/")


def test_importing_again_changes_nothing_and_a_killed_run_loses_nothing(path: Path) -> None:
    run = a_run(path.parent, "n1", [PASSED, FAILED, BENCH])
    with (run.directory / "results.jsonl").open("a") as file:
        file.write('{"torn')
    with History(path) as history:
        history.record(run, run.results[0])
        assert import_run(history, run.directory) == 2
        assert import_run(history, run.directory) == 0
        assert [e.verdict for e in history.night("n1").entries] == [PASSED, FAILED, BENCH]


def test_what_was_seen_on_the_wire_is_imported_from_the_timeline(path: Path) -> None:
    run = a_run(path.parent, "n1", [PASSED])
    timeline = Timeline(run.directory / "timeline.jsonl")
    asked = FileRequested("SEP0024C4ABCDEF.cnf.xml", "127.0.0.9", 5000)
    timeline.append(asked, source="tftp", device="desk")
    timeline.append(PhoneStateChanged("READY", ""), source="harness", device="desk")
    timeline.close()
    with History(path) as history:
        import_run(history, run.directory)
        seen = history.fingerprints("n1")
    assert seen == {"desk": {"files asked for in a boot": {"SEP<MAC>.cnf.xml"}}}


def test_every_attempt_of_a_test_is_kept(path: Path) -> None:
    run = a_run(path.parent, "n1", [BENCH])
    (first,) = run.results
    again = type(first)(**{
        **{name: getattr(first, name) for name in type(first).__dataclass_fields__},
        "verdict": PASSED, "started": first.started + 5,
    })  # fmt: skip
    with History(path) as history:
        for result in (first, again):
            history.record(run, result)
        night = history.night("n1")
    assert night.attempts(first.test) == 2
    assert night.last[first.test].verdict is PASSED
    assert night.count(BENCH) == 0


def test_version_1_is_brought_up_to_date(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = a_run(path.parent, "n1", [FAILED])
    with monkeypatch.context() as patch:
        patch.setattr(schema, "_STEPS", schema._STEPS[:1])
        patch.setattr(schema, "VERSION", 1)
        with History(path) as history:
            history.record(run, run.results[0])
    with closing(sqlite3.connect(path)) as plain:
        assert plain.execute("PRAGMA user_version").fetchone() == (1,)
    with History(path) as history:
        assert history.night("n1").count(FAILED) == 1
        history.record_run(run, {"desk": {"User-Agent": ["Cisco"]}})
        assert history.fingerprints("n1") == {"desk": {"User-Agent": {"Cisco"}}}
    with closing(sqlite3.connect(path)) as plain:
        assert plain.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)


def test_a_newer_history_is_refused_in_a_sentence(path: Path) -> None:
    with History(path):
        pass
    with closing(sqlite3.connect(path)) as plain:
        plain.execute("PRAGMA user_version = 99")
    with pytest.raises(UsageFault, match="has version 99, this harness knows 2"):
        History(path)


def test_what_is_no_history_is_refused_in_a_sentence(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(UsageFault, match="cannot be opened"):
        History(path)


_WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from made_up_nights import a_run
from harness.runs import Verdict
from harness.runs.history import History
runs, name = Path(sys.argv[1]), sys.argv[2]
run = a_run(runs, name, [Verdict.PASSED] * 60, started=float(len(name)))
print("ready", flush=True)
sys.stdin.readline()
for result in run.results:
    with History(runs / "history.sqlite") as history:
        history.record(run, result)
"""


def test_two_harnesses_write_at_once(path: Path) -> None:
    """Both open, make and write the file at the same moment; nobody is told it is locked."""
    path.parent.mkdir()
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(path.parent), name, str(Path(__file__).parent)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for name in ("one", "other")
    ]  # fmt: skip
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        _, said = writer.communicate(timeout=60)
        assert writer.returncode == 0, said
    with History(path) as history:
        assert {n.run_id: len(n.entries) for n in history.nights()} == {"one": 60, "other": 60}


def test_a_night_is_named_by_its_beginning(path: Path) -> None:
    with History(path) as history:
        for number, name in enumerate(["2026-a", "2026-b"]):
            run = a_run(path.parent, name, [PASSED], started=1000.0 * number, load=NEW)
            history.record_run(run, {})
        assert history.night("2026-a").run_id == "2026-a"
        assert history.night("latest").run_id == "2026-b"
        with pytest.raises(UsageFault, match="several nights begin with '2026'"):
            history.night("2026")
        with pytest.raises(UsageFault, match="no night"):
            history.night("x")
        assert history.given_loads("lab (virtual)") == {"desk": NEW}
