"""Reference pages that people write: what they list is what the code has."""

from __future__ import annotations

import re

import pytest

from harness.errors import BenchFault, HarnessBug, Inconclusive, ProductFault, UsageFault
from harness.power.dialects import DIALECTS
from harness.power.mibs import MIBS
from harness.runs import Verdict, exit_code
from tools.doc_pages import ROOT


def read(name: str) -> str:
    return (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")


def test_every_exit_code_is_told_and_no_other() -> None:
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", read("exit-codes.md"), re.MULTILINE)}
    faults = {ProductFault, UsageFault, BenchFault, Inconclusive, HarnessBug}
    # Every test passed; Ctrl-C; a pipe that was closed.
    assert told == {fault.exit_code for fault in faults} | {0, 130, 141}


def test_which_verdict_wins_is_told() -> None:
    (order,) = re.findall(r"first of ([\d, ]+) that occurred", read("exit-codes.md"))
    codes = [int(code) for code in order.split(", ")]
    verdict = {exit_code([each]): each for each in Verdict}
    worse = [verdict[code] for code in codes if code in verdict]
    for place, first in enumerate(worse):
        assert all(exit_code([other, first]) == exit_code([first]) for other in worse[place:])


@pytest.mark.parametrize("name", [*DIALECTS, *MIBS])
def test_every_dialect_and_mib_is_told(name: str) -> None:
    assert f"`{name}`" in read("power.md")


def test_every_driver_is_told() -> None:
    drivers = {path.stem for path in (ROOT / "harness/power/drivers").glob("[a-z]*.py")}
    (row,) = re.findall(r"^\| `driver` \|.*$", read("power.md"), re.MULTILINE)
    assert drivers <= set(re.findall(r"`([a-z]+)`", row))


def test_every_file_of_a_tests_folder_is_told() -> None:
    """Names as the code writes them; what is not a test's own is named here."""
    page = read("evidence.md")
    sources = [*(ROOT / "harness/evidence").glob("*.py"), *(ROOT / "fixtures").glob("*.py")]
    written = {
        name
        for path in sources
        for name in re.findall(
            r"[\"/]([a-z]+\.(?:txt|html|jsonl?|png|log))\"", path.read_text(encoding="utf-8")
        )
    }
    of_the_run = {"report.html", "results.jsonl", "junit.xml", "run.json"}
    missing = {name for name in written - of_the_run if name not in page}
    assert missing == set()
    assert {"ladder.txt", "versions.json", "rtp.txt"} <= written
