"""``harness phone`` up to the point where it needs a phone: what its words mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli import main
from harness.cli.phone import keys_meant
from harness.keypad import KEYS


def test_a_word_is_a_key_or_a_row_of_keys() -> None:
    assert keys_meant(["settings", "**#**", "hold", "1"]) == ["settings", *"**#**", "hold", "1"]


def test_every_key_there_is_can_be_named() -> None:
    assert keys_meant(sorted(KEYS)) == sorted(KEYS)


@pytest.mark.parametrize("word", ["line9", "softest", "12a"])
def test_a_key_that_is_none_is_told_before_the_bench_is_opened(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["phone", "desk-7942", "keys", "settings", word]) == 2
    told = capsys.readouterr()
    assert f"{word!r} is no key and no row of keys" in told.err
    assert "hold" in told.err
    assert not told.out


LAB = """
name: no-robot-yet
network: {host: 127.72.1.1}
power: {pdu-1: {address: virtual, outlets: 2}, pdu-2: {address: "TCPIP0::127.72.1.9::5::SOCKET"}}
keypads: {keypad-1: {port: /dev/none-1}, keypad-2: {port: /dev/none-2}}
pbx: {address: 127.72.1.2}
peers: {}
phones:
  desk:
    {model: 7942G, kind: hardware, mac: 00:24:C4:AB:CD:EF, address: 127.72.1.42,
     outlet: pdu-1/1, keypad: keypad-1, tone: 500, lines: [{user: "201"}]}
  other:
    {model: 7942G, kind: hardware, mac: 00:24:C4:AB:CD:F0, address: 127.72.1.43,
     outlet: pdu-2/1, keypad: keypad-2, tone: 600, lines: [{user: "202"}]}
"""


def test_an_outlet_is_switched_before_there_is_a_robot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What another phone hangs on is not even asked."""
    path = tmp_path / "lab.yaml"
    path.write_text(LAB, encoding="utf-8")
    assert main(["phone", "desk", "power", "cycle", "--lab", str(path)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("keypad-1: no lamps to confirm by: its serial port /dev/none-1")
    assert told[1] == "desk: 7942G, virtual"
    assert [line for line in told if line.startswith("pdu-1: outlet pdu-1/1")] == [
        "pdu-1: outlet pdu-1/1 off, by read-back",
        "pdu-1: outlet pdu-1/1 on, by read-back",
    ]
    assert main(["phone", "desk", "keys", "1", "--lab", str(path)]) == 3
    assert "/dev/none-1 cannot be opened" in capsys.readouterr().err


def test_who_loses_power_with_it_is_said_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "lab.yaml"
    alone = LAB.replace(', pdu-2: {address: "TCPIP0::127.72.1.9::5::SOCKET"}', "")
    path.write_text(alone.replace("pdu-2/1", "pdu-1/1"), encoding="utf-8")
    assert main(["phone", "desk", "power", "off", "--lab", str(path)]) == 0
    told = capsys.readouterr().out.splitlines()
    said = told.index("pdu-1/1 feeds other as well: what cuts one cuts all")
    assert said < told.index("pdu-1: outlet pdu-1/1 off, by read-back")
