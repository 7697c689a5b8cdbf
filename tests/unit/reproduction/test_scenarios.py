"""Scenarios as files: what they may say, and how one is found by what a user says."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli import main
from harness.diagnosis import RULES
from harness.errors import UsageFault
from harness.reproduction import Edit, find, load_scenario, shipped
from harness.reproduction.edits import apply

WORDS = {
    "phone": "SEP0024C4ABCDEF.cnf.xml",
    "user": "201",
    "password": "Fxu0r1qv42",
    "pbx": "127.0.0.9",
}


@pytest.mark.parametrize("name", shipped())
def test_each_shipped_scenario_is_valid_and_found_by_its_own_complaints(name: str) -> None:
    scenario = load_scenario(shipped()[name])
    assert scenario.expect.diagnosis in RULES
    assert scenario.name == name
    assert scenario.broken.does
    assert scenario.fixed.does
    for complaint in scenario.complaints:
        assert find(complaint).name == name


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("the second press of Conf fails", "conference-second-press"),
        ("my phone says Protocol Application Invalid", "wrong-family-7940"),
        ("No audio format found to offer", "no-audio-format"),
        ("term42.default.loads requested twice every 3 minutes", "load-not-newer"),
    ],
)
def test_a_complaint_in_other_words(said: str, name: str) -> None:
    assert find(said).name == name


def test_what_fits_nothing_names_the_candidates() -> None:
    with pytest.raises(UsageFault, match="no scenario is clearly") as caught:
        find("the display is too dark")
    assert "choose one of" in str(caught.value)


@pytest.mark.parametrize("given", ["mail/case", "case.zip", "/tmp/nothing.pcap"])
def test_a_path_that_is_not_there_is_no_complaint(given: str) -> None:
    with pytest.raises(UsageFault, match=f"there is no {given}"):
        find(given)


def test_mistakes_in_a_scenario_are_told_with_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "title: x\ncomplaints: [it fails]\nsource: me\nexpect: {diagnosis: no-such-rule}\n"
        "broken: {files: [{file: phone}], stpes: [boot]}\nfixed: {}\n",
        encoding="utf-8",
    )
    with pytest.raises(UsageFault) as caught:
        load_scenario(path)
    told = str(caught.value)
    assert "mine.yaml:4:" in told
    assert "there is no diagnosis rule 'no-such-rule'" in told
    assert "mine.yaml:5:" in told
    assert "broken.stpes: no such key here" in told
    assert "give one of: replace (and by), content, path, remove" in told


def test_edits_change_what_is_rendered(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    root = tmp_path / "root"
    (root / WORDS["phone"]).write_text("<kpml>0</kpml>")
    (root / "sip.conf").write_text("[211]\nallow = ulaw\n[201]\nallow = ulaw\nallow = alaw\n")
    (root / "gone.xml").write_text("x")
    (tmp_path / "own.jar").write_bytes(b"own")
    edits = [
        Edit(file="phone", replace="<kpml>0", by="<kpml>3"),
        Edit(file="sip.conf", after="[{user}]", replace="allow = ulaw", by="; none for {user}"),
        Edit(file="gone.xml", remove=True),
        Edit(file="de/mk-sip.jar", path="own.jar"),
        Edit(file="OS79XX.TXT", content="P0S3\n"),
    ]
    apply(edits, root, words=WORDS, beside=tmp_path)
    assert (root / WORDS["phone"]).read_text() == "<kpml>3</kpml>"
    assert (root / "sip.conf").read_text() == (
        "[211]\nallow = ulaw\n[201]\n; none for 201\nallow = alaw\n"
    )
    assert not (root / "gone.xml").exists()
    assert (root / "de" / "mk-sip.jar").read_bytes() == b"own"
    assert (root / "OS79XX.TXT").read_text() == "P0S3\n"


def test_a_users_own_file_is_led_to_this_bench(tmp_path: Path) -> None:
    (tmp_path / "theirs.xml").write_text("<n>192.168.1.5</n><u>100</u><p>theirs</p>")
    edits = [
        Edit(file="phone", path="theirs.xml"),
        Edit(file="phone", replace="192.168.1.5", by="{pbx}"),
        Edit(file="phone", replace="<u>100", by="<u>{user}"),
        Edit(file="phone", replace="<p>theirs", by="<p>{password}"),
    ]
    apply(edits, tmp_path, words=WORDS, beside=tmp_path)
    told = (tmp_path / WORDS["phone"]).read_text()
    assert told == "<n>127.0.0.9</n><u>201</u><p>Fxu0r1qv42</p>"


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (Edit(file="phone", replace="<none>", by=""), "does not contain '<none>'"),
        (Edit(file="phone", replace="x{password}"), "does not contain 'x{password}'"),
        (Edit(file="sip.conf", replace="x", by=""), "there is no sip.conf to change"),
        (Edit(file="../out", content="x"), "is outside the folder"),
        (Edit(file="a", path="missing"), "cannot read"),
    ],
)
def test_an_edit_that_does_not_fit_is_the_users_mistake(
    edit: Edit, told: str, tmp_path: Path
) -> None:
    (tmp_path / WORDS["phone"]).write_text("<kpml>0</kpml>")
    with pytest.raises(UsageFault, match=told):
        apply([edit], tmp_path, words=WORDS, beside=tmp_path)


def test_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["repro", "--list"]) == 0
    assert set(shipped()) == {line.split()[0] for line in capsys.readouterr().out.splitlines()}
