"""The pages that are made from code: current, and with nothing left out."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path

import pytest

import fixtures.plugin
import harness.virtual
from harness.events import EVENT_KINDS
from harness.virtual.confirmations import Confirmation
from harness.virtual.fidelity import BEHAVIOURS, Grade
from tools import reference

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("page", reference.PAGES)
def test_the_page_is_current(page: str) -> None:
    path = ROOT / page
    assert path.exists(), f"write it: make reference ({page})"
    written = path.read_text(encoding="utf-8")
    assert written == reference.PAGES[page](), f"write it again: make reference ({page})"


def test_every_fixture_of_the_plug_in_is_told() -> None:
    told = {name.strip("`"): text for name, _, _, text in reference.fixtures()}
    assert sorted(told) == sorted(fixtures.plugin.__all__)
    assert [name for name, text in told.items() if not text] == []


def test_every_event_says_what_it_is() -> None:
    assert [kind for kind, event in EVENT_KINDS.items() if not event.__doc__] == []


def test_the_table_of_twins_tells_which_rows_hardware_confirmed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = Confirmation("offers", "rack", "7942G", "SIP42.9-4-2SR3-1S", "2026-12-01", "night-1")
    gone = replace(row, behaviour="a-row-of-old")
    monkeypatch.setattr(reference, "read_confirmations", lambda: [row, gone])
    page = reference.fidelity_page()
    assert "1 confirmed on hardware" in page
    lines = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `")}
    assert lines["offers"].endswith("| rack: 7942G with SIP42.9-4-2SR3-1S, 2026-12-01 |")
    assert lines["digits"].endswith("| never |")
    assert lines["grbl"].endswith("| never; no test shows all of it |")


def test_every_behaviour_of_a_twin_is_in_a_module_that_exists() -> None:
    for each in BEHAVIOURS:
        importlib.import_module(f"harness.virtual.{each.where}")
        assert each.source, each.does
    assert len({(each.where, each.does) for each in BEHAVIOURS}) == len(BEHAVIOURS)


@pytest.mark.parametrize("grade", [Grade.INFERRED, Grade.REMEMBERED])
def test_what_a_twin_says_is_unsure_is_in_the_table(grade: Grade) -> None:
    folder = Path(harness.virtual.__file__).parent
    told = {each.where for each in BEHAVIOURS if each.grade is grade}
    unsure = {
        ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
        for path in folder.rglob("*.py")
        if grade.value in path.read_text(encoding="utf-8")
    }
    # The table itself, and the package that only says where such remarks are.
    assert unsure - told - {"fidelity", "phone"} == set()
