"""A real capture on loopback: real packets, real tcpdump, files read back by tshark."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from G722 import G722

from harness import timeline as timeline_module
from harness.errors import BenchFault, ProductFault
from harness.events import DtmfHeard, PartLost, RtpStreamSeen, SipMessage, ToneHeard
from harness.evidence import (
    Capture,
    Evidence,
    Material,
    WireEar,
    WireMouth,
    capture_filter,
    ladder_text,
    write_bundle,
)
from harness.evidence import capture as capture_module
from harness.evidence.frames import read_pcap
from harness.lab import load_lab
from harness.steady import SteadyClock
from harness.timeline import Timeline

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not shutil.which("tcpdump"), reason="tcpdump is not installed"),
]

PBX, PHONE = "127.43.7.2", "127.43.7.42"
FILTER = "net 127.43.7.0/24"
TONES = {"alice": 440, "bob": 620, "desk": 1090}
NAMES = {PBX: "asterisk", PHONE: "desk"}


class Wire:
    """A running capture with its timeline and pcap folder."""

    def __init__(self, folder: Path) -> None:
        self.timeline = Timeline()
        self.folder = folder
        self.capture = Capture(
            "lo",
            FILTER,
            self.timeline.observer("capture"),
            {PHONE: "desk"},
            folder / "session.pcap",
        )


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    wire = Wire(tmp_path)
    wire.capture.start()
    yield wire
    wire.capture.stop()


def bound(address: str) -> socket.socket:
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind((address, 0))
    return one


def encoded(payload_type: int, hertz: float, seconds: float) -> bytes:
    if payload_type == 9:
        at = np.arange(round(16000 * seconds)) / 16000
        pcm = (9000 * np.sin(2 * np.pi * hertz * at)).astype(np.int16)
        return bytes(G722(16000, 64000).encode(pcm))
    at = np.arange(round(8000 * seconds)) / 8000
    pcm = 9000 * np.sin(2 * np.pi * hertz * at)
    from harness.evidence.speech import decode

    table = decode(payload_type, [bytes(range(256))]) * 32768
    order = np.argsort(table)
    return bytes(order[np.searchsorted(table[order], pcm).clip(0, 255)].astype(np.uint8))


class Sender:
    """Send a tone as RTP in real time until closed."""

    def __init__(self, source: str, to: tuple[str, int], payload_type: int, hertz: float) -> None:
        self._socket, self._to = bound(source), to
        self._type, self._stop = payload_type, threading.Event()
        self._audio = encoded(payload_type, hertz, 20.0)
        self._ssrc = int.from_bytes(os.urandom(4), "big")
        self.sent = 0
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        began, number = time.monotonic(), 0
        while not self._stop.wait(max(0.0, began + number * 0.02 - time.monotonic())):
            head = struct.pack("!BBHII", 0x80, self._type, number, number * 160, self._ssrc)
            at = number * 160 % (len(self._audio) - 160)
            self._socket.sendto(head + self._audio[at : at + 160], self._to)
            number += 1
            self.sent += 1

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._socket.close()


@pytest.fixture
def phone_port() -> Iterator[tuple[str, int]]:
    with bound(PHONE) as ear:
        yield ear.getsockname()


def sip(start: str, cseq: str, *, sdp: str = "", to_tag: str = "", call_id: str = "c1@x") -> bytes:
    tag = f";tag={to_tag}" if to_tag else ""
    kind = "Content-Type: application/sdp\r\n" if sdp else ""
    return (
        f"{start}\r\nVia: SIP/2.0/UDP {PBX}:5060;branch=z9hG4bK1\r\nFrom: <sip:211@x>;tag=a\r\n"
        f"To: <sip:201@x>{tag}\r\nCall-ID: {call_id}\r\nCSeq: {cseq}\r\n"
        f"{kind}Content-Length: {len(sdp)}\r\n\r\n{sdp}"
    ).encode()


def sdp(address: str, port: int, numbers: str) -> str:
    return (
        f"v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP {numbers} 101\r\na=rtpmap:101 telephone-event/8000\r\n"
    )


def tshark_count(path: Path, display: str = "") -> int:
    command = ["tshark", "-r", str(path), "-T", "fields", "-e", "frame.number"]
    done = subprocess.run(
        command + (["-Y", display] if display else []), capture_output=True, text=True, check=True
    )
    return len(done.stdout.split())


def test_what_is_sent_right_after_start_is_taken(tmp_path: Path) -> None:
    for _ in range(5):
        wire = Wire(tmp_path)
        wire.capture.start()
        with bound(PBX) as one, bound(PHONE) as two:
            one.sendto(sip("OPTIONS sip:x@y SIP/2.0", "1 OPTIONS"), two.getsockname())
        wire.capture.stop()
        assert len(wire.timeline.events(SipMessage)) == 1
        assert wire.capture.packets == 1


def test_pcap_per_test_holds_exactly_its_packets(wire: Wire) -> None:
    with bound(PBX) as one, bound(PHONE) as two:

        def send(count: int, word: str) -> None:
            for number in range(count):
                one.sendto(sip(f"{word} sip:x@y SIP/2.0", f"{number} {word}"), two.getsockname())

        send(7, "OPTIONS")
        wire.capture.begin(wire.folder / "a.pcap")
        send(1500, "INFO")
        wire.capture.end()
        send(5, "OPTIONS")
        wire.capture.begin(wire.folder / "b.pcap")
        send(3, "MESSAGE")
        wire.capture.end()
        wire.capture.stop()
    assert tshark_count(wire.folder / "a.pcap") == 1500
    assert tshark_count(wire.folder / "b.pcap") == 3
    assert tshark_count(wire.folder / "session.pcap") == 12
    assert len(wire.timeline.events(SipMessage)) == 1515


def test_a_burst_waits_in_the_kernel(wire: Wire) -> None:
    """A busy machine may not run tcpdump for a second: nothing is lost for that."""
    (process,) = (tap._process for tap in wire.capture._taps._taps)
    wire.capture.begin(wire.folder / "a.pcap")
    with bound(PBX) as one, bound(PHONE) as two:
        process.send_signal(signal.SIGSTOP)
        for number in range(1900):
            one.sendto(sip("INFO sip:x@y SIP/2.0", f"{number} INFO"), two.getsockname())
        process.send_signal(signal.SIGCONT)
        wire.timeline.wait_until(lambda records: len(records) >= 1900, within=5)
    wire.capture.end()
    assert wire.capture.test_packets == 1900


def test_a_message_reaches_the_timeline_at_once(wire: Wire) -> None:
    with bound(PBX) as one, bound(PHONE) as two:
        took = []
        for number in range(20):
            since, began = wire.timeline.mark(), time.monotonic()
            one.sendto(sip("INFO sip:x@y SIP/2.0", f"{number} INFO"), two.getsockname())
            wire.timeline.wait_for(SipMessage, within=2, device="desk", since=since)
            took.append(time.monotonic() - began)
    assert sorted(took)[10] < 0.02


def test_sip_over_tcp_in_pieces(wire: Wire) -> None:
    with socket.socket() as server, socket.socket() as client:
        server.bind((PBX, 0))
        server.listen()
        client.bind((PHONE, 0))
        client.connect(server.getsockname())
        other, _ = server.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        message = sip("INVITE sip:x@y SIP/2.0", "1 INVITE", sdp=sdp(PHONE, 16384, "8"))
        for piece in (message[:50], message[50:300], message[300:] + message):
            client.sendall(piece)
        other.close()
        wire.timeline.wait_until(lambda records: len(records) >= 2, within=3)
    texts = [event.text.encode() for event in wire.timeline.events(SipMessage, device="desk")]
    assert texts == [message, message]


@pytest.mark.parametrize(("name", "number"), [("PCMU", 0), ("PCMA", 8), ("G722", 9)])
def test_a_tone_is_heard_at_both_ends_of_the_wire(
    wire: Wire, phone_port: tuple[str, int], name: str, number: int
) -> None:
    ear, mouth = WireEar(wire.capture, PHONE), WireMouth(wire.capture, PBX)
    with Sender(PBX, phone_port, number, TONES["alice"]):
        assert ear.wait_hears({"alice"}, TONES, 3.0) == {"alice"}
        assert mouth.wait_hears({"alice"}, TONES, 3.0) == {"alice"}
        assert ear.hears(TONES) == {"alice"}
        with pytest.raises(ProductFault) as fault:
            ear.wait_hears({"bob"}, TONES, 0.8)
    assert "receives alice, not bob" in str(fault.value)
    assert f"payload type {number}" in str(fault.value)
    with pytest.raises(ProductFault, match="receives silence, not alice"):
        # What was heard before the question does not answer it.
        ear.wait_hears({"alice"}, TONES, 0.6)
    assert ear.wait_hears(set(), TONES, 3.0) == frozenset()
    heard = wire.timeline.events(ToneHeard, device="desk")
    assert heard[0].heard == ("alice",)
    assert heard[0].heard_by == "desk"
    assert -25 < heard[0].levels["alice"] < -5


def test_two_at_once_are_two_and_a_newer_stream_replaces_an_older(
    wire: Wire, phone_port: tuple[str, int]
) -> None:
    ear = WireEar(wire.capture, PHONE)
    with bound(PHONE) as second, Sender(PBX, phone_port, 0, TONES["alice"]):
        with Sender(PBX, second.getsockname(), 8, TONES["bob"]):
            assert ear.wait_hears({"alice", "bob"}, TONES, 3.0)
            with pytest.raises(ProductFault, match="receives alice, bob, not alice"):
                ear.wait_hears({"alice"}, TONES, 0.8)
            assert WireEar(wire.capture, f"{PHONE}:{phone_port[1]}").hears(TONES) == {"alice"}
        with Sender(PBX, phone_port, 0, TONES["desk"]):
            ear.wait_hears({"desk"}, TONES, 3.0)


def test_digits_at_the_far_ear(wire: Wire, phone_port: tuple[str, int]) -> None:
    evidence = Evidence(wire.timeline, wire.capture)
    with bound(PBX) as one:
        number = 0
        for at, code in enumerate((*range(16), 15)):
            for step in range(8):
                end = step >= 5
                body = struct.pack("!BBH", code, 0x80 if end else 0, min(step + 1, 5) * 160)
                head = struct.pack("!BBHII", 0x80, 101, number, 5000 + at * 1600, 99)
                one.sendto(head + body, phone_port)
                number += 1
    heard = evidence.wait_dtmf("desk", 16, within=3.0)
    assert "".join(event.digit for event in heard) == "0123456789*#ABCDD"
    assert {event.duration_ms for event in heard} == {100}
    assert len(wire.timeline.events(DtmfHeard, device="desk")) == 17
    with pytest.raises(ProductFault, match="17 of 18 DTMF digits"):
        evidence.wait_dtmf("desk", 18, within=0.3)


def test_codec_by_three_witnesses_and_a_bundle(wire: Wire, phone_port: tuple[str, int]) -> None:
    wire.capture.begin(wire.folder / "capture.pcap")
    evidence = Evidence(wire.timeline, wire.capture)
    with bound(PBX) as pbx, bound(PHONE) as phone, bound(PBX) as media:
        here, there = pbx.getsockname(), phone.getsockname()
        offer = sdp(PBX, media.getsockname()[1], "8 0 9")
        invite = sip("INVITE sip:201@x SIP/2.0", "1 INVITE", sdp=offer)
        pbx.sendto(invite, there)
        pbx.sendto(invite, there)
        phone.sendto(sip("SIP/2.0 180 Ringing", "1 INVITE", to_tag="b"), here)
        answer = sdp(PHONE, phone_port[1], "9")
        phone.sendto(sip("SIP/2.0 200 OK", "1 INVITE", to_tag="b", sdp=answer), here)
        pbx.sendto(sip("ACK sip:201@x SIP/2.0", "1 ACK", to_tag="b"), there)
        with (
            Sender(PBX, phone_port, 9, 440.0),
            Sender(PHONE, media.getsockname(), 9, 1090.0),
        ):
            seen = evidence.codec(PHONE)
        phone.sendto(sip("BYE sip:211@x SIP/2.0", "9 BYE", to_tag="a"), here)
    wire.capture.end()
    assert seen.offered == (8, 0, 9)
    assert seen.answered == 9
    assert seen.rtp_sent == {9}
    assert seen.rtp_received == {9}
    (call,) = evidence.calls(PHONE)
    assert (call.code, call.ended_how) == (200, "BYE")
    assert call.ended_by.startswith(PHONE)
    ladder = ladder_text(wire.folder / "capture.pcap", NAMES)
    assert "INVITE [PCMA] (again)" in ladder
    pcap = wire.folder / "capture.pcap"
    material = Material("t", wire.timeline.records(), NAMES, TONES, pcap, PBX, secrets={"z9hG4bK1"})
    for whole in (True, False):
        bundle = write_bundle(wire.folder / "test", material, whole=whole)
        for path in bundle.files.values():
            assert b"z9hG4bK1" not in path.read_bytes()
        assert tshark_count(pcap, "sip") == 6
        assert tshark_count(pcap) == wire.capture.test_packets
    assert tshark_count(pcap, "frame.cap_len > 100 && !sip") == 0, "nobody's voice is kept"


def test_streams_are_told_once(wire: Wire, phone_port: tuple[str, int]) -> None:
    with Sender(PBX, phone_port, 8, 440.0):
        wire.timeline.wait_for(RtpStreamSeen, within=2, device="desk")
        WireEar(wire.capture, PHONE).wait_hears({"alice"}, TONES, 3.0)
    (seen,) = wire.timeline.events(RtpStreamSeen)
    assert seen.payload_type == 8
    (stream,) = wire.capture.rtp.streams(destination=PHONE)
    assert stream.lost == 0
    assert stream.packets >= 25


def test_death_is_noticed_and_said_once(wire: Wire) -> None:
    (process,) = (tap._process for tap in wire.capture._taps._taps)
    process.kill()
    lost = wire.timeline.wait_for(PartLost, within=2)
    assert lost.reason == "the capture died: tcpdump was ended by signal 9"
    for attempt in (
        wire.capture.check,
        lambda: wire.capture.begin(wire.folder / "x.pcap"),
        lambda: WireEar(wire.capture, PHONE).wait_hears({"alice"}, TONES, 2.0),
    ):
        with pytest.raises(BenchFault, match="capture died"):
            attempt()
    assert len(wire.timeline.events(PartLost)) == 1


def send_one(wire: Wire, test: str) -> None:
    wire.capture.begin(wire.folder / test / "capture.pcap")
    with bound(PHONE) as phone:
        phone.sendto(b"SIP/2.0 200 OK\r\nCall-ID: one\r\nCSeq: 1 BYE\r\n\r\n", ("127.0.0.1", 5060))
    wire.capture.end()


def test_it_is_started_again_and_keeps_what_it_had(wire: Wire) -> None:
    send_one(wire, "before")
    (process,) = (tap._process for tap in wire.capture._taps._taps)
    process.kill()
    wire.timeline.wait_for(PartLost, within=2)
    wire.capture.mend()
    assert not wire.capture.gone
    assert not wire.timeline.lost()
    send_one(wire, "after")
    for test in ("before", "after"):
        assert len(list(read_pcap(wire.folder / test / "capture.pcap"))) == 1
    assert {path.name for path in wire.folder.glob("*.pcap")} == {"session.pcap", "session-2.pcap"}


@pytest.mark.parametrize("step", [3600.0, -3600.0])
def test_packets_are_dated_by_the_run_s_clock_after_a_step(
    wire: Wire, step: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel stamps by the host's clock; that it was set is what the run's clock finds."""
    clock = SteadyClock()
    clock._origin -= step
    for module in (timeline_module, capture_module):
        monkeypatch.setattr(module, "RUN_CLOCK", clock)
    send_one(wire, "test")
    (packet,) = read_pcap(wire.folder / "test" / "capture.pcap")
    assert abs(packet.time - clock.now()) < 5.0
    assert abs(packet.time - time.time()) > 3000.0
    (message,) = wire.timeline.events(SipMessage)
    record = next(r for r in wire.timeline.records() if r.event is message)
    assert 0.0 <= record.wall - packet.time < 1.0


