"""Real peers call each other by URI: two processes of pjsua2 and the wire between them."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from harness.errors import BenchFault, ProductFault, UsageFault
from harness.events import CallStateChanged, DtmfHeard, ToneHeard
from harness.sip import Codec, Peer, PeerCall
from harness.timeline import Timeline

pytestmark = pytest.mark.integration

Peers = dict[str, Peer]
SIXTEEN = "0123456789*#ABCD"


def connect(caller: Peer, called: Peer, *codecs: str) -> tuple[PeerCall, PeerCall]:
    outgoing = caller.dial(called.uri, codecs or None)
    incoming = called.wait_incoming(within=5.0)
    outgoing.wait_state("ringing", within=5.0)
    incoming.answer()
    for call in (outgoing, incoming):
        call.wait_state("confirmed", within=5.0)
    return outgoing, incoming


@pytest.mark.parametrize(("codec", "payload_type"), [("PCMA", 8), ("PCMU", 0), ("G722", 9)])
def test_both_hear_each_other_in_the_codec(
    peers: Peers, tones: dict[str, int], codec: str, payload_type: int
) -> None:
    alice, bob = peers["alice"], peers["bob"]
    outgoing, incoming = connect(alice, bob, codec)
    outgoing.ear.wait_hears({"bob"}, tones, 5.0)
    incoming.ear.wait_hears({"alice"}, tones, 5.0)
    assert outgoing.ear.hears(tones) == {"bob"}
    for call in (outgoing, incoming):
        assert call.codec == Codec(codec, payload_type)
        counted = call.statistics()
        assert (counted.sent_type, counted.received_type) == (payload_type, payload_type)
        assert counted.received > 20
        assert counted.lost == 0
    offered = next(line for line in outgoing.local_sdp.splitlines() if line.startswith("m="))
    assert offered.split()[3] == str(payload_type)
    assert incoming.remote_sdp == outgoing.local_sdp
    assert outgoing.remote_sdp == incoming.local_sdp
    assert outgoing.call_id == incoming.call_id
    outgoing.hangup()
    for call in (outgoing, incoming):
        call.wait_state("ended", within=5.0)
        assert call.statistics().received > 20
        assert call.ear.hears(tones) == set()


def test_the_wrong_tone_is_a_product_fault_that_names_who_was_heard(
    peers: Peers, tones: dict[str, int]
) -> None:
    outgoing, _ = connect(peers["alice"], peers["bob"], "PCMA")
    with pytest.raises(ProductFault, match="hears bob instead of carol") as caught:
        outgoing.ear.wait_hears({"carol"}, tones, 2.0)
    assert "dBFS" in caught.value.state


@pytest.mark.parametrize("codec", ["PCMA", "G722"])
@pytest.mark.parametrize("from_caller", [True, False], ids=["caller", "called"])
def test_sixteen_digits_are_heard_exactly_once(peers: Peers, codec: str, from_caller: bool) -> None:
    outgoing, incoming = connect(peers["alice"], peers["bob"], codec)
    speaker, hearer = (outgoing, incoming) if from_caller else (incoming, outgoing)
    speaker.send_dtmf(SIXTEEN, duration_ms=100, gap_ms=70)
    heard = hearer.wait_dtmf(16, within=8.0)
    assert "".join(event.digit for event in heard) == SIXTEEN
    assert all(80 <= event.duration_ms <= 160 for event in heard)
    assert speaker.dtmf_heard() == []


def test_doubled_digits_are_two_and_durations_are_kept(peers: Peers) -> None:
    outgoing, incoming = connect(peers["alice"], peers["bob"], "PCMA")
    outgoing.send_dtmf("11", duration_ms=160)
    outgoing.send_dtmf("1#", duration_ms=160, gap_ms=65)
    heard = incoming.wait_dtmf(4, within=5.0)
    assert [event.digit for event in heard] == ["1", "1", "1", "#"]
    assert all(140 <= event.duration_ms <= 220 for event in heard)


def test_digits_do_not_disturb_the_ear(peers: Peers, tones: dict[str, int]) -> None:
    outgoing, incoming = connect(peers["alice"], peers["bob"], "PCMA")
    incoming.ear.wait_hears({"alice"}, tones, 5.0)
    outgoing.send_dtmf("7777", duration_ms=100)
    assert "carol" not in incoming.ear.hears(tones)
    outgoing.ear.wait_hears({"bob"}, tones, 5.0)
    incoming.wait_dtmf(4, within=5.0)
    incoming.ear.wait_hears({"alice"}, tones, 5.0)


def test_hold_is_silence_for_both_and_resume_brings_both_back(
    peers: Peers, tones: dict[str, int]
) -> None:
    outgoing, incoming = connect(peers["alice"], peers["bob"], "PCMA")
    outgoing.ear.wait_hears({"bob"}, tones, 5.0)
    for _ in range(2):
        incoming.hold()
        assert "a=sendonly" in incoming.local_sdp or "a=inactive" in incoming.local_sdp
        outgoing.ear.wait_hears(set(), tones, 5.0)
        incoming.ear.wait_hears(set(), tones, 5.0)
        incoming.resume()
        outgoing.ear.wait_hears({"bob"}, tones, 5.0)
        incoming.ear.wait_hears({"alice"}, tones, 5.0)


def test_blind_transfer(peers: Peers, tones: dict[str, int]) -> None:
    alice, bob, carol = peers.values()
    at_alice, at_bob = connect(alice, bob, "PCMA")
    at_bob.blind_transfer(carol.uri)
    at_carol = carol.wait_incoming(within=5.0)
    at_carol.answer()
    at_bob.wait_transferred(within=5.0)
    moved = at_alice.wait_successor(within=5.0)
    moved.ear.wait_hears({"carol"}, tones, 5.0)
    at_carol.ear.wait_hears({"alice"}, tones, 5.0)
    for call in (at_alice, at_bob):
        call.wait_state("ended", within=5.0)


def test_a_refused_blind_transfer_says_so(peers: Peers) -> None:
    alice, bob, carol = peers.values()
    _, at_bob = connect(alice, bob, "PCMA")
    at_bob.blind_transfer(carol.uri)
    carol.wait_incoming(within=5.0).hangup(486)
    with pytest.raises(ProductFault, match="refused: 486"):
        at_bob.wait_transferred(within=5.0)
    assert at_bob.state == "confirmed"


def test_attended_transfer(peers: Peers, tones: dict[str, int]) -> None:
    alice, bob, carol = peers.values()
    at_alice, at_bob = connect(alice, bob, "PCMA")
    at_bob.hold()
    consulting, at_carol = connect(bob, carol)
    consulting.ear.wait_hears({"carol"}, tones, 5.0)
    at_alice.ear.wait_hears(set(), tones, 5.0)
    at_bob.attended_transfer(consulting)
    moved = at_alice.wait_successor(within=5.0)
    taken = at_carol.wait_successor(within=5.0)
    moved.ear.wait_hears({"carol"}, tones, 5.0)
    taken.ear.wait_hears({"alice"}, tones, 5.0)
    for call in (at_alice, at_bob, consulting, at_carol):
        call.wait_state("ended", within=5.0)


def test_no_common_codec_is_refused_with_488(peers: Peers) -> None:
    peers["bob"].set_codecs("PCMU")
    outgoing = peers["alice"].dial(peers["bob"].uri, ["PCMA"])
    outgoing.wait_state("ended", within=5.0)
    assert outgoing.last_code == 488
    with pytest.raises(ProductFault, match="nobody called"):
        peers["bob"].wait_incoming(within=0.1)


@pytest.mark.parametrize("code", [486, 603])
def test_a_refusal_ends_the_call_with_its_code(peers: Peers, code: int) -> None:
    outgoing = peers["alice"].dial(peers["bob"].uri)
    peers["bob"].wait_incoming(within=5.0).hangup(code)
    with pytest.raises(ProductFault, match=f"ended without being confirmed: {code}"):
        outgoing.wait_state("confirmed", within=5.0)
    assert outgoing.last_code == code


def test_the_caller_may_give_up(peers: Peers) -> None:
    outgoing = peers["alice"].dial(peers["bob"].uri)
    incoming = peers["bob"].wait_incoming(within=5.0)
    outgoing.wait_state("ringing", within=5.0)
    outgoing.hangup()
    outgoing.wait_state("ended", within=5.0)
    incoming.wait_state("ended", within=5.0)
    assert outgoing.last_code == 487


def test_auto_answer(peers: Peers, tones: dict[str, int]) -> None:
    peers["bob"].auto_answer(True)
    outgoing = peers["alice"].dial(peers["bob"].uri)
    outgoing.wait_state("confirmed", within=5.0)
    incoming = peers["bob"].wait_incoming(within=5.0)
    incoming.ear.wait_hears({"alice"}, tones, 5.0)


def test_the_timeline_tells_the_call(peers: Peers, tones: dict[str, int]) -> None:
    timeline: Timeline = peers["alice"].timeline
    since = timeline.mark()
    outgoing, incoming = connect(peers["alice"], peers["bob"], "PCMA")
    outgoing.ear.wait_hears({"bob"}, tones, 5.0)
    outgoing.send_dtmf("5")
    incoming.wait_dtmf(1, within=5.0)
    incoming.hangup()
    outgoing.wait_state("ended", within=5.0)
    timeline.wait_for(CallStateChanged, within=5.0, since=since, where=lambda e: e.state == "ended")
    told = timeline.events(CallStateChanged, since=since, device="alice")
    states = [event.state for event in told if event.call == outgoing.id]
    assert states == ["calling", "ringing", "connecting", "confirmed", "ended"]
    assert outgoing.call_id in outgoing.id
    assert [e.digit for e in timeline.events(DtmfHeard, since=since, device="bob")] == ["5"]
    assert timeline.events(ToneHeard, since=since, device="alice")[-1].heard == ("bob",)


def test_a_call_to_a_peer_that_died_is_a_bench_fault(
    peers: Peers, tmp_path: Path, tones: dict[str, int]
) -> None:
    timeline = Timeline()
    observe = timeline.observer("dave", "dave")
    dave = Peer("dave", "214", 1230, "127.43.5.4", "none", None, observe, tmp_path, 15400)
    dave.start()
    try:
        call = dave.dial(peers["alice"].uri)
        peers["alice"].wait_incoming(within=5.0).answer()
        call.wait_state("confirmed", within=5.0)
        assert dave.pid is not None
        os.kill(dave.pid, signal.SIGKILL)
        with pytest.raises(BenchFault, match="dave: its process is gone: signal 9"):
            call.wait_state("ended", within=5.0)
        with pytest.raises(BenchFault, match="gone"):
            call.ear.wait_hears(set(), tones, 5.0)
        assert "its process is gone: signal 9" in str(timeline.records()[-1].event)
    finally:
        dave.stop()


def test_an_address_this_host_does_not_have_is_a_bench_fault(tmp_path: Path) -> None:
    observe = Timeline().observer("eve", "eve")
    eve = Peer("eve", "215", 1230, "192.0.2.1", "none", None, observe, tmp_path, 15400)
    with pytest.raises(BenchFault, match=r"eve: pjsua2 did not start on 192\.0\.2\.1"):
        eve.start()


def test_an_extension_needs_a_pbx(peers: Peers) -> None:
    with pytest.raises(UsageFault, match="given no PBX"):
        peers["alice"].dial("201")
    with pytest.raises(UsageFault, match="given no PBX"):
        peers["alice"].register(within=1.0)


def test_a_registrar_that_is_silent_is_a_bench_fault(tmp_path: Path) -> None:
    observe = Timeline().observer("fay", "fay")
    fay = Peer(
        "fay", "216", 1230, "127.43.5.5", "pw", ("127.43.5.9", 5060), observe, tmp_path, 15500
    )
    fay.start()
    try:
        with pytest.raises(BenchFault, match=r"cannot register at 127\.43\.5\.9:5060 as 216"):
            fay.register(within=0.5)
    finally:
        fay.stop()
