"""A gantry on a whole bench: a reset nobody sees, and keys that the phone says it did not feel."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]

LAB = """
name: gantry
network: {{interface: lo, host: 127.56.2.1}}
virtual:
  speed: 40
  seeded: {{keypads: {{keypad-1: {seeded}}}}}
power:
  pdu-1: {{address: virtual, outlets: 2}}
keypads:
  keypad-1: {{driver: grbl, port: virtual{more}}}
pbx: {{address: 127.56.2.2}}
peers:
  alice: {{extension: "211", tone: 440, address: 127.56.2.3}}
  bob: {{extension: "212", tone: 620, address: 127.56.2.3}}
phones:
  desk:
    model: 7942G
    mac: 00:24:C4:AB:CD:EF
    address: 127.56.2.42
    outlet: pdu-1/1
    keypad: keypad-1
    tone: 1090
    lines: [{{user: "201"}}]
"""


def harness(
    tmp_path: Path, *arguments: str, more: str = "", **seeded: Any
) -> subprocess.CompletedProcess[str]:
    lab = tmp_path / "lab.yaml"
    lab.write_text(LAB.format(seeded=json.dumps(seeded), more=more), encoding="utf-8")
    command = [sys.executable, "-m", "harness.cli", *arguments, "--lab", str(lab)]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False
    )


def night(tmp_path: Path, keyword: str, more: str = "", **seeded: Any) -> tuple[int, list[Any]]:
    runs = tmp_path / "runs"
    options = ["nightly", "--plain", "--runs-dir", str(runs), "-k", keyword]
    done = harness(tmp_path, *options, more=more, **seeded)
    lines = (runs / "latest" / "results.jsonl").read_text().splitlines()
    assert lines, done.stdout + done.stderr
    if seeded:
        timeline = (runs / "latest" / "timeline.jsonl").read_text()
        assert "fault fired: keypad-1" in timeline, "the fault never fired"
    return done.returncode, [json.loads(line) for line in lines]


def test_factory_reset_without_eyes(tmp_path: Path) -> None:
    code, results = night(tmp_path, "factory_reset or (outgoing_call_codec and PCMA)")
    assert [result["verdict"] for result in results] == ["passed", "passed"], results
    assert code == 0


def test_factory_reset_by_the_lamps_of_a_sensor(tmp_path: Path) -> None:
    code, results = night(tmp_path, "factory_reset", more=", sensor: virtual")
    assert [result["verdict"] for result in results] == ["passed"], results
    assert code == 0
    timeline = (tmp_path / "runs" / "latest" / "timeline.jsonl").read_text()
    assert "wait for the amber walk" in timeline


@pytest.mark.parametrize(
    ("keyword", "seeded", "says"),
    [
        ("outgoing_call_codec and PCMA", {"double_keys": [2]}, "2 doubled"),
        ("restart_from", {"lose_keys": ["*"]}, "settings * * # * * did not reach"),
        ("hold_silences", {"lose_keys": ["soft1"]}, "soft1 did not reach the phone"),
        ("phone_sends_all", {"lose_keys": [7]}, "key 7 was lost"),
        ("factory_reset", {"lose_keys": ["#"]}, "key # did not reach the phone"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_lost_and_doubled_presses_are_the_benchs(
    tmp_path: Path, keyword: str, seeded: dict[str, Any], says: str
) -> None:
    code, results = night(tmp_path, keyword, **seeded)
    assert [result["verdict"] for result in results] == ["bench fault"], results
    assert says in results[0]["reason"] + results[0]["detail"]
    assert code == 3


def test_keypad_test_tells_the_fate_of_each_key(tmp_path: Path) -> None:
    keys = ["soft1", "soft2", "soft3", "speaker", "4", "5", "6", "7", "8", "volup"]
    done = harness(
        tmp_path,
        *("keypad", "test", "desk", "--keys", *keys),
        lose_keys=["soft3", 5],
        double_keys=["speaker", 6],
        stuck_keys=[7],
    )
    fates = dict(
        line.split()[:2]
        for line in done.stdout.splitlines()
        if line.split()[:1][0:1] and line.split()[0] in keys
    )
    assert fates == {
        **dict.fromkeys(("soft1", "soft2", "4", "8"), "ok"),
        **dict.fromkeys(("soft3", "5"), "lost"),
        **dict.fromkeys(("speaker", "6"), "doubled"),
        **{"7": "stuck", "volup": "not"},
    }, done.stdout + done.stderr
    assert done.returncode == 3
    for fault in ("lose_keys", "double_keys", "stuck_keys"):
        assert f"fault fired: keypad-1 {fault}" in done.stdout


def test_a_phone_that_lies_elsewhere_is_found_by_calibration(tmp_path: Path) -> None:
    keys = ("--keys", "soft1", "1", "2")
    points = ("line1=-36,-39", "1=-147,-165", "speaker=-59,-207")
    made = harness(tmp_path, "keypad", "calibrate", "keypad-1", "--points", *points, offset=[21, 0])
    assert made.returncode == 0, made.stderr
    after = harness(tmp_path, "keypad", "test", "desk", *keys, offset=[21, 0])
    assert after.returncode == 0, after.stdout + after.stderr
    assert "3 ok, 0 bad" in after.stdout
    assert "fault fired: keypad-1 offset" in after.stdout
