"""A night killed at any step loses nothing, is made safe by `harness recover`, and is gone on with.

One night is killed again and again, each time at another step, and gone on with in between; the
devices are in a process that survives. Every kill is seen to have hit its step.
"""

from __future__ import annotations

import json
import signal
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from surviving_bench import NAMESPACE, NIGHT, PASSWORD, Ended, Nights, SurvivingBench, left_by

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

TESTS = ["test_registers", "test_reset", "test_call", "test_still_registered"]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[SurvivingBench]:
    bench = SurvivingBench(tmp_path)
    try:
        yield bench
    finally:
        bench.close()


def owner_of(bench: Nights) -> str:
    (journal,) = bench.journals()
    return journal.stem


def assert_nothing_is_lost(bench: Nights, ended: Ended, results: list[str]) -> None:
    """Every record that anybody saw is on disk, and every result there was."""
    lines = [
        json.loads(line)
        for file in sorted(bench.run().glob("timeline*.jsonl"))
        for line in file.read_text().splitlines()
    ]
    kept = {line["seq"]: line for line in lines}
    assert len(kept) == len(lines)
    for seen in ended.records:
        assert kept[seen["seq"]]["kind"] == seen["kind"]
    assert [r["test"] for r in bench.results()][: len(results)] == results


def assert_recovered(bench: SurvivingBench, ended: Ended, *, on: bool = True) -> str:
    """Recover once, and find everything as it should be; return what was told."""
    told = assert_cleared(bench, ended)
    assert bench.outlet_is_on(1) is on, told
    assert not any(bench.was_down(key) for key in "#0123456789*"), told
    return told


def assert_cleared(bench: Nights, ended: Ended) -> str:
    """Recover once: nothing runs any more, nothing is lost, and nothing is left to recover.

    What was removed need not be told: a harness that starts beside it removes orphans, too.
    """
    owner = owner_of(bench)
    before = [r["test"] for r in bench.results()]
    code, told = bench.recover()
    assert code == 0, told
    assert left_by(ended, owner) == []
    assert bench.journals() == []
    assert_nothing_is_lost(bench, ended, before)
    for name in ("report.html", "junit.xml", "run.json", "results.jsonl"):
        assert PASSWORD not in (bench.run() / name).read_text(), name
    for timeline in bench.run().glob("timeline*.jsonl"):
        assert PASSWORD not in timeline.read_text()
    again, told_again = bench.recover()
    assert again == 0
    assert "nothing to recover" in told_again
    return told


def names(bench: Nights, *, interrupted: bool) -> Counter[str]:
    return Counter(
        r["test"].rpartition("::")[2].partition("[")[0]
        for r in bench.results()
        if r["interrupted"] == interrupted
    )


def finish(bench: Nights, cut: Counter[str]) -> None:
    """Go on to the end: every test came to its end exactly once, and every cut try is told."""
    ended = bench.night("--resume")
    assert ended.code == 0, ended.output
    assert names(bench, interrupted=False) == Counter(TESTS)
    assert names(bench, interrupted=True) == cut
    assert {r["verdict"] for r in bench.results() if r["interrupted"]} <= {"bench fault"}
    assert bench.head()["interrupted"] == ""
    assert bench.journals() == []
    suite = ET.parse(bench.run() / "junit.xml").getroot()
    assert (suite.get("tests"), suite.get("errors"), suite.get("failures")) == ("4", "0", "0")


def killed(bench: Nights, step: str, *more: str) -> Ended:
    ended = bench.night(*more, at=step)
    assert ended.steps == [step], ended.output
    assert ended.code == -signal.SIGKILL, ended.output
    return ended


def test_killed_while_the_bench_opens(bench: SurvivingBench) -> None:
    more: list[str] = []
    for step in ("capture started", "container starting", "container started",
                 "stations connected"):  # fmt: skip
        ended = killed(bench, step, *more)
        # An outlet nobody has switched yet is left as it is.
        assert_recovered(bench, ended, on=False)
        if step == "container started":
            assert ended.records[-1]["kind"] == "pbx started"
        assert bench.head()["interrupted"].startswith("killed in test_")
        more = ["--resume"]
    finish(bench, Counter(test_registers=4))


def test_killed_in_a_reset(bench: SurvivingBench) -> None:
    ended = killed(bench, "outlet cut")
    assert not bench.outlet_is_on(1)
    assert ended.records[-1]["kind"] == "outlet switched"
    assert "pdu-1: outlet 1 was off, is on" in assert_recovered(bench, ended)

    ended = killed(bench, "key down", "--resume")
    assert ended.records[-1]["kind"] == "key pressed"
    told = assert_recovered(bench, ended)
    assert "keypad-1: every key is up; may have held #" in told

    ended = killed(bench, "in flash", "--resume")
    assert ended.records[-1]["event"]["name"].endswith(".sbn")
    assert_recovered(bench, ended)

    # Its verdict was told, but not yet written down as a result: it counts, and is not tried again.
    ended = killed(bench, "verdict told", "--resume")
    assert_recovered(bench, ended)
    assert names(bench, interrupted=False) == Counter(["test_registers", "test_reset"])
    finish(bench, Counter(test_reset=3))


