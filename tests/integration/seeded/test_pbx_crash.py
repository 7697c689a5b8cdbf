"""Asterisk dies of a segmentation fault in the middle of a call: whose fault, what is kept, and on.

The night is a real one; the fault is a signal to the process inside the container, so what the
kernel, the shell around it and the container runtime make of it is real too.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.lab import PBX_KINDS, PbxKind, PbxSpec
from harness.pbx import ContainerRuntime

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]

LAB = """
name: crash
network: {interface: lo, host: 127.58.1.1}
power: {pdu-1: {address: virtual, outlets: 2}}
keypads: {keypad-1: {port: virtual}}
pbx: {address: 127.58.1.2}
peers:
  alice: {extension: "211", tone: 440, address: 127.58.1.3}
phones:
  desk:
    model: 7942G
    mac: 00:24:C4:AB:CD:EF
    address: 127.58.1.42
    outlet: pdu-1/1
    keypad: keypad-1
    tone: 1090
    lines: [{user: "201"}]
"""
IN_CALL = "desk: hold"


def crash_asterisk(kind: PbxKind, owner: int) -> None:
    """Send SIGSEGV to Asterisk in the container that belongs to a process."""
    runtime = ContainerRuntime.probe(PbxSpec(kind=kind).image_name)
    listed = runtime.call("ps", "--format", "{{.Names}}").stdout.split()
    (name,) = [name for name in listed if name.startswith(f"phone-bench-{owner}-")]
    # The container may be gone before exec can say how it went; that it was killed is seen below.
    runtime.call("exec", name, "sh", "-c", "kill -SEGV $(cat /run/asterisk/asterisk.pid)")


@pytest.mark.parametrize("kind", PBX_KINDS)
def test_a_crash_in_a_call_is_a_bench_fault_and_the_next_test_passes(
    tmp_path: Path, kind: PbxKind
) -> None:
    lab = tmp_path / "lab.yaml"
    lab.write_text(LAB, encoding="utf-8")
    command = [sys.executable, "-m", "harness.cli", "nightly", "--plain", "--lab", str(lab)]
    command += ["--runs-dir", str(tmp_path / "runs"), "--pbx", kind]
    command += ["-k", "hold_silences or sends_all_sixteen"]
    said: list[str] = []
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as night:
        for line in night.stdout or ():
            said.append(line)
            if IN_CALL in line:
                crash_asterisk(kind, night.pid)
    output = "".join(said)
    run = tmp_path / "runs" / "latest"
    during, after = [json.loads(x) for x in (run / "results.jsonl").read_text().splitlines()]

    # Seen to fire: by the signal's own name, on the timeline and in the verdict.
    records = [json.loads(line) for line in (run / "timeline.jsonl").read_text().splitlines()]
    stopped = [r for r in records if r["kind"] == "pbx stopped" and not r["event"]["asked"]]
    assert [r["event"]["reason"] for r in stopped] == ["it was killed by SIGSEGV"], output
    assert during["verdict"] == "bench fault", output
    assert "Asterisk ended unasked: it was killed by SIGSEGV" in during["reason"]

    # At once: the hold was given up when Asterisk was gone, not when a deadline was.
    ended = next(r for r in records if r["kind"] == "test ended")
    assert ended["mono"] - stopped[0]["mono"] < 3.0

    kept = next((run / "tests").glob("*hold_silences*")) / "pbx-crash"
    assert "Asterisk Ready." in (kept / "asterisk.log").read_text()
    assert kept.stat().st_mode & 0o077 == 0
    (core,) = [path for path in kept.iterdir() if path.name.startswith("core")]
    with core.open("rb") as file:
        assert file.read(4) == b"\x7fELF"

    assert after["verdict"] == "passed", output
    assert [r["event"]["version"][:11] for r in records if r["kind"] == "pbx started"] == [
        f"Asterisk {kind[-2:]}"
    ] * 2
    assert night.returncode == 3
    assert during["pbx"] == after["pbx"] == kind
