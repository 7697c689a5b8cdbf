"""No false alarm: every rule looks at a night in which all is well."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli import main
from harness.diagnosis import diagnose, read_case
from harness.runs import Verdict, load_run

ROOT = Path(__file__).parents[3]
#: All but the two codes that format the flash, which only take longer.
TESTS = "not format_code and not keep_network"
LAB = """
name: healthy
network: {interface: lo, host: 127.47.0.1}
power: {pdu-1: {driver: scpi, address: virtual, outlets: 2}}
keypads: {keypad-1: {driver: matrix, port: virtual}}
pbx: {address: 127.47.0.2}
peers:
  alice: {extension: "211", tone: 440, address: 127.47.0.3}
  bob: {extension: "212", tone: 620, address: 127.47.0.3}
  carol: {extension: "213", tone: 850, address: 127.47.0.3}
phones:
  desk-7942:
    model: 7942G
    mac: 00:24:C4:AB:CD:EF
    address: 127.47.0.42
    outlet: pdu-1/1
    keypad: keypad-1
    tone: 1090
    lines: [{user: "201", label: "Desk 201"}]
"""
#: What is really so in this night: the shipped templates name locales nobody staged, one test asks
#: stock Asterisk for a conference, another offers the phone no codec it has.
TRUE = {"locale-missing", "conference-refused", "no-common-codec"}


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("night")
    (folder / "lab.yaml").write_text(LAB, encoding="utf-8")
    arguments = ["nightly", "--plain", "--lab", str(folder / "lab.yaml"), "-k", TESTS]
    arguments += ["--runs-dir", str(folder / "runs"), "--suite", str(ROOT / "tests" / "regression")]
    assert main(arguments) == 0
    return (folder / "runs" / "latest").resolve()


@pytest.mark.timeout(300)
def test_the_timeline_of_a_healthy_night_shows_what_is_so_and_nothing_else(night: Path) -> None:
    run = load_run(night)
    assert {each.verdict for each in run.results} == {Verdict.PASSED}
    case = read_case([night / "timeline.jsonl"])
    assert len(case.registrations) > 2
    assert {each.rule for each in diagnose(case)} == TRUE


def test_its_captures_alone_raise_no_alarm_either(night: Path) -> None:
    captures = sorted(night.glob("tests/*/*.pcap"))
    assert captures
    assert {each.rule for each in diagnose(read_case(captures))} <= TRUE


def test_its_pbx_log_alone_raises_no_alarm_either(night: Path) -> None:
    case = read_case([night / "pbx" / "asterisk.log"])
    assert len(case.clues) > 100
    assert {each.rule for each in diagnose(case)} <= TRUE


def test_a_run_that_passed_has_nothing_to_diagnose(
    night: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diagnose", str(night)]) == 0
    assert "nothing to diagnose" in capsys.readouterr().out
