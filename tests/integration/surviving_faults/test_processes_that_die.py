"""A peer, the capture, the PBX or the twins die in the middle of a call."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from night import SUITE, lab_text, night
from processes import command_line, kill_child, parent, processes

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


killed: list[int] = []


def kill_asterisk_and_what_watches_it(night: int) -> None:
    """With its monitor gone nobody can say how the container ended, or that it did."""
    (monitor,) = [
        pid
        for pid in processes()
        if f"phone-bench-{night}-" in (line := command_line(pid)) and "conmon" in line
    ]
    (asterisk,) = [
        pid
        for pid in processes()
        if command_line(pid).startswith("asterisk -f") and parent(parent(pid)) == monitor
    ]
    killed.extend((monitor, asterisk))
    for pid in killed:
        os.kill(pid, signal.SIGKILL)


def test_four_deaths_are_four_bench_faults_and_every_other_call_is_well(tmp_path: Path) -> None:
    deeds = {
        "in call first": kill_child("harness.softphone"),
        "in call second": kill_child("harness.softphone", signal.SIGSTOP),
        "in call third": kill_child("tcpdump"),
        "in call fourth": kill_asterisk_and_what_watches_it,
    }
    done = night(
        tmp_path, lab_text(), "--suite", str(SUITE), "-k", "before or in_call or after", deeds=deeds
    )
    assert done.verdicts == ["passed", *["bench fault"] * 4, "passed"], done.output
    assert done.code == 3
    reasons = [result["reason"] for result in done.results[1:5]]
    assert reasons[0] == "alice: its process is gone: signal 9"
    assert "alice: its process is gone: it hung: no sign of life" in reasons[1]
    assert reasons[2].startswith("capture: the capture died")
    assert reasons[3].startswith("pbx: Asterisk ended unasked")

    # At once: given up when the part was gone, not when a deadline was.
    lost = [
        r
        for r in done.records
        if r["kind"] == "part lost" or (r["kind"] == "pbx stopped" and not r["event"]["asked"])
    ]
    assert len(lost) == 4, lost
    for record in lost:
        assert done.seconds_to_verdict(record) < 4.0, record
    back = [record["event"]["part"] for record in done.of_kind("part back")]
    assert back == ["alice", "alice", "capture"]
    assert len(done.of_kind("pbx started")) == 2

    # What each left is kept, and not written over by the next.
    assert {path.name for path in (done.run / "peers").iterdir()} == {"alice", "alice-2", "alice-3"}
    assert (done.run / "session.pcap").exists()
    assert (done.run / "session-2.pcap").exists()
    done.assert_nothing_is_lost()
    # The container without its monitor is gone as well, or it would hold the next night's ports.
    assert all(not command_line(pid) for pid in killed)
    containers = subprocess.run(
        ["podman", "ps", "--all", "--format", "{{.Names}}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert f"phone-bench-{done.pid}-" not in containers


def test_a_dhcp_server_that_dies_in_a_boot_is_started_again(tmp_path: Path) -> None:
    network = "namespace: faults, interface: phones, host: 10.63.0.1, prefix: 24, dhcp: true"
    lab = lab_text().replace("interface: lo, host: 127.63.0.1", network)
    deeds = {"test_off_and_on": kill_child("dnsmasq")}
    arguments = ["--suite", str(SUITE), "-k", "before or off_and_on or after"]
    done = night(tmp_path, lab.replace("127.63.0.", "10.63.0."), *arguments, deeds=deeds)
    assert done.verdicts == ["passed", "bench fault", "passed"], done.output
    assert done.code == 3
    assert done.results[1]["reason"] == "dhcp: dnsmasq ended by itself: signal 9"
    (lost,) = done.of_kind("part lost")
    assert done.seconds_to_verdict(lost) < 3.0
    assert [record["event"]["part"] for record in done.of_kind("part back")] == ["dhcp"]
    # The phone got its address from the second one.
    back = done.of_kind("part back")[0]["seq"]
    given = [r for r in done.of_kind("dhcp") if r["event"]["message"] == "ACK" and r["seq"] > back]
    assert given
    done.assert_nothing_is_lost()


def test_without_its_twins_no_phone_is_to_blame(tmp_path: Path) -> None:
    deeds = {"in call first": kill_child("harness.virtual")}
    done = night(
        tmp_path, lab_text(subnet=1), "--suite", str(SUITE), "-k", "not somebody", deeds=deeds
    )
    assert done.verdicts == ["passed", *["bench fault"] * 6], done.output
    assert done.code == 3
    for result in done.results[1:]:
        assert result["reason"].startswith("virtual bench: the bench-twin process"), result
    lost = next(r for r in done.of_kind("part lost") if r["event"]["part"] == "virtual bench")
    assert done.seconds_to_verdict(lost) < 3.0
    # Nothing is tried again and again on a bench that is not there.
    assert all(result["duration"] < 3.0 for result in done.results[2:])
    done.assert_nothing_is_lost()
