"""A night as a user has it, with something done to its bench at a moment it tells of itself."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.timeline import read_timelines

ROOT = Path(__file__).parents[3]
SUITE = Path(__file__).with_name("suite_of_calls.py")

LAB = """
name: surviving
network: {{interface: lo, host: 127.63.{subnet}.1}}
virtual: {{speed: 40, seeded: {seeded}}}
power:
  pdu-1: {{{pdu}address: virtual, outlets: 2, draw_a: 0.05, timeout_s: 1}}
keypads:
  keypad-1: {{{keypad}port: virtual}}
pbx: {{address: 127.63.{subnet}.2}}
peers:
  alice: {{extension: "211", tone: 440, address: 127.63.{subnet}.3}}
phones:
  desk:
    model: 7942G
    mac: 00:24:C4:AB:CD:EF
    address: 127.63.{subnet}.42
    outlet: pdu-1/1
    keypad: keypad-1
    tone: 1090
    lines: [{{user: "201"}}]
"""

#: What is done when a line of the night holds a text: it is given the night's process.
Deeds = Mapping[str, Callable[[int], None]]


def lab_text(seeded: object = None, *, pdu: str = "", keypad: str = "", subnet: int = 0) -> str:
    planted = json.dumps(seeded or {})
    return LAB.format(seeded=planted, pdu=pdu, keypad=keypad, subnet=subnet)


@dataclass
class Night:
    """What a night left behind, and how it ended."""

    code: int
    output: str
    run: Path
    pid: int

    @property
    def results(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.run / "results.jsonl").read_text().splitlines()]

    @property
    def verdicts(self) -> list[str]:
        return [result["verdict"] for result in self.results]

    @property
    def records(self) -> list[dict[str, Any]]:
        return [record.as_dict() for record in read_timelines(self.run)]

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        return [record for record in self.records if record["kind"] == kind]

    def said(self, text: str) -> bool:
        """Whether a note on the timeline holds ``text``."""
        return any(text in record["event"]["text"] for record in self.of_kind("note"))

    def seconds_to_verdict(self, loss: dict[str, Any]) -> float:
        """Seconds from a loss to the end of the test it happened in."""
        ended = next(
            record for record in self.of_kind("test ended") if record["mono"] >= loss["mono"]
        )
        return float(ended["mono"] - loss["mono"])

    def assert_nothing_is_lost(self) -> None:
        """All that was recorded is there, whole, and the same wherever it is kept."""
        records = self.records
        assert [record["seq"] for record in records] == list(range(len(records)))
        ended = [r["event"] for r in records if r["kind"] == "test ended"]
        told = [(result["test"], result["verdict"]) for result in self.results]
        assert [(event["name"], event["verdict"]) for event in ended] == told, self.output
        head = json.loads((self.run / "run.json").read_text())
        assert head["ended"] >= head["started"]
        assert ET.parse(self.run / "junit.xml").getroot().get("tests") == str(len(told))
        assert (self.run / "report.html").stat().st_size > 1000
        history = self.run.resolve().parent / "history.sqlite"
        with closing(sqlite3.connect(history)) as database:
            rows = database.execute("SELECT test, verdict FROM results ORDER BY rowid").fetchall()
        assert sorted(rows) == sorted(told)
        assert "Traceback" not in self.output, self.output
        assert not list(self.run.glob(".*")), "leftovers"


def night(
    folder: Path,
    lab: str,
    *options: str,
    deeds: Deeds | None = None,
    runs: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Night:
    """Run ``harness nightly`` and do each deed once, when the night first says its text."""
    path = folder / "lab.yaml"
    path.write_text(lab, encoding="utf-8")
    runs = runs or folder / "runs"
    command = [sys.executable, "-m", "harness.cli", "nightly", "--plain"]
    command += ["--lab", str(path), "--runs-dir", str(runs), *options]
    said: list[str] = []
    left = dict(deeds or {})
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        for line in process.stdout or ():
            said.append(line)
            for text in [text for text in left if text in line]:
                left.pop(text)(process.pid)
    assert not left, f"never came to {list(left)}:\n{''.join(said)}"
    return Night(process.returncode, "".join(said), runs / "latest", process.pid)
