"""A phone twin boots by real DHCP on a bench in a network of its own.

Every test looks at what crossed the wire: dnsmasq's own log on the timeline, the capture, and what
the TFTP server was asked.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from harness.bench import Bench, open_bench
from harness.events import DhcpMessage, FileRequested, LinkChanged, Note
from harness.lab import Lab
from harness.namespaces import ip
from harness.provisioning.dhcp import DhcpPlan
from harness.timeline import Mark, Timeline

ROOT = Path(__file__).parents[3]
PHONE = "desk-7942"
MAC = "0024C4ABCDEF"
NOBODY = "10.42.0.99"
TSHARK = ("tshark", "-n", "-Y", "dhcp", "-T", "fields", "-E", "separator=;")


def network_of_this_thread() -> Path:
    return Path("/proc/thread-self/ns/net").readlink()


@pytest.fixture(scope="module")
def bench(one_phone: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("bench")
    outside = network_of_this_thread()
    with open_bench(one_phone, folder, Timeline()) as opened:
        assert network_of_this_thread() != outside
        opened.phones[PHONE].bring_up()
        yield opened
    assert network_of_this_thread() == outside


def changed(bench: Bench, option_66: str, *option_150: str) -> DhcpPlan:
    assert bench.dhcp is not None
    named = tuple(map(IPv4Address, option_150))
    hosts = [replace(host, option_66=option_66, option_150=named) for host in bench.dhcp.plan.hosts]
    return replace(bench.dhcp.plan, hosts=tuple(hosts))


def test_the_link_goes_with_the_power(bench: Bench) -> None:
    phone, since = bench.phones[PHONE], bench.timeline.mark()
    phone.power_cycle()

    def links(_: object) -> bool:
        seen = bench.timeline.events(LinkChanged, device=PHONE, since=since)
        return [(one.port, one.up) for one in seen] == [("port1", False), ("port1", True)]

    assert bench.timeline.wait_until(links, within=5.0, since=since)
    phone.power_off()
    ports = json.loads(ip("-j", "link", "show", "dev", "port1"))
    assert "LOWER_UP" not in ports[0]["flags"]
    phone.power_on()


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
