"""What counts as a phone's own time, and what the measurement does not accept."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import nights
from bench.nights import Night, as_table, main, rack_yaml
from bench.path import critical_path
from harness.events import (
    Event,
    KeyPressed,
    KeyReleased,
    Note,
    PhoneStateChanged,
    Record,
    SipMessage,
)
from harness.lab import load_lab
from harness.lab.sides import share_out


def at(mono: float, event: Event, device: str = "desk-01") -> Record:
    return Record(int(mono * 10), mono, mono, "somebody", device, "", event)


def sip(start_line: str, call: str) -> SipMessage:
    method = start_line.split(maxsplit=1)[0] if not start_line.startswith("SIP/2.0") else "INVITE"
    return SipMessage("a:5060", "b:5060", start_line, call, f"1 {method}", "")


def path_of(*records: Record) -> float:
    return critical_path(records, "desk-01", "keypad-01")


def test_a_phone_that_is_not_ready_is_busy() -> None:
    assert path_of(
        at(0.0, PhoneStateChanged("BOOTING", "")),
        at(4.0, PhoneStateChanged("REGISTERING", "")),
        at(5.0, PhoneStateChanged("READY", "")),
        at(9.0, PhoneStateChanged("OFF", "")),
        at(9.5, PhoneStateChanged("BOOTING", "")),
        at(11.0, PhoneStateChanged("READY", "")),
    ) == pytest.approx(7.0)


def test_keys_and_calls_count_and_what_overlaps_counts_once() -> None:
    assert path_of(
        at(0.0, PhoneStateChanged("READY", "")),
        at(1.0, KeyPressed("5", 0), "keypad-01"),
        at(1.5, KeyReleased("5", 0), "keypad-01"),
        at(2.0, sip("INVITE sip:211@b SIP/2.0", "call-1")),
        at(3.0, KeyPressed("#", 0), "keypad-01"),
        at(3.5, KeyReleased("#", 0), "keypad-01"),
        at(4.0, sip("BYE sip:211@b SIP/2.0", "call-1")),
    ) == pytest.approx(2.5)


def test_what_others_do_and_registrations_do_not_count() -> None:
    assert path_of(
        at(0.0, PhoneStateChanged("BOOTING", ""), "desk-02"),
        at(1.0, KeyPressed("5", 0), "keypad-02"),
        at(2.0, KeyReleased("5", 0), "keypad-02"),
        at(3.0, sip("REGISTER sip:b SIP/2.0", "reg")),
        at(8.0, sip("SIP/2.0 200 OK", "reg")),
        at(9.0, Note("the harness is slow")),
        at(20.0, PhoneStateChanged("READY", ""), "desk-02"),
    ) == pytest.approx(0.0)


def test_the_rack_is_a_lab_whose_phones_can_be_tested_at_once(tmp_path: Path) -> None:
    path = tmp_path / "lab.yaml"
    path.write_text(rack_yaml(nights.MOST_PHONES, 5.0))
    lab = load_lab(path)
    assert len(share_out(lab, list(lab.phones))) == nights.MOST_PHONES


def test_the_table_tells_the_ratio() -> None:
    table = as_table([Night(1, 32, 110.0, 20.0, 100.0), Night(16, 512, 125.0, 300.0, 100.0)])
    assert "| 1 | 32 | 110.0 | 100.0 | 1.10 | 20.0 |" in table
    assert "| 16 | 512 | 125.0 | 100.0 | 1.25 | 300.0 |" in table


def test_a_night_that_is_not_green_is_no_measurement(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["--phones", "1", "-k", "no_such_test", "--json", str(tmp_path / "n.json")])
    assert code == 3
    assert "a night of 1" in capsys.readouterr().err
    assert not (tmp_path / "n.json").exists()


def test_more_phones_than_there_are_tones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--phones", "33"])
    assert "1 to 32 phones" in capsys.readouterr().err
