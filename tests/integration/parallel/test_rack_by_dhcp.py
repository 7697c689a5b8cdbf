"""A rack of phones on an interface of this machine: sides on spare addresses, one DHCP server.

The devices are in a process that the harness knows nothing of, and cabled to a switch of their own;
to the harness they are hardware.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from parallel_night import Night, ended_with, on

from harness.events import DhcpMessage, PartBack, PartLost
from harness.lab import load_lab
from harness.namespaces import ip, namespace
from harness.provisioning.firmware import load_manifest, make_up
from harness.runs import Verdict
from harness.timeline import read_timeline, read_timelines
from harness.twins import twin_spec

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

LAB = """
name: rack
network: {{{network}interface: phones, host: 10.66.0.1, dhcp: true}}
virtual: {{speed: 40, installed: {{left: SIP42.9-3-1SR4-1S, right: SIP42.9-3-1SR4-1S}}}}
power:
  pdu-1: {{address: "{pdu}", outlets: 2}}
keypads:
  keypad-1: {{port: {left}}}
  keypad-2: {{port: {right}}}
pbx: {{address: 10.66.0.1}}
peers:
  alice: {{extension: "211", tone: 440, address: 10.66.0.1}}
provisioning: {{load: SIP42.9-3-1SR4-1S, firmware: "{firmware}"}}
phones:
  left:
    model: 7942G
    mac: 00:24:C4:AB:CD:01
    kind: {kind}
    address: 10.66.0.41
    outlet: pdu-1/1
    keypad: keypad-1
    tone: 1090
    lines: [{{user: "201"}}]
  right:
    model: 7942G
    mac: 00:24:C4:AB:CD:02
    kind: {kind}
    address: 10.66.0.42
    outlet: pdu-1/2
    keypad: keypad-2
    tone: 1370
    lines: [{{user: "202"}}]
"""


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    firmware = tmp_path / "firmware"
    make_up(load_manifest("SIP42.9-3-1SR4-1S"), firmware)
    twins = tmp_path / "twins.yaml"
    plugged = "namespace: rack, "
    virtual = {"pdu": "virtual", "left": "virtual", "right": "virtual", "kind": "virtual"}
    twins.write_text(LAB.format(network=plugged, firmware=firmware, **virtual))
    with namespace("rack") as name:
        ip("-n", name, "link", "set", "lo", "up")
        switch = ("type", "bridge", "stp_state", "0", "forward_delay", "0")
        ip("-n", name, "link", "add", "phones", *switch)
        for host in (1, 11, 12):
            ip("-n", name, "address", "add", f"10.66.0.{host}/24", "brd", "+", "dev", "phones")
        ip("-n", name, "link", "set", "phones", "up")
        within = ["nsenter", f"--net=/run/netns/{name}", "--"]
        with (
            (tmp_path / "twins.log").open("wb") as log,
            subprocess.Popen(
                [*within, sys.executable, "-m", "harness.virtual"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            ) as process,
        ):
            assert process.stdin is not None
            assert process.stdout is not None
            spec = twin_spec(load_lab(twins), tmp_path / "flash")
            process.stdin.write(json.dumps(spec) + "\n")
            process.stdin.flush()
            endpoints = json.loads(process.stdout.readline())
            text = LAB.format(
                network="spare: [10.66.0.11, 10.66.0.12], ",
                firmware=firmware,
                pdu=endpoints["pdus"]["pdu-1"],
                left=endpoints["keypads"]["keypad-1"],
                right=endpoints["keypads"]["keypad-2"],
                kind="hardware",
            )
            yield Night(tmp_path, text, within)
            process.stdin.close()


def test_each_phone_is_told_the_server_of_its_side(night: Night) -> None:
    assert night.run("--parallel", "auto", "-k", "not both") == 0, night.output
    run = night.result()
    assert ended_with(run) == on("left", "right")
    assert set(run.devices.values()) == {"hardware"}
    records = read_timelines(night.directory)
    told = {
        record.device: record.event.options["150"]
        for record in records
        if isinstance(record.event, DhcpMessage) and "150" in record.event.options
    }
    assert told == {"left": "10.66.0.11", "right": "10.66.0.12"}
    # What one side's timeline says of DHCP is the host's word; each side has heard it.
    for side in (0, 1):
        heard = read_timeline(night.directory / f"timeline-1-{side}.jsonl")
        assert any(isinstance(record.event, DhcpMessage) for record in heard)
    assert night.left() == []


def test_a_dhcp_server_that_dies_is_to_blame_and_comes_back(night: Night) -> None:
    assert night.run("--parallel", "auto", "-k", "not both", end="dhcp") == 3, night.output
    assert night.ended() == "left"
    run = night.result()
    # Whoever was tested then on the other side saw it as well.
    blamed = [result for result in run.results if result.verdict is not Verdict.PASSED]
    assert {result.verdict for result in blamed} == {Verdict.BENCH_FAULT}
    assert all("dnsmasq ended by itself: signal 9" in result.reason for result in blamed)
    assert "test_may_end[left]" in ended_with(run, Verdict.BENCH_FAULT)
    assert "test_call[left]" in ended_with(run)
    names = ("timeline", "timeline-1-0", "timeline-1-1")
    for timeline in (night.directory / f"{name}.jsonl" for name in names):
        kinds = [type(each.event) for each in read_timeline(timeline) if each.source == "dhcp"]
        assert kinds.count(PartLost) == kinds.count(PartBack) == 1, timeline
    assert night.left() == []