def test_killed_between_tests_in_a_call_and_writing_the_report(bench: SurvivingBench) -> None:
    ended = killed(bench, "between tests")
    assert_recovered(bench, ended)
    assert bench.head()["interrupted"] == "killed between tests"
    assert names(bench, interrupted=True) == Counter()

    ended = killed(bench, "in a call", "--resume")
    assert ended.records[-1]["test"].endswith("test_call[desk]")
    assert_recovered(bench, ended)

    ended = killed(bench, "writing the report", "--resume")
    assert not (bench.run() / "morning.html").exists()
    assert_recovered(bench, ended)
    assert bench.head()["interrupted"] == ""
    assert names(bench, interrupted=False) == Counter(TESTS)
    assert names(bench, interrupted=True) == Counter(["test_call"])
    ended = bench.night("--resume")
    assert ended.code == 2
    assert "was interrupted" in ended.output


@pytest.mark.parametrize("by", ["SIGTERM", "SIGINT"])
def test_a_wish_to_end_leaves_a_safe_bench_at_once(bench: SurvivingBench, by: str) -> None:
    ended = bench.night(at="outlet cut", by=by)
    assert ended.steps == ["outlet cut"], ended.output
    assert ended.code == 130, ended.output
    assert bench.outlet_is_on(1)
    assert bench.journals() == []
    assert bench.recover() == (0, "no run was killed: there is nothing to recover\n")
    assert names(bench, interrupted=True) == Counter(["test_reset"])
    assert bench.head()["interrupted"]
    if by == "SIGTERM":
        finish(bench, Counter(["test_reset"]))


def test_what_cannot_be_reached_is_done_by_the_next_recovery(
    bench: SurvivingBench, tmp_path: Path
) -> None:
    ended = killed(bench, "outlet cut")
    lab = bench.lab.read_text()
    bench.lab.write_text(lab.replace(bench.pdu, "TCPIP0::127.0.0.1::9::SOCKET"))
    code, told = bench.recover()
    assert code == 3
    assert "NOT DONE: pdu-1: " in told
    assert len(bench.journals()) == 1
    assert bench.head()["interrupted"]
    bench.lab.write_text(lab)
    assert_recovered(bench, ended)


def test_a_stylus_that_stayed_down_is_lifted(tmp_path: Path) -> None:
    bench = SurvivingBench(tmp_path, gantry=True)
    suite = tmp_path / "suite"
    suite.mkdir()
    (suite / "conftest.py").write_text((NIGHT / "conftest.py").read_text())
    (suite / "test_press.py").write_text("def test_press(keypad): keypad.press('#')\n")
    try:
        ended = bench.night(at="key down", suite=suite)
        assert ended.steps == ["key down"], ended.output
        down = bench.stylus_height()
        code, told = bench.recover()
        assert code == 0, told
        assert "keypad-1: every key is up; may have held #" in told
        assert bench.stylus_height() > down
    finally:
        bench.close()


def test_a_recovery_that_is_killed_is_done_again(bench: SurvivingBench) -> None:
    ended = killed(bench, "outlet cut")
    for step in ("_keys_up", "_outlets_at_rest", "end_leftovers", "_finish_run"):
        code, told = bench.recover(killed_after=step)
        assert (code, told) == (-signal.SIGKILL, f"killed after {step}\n")
        assert len(bench.journals()) == 1
    assert_recovered(bench, ended)
    # Finished twice, told once.
    assert names(bench, interrupted=True) == Counter(["test_reset"])


def test_a_new_night_makes_the_bench_safe_by_itself(bench: SurvivingBench) -> None:
    killed(bench, "outlet cut")
    owner = owner_of(bench)
    ended = bench.night("-k", "test_registers")
    assert ended.code == 0, ended.output
    assert "pdu-1: outlet 1 was off, is on" in ended.output
    assert bench.journals() == []
    assert left_by(ended, owner) == []
    assert len(list(bench.runs.glob("2*/report.html"))) == 2


def test_killed_in_a_network_of_its_own(tmp_path: Path) -> None:
    nights = Nights(tmp_path)
    nights.lab.write_text(NAMESPACE)
    ended = killed(nights, "in flash")
    owner = owner_of(nights)
    left = left_by(ended, owner)
    assert any("-surviving-" in each for each in left), left
    assert any(each.startswith("tcpdump ") for each in left), left
    assert_cleared(nights, ended)
    finish(nights, Counter(["test_registers"]))
