"""Each DHCP server that is rendered for serves a twin; what a killed night leaves is swept."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import BenchFault
from harness.lab import Lab
from harness.namespaces import ip
from harness.network import bench_network, containers_follow
from harness.pbx import ContainerRuntime
from harness.provisioning.dhcp import DhcpPlan, DhcpServer, plan_for, render_dhcp
from harness.timeline import Timeline
from harness.virtual.cable import plugged

ROOT = Path(__file__).parents[3]
PHONE = "desk-7942"
MAC = "0024C4ABCDEF"
NOBODY = "10.42.0.99"


@contextmanager
def other_server(
    program: str, plan: DhcpPlan, folder: Path, lease_seconds: int = 43200
) -> Iterator[None]:
    """Run ISC dhcpd or Kea on what is rendered for it, until it listens."""
    configuration = folder / f"{program}.conf"
    text = render_dhcp(plan, program).replace("43200", str(lease_seconds))
    configuration.write_text(text, encoding="utf-8")
    leases = folder / "leases"
    leases.touch()
    if program == "isc":
        command = ["dhcpd", "-4", "-f", "-d", "-cf", str(configuration), "-lf", str(leases)]
        command += ["-pf", str(folder / "pid"), "--no-pid", plan.interface]
        ready = "Sending on   Socket/fallback"
    else:
        command = ["kea-dhcp4", "-c", str(configuration)]
        ready = "DHCP4_STARTED"
    kea = {"KEA_PIDFILE_DIR": str(folder), "KEA_LOCKFILE_DIR": str(folder)}
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **kea, "PATH": path},
    ) as process:
        said = []
        try:
            assert process.stdout is not None
            for line in process.stdout:
                said.append(line)
                if ready in line:
                    break
            else:
                pytest.fail("".join(said))
            yield
        finally:
            process.kill()


def serving(program: str, plan: DhcpPlan, folder: Path, stack: ExitStack) -> None:
    if program == "dnsmasq":
        server = DhcpServer(plan, folder, Timeline().observer("dhcp"), {})
        stack.callback(server.stop)
        server.start()
    else:
        stack.enter_context(other_server(program, plan, folder))


def lines_of_a_phone(folder: Path, stack: ExitStack) -> Iterator[str]:
    """Power a phone twin at a cable of its own; what it logs, as it comes."""
    cable = stack.enter_context(plugged(PHONE, MAC, "phones", "port1"))
    spec = {
        "name": PHONE, "outlet": "pdu-1/1", "keypad": "keypad-1", "model": "7942G", "mac": MAC,
        "load": "SIP42.8-5-2S", "speed": 200, "flash": str(folder / "flash"), "interface": "eth0",
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "harness.virtual.phone"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=cable.enter,  # noqa: PLW1509
    )
    stack.enter_context(process)
    stack.callback(process.kill)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(spec) + "\n")
    process.stdin.flush()
    cable.set_link(up=True)
    for line in process.stdout:
        yield json.loads(line).get("log", "")


def wait_for(lines: Iterator[str], text: str) -> list[str]:
    """Read on until a line holds ``text``; pytest's own timeout ends a wait in vain."""
    seen = []
    for line in lines:
        seen.append(line)
        if text in line:
            return seen
    pytest.fail(f"the phone ended without {text!r}: {seen}")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("program", ["dnsmasq", "isc", "kea"])
def test_each_server_gives_the_phone_what_was_rendered(
    one_phone: Lab, tmp_path: Path, program: str
) -> None:
    plan = plan_for(one_phone, interface="phones")
    plan = replace(plan, hosts=tuple(replace(host, option_66=NOBODY) for host in plan.hosts))
    with bench_network(one_phone, Timeline().observer("network")), ExitStack() as stack:
        serving(program, plan, tmp_path, stack)
        lines = lines_of_a_phone(tmp_path, stack)
        seen = wait_for(lines, "TFTP server")
    assert seen[-2] == "DHCP: 10.42.0.42/24 from 10.42.0.1 for 43200 s"
    assert seen[-1] == "DHCP: TFTP server 10.42.0.1 by option 150"


