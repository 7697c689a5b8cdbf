"""A recording replayed on the wire: what was planted in its phone is found, and nothing else.

The recordings are nights of twins, for there is no hardware here: one with faults that no test of
the suite minds, one without any. Each is exported as a bundle, and compared with a healthy twin.
"""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from harness.virtual.confirmations import read_confirmations

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
LAB = """
name: drift
network: {{interface: lo, host: 127.60.0.1}}
virtual: {{speed: 40, seeded: {seeded}}}
power: {{pdu-1: {{driver: scpi, address: virtual, outlets: 2, draw_a: 0.05}}}}
keypads: {{keypad-1: {{driver: matrix, port: virtual}}}}
pbx: {{kind: asterisk22, image: "localhost/asterisk:22", address: 127.60.0.2}}
peers:
  alice: {{extension: "211", tone: 440, address: 127.60.0.3}}
  bob: {{extension: "212", tone: 620, address: 127.60.0.3}}
phones:
  desk:
    model: 7942G
    mac: 00:24:C4:AB:CD:EF
    address: 127.60.0.42
    outlet: pdu-1/1
    keypad: keypad-1
    tone: 1090
    lines: [{{user: "201", label: "Desk 201"}}]
"""
#: Boots, a restart, calls both ways, hold, digits, a transfer and a conference request.
TESTS = (
    "factory_reset or power_cycle_boots or restart_from or (incoming and PCMA) or preferred or"
    " no_common or hold_silences or phone_sends_all or attended or conf_key"
)


def harness(*arguments: str, within: float = 200) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harness.cli", *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=within, check=False
    )


def recorded(folder: Path, seeded: dict[str, object], tests: str) -> Path:
    """Run a night of a twin, all of it green, and export it as somebody would send it."""
    lab = folder / "lab.yaml"
    lab.write_text(LAB.format(seeded=json.dumps(seeded)), encoding="utf-8")
    runs = folder / "runs"
    night = harness("nightly", "--plain", "--lab", str(lab), "--runs-dir", str(runs), "-k", tests)
    assert night.returncode == 0, night.stdout + night.stderr
    bundle = folder / "night.zip"
    done = harness("evidence", "export", str(runs / "latest"), "--lab", str(lab),
                   "--out", str(bundle))  # fmt: skip
    assert done.returncode == 0, done.stderr
    return bundle


def compared(folder: Path, bundle: Path, *more: str) -> subprocess.CompletedProcess[str]:
    lab = folder / "healthy.yaml"
    lab.write_text(LAB.format(seeded="{}"), encoding="utf-8")
    return harness("twin", "compare", str(bundle), "--lab", str(lab),
                   "--runs-dir", str(folder / "runs"), *more)  # fmt: skip


def as_if_hardware(bundle: Path, speed: float) -> Path:
    """A copy with another label, the test's own: there is no phone of hardware here to record."""
    copy = bundle.with_name("as-if-hardware.zip")
    with zipfile.ZipFile(bundle) as old, zipfile.ZipFile(copy, "w") as new:
        for item in old.infolist():
            content = old.read(item)
            if item.filename == "run.json":
                head = json.loads(content)
                head |= {"devices": {"desk": "hardware"}, "lab": "edited", "speed": speed}
                content = json.dumps(head).encode()
            new.writestr(item, content)
    return copy


@pytest.mark.timeout(420)
def test_what_was_planted_is_listed_and_nothing_else(tmp_path: Path) -> None:
    """The suite is green with both faults; the comparison names both, with row and place."""
    faults = ["later-codecs-swapped", "no-date-in-register"]
    bundle = recorded(tmp_path, {"phones": {"desk": faults}}, "preferred or power_cycle_boots")
    with zipfile.ZipFile(bundle) as packed:
        timeline = packed.read("timeline.jsonl").decode()
    assert all(f"defect fired: {each}" in timeline for each in faults), "a fault never fired"

    done = compared(tmp_path, bundle)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "NOTHING IS CONFIRMED" in done.stdout
    told = done.stdout.partition("\ntwin behaviours")[0]
    assert "2 differences" in told, told
    assert "codecs and their order: INVITE" in told
    assert "phone: PCMA/8000 (8), iLBC/8000 (116), G722/8000 (9)" in told
    assert "twin:  PCMA/8000 (8), PCMU/8000 (0), G729/8000 (18)" in told
    assert "headers and their order: REGISTER" in told
    assert "phone: without Date" in told
    assert "capture.pcap frame" in told
    assert "register-form (inferred)" in told
    assert "offers (sourced)" in told
    run = next((tmp_path / "runs").glob("compare-*/latest"))
    assert "REGISTER" in (run / "timeline.jsonl").read_text(), "the twin was never started"


