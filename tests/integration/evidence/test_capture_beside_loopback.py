"""A capture where phones are on an interface, and PBX and peers on one host behind it."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.errors import BenchFault
from harness.events import PartLost, SipMessage
from harness.evidence import Capture, capture_filter
from harness.evidence.frames import read_frames, read_pcap
from harness.lab import load_lab
from harness.namespaces import entered, ip, namespace
from harness.timeline import Timeline

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
BRIDGE, HOST, PBX, PEER, PHONE = "phones", "10.64.1.1", "10.64.1.2", "10.64.1.3", "10.64.1.42"


@pytest.fixture
def host() -> Iterator[str]:
    """The bench's host, and a phone in a network of its own behind a cable; yields the phone's."""
    with namespace("host") as outer, namespace("phone") as phone:
        ip("-n", outer, "link", "add", BRIDGE, "type", "bridge", "stp_state", "0")
        ip("-n", outer, "link", "add", "port1", "type", "veth", "peer", "eth0", "netns", phone)
        ip("-n", outer, "link", "set", "port1", "master", BRIDGE)
        for address in (HOST, PBX, PEER):
            ip("-n", outer, "address", "add", f"{address}/24", "dev", BRIDGE)
        ip("-n", phone, "address", "add", f"{PHONE}/24", "dev", "eth0")
        for network, device in ((outer, BRIDGE), (outer, "port1"), (phone, "eth0")):
            ip("-n", network, "link", "set", device, "up")
        with entered(outer):
            yield phone


@contextmanager
def capturing(timeline: Timeline, folder: Path) -> Iterator[Capture]:
    text = (ROOT / "lab.namespace.yaml").read_text().replace("10.42.0.", "10.64.1.")
    (folder / "lab.yaml").write_text(text)
    expression = capture_filter(load_lab(folder / "lab.yaml"))
    observe = timeline.observer("capture")
    capture = Capture(
        BRIDGE, expression, observe, {PHONE: "desk"}, folder / "session.pcap", loopback=True
    )
    capture.start()
    try:
        yield capture
    finally:
        capture.stop()


def bound(address: str, port: int = 5060) -> socket.socket:
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind((address, port))
    return one


def sip(number: int) -> bytes:
    return f"INFO sip:x@y SIP/2.0\r\nCall-ID: {number}\r\nCSeq: {number} INFO\r\n\r\n".encode()


def test_each_packet_once_and_in_order_whichever_way_it_went(host: str, tmp_path: Path) -> None:
    """A message handed on, peer to PBX to phone and back, crosses loopback and bridge in turn."""
    timeline = Timeline()
    with entered(host):
        phone = bound(PHONE)
    with phone, bound(PBX) as pbx, bound(PEER) as peer, capturing(timeline, tmp_path) as capture:
        capture.begin(tmp_path / "test.pcap")
        for number in range(0, 400, 4):
            hops = ((peer, PBX, pbx), (pbx, PHONE, phone), (phone, PBX, pbx), (pbx, PEER, peer))
            for step, (sender, to, receiver) in enumerate(hops):
                sender.sendto(sip(number + step), (to, 5060))
                assert receiver.recv(2000) == sip(number + step)
        capture.end()
    seen = [(p.source_ip, p.destination_ip) for p in read_pcap(tmp_path / "test.pcap")]
    assert seen == [(PEER, PBX), (PBX, PHONE), (PHONE, PBX), (PBX, PEER)] * 100
    assert [message.call_id for message in timeline.events(SipMessage)] == [
        str(number) for number in range(400)
    ]
    times = [frame.time for frame in read_frames(tmp_path / "test.pcap")[1]]
    assert times == sorted(times)


def test_what_the_host_says_to_itself_beside_calls_is_left_alone(host: str, tmp_path: Path) -> None:
    """The manager's port has a login on it, and may be at the address of a peer."""
    with capturing(Timeline(), tmp_path) as capture, bound(PEER) as peer, bound(PBX) as pbx:
        capture.begin(tmp_path / "test.pcap")
        peer.sendto(b"login", (PBX, 5038))
        with bound(PBX, 5038) as manager:
            manager.sendto(b"login", (PBX, 5039))
        peer.sendto(sip(1), (PBX, 5060))
        pbx.recv(2000)
        capture.end()
    ports = [packet.destination_port for packet in read_pcap(tmp_path / "test.pcap")]
    assert ports == [5038, 5060]


@pytest.mark.parametrize("which", [0, 1])
def test_half_a_capture_is_none(host: str, tmp_path: Path, which: int) -> None:
    timeline = Timeline()
    with capturing(timeline, tmp_path) as capture:
        os.kill(capture._taps._taps[which]._process.pid, signal.SIGKILL)
        lost = timeline.wait_for(PartLost, within=2)
        assert lost.reason == "the capture died: tcpdump was ended by signal 9"
        with pytest.raises(BenchFault, match=f"capture on {BRIDGE} and lo"):
            capture.check()
        capture.mend()
        with bound(PEER) as peer, bound(PBX) as pbx:
            capture.begin(tmp_path / "test.pcap")
            peer.sendto(sip(1), (PBX, 5060))
            pbx.recv(2000)
            capture.end()
        assert capture.test_packets == 1


def test_an_interface_that_goes_away_is_noticed(host: str, tmp_path: Path) -> None:
    timeline = Timeline()
    with capturing(timeline, tmp_path) as capture:
        ip("link", "delete", BRIDGE)
        lost = timeline.wait_for(PartLost, within=5)
        assert "the capture died: " in lost.reason, lost.reason
        assert BRIDGE in str(capture._fault)