@pytest.mark.parametrize(
    ("interface", "expression", "says"),
    [("nosuch0", "udp", "No such device"), ("lo", "bogus words", "syntax error")],
)
def test_a_capture_that_cannot_start_says_why(interface: str, expression: str, says: str) -> None:
    capture = Capture(interface, expression, Timeline().observer("capture"), {})
    with pytest.raises(BenchFault, match=says) as fault:
        capture.start()
    assert fault.value.hint
    assert not capture.running


def test_no_tcpdump_is_a_bench_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(BenchFault, match="tcpdump cannot be run") as fault:
        Capture("lo", FILTER, Timeline().observer("capture"), {}).start()
    assert "apt-get install tcpdump" in str(fault.value)


def measure(action: Callable[[], None]) -> float:
    began = os.times()
    action()
    ended = os.times()
    return ended.user + ended.system - began.user - began.system


def test_a_thousand_packets_a_second_are_cheap(wire: Wire, phone_port: tuple[str, int]) -> None:
    """20 streams of 50 packets: the time of the whole process, senders too, stays small."""
    payload = bytes(160)
    with bound(PBX) as one:

        def carry() -> None:
            gap, began = threading.Event(), time.monotonic()
            for number in range(100):
                gap.wait(max(0.0, began + number * 0.02 - time.monotonic()))
                for ssrc in range(20):
                    head = struct.pack("!BBHII", 0x80, 0, number, number * 160, ssrc)
                    one.sendto(head + payload, phone_port)

        spent = measure(carry)
    wire.capture.end()
    assert wire.capture.packets == 2000
    assert sum(stream.lost for stream in wire.capture.rtp.streams()) == 0
    assert spent < 1.0


