"""The suite can fail: each planted fault turns it red, with the right verdict and a sentence.

Every case runs a real night of a few tests against a twin or a device with one fault planted in
it. A fault that did not fire proves nothing, so the timeline must show that it did.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]

LAB = """
name: seeded
network: {{interface: lo, host: 127.44.0.1}}
virtual:
  speed: 40
  seeded: {seeded}
power:
  pdu-1: {{address: virtual, outlets: 2, draw_a: 0.05}}
keypads:
  keypad-1: {{port: virtual}}
pbx: {{address: 127.44.0.2}}
peers:
  alice: {{extension: "211", tone: 440, address: 127.44.0.3}}
  bob: {{extension: "212", tone: 620, address: 127.44.0.3}}
phones:
  desk:
    model: 7942G
    mac: 00:24:C4:AB:CD:EF
    address: 127.44.0.42
    outlet: pdu-1/1
    keypad: keypad-1
    tone: 1090
    lines: [{{user: "201"}}]
"""


@dataclass(frozen=True)
class Case:
    seeded: dict[str, Any]
    test: str
    verdict: str
    says: str
    fired: str
    #: A file of evidence that must be there, below the run's folder.
    kept: str = ""

    def __str__(self) -> str:
        return self.fired.rpartition(": ")[2].replace(" ", "-")


def phone(defect: str, test: str, says: str) -> Case:
    seeded = {"phones": {"desk": [defect]}}
    return Case(seeded, test, "product fault", says, f"defect fired: {defect}")


CASES = [
    phone("asks-wrong-file", "factory_reset", "no 'file requested' event"),
    phone("reset-does-not-wipe", "factory_reset", "no 'file requested' event"),
    phone("ignores-reset-code", "factory_reset", "line lamps did not walk red"),
    phone("skips-dialplan", "power_cycle_boots", "dialplan.xml"),
    phone("stuck-in-boot", "console_shows", "never asked TFTP"),
    phone("wrong-password", "console_shows", "refused its registration"),
    phone("wrong-contact", "contact_is", "5061"),
    phone("restart-ignored", "restart_from", "no 'file requested' event"),
    phone("wrong-codec-answered", "first_common_codec", "assert"),
    # Caught by ear or by the payload type seen, whichever comes first.
    phone("other-codec-sent", "incoming_call_codec and PCMA", ""),
    phone("answers-but-silent", "incoming_call_codec and PCMA", "silence"),
    phone("one-way-after-hold", "hold_silences", "silence"),
    phone("no-hold-signalling", "hold_silences", "'INVITE' was not seen on the wire"),
    replace(phone("dtmf-doubled", "phone_sends_all", "00112233"), kept="tests/*/desk/screen.png"),
    phone("stale-load-page", "load_by_three", "SIP42.8-5-2S"),
    phone("wrong-dtmf-digit", "phone_sends_all", "0123756789"),
    phone("transfer-leaves-leg", "attended_transfer", "'BYE' was not seen on the wire"),
    phone("hangs-up-on-conference", "conf_key", "assert"),
    Case(
        {"pdus": {"pdu-1": {"stuck": ["1"]}}},
        "power_cut",
        "bench fault",
        "pdu-1",
        "fault fired: ",
    ),
    Case(
        {"keypads": {"keypad-1": {"lose_keys": ["9"]}}},
        "factory_reset",
        "bench fault",
        "did not go down",
        "fault fired: ",
    ),
    Case(
        {"pdus": {"pdu-1": {"lie": True}}},
        "power_cut",
        "bench fault",
        "reads back on but draws 0.000 A",
        "fault fired: pdu-1 lie",
    ),
]


def run_night(tmp_path: Path, seeded: dict[str, Any], keyword: str) -> tuple[int, str, Path]:
    lab = tmp_path / "lab.yaml"
    lab.write_text(LAB.format(seeded=json.dumps(seeded)), encoding="utf-8")
    runs = tmp_path / "runs"
    command = [sys.executable, "-m", "harness.cli", "nightly", "--plain", "--lab", str(lab)]
    command += ["--runs-dir", str(runs), "-k", keyword]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False
    )
    return done.returncode, done.stdout + done.stderr, runs / "latest"


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.test.split()[0]}-{case}")
def test_a_planted_fault_turns_the_suite_red(tmp_path: Path, case: Case) -> None:
    code, output, run = run_night(tmp_path, case.seeded, case.test)
    results = [json.loads(line) for line in (run / "results.jsonl").read_text().splitlines()]
    assert [result["verdict"] for result in results] == [case.verdict], output
    assert case.says in results[0]["reason"] + results[0]["detail"], results[0]
    assert results[0]["reason"].strip(), "a verdict without a sentence helps nobody"
    assert case.fired in (run / "timeline.jsonl").read_text(), "the fault never fired"
    assert code == {"product fault": 1, "bench fault": 3}[case.verdict]
    assert not case.kept or list(run.glob(case.kept)), f"no {case.kept}"
    assert "planted" in (run / "report.html").read_text()


def test_tcp_and_http_are_two_words_in_the_lab(tmp_path: Path) -> None:
    """A phone told transport 1, with a load that tries HTTP first, passes the same tests."""
    extra = "virtual:\n  http_first: true"
    text = LAB.format(seeded="{}").replace("virtual:", extra, 1)
    lab = tmp_path / "lab.yaml"
    lab.write_text(text + "provisioning: {values: {transport: 1}}\n", encoding="utf-8")
    command = [sys.executable, "-m", "harness.cli", "nightly", "--plain", "--lab", str(lab)]
    command += ["--runs-dir", str(tmp_path / "runs")]
    command += ["-k", "contact_is or console_shows or attended or (codec and PCMU)"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False
    )
    timeline = (tmp_path / "runs" / "latest" / "timeline.jsonl").read_text()
    assert done.returncode == 0, done.stdout
    assert "SIP/2.0/TCP" in timeline
    assert '"protocol": "http"' in timeline
