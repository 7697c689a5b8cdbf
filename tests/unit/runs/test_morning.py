"""The morning table: which night is compared with, what it says, and who is told."""

from __future__ import annotations

import json
import sys
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from made_up_nights import NEW, OLD, a_run

from harness.cli.morning import tell_morning
from harness.runs import Verdict
from harness.runs.history import History, morning
from harness.runs.notify import notify

P, F, B = Verdict.PASSED, Verdict.PRODUCT_FAULT, Verdict.BENCH_FAULT
OLDER = "SIP42.8-5-2S"


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    with History(tmp_path / "history.sqlite") as history:
        yield history


def _add(history: History, name: str, verdicts: list[Verdict], **facts: object) -> None:
    run = a_run(history.path.parent, name, verdicts, **facts)  # type: ignore[arg-type]
    agent = "Cisco/9.4" if facts.get("load") == NEW else "Cisco/9.3"
    history.record_run(run, {"desk": {"User-Agent": {agent}}})


def test_it_compares_with_the_last_good_night_of_another_load(history: History) -> None:
    _add(history, "a", [P, P], started=1e4, load=OLDER)
    _add(history, "b", [P, P], started=2e4)
    _add(history, "c", [P, F], started=3e4)
    _add(history, "d", [F, P], started=4e4, load=NEW)
    told = morning(history, "latest")
    assert told.comparison is not None
    assert told.comparison.before.run_id == "b"
    assert [(row.kind, row.subject) for row in told.rows] == [
        ("newly failing", "test_a.py::test_0[desk]"), ("on the wire", "desk"),
    ]  # fmt: skip
    assert told.rows[1].told == "User-Agent: Cisco/9.3 → Cisco/9.4"
    assert told.headline == f"{NEW} in d, compared with {OLD} in b"


def test_a_night_of_few_tests_is_no_measure_for_a_whole_one(history: History) -> None:
    _add(history, "whole", [P, P, P], started=1e4)
    _add(history, "part", [P], started=2e4)
    _add(history, "new", [P, P, P], started=3e4, load=NEW)
    told = morning(history, "new").comparison
    assert told is not None
    assert told.before.run_id == "whole"


def test_it_says_so_when_no_earlier_night_was_good(history: History) -> None:
    _add(history, "a", [P, F], started=1e4)
    _add(history, "b", [P, F], started=2e4, load=NEW)
    told = morning(history, "b")
    assert "no night of another load is without product faults; a has 1" in told.notes
    assert [row.kind for row in told.rows] == ["on the wire", "still failing"]


def test_it_says_so_when_there_is_nothing_to_compare_with(history: History) -> None:
    _add(history, "a", [P], started=1e4, load=NEW)
    _add(history, "b", [P], started=2e4, load=NEW)
    told = morning(history, "b")
    assert told.comparison is None
    assert "no night of another load" in told.notes[0]


def test_an_ordinary_night_is_held_against_the_last_good_one(history: History) -> None:
    _add(history, "a", [P], started=1e4)
    _add(history, "b", [P], started=2e4, load=NEW)
    _add(history, "c", [F], started=3e4, load=NEW)
    told = morning(history, "c", release=False)
    assert told.comparison is not None
    assert told.comparison.before.run_id == "b"
    assert [row.kind for row in told.rows] == ["newly failing"]
    assert "no earlier night" in morning(history, "a", release=False).notes[0]


def test_a_new_test_that_fails_fails_newly(history: History) -> None:
    _add(history, "a", [P], started=1e4)
    _add(history, "b", [P, F], started=2e4, load=NEW)
    (failing, *_) = morning(history, "b").rows
    assert (failing.kind, failing.told) == ("newly failing", "not run → product fault: it sulks")


def test_quarantined_stations_have_a_row(history: History) -> None:
    _add(history, "a", [P], started=1e4)
    rows = morning(history, "a", [("desk", "dead outlet")]).rows
    assert [(row.kind, row.subject, row.told) for row in rows] == [
        ("quarantined", "desk", "dead outlet")
    ]


def test_it_is_printed_written_and_in_junit(
    history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = history.path.parent
    _add(history, "a", [P, P], started=1e4)
    run = a_run(folder, "b", [P, F], started=2e4, load=NEW, measurements={"boot_s": 60.0})
    history.record_run(run, {})
    (told,) = tell_morning(run, history.path, {"sulks"}, release=True)
    said = capsys.readouterr().out
    assert "newly failing  test_a.py::test_1[desk]" in said
    assert str(run.directory / "morning.html") in said
    page = (run.directory / "morning.html").read_text(encoding="utf-8")
    assert "newly failing" in page
    assert "sulks" not in page
    cases = ET.parse(run.directory / "junit.xml").iter("testcase")
    properties = [{p.get("name"): p.get("value") for p in c.iter("property")} for c in cases]
    assert "change" not in properties[0]
    assert properties[1]["change"] == "newly failing"
    assert properties[1]["load desk"] == NEW
    assert properties[1]["measured boot_s"] == "60"
    assert told.summary()["changes"][0]["kind"] == "newly failing"


class _Hook(BaseHTTPRequestHandler):
    got: ClassVar[list[tuple[str, dict[str, object]]]]
    answer: ClassVar[int]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append((self.headers["Content-Type"], json.loads(body)))
        self.send_response(self.answer)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[tuple[str, type[_Hook]]]:
    Hook = type("Hook", (_Hook,), {"got": [], "answer": 204})  # noqa: N806
    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hooks/s3cret-path", Hook
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_webhook_gets_json_without_secrets(hook: tuple[str, type[_Hook]]) -> None:
    url, seen = hook
    summary = {"exit_code": 1, "nights": ["hunter2 failed"]}
    assert notify(summary, webhook=url, secrets={"hunter2"}) == []
    assert seen.got == [("application/json", {"exit_code": 1, "nights": ["[hidden] failed"]})]


def test_a_webhook_that_refuses_is_told_without_its_address(hook: tuple[str, type[_Hook]]) -> None:
    url, seen = hook
    seen.answer = 500
    (told,) = notify({}, webhook=url)
    assert told == "the webhook at 127.0.0.1 could not be told of the night: it answered 500"
    (told,) = notify({}, webhook="http://127.0.0.1:1/s3cret-path")
    assert "refused" in told
    assert "s3cret" not in told


def test_the_command_gets_json_and_its_failure_is_told(tmp_path: Path) -> None:
    target = tmp_path / "got.json"
    assert notify({"exit_code": 0}, command=f"tee '{target}'") == []
    assert json.loads(target.read_text()) == {"exit_code": 0}
    failing = f"{sys.executable} -c 'import sys; sys.exit(\"no hunter2 here\")'"
    (told,) = notify({}, command=failing, secrets={"hunter2"})
    assert told.endswith("it ended with 1: no [hidden] here")
    (told,) = notify({}, command="no-such-program-anywhere")
    assert "No such file" in told
    (told,) = notify({}, command="'unbalanced")
    assert "No closing quotation" in told