def test_the_labs_filter_takes_what_it_should_and_nothing_else(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "lab.yaml").read_text().replace("127.42.0.", "127.43.7.")
    # The peers' address is a default, which lab.yaml need not name.
    text = text.replace("tone: 440}", "tone: 440, address: 127.43.7.3}")
    (tmp_path / "lab.yaml").write_text(text)
    expression = capture_filter(load_lab(tmp_path / "lab.yaml"))
    taken = [  # from, to port at which address
        (PHONE, (PBX, 5060)),
        (PBX, (PHONE, 5060)),
        (PHONE, (PBX, 10002)),
        (PBX, (PHONE, 16384)),
        (PBX, ("127.43.7.3", 14002)),
        (PHONE, ("127.43.7.1", 69)),
    ]
    left = [
        ("127.43.7.1", (PHONE, 50001)),  # TFTP data
        (PHONE, ("127.43.7.1", 45001)),  # and its acknowledgement
        ("127.43.8.2", ("127.43.8.42", 5060)),  # another lab
        ("127.43.7.1", (PBX, 5038)),
    ]
    wire = Wire(tmp_path)
    wire.capture = Capture("lo", expression, wire.timeline.observer("capture"), {})
    wire.capture.start()
    wire.capture.begin(tmp_path / "a.pcap")
    for source, to in [*left, *taken, *left]:
        with bound(source) as one:
            one.sendto(b"\x00\x01SEP.cnf.xml\x00octet\x00", to)
    wire.capture.end()
    wire.capture.stop()
    seen = read_pcap(tmp_path / "a.pcap")
    found = [(p.source_ip, (p.destination_ip, p.destination_port)) for p in seen]
    assert found == taken
