"""A recording comes as a bundle, a run, a test's folder or files; a broken one is a sentence."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.cli import main
from harness.drift import as_text, confirmations, drift, opened, twin_lab
from harness.errors import UsageFault
from harness.events import Note
from harness.lab import load_lab
from harness.runs import Verdict, load_run
from harness.runs.provenance import device_speed
from harness.timeline import Timeline, read_timeline
from harness.virtual.confirmations import append_confirmations, read_confirmations
from harness.virtual.fidelity import BEHAVIOURS
from tests.unit.drift.made_up_phone import MAC, TEST, boot, write_run

ROOT = Path(__file__).parents[3]
LAB = load_lab(ROOT / "lab.yaml")


def bundled(run: Path) -> Path:
    target = run.with_suffix(".zip")
    with zipfile.ZipFile(target, "w") as bundle:
        for file in (each for each in run.rglob("*") if each.is_file()):
            bundle.write(file, file.relative_to(run).as_posix())
    return target


def test_every_form_tells_the_same_phone(tmp_path: Path) -> None:
    run = write_run(tmp_path / "night", boot())
    folder = next((run / "tests").iterdir())
    for path in (run, bundled(run), folder, run / "timeline.jsonl"):
        with opened([path]) as recording:
            station = recording.stations["desk"]
            assert (station.mac, station.users) == (MAC, ["201"]), path
            assert recording.tests == [TEST]
            assert recording.hosts == {"192.0.2.2"}
    with opened([run / "timeline.jsonl"]) as recording:
        assert not recording.is_hardware, "nothing in a timeline says what its phone is"
        assert recording.stations["desk"].model == "7942G", "by its User-Agent"


def damaged(tmp_path: Path) -> list[tuple[Path, str]]:
    run = write_run(tmp_path / "night", boot())
    whole = bundled(run).read_bytes()
    torn = tmp_path / "torn.zip"
    torn.write_bytes(whole[: len(whole) // 2])
    empty = tmp_path / "empty"
    empty.mkdir()
    silent = write_run(tmp_path / "silent", [])
    odd = write_run(tmp_path / "odd", boot())
    lines = (odd / "timeline.jsonl").read_text(encoding="utf-8").splitlines()
    (odd / "timeline.jsonl").write_text("\n".join(["{", *lines]), encoding="utf-8")
    headless = write_run(tmp_path / "headless", boot())
    (headless / "run.json").write_text("[]", encoding="utf-8")
    newer = write_run(tmp_path / "newer", boot())
    head = json.loads((newer / "run.json").read_text(encoding="utf-8"))
    (newer / "run.json").write_text(json.dumps(head | {"moods": {}}), encoding="utf-8")
    text = tmp_path / "notes.txt"
    text.write_text("it rang twice\n", encoding="utf-8")
    short = tmp_path / "short.pcap"
    short.write_bytes(b"\xd4\xc3\xb2\xa1")
    noise = tmp_path / "noise.pcap"
    noise.write_bytes(bytes(range(256)) * 4)
    return [
        (tmp_path / "nowhere", "there is no"),
        (torn, "torn.zip is no bundle that can be read"),
        (empty, "neither a run nor a capture"),
        (silent, "no phone is seen"),
        (odd, "timeline.jsonl is no timeline"),
        (headless, "holds no run"),
        (bundled(newer), "read it with the version of the harness that wrote it"),
        (text, "neither a run nor a capture"),
        (short, "ends within its header"),
        (noise, "noise.pcap"),
    ]


def test_a_broken_recording_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    for path, says in damaged(tmp_path):
        assert main(["twin", "compare", str(path)]) == 2, path
        told = capsys.readouterr().err
        assert says in told, path
        assert "Traceback" not in told, path


def test_a_test_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    run = write_run(tmp_path / "night", boot())
    with (
        pytest.raises(UsageFault, match="no test named 'transfer'"),
        opened([run], test="transfer"),
    ):
        pass


def test_the_tests_of_a_timeline_can_be_chosen_too(tmp_path: Path) -> None:
    timeline = write_run(tmp_path / "night", boot()) / "timeline.jsonl"
    with opened([timeline], test="contact") as recording:
        assert recording.tests == [TEST]
        assert recording.records
    with (
        pytest.raises(UsageFault, match="no test named 'transfer'"),
        opened([timeline], test="transfer"),
    ):
        pass


def test_a_night_gone_on_with_is_read_in_its_order_and_without_the_try_it_ended_under(
    tmp_path: Path,
) -> None:
    """Its second timeline sorts before its first by name, and has the numbers after it."""
    run = write_run(tmp_path / "night", boot())
    first = read_timeline(run / "timeline.jsonl")
    (cut,) = load_run(run).results
    night = load_run(run)
    (run / "results.jsonl").unlink()
    night.results.clear()
    night.add(replace(cut, interrupted=True, last_record=len(first)))
    again = Timeline(run / "timeline-2.jsonl", first=len(first))
    again.test = TEST
    for event in boot(seed=7):
        again.append(event, source="x", device="desk")
    again.test = ""
    again.append(Note(text="the end"), source="x")
    again.close()
    with opened([run]) as recording:
        assert [r.seq for r in recording.records] == list(range(len(first) + len(again.records())))
    night.add(replace(cut, first_record=len(first)))
    with opened([run]) as recording:
        assert {place.partition(" ")[0] for place in recording.places} == {"timeline-2.jsonl"}
        assert recording.verdicts == {TEST: Verdict.PASSED}


def test_other_versions_are_told(tmp_path: Path) -> None:
    for name, label, asterisk in (("phone", "hardware", "22.4.0"), ("twin", "virtual", "22.6.0")):
        run = write_run(tmp_path / name, boot(), label=label, speed=40)
        head = json.loads((run / "run.json").read_text())
        (run / "run.json").write_text(json.dumps(head | {"versions": {"asterisk": asterisk}}))
    found = drift([tmp_path / "phone"], LAB, tmp_path, suite=ROOT, say=print,
                  against=tmp_path / "twin")  # fmt: skip
    assert "recorded with asterisk 22.4.0, replayed with 22.6.0" in as_text(found)


def test_a_bench_of_both_kinds_has_no_clock_for_all() -> None:
    phones = {"twin": SimpleNamespace(virtual=True), "desk": SimpleNamespace(virtual=False)}
    lab: Any = SimpleNamespace(virtual=SimpleNamespace(speed=40.0), phones=phones)
    assert device_speed(lab, ["twin"]) == 40
    assert device_speed(lab, ["desk"]) == 1
    assert device_speed(lab, ["twin", "desk"]) == 0


def test_only_hardware_confirms_and_the_report_says_so(tmp_path: Path) -> None:
    phone = write_run(tmp_path / "phone", boot())
    twin = write_run(tmp_path / "twin", boot(seed=3), label="virtual", speed=40)

    real = drift([phone], LAB, tmp_path, suite=ROOT, say=print, against=twin, must_confirm=True)
    text = as_text(real)
    assert "confirmed by this recording: boot-files" in text
    assert "NOTHING IS CONFIRMED" not in text
    found = confirmations(real)
    assert ("boot-files", "rack", "7942G", "2026-11-25") in {
        (each.behaviour, each.bench, each.model, each.date) for each in found
    }

    own = drift([twin], LAB, tmp_path, suite=ROOT, say=print, against=twin)
    text = as_text(own)
    assert "NOTHING IS CONFIRMED: this is no recording of hardware alone." in text
    assert "the same in this recording: boot-files" in text
    assert "confirmed by" not in text
    with pytest.raises(UsageFault, match="confirms nothing"):
        confirmations(own)
    with pytest.raises(UsageFault, match="desk: virtual"):
        drift([twin], LAB, tmp_path, suite=ROOT, say=print, against=twin, must_confirm=True)
    with pytest.raises(UsageFault, match="is no run of twins"):
        drift([twin], LAB, tmp_path, suite=ROOT, say=print, against=phone)


def test_planted_faults_confirm_nothing(tmp_path: Path) -> None:
    phone = write_run(tmp_path / "phone", boot())
    twin = write_run(tmp_path / "twin", boot(seed=3), label="virtual", speed=40)
    head = json.loads((twin / "run.json").read_text())
    (twin / "run.json").write_text(json.dumps(head | {"seeded": {"desk": "skips-dialplan"}}))
    found = drift([phone], LAB, tmp_path, suite=ROOT, say=print, against=twin)
    text = as_text(found)
    assert "faults were planted in the twin: desk: skips-dialplan" in text
    assert "NOTHING IS CONFIRMED: the twin is a faulty one." in text
    assert "confirmed by" not in text
    with pytest.raises(UsageFault, match="confirms nothing"):
        confirmations(found)


def test_confirmations_are_kept_once(tmp_path: Path) -> None:
    phone = write_run(tmp_path / "phone", boot())
    twin = write_run(tmp_path / "twin", boot(seed=3), label="virtual", speed=40)
    found = confirmations(drift([phone], LAB, tmp_path, suite=ROOT, say=print, against=twin))
    kept = tmp_path / "confirmations.toml"
    assert append_confirmations(found, kept) == found
    assert append_confirmations(found, kept) == []
    assert read_confirmations(kept) == found
    kept.write_text("[[confirmed]]\nby = 'hand'\n", encoding="utf-8")
    with pytest.raises(UsageFault, match="cannot be read"):
        append_confirmations(found, kept)


def test_what_is_kept_as_confirmed_is_a_row_that_a_recording_can_show() -> None:
    can_be = {row.key for row in BEHAVIOURS if row.can_be_shown}
    assert {each.behaviour for each in read_confirmations()} <= can_be


def test_a_lab_of_hardware_becomes_twins_of_the_same_addresses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PDU_1_USER", "PDU_1_AUTH_KEY", "PDU_1_PRIV_KEY", "SWITCH_1_COMMUNITY"):
        monkeypatch.setenv(name, "not-a-secret-8")
    source = (ROOT / "lab.example-hardware.yaml").read_text(encoding="utf-8")
    (tmp_path / "firmware-from-cisco").mkdir()
    # One matrix keypad for both phones that are left; a gantry would want its calibration.
    text = source.replace("gantry-1\n", "keypad-2\n").partition("  bench-7942:")[0]
    (tmp_path / "lab.yaml").write_text(text, encoding="utf-8")
    lab = load_lab(tmp_path / "lab.yaml")
    run = write_run(tmp_path / "night", boot("192.0.2.42"))
    with opened([run]) as recording:
        plain = twin_lab(recording, lab, speed=5)
    (phone,) = plain["phones"].values()
    assert phone["address"] == "192.0.2.42", "found by its MAC: the lab calls it rack-7942"
    assert (phone["kind"], phone["outlet"]) == ("virtual", "twin-power/1")
    assert plain["network"]["namespace"] == "twin"
    assert plain["virtual"]["speed"] == 5
    assert plain["virtual"]["installed"] == {"desk": "SIP42.9-3-1SR4-1S"}
    assert "firmware" not in plain["provisioning"], "no twin reads a signed image"
    assert "192.0.2.10" not in json.dumps(plain), "nothing of the replay knows the real PDU"


def test_a_phone_nobody_can_play_is_a_sentence(tmp_path: Path) -> None:
    run = write_run(tmp_path / "night", boot())
    head = json.loads((run / "run.json").read_text())
    for wrong, says in (
        ({"model": "7945G", "load": "SIP45.9-3-1SR4-1S"}, "is a 7945G"),
        ({"model": "7942G", "load": "SIP42.9-9-9S"}, "no twin knows which files"),
    ):
        (run / "run.json").write_text(json.dumps(head | {"facts": {"desk": wrong}}))
        with opened([run]) as recording, pytest.raises(UsageFault, match=says):
            twin_lab(recording, LAB)