@pytest.mark.timeout(420)
def test_a_healthy_twin_differs_in_nothing_from_itself(tmp_path: Path) -> None:
    """Two nights of the same twin: whatever differs between them would be told of any phone."""
    bundle = recorded(tmp_path, {}, TESTS)
    done = compared(tmp_path, bundle)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no differences" in done.stdout
    agreed = int(done.stdout.partition("no differences, ")[2].split()[0])
    assert agreed > 300

    kept = tmp_path / "confirmations.toml"
    refused = compared(tmp_path, bundle, "--confirm", "--confirmations", str(kept))
    assert refused.returncode == 2
    assert "confirms nothing" in refused.stderr
    assert not kept.exists()
    run = str(next((tmp_path / "runs").glob("compare-*/latest")).resolve())
    copy = as_if_hardware(bundle, speed=40)
    done = compared(tmp_path, copy, "--against", run, "--confirm", "--confirmations", str(kept))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "confirmed by this recording: register-form" in done.stdout
    rows = {row.behaviour: row for row in read_confirmations(kept)}
    assert {"register-form", "boot-files", "conference-refer"} <= rows.keys()
    assert rows["offers"].bench == "edited"


@pytest.mark.timeout(300)
def test_a_bare_capture_is_replayed_by_tests_that_fit(tmp_path: Path) -> None:
    """Nobody says which test it was: the call in it says which one makes such a call."""
    faults = {"phones": {"desk": ["later-codecs-swapped"]}}
    bundle = recorded(tmp_path, faults, "preferred")
    with zipfile.ZipFile(bundle) as packed:
        (name,) = (n for n in packed.namelist() if n.endswith("capture.pcap"))
        capture = tmp_path / "somebody.pcap"
        capture.write_bytes(packed.read(name))
    done = compared(tmp_path, capture)
    assert done.returncode == 1, done.stdout + done.stderr
    told = done.stdout.partition("\ntwin behaviours")[0]
    assert "1 difference," in told, told
    assert "codecs and their order: INVITE" in told
    assert "somebody.pcap frame" in told
    assert "label unknown" in told


@pytest.mark.timeout(300)
def test_a_lab_of_hardware_is_replayed_in_a_network_of_its_own(tmp_path: Path) -> None:
    """Its outlets, robots and interface are never touched; the twins get the same addresses."""
    copy = as_if_hardware(recorded(tmp_path, {}, "power_cycle_boots"), speed=40)
    lab = tmp_path / "rack.yaml"
    lab.write_text(
        LAB.format(seeded="{}")
        .replace("interface: lo, host: 127.60.0.1", "interface: eth9, host: 127.60.0.1, dhcp: true")
        .replace("address: virtual", "address: TCPIP0::127.60.0.9::5025::SOCKET")
        .replace("port: virtual", "port: /dev/ttyACM9")
        .replace("model: 7942G", "model: 7942G\n    kind: hardware")
        .replace("127.60.0.", "10.60.0."),
        encoding="utf-8",
    )
    done = harness("twin", "compare", str(copy), "--lab", str(lab),
                   "--runs-dir", str(tmp_path / "runs"))  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no differences" in done.stdout
    run = next((tmp_path / "runs").glob("compare-*/latest"))
    timeline = (run / "timeline.jsonl").read_text(encoding="utf-8")
    assert "10.60.0.42" in timeline
    assert '"kind": "dhcp"' in timeline