@pytest.mark.timeout(60)
@pytest.mark.parametrize("program", ["isc", "kea"])
def test_a_lease_that_names_no_server_leads_nowhere(
    one_phone: Lab, tmp_path: Path, program: str
) -> None:
    plan = plan_for(one_phone, interface="phones")
    bare = [replace(host, option_66="", option_150=()) for host in plan.hosts]
    with bench_network(one_phone, Timeline().observer("network")), ExitStack() as stack:
        serving(program, replace(plan, hosts=tuple(bare)), tmp_path, stack)
        lines = lines_of_a_phone(tmp_path, stack)
        seen = wait_for(lines, "IP address released")
        again = wait_for(lines, "IP address released")
    assert "DHCP: no TFTP server: neither option 150 nor 66 nor siaddr" in seen
    assert any("from 10.42.0.1" in line for line in again)
    assert not any("Finished" in line for line in (*seen, *again))


@pytest.mark.timeout(60)
def test_a_lease_is_renewed_at_half_its_time(one_phone: Lab, tmp_path: Path) -> None:
    # By Kea: dnsmasq grants no less than two minutes, ISC dhcpd no less than five.
    plan = plan_for(one_phone, interface="phones")
    with bench_network(one_phone, Timeline().observer("network")), ExitStack() as stack:
        stack.enter_context(other_server("kea", plan, tmp_path, lease_seconds=4))
        lines = lines_of_a_phone(tmp_path, stack)
        wait_for(lines, "DHCP: 10.42.0.42/24 from 10.42.0.1 for 4 s")
        granted = time.monotonic()
        seen = wait_for(lines, "10.42.0.42 renewed for 4 s")
        waited = time.monotonic() - granted
    assert 1.5 < waited < 3.5
    assert not any("lost" in line for line in seen)


def networks_of(harness: subprocess.Popen[str]) -> set[str]:
    names = {line.split()[0] for line in ip("netns", "list").splitlines()}
    return {name for name in names if name.startswith(f"phone-bench-{harness.pid}-")}


def pidfd_of(program: str, parent: int) -> int:
    """A handle on the one child of a process that runs a program; readable when it has ended."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii").split()
    named = {Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip(): pid for pid in children}
    return os.pidfd_open(int(named[program]))


def night(folder: Path) -> list[str]:
    return [
        sys.executable, "-m", "harness.cli", "nightly", "--plain", "--phones", PHONE,
        "--lab", str(ROOT / "lab.namespace.yaml"), "--runs-dir", str(folder),
        "-k", "test_incoming_call_codec and PCMA",
    ]  # fmt: skip


@pytest.mark.timeout(180)
def test_a_night_by_dhcp_and_what_a_killed_one_leaves(tmp_path: Path) -> None:
    with subprocess.Popen(
        night(tmp_path / "killed"), cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as killed:
        assert killed.stdout is not None
        for line in killed.stdout:
            if "provisioning" in line:
                break
        # Asked while it lives: whatever harness starts next removes what a dead one left.
        assert networks_of(killed)
        answering = pidfd_of("dnsmasq", killed.pid)
        killed.send_signal(signal.SIGKILL)
    # Nobody else ends it: on hardware it would go on to answer.
    assert select.select([answering], [], [], 5.0)[0]
    os.close(answering)

    with subprocess.Popen(
        night(tmp_path / "whole"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as whole:
        output, _ = whole.communicate()
    assert whole.returncode == 0, output
    assert "1 passed, 0 failed" in output
    assert networks_of(killed) == networks_of(whole) == set()


def test_two_benches_with_the_same_addresses_stand_side_by_side(one_phone: Lab) -> None:
    observe = Timeline().observer("network")
    with bench_network(one_phone, observe), bench_network(one_phone, observe):
        addresses = json.loads(ip("-j", "-4", "address", "show", "dev", "phones"))
    assert "10.42.0.1" in {one["local"] for one in addresses[0]["addr_info"]}


def test_a_dhcp_server_without_its_interface_is_a_bench_fault(
    one_phone: Lab, tmp_path: Path
) -> None:
    server = DhcpServer(
        plan_for(one_phone, interface="phones"), tmp_path, Timeline().observer("dhcp"), {}
    )
    with pytest.raises(BenchFault, match="there is no interface phones"):
        server.start()


def test_docker_only_is_refused_for_a_namespace(
    one_phone: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ContainerRuntime, "probe", lambda _image: ContainerRuntime("docker"))
    with pytest.raises(BenchFault, match="outside the bench's network namespace"):
        containers_follow(one_phone)
