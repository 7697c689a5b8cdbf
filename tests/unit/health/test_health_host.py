"""Each check of the host, well and not."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.errors import BenchFault
from harness.health import Finding, State, clock, network, programs, storage
from harness.health.registry import Situation, host_checks
from harness.lab import Lab, load_lab
from harness.pbx import ContainerRuntime

ROOT = Path(__file__).parents[3]


@pytest.fixture
def lab() -> Lab:
    return load_lab(ROOT / "lab.yaml")


@pytest.fixture
def hardware() -> Lab:
    return load_lab(ROOT / "lab.example-hardware.yaml")


def told(look: Callable[[Situation], Any], lab: Lab, runs: Path = Path()) -> list[Finding]:
    return list(look(Situation(lab, runs)))


def faults(findings: list[Finding]) -> list[Finding]:
    bad = [finding for finding in findings if finding.state is State.FAULT]
    assert all(finding.fix for finding in bad), "a fault without a fix helps nobody"
    return bad


def on_network(lab: Lab, **changes: Any) -> Lab:
    return lab.model_copy(update={"network": lab.network.model_copy(update=changes)})


def test_every_check_is_registered(lab: Lab) -> None:
    assert [check.name for check in host_checks(Situation(lab, Path()))] == [
        "interface", "addresses", "dhcp interface", "ports", "capture", "programs", "packages",
        "container", "network namespace", "runs folder", "firmware", "killed runs",
            "clock",
    ]  # fmt: skip


# Network


def links(monkeypatch: pytest.MonkeyPatch, *, flags: str = "UP", route: str = "eth0") -> None:
    """An iproute2 that knows eth0 and eth1."""
    address = {"ifname": "eth1", "addr_info": [{"local": "192.0.2.1"}]}
    answers: dict[str, Any] = {
        "link": [{"ifname": "eth0", "flags": ["UP"]}, {"ifname": "eth1", "flags": flags.split()}],
        "address": [address],
        "default": [{"dev": route}],
    }
    monkeypatch.setattr(network, "ip", lambda *words: json.dumps(answers[words[-1]]))


@pytest.mark.parametrize(
    ("flags", "state", "found"),
    [
        ("UP LOWER_UP", State.OK, "up"),
        ("", State.FAULT, "it is down"),
        ("UP NO-CARRIER", State.FAULT, "no link"),
    ],
)
def test_the_interface_is_up_and_plugged_in(
    hardware: Lab, monkeypatch: pytest.MonkeyPatch, flags: str, state: State, found: str
) -> None:
    links(monkeypatch, flags=flags)
    (finding,) = told(network.interface, hardware)
    assert (finding.state, found in finding.found) == (state, True)


def test_a_missing_interface_names_those_there_are(
    hardware: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    links(monkeypatch)
    (finding,) = faults(told(network.interface, on_network(hardware, interface="eth7")))
    assert "eth0, eth1" in finding.found


def test_the_hosts_address_is_on_it(hardware: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    links(monkeypatch)
    assert not faults(told(network.addresses, hardware))
    other = on_network(hardware, interface="eth0")
    (finding,) = faults(told(network.addresses, other))
    assert finding.fix.startswith("ip address add 192.0.2.1/24 dev eth0")


def test_all_of_127_is_on_the_loopback(lab: Lab) -> None:
    assert not faults(told(network.addresses, lab))


def test_dhcp_is_never_answered_on_the_way_out(
    hardware: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    links(monkeypatch)
    assert not faults(told(network.dhcp_interface, hardware))
    links(monkeypatch, route="eth1")
    assert faults(told(network.dhcp_interface, hardware))
    assert told(network.dhcp_interface, on_network(hardware, dhcp=False)) == []


@pytest.fixture
def own(lab: Lab) -> Lab:
    """The shipped lab on addresses of this test alone."""
    pbx = lab.pbx.model_copy(update={"address": network.IPv4Address("127.60.1.2")})
    moved = on_network(lab, host=network.IPv4Address("127.60.1.1"))
    return moved.model_copy(update={"pbx": pbx})


def test_free_ports_are_free_and_all_of_them_named(own: Lab) -> None:
    findings = told(network.ports, own)
    assert not faults(findings)
    assert [finding.check for finding in findings] == [
        "TFTP 127.60.1.1:69", "HTTP 127.60.1.1:6970", "SIP (UDP) 127.60.1.2:5060",
        "SIP (TCP) 127.60.1.2:5060", "AMI 127.60.1.2:5038", "RTP 127.60.1.2:10000-10999",
        "peers 127.42.0.3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "address", "port", "found"),
    [
        (socket.SOCK_DGRAM, "127.60.1.1", 69, "already in use"),
        (socket.SOCK_STREAM, "127.60.1.2", 5038, "already in use"),
        (socket.SOCK_DGRAM, "127.60.1.2", 10500, "already in use on 1 of 1000 ports"),
    ],
)
def test_a_port_somebody_holds_is_a_fault(
    own: Lab, kind: socket.SocketKind, address: str, port: int, found: str
) -> None:
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind((address, port))
        if kind == socket.SOCK_STREAM:
            holder.listen()
        (finding,) = faults(told(network.ports, own))
    assert found in finding.found
    assert f"sport = :{port}" in finding.fix


def test_no_right_to_a_low_port_says_which_right(own: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(wanted: Any, port: int) -> OSError | None:
        return OSError(errno.EACCES, os.strerror(errno.EACCES)) if port == 69 else None

    monkeypatch.setattr(network, "_bind", refuse)
    (finding,) = faults(told(network.ports, own))
    assert "ip_unprivileged_port_start=69" in finding.fix


def test_a_strange_address_is_one_fault_for_all_its_ports(own: Lab) -> None:
    pbx = own.pbx.model_copy(update={"address": network.IPv4Address("192.0.2.77")})
    (finding,) = faults(told(network.ports, own.model_copy(update={"pbx": pbx})))
    assert "SIP (UDP), SIP (TCP), AMI, RTP" in finding.found


def test_an_rtp_range_upside_down_is_a_fault(own: Lab) -> None:
    pbx = own.pbx.model_copy(update={"rtp_end": 9000})
    (finding,) = faults(told(network.ports, own.model_copy(update={"pbx": pbx})))
    assert "below the first" in finding.found


class StubCapture:
    packets = 2

    def __init__(self, *_: Any) -> None:
        pass

    def start(self) -> None: ...
    def end(self) -> None: ...
    def stop(self) -> None: ...


@pytest.mark.parametrize(("packets", "state"), [(2, State.OK), (1, State.FAULT)])
def test_a_capture_that_misses_a_packet_is_a_fault(
    own: Lab, monkeypatch: pytest.MonkeyPatch, packets: int, state: State
) -> None:
    monkeypatch.setattr(StubCapture, "packets", packets)
    monkeypatch.setattr(network, "Capture", StubCapture)
    (finding,) = told(network.capture, own)
    assert (finding.state, finding.found) == (state, f"{packets} of 2 packets seen")


def test_a_capture_is_not_tried_without_an_address(own: Lab) -> None:
    strange = on_network(own, host=network.IPv4Address("192.0.2.77"))
    (finding,) = faults(told(network.capture, strange))
    assert finding.found.startswith("not tried")


# Programs


def test_what_is_not_installed_says_the_package(
    hardware: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "_find", lambda program: f"/bin/{program}")
    assert not faults(told(programs.programs, hardware))
    monkeypatch.setattr(programs, "_find", lambda _: None)
    assert [finding.fix for finding in faults(told(programs.programs, hardware))] == [
        "apt-get install tcpdump", "apt-get install iproute2", "apt-get install dnsmasq-base",
        "apt-get install openssh-client",
    ]  # fmt: skip


def test_dnsmasq_is_asked_for_where_dhcp_is(lab: Lab) -> None:
    names = [finding.check for finding in told(programs.programs, lab)]
    assert "program dnsmasq" not in names


def test_a_missing_python_package_says_what_to_install(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not faults(told(programs.packages, lab))
    monkeypatch.setattr(programs, "find_spec", lambda name: None if name == "asyncssh" else name)
    (finding,) = faults(told(programs.packages, lab))
    assert finding.fix == "pip install 'phone-bench[virtual]'"


@pytest.mark.parametrize("python", ["/nowhere/python", sys.executable])
def test_labgrid_is_looked_for_in_its_own_venv(
    python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding = programs._labgrid("pdu-9", python)
    # The test's own interpreter may have it or not; a path that leads nowhere never does.
    assert finding.state is State.FAULT or python == sys.executable
    assert "power.pdu-9" in finding.fix or finding.state is State.OK


def test_a_container_that_runs_and_one_that_docker_would_misplace(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = ContainerRuntime("docker", probed="Asterisk 22")
    monkeypatch.setattr(ContainerRuntime, "probe", lambda _: runtime)
    assert not faults(told(programs.container, lab))
    (finding,) = faults(told(programs.container, on_network(lab, namespace="x")))
    assert "podman" in finding.fix


def test_no_container_is_said_by_whoever_tried(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> ContainerRuntime:
        raise BenchFault("the image is missing", hint="build it: make image")

    monkeypatch.setattr(ContainerRuntime, "probe", refuse)
    with pytest.raises(BenchFault):
        told(programs.container, lab)


def test_namespaces_are_tried_where_the_lab_wants_one(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told(programs.network_namespaces, lab) == []

    def refuse(_: str) -> Iterator[str]:
        raise BenchFault("ip netns add failed", hint="root")

    monkeypatch.setattr(programs, "namespace", refuse)
    with pytest.raises(BenchFault):
        told(programs.network_namespaces, on_network(lab, namespace="x"))


# Clock


@pytest.mark.parametrize(
    ("kernel", "virtual", "state"),
    [
        (True, False, State.OK),
        (False, False, State.FAULT),
        (False, True, State.UNKNOWN),
        (None, False, State.UNKNOWN),
    ],
)
def test_a_clock_nobody_keeps(
    lab: Lab,
    hardware: Lab,
    monkeypatch: pytest.MonkeyPatch,
    kernel: bool | None,
    virtual: bool,
    state: State,
) -> None:
    monkeypatch.setattr(clock, "kernel_synchronised", lambda: kernel)
    (finding,) = told(clock.clock, lab if virtual else hardware)
    assert finding.state is state


def test_a_clock_before_the_lab_file_is_a_fault(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "kernel_synchronised", lambda: True)
    monkeypatch.setattr(clock.time, "time", lambda: 0.0)
    (finding,) = faults(told(clock.clock, lab))
    assert "before lab.yaml was written" in finding.found


def test_a_jump_of_the_clock_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    steady = clock.Steady()
    assert steady.finding().state is State.OK
    now = clock.time.time
    monkeypatch.setattr(clock.time, "time", lambda: now() - 3600)
    finding = steady.finding()
    assert (finding.state, "-3600.0 s" in finding.found) == (State.FAULT, True)


def test_the_kernel_answers_about_its_clock() -> None:
    assert clock.kernel_synchronised() in {True, False, None}


# Disk


def test_the_runs_folder_is_written_and_has_room(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = tmp_path / "not" / "yet"
    assert not faults(told(storage.runs_folder, lab, new))
    assert not new.exists(), "a check makes nothing"
    usage = shutil.disk_usage(tmp_path)._replace(free=5_000_000)
    monkeypatch.setattr(storage.shutil, "disk_usage", lambda _: usage)
    (finding,) = faults(told(storage.runs_folder, lab, new))
    assert finding.found == "only 5 MB free"


def test_a_folder_that_cannot_be_written_is_a_fault(lab: Lab) -> None:
    (finding,) = faults(told(storage.runs_folder, lab, Path("/proc/phone-bench")))
    assert finding.found.startswith("cannot be written")
