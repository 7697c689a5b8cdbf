"""A phone twin boots by real DHCP, in a network of its own, from each server that is rendered for.

Every test looks at what crossed the wire: dnsmasq's own log on the timeline, the capture, and what
the TFTP server was asked.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from harness.bench import Bench, open_bench
from harness.errors import BenchFault
from harness.events import DhcpMessage, FileRequested, Note
from harness.lab import Lab, load_lab
from harness.namespaces import ip
from harness.network import bench_network, containers_follow
from harness.pbx import ContainerRuntime
from harness.provisioning.dhcp import DhcpPlan, DhcpServer, plan_for, render_dhcp
from harness.timeline import Mark, Timeline
from harness.virtual.cable import plugged

ROOT = Path(__file__).parents[3]
PHONE = "desk-7942"
MAC = "0024C4ABCDEF"
NOBODY = "10.42.0.99"
TSHARK = ("tshark", "-n", "-Y", "dhcp", "-T", "fields", "-E", "separator=;")


@pytest.fixture(scope="module")
def one_phone() -> Lab:
    lab = load_lab(ROOT / "lab.namespace.yaml")
    fast = lab.virtual.model_copy(update={"speed": 200.0})
    return lab.model_copy(update={"phones": {PHONE: lab.phones[PHONE]}, "virtual": fast})


@pytest.fixture(scope="module")
def bench(one_phone: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("bench")
    outside = os.readlink("/proc/thread-self/ns/net")
    with open_bench(one_phone, folder, Timeline(folder / "timeline.jsonl")) as opened:
        assert os.readlink("/proc/thread-self/ns/net") != outside
        opened.phones[PHONE].bring_up()
        yield opened
    assert os.readlink("/proc/thread-self/ns/net") == outside


def changed(bench: Bench, option_66: str, *option_150: str) -> DhcpPlan:
    assert bench.dhcp is not None
    named = tuple(map(IPv4Address, option_150))
    hosts = [replace(host, option_66=option_66, option_150=named) for host in bench.dhcp.plan.hosts]
    return replace(bench.dhcp.plan, hosts=tuple(hosts))


@contextmanager
def handing_out(bench: Bench, option_66: str, *option_150: str) -> Iterator[None]:
    assert bench.dhcp is not None
    before = bench.dhcp.plan
    bench.dhcp.serve(changed(bench, option_66, *option_150))
    try:
        yield
    finally:
        bench.dhcp.serve(before)


def messages(bench: Bench, since: Mark) -> list[DhcpMessage]:
    return bench.timeline.events(DhcpMessage, device=PHONE, since=since)


def asked_for_files_at(pcap: Path) -> set[str]:
    command = ["tshark", "-n", "-r", str(pcap), "-Y", "udp.dstport==69", "-T", "fields"]
    told = subprocess.run([*command, "-e", "ip.dst"], capture_output=True, text=True, check=True)
    return set(told.stdout.split())


def test_four_messages_then_files_then_the_registration(bench: Bench, tmp_path: Path) -> None:
    phone, pcap = bench.phones[PHONE], tmp_path / "boot.pcap"
    bench.capture.begin(pcap)
    since = phone.power_cycle()
    answer = phone.wait_registered(since=since)
    bench.capture.end()

    assert answer.start_line == "SIP/2.0 200 OK"
    assert [one.message for one in messages(bench, since)][:4] == [
        "DISCOVER",
        "OFFER",
        "REQUEST",
        "ACK",
    ]
    ack = messages(bench, since)[3]
    assert (ack.mac, ack.address) == (MAC, "10.42.0.42")
    assert (ack.options["66"], ack.options["150"]) == ("10.42.0.1", "10.42.0.1")
    first = bench.timeline.events(FileRequested, device=PHONE, since=since)[0]
    assert (first.name, first.address) == (f"CTLSEP{MAC}.tlv", "10.42.0.42")

    fields = (
        "dhcp.option.dhcp", "eth.src", "eth.dst", "ip.src", "ip.dst", "dhcp.option.hostname",
        "dhcp.option.request_list_item", "dhcp.option.tftp_server_name",
        "dhcp.option.tftp_server_address",
    )  # fmt: skip
    command = [*TSHARK, "-r", str(pcap), *(word for field in fields for word in ("-e", field))]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    discover, offer, request, ack_seen = (line.split(";") for line in told.splitlines()[:4])
    assert [row[0] for row in (discover, offer, request, ack_seen)] == ["1", "2", "3", "5"]
    for row in (discover, request):
        assert row[1:5] == ["00:24:c4:ab:cd:ef", "ff:ff:ff:ff:ff:ff", "0.0.0.0", "255.255.255.255"]
        assert row[5] == f"SEP{MAC}"
        assert {"66", "150"} <= set(row[6].split(","))
    for row in (offer, ack_seen):
        assert row[7:9] == ["10.42.0.1", "10.42.0.1"]
    # tshark cuts strings at the NUL, so the class is looked for in the bytes: code, length, text.
    text = b"Cisco Systems, Inc. IP Phone CP-7942G\0"
    assert pcap.read_bytes().count(bytes((60, len(text))) + text) >= 2


@pytest.mark.parametrize(
    ("option_66", "option_150", "named_by"),
    [
        (NOBODY, ("10.42.0.1",), "option 150"),
        ("10.42.0.1", (), "option 66"),
        ("", (), "siaddr"),
    ],
)
def test_150_before_66_before_siaddr(
    bench: Bench, tmp_path: Path, option_66: str, option_150: tuple[str, ...], named_by: str
) -> None:
    phone, pcap = bench.phones[PHONE], tmp_path / "boot.pcap"
    with handing_out(bench, option_66, *option_150):
        bench.capture.begin(pcap)
        since = phone.power_cycle()
        phone.wait_registered(since=since)
        bench.capture.end()
    ack = next(one for one in messages(bench, since) if one.message == "ACK")
    assert ack.options.get("66", "") == option_66
    assert ack.options.get("150", "") == ",".join(option_150)
    assert ack.options["siaddr"] == "10.42.0.1"
    assert asked_for_files_at(pcap) == {"10.42.0.1"}
    notes = bench.timeline.events(Note, since=since)
    assert any(f"TFTP server 10.42.0.1 by {named_by}" in note.text for note in notes)


def test_a_silent_tftp_server_costs_the_lease_until_another_is_named(
    bench: Bench, tmp_path: Path
) -> None:
    phone, pcap = bench.phones[PHONE], tmp_path / "boot.pcap"

    def released(records: list[object]) -> bool:
        told = [one.message for one in messages(bench, since)]
        return "RELEASE" in told and "DISCOVER" in told[told.index("RELEASE") :]

    with handing_out(bench, "10.42.0.1", NOBODY):
        bench.capture.begin(pcap)
        since = phone.power_cycle()
        assert bench.timeline.wait_until(released, within=30.0, since=since)
        bench.capture.end()
    # Option 66 names a server that would answer; the phone must not fall back to it.
    assert not bench.timeline.events(FileRequested, device=PHONE, since=since)
    phone.wait_registered(since=since)


@contextmanager
def other_server(program: str, plan: DhcpPlan, folder: Path) -> Iterator[None]:
    """Run ISC dhcpd or Kea on what is rendered for it, until it listens."""
    configuration = folder / f"{program}.conf"
    configuration.write_text(render_dhcp(plan, program), encoding="utf-8")
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
        preexec_fn=cable.enter,
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


def namespaces() -> set[str]:
    lines = ip("netns", "list").splitlines()
    return {line.split()[0] for line in lines if line.startswith("phone-bench-")}


def night(folder: Path) -> list[str]:
    return [
        sys.executable, "-m", "harness.cli", "nightly", "--plain", "--phones", PHONE,
        "--lab", str(ROOT / "lab.namespace.yaml"), "--runs-dir", str(folder),
        "-k", "test_incoming_call_codec and PCMA",
    ]  # fmt: skip


@pytest.mark.timeout(180)
def test_a_night_by_dhcp_and_what_a_killed_one_leaves(tmp_path: Path) -> None:
    before = namespaces()
    with subprocess.Popen(
        night(tmp_path / "killed"), cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as killed:
        assert killed.stdout is not None
        for line in killed.stdout:
            if "provisioning" in line:
                break
        killed.send_signal(signal.SIGKILL)
    left = namespaces() - before
    assert any(f"-{killed.pid}-" in name for name in left)

    done = subprocess.run(
        night(tmp_path / "whole"), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed, 0 failed" in done.stdout
    assert namespaces() == before
    timeline = (tmp_path / "whole" / "latest" / "timeline.jsonl").read_text(encoding="utf-8")
    assert all(f"removed the network {name}" in timeline for name in left if "bench" in name)


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
