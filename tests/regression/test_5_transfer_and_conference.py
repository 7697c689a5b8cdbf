"""Three parties: transfers and conferences, proven by who hears whom."""

from __future__ import annotations

import pytest

from fixtures.calls import Connect
from fixtures.session import Measure
from fixtures.witness import Hearing
from harness.bench import Bench
from harness.events import SipMessage
from harness.evidence import Evidence
from harness.phone import Phone, SoftKey
from harness.sip import Peer
from harness.timeline import Timeline

#: How each stock Asterisk turns the phone's conference REFER away: chan_pjsip asks for credentials,
#: which the phone has none of for a REFER, and would answer 501; chan_sip declines at once.
FIRST_ANSWER = {"asterisk22": "SIP/2.0 401 Unauthorized", "asterisk16": "SIP/2.0 603 Declined"}
EVERY_ANSWER = {"asterisk22": {"401", "501"}, "asterisk16": {"603"}}


def test_blind_transfer(
    phone: Phone, peers: dict[str, Peer], hearing: Hearing, call_in: Connect, bench: Bench
) -> None:
    """Trnsfer, number, Trnsfer while it rings: the two peers talk, the phone is out."""
    alice, bob = list(peers.values())[:2]
    call, from_alice = call_in(phone, alice)
    phone.consult(call, bob.extension, SoftKey.TRANSFER)
    bob.wait_incoming(within=8.0)
    since = bench.timeline.mark()
    phone.complete_transfer(call)
    at_bob = bob.wait_incoming(within=8.0)
    at_bob.answer()
    hearing(
        {alice.name: from_alice, bob.name: at_bob}, {alice.name: [bob.name], bob.name: [alice.name]}
    )
    phone.received("NOTIFY", since=since, call_id=call.call_id)
    phone.wait_released(call)
    bench.pbx.wait_no_channels(phone.extension, within=5.0)


def test_attended_transfer(
    phone: Phone,
    peers: dict[str, Peer],
    hearing: Hearing,
    evidence: Evidence,
    measure: Measure,
    call_in: Connect,
    bench: Bench,
) -> None:
    """Trnsfer, number, talk, Trnsfer: the two peers talk, the phone is out."""
    alice, bob = list(peers.values())[:2]
    call, from_alice = call_in(phone, alice)
    second = phone.consult(call, bob.extension, SoftKey.TRANSFER)
    at_bob = bob.wait_incoming(within=8.0)
    at_bob.answer()
    phone.consult_connected(second, SoftKey.TRANSFER)
    hearing(
        {phone.name: None, bob.name: at_bob, alice.name: from_alice},
        {phone.name: [bob.name], bob.name: [phone.name], alice.name: []},
    )
    refer = phone.complete_transfer(call)
    assert "Replaces" in refer.text
    hearing(
        {alice.name: from_alice, bob.name: at_bob}, {alice.name: [bob.name], bob.name: [alice.name]}
    )
    gaps = [
        evidence.gap(str(bench.lab.peers[ear].address), party, bench.tones, asked=refer)
        for ear, party in ((alice.name, bob.name), (bob.name, alice.name))
    ]
    measure("transfer_gap_ms", max(gaps))
    phone.wait_released(call)
    bench.pbx.wait_no_channels(phone.extension, within=5.0)


def test_peer_transfers_the_phone(
    phone: Phone, peers: dict[str, Peer], hearing: Hearing, call_in: Connect
) -> None:
    """The other side transfers: the phone stays in the call and hears the new party."""
    alice, bob = list(peers.values())[:2]
    call, from_alice = call_in(phone, alice)
    from_alice.blind_transfer(bob.extension)
    at_bob = bob.wait_incoming(within=8.0)
    at_bob.answer()
    hearing({phone.name: None, bob.name: at_bob}, {phone.name: [bob.name], bob.name: [phone.name]})
    phone.hang_up(call)


@pytest.mark.known_limit(
    "without pbx.conference_key, nothing in stock Asterisk handles the phone's remotecc REFER"
)
def test_conference_by_the_conf_key(
    phone: Phone,
    peers: dict[str, Peer],
    hearing: Hearing,
    call_in: Connect,
    timeline: Timeline,
    bench: Bench,
) -> None:
    """Confrn, number, talk, Confrn: on stock Asterisk the limit users meet, asserted exactly."""
    alice, bob = list(peers.values())[:2]
    call, from_alice = call_in(phone, alice)
    second = phone.consult(call, bob.extension, SoftKey.CONFERENCE)
    at_bob = bob.wait_incoming(within=8.0)
    at_bob.answer()
    phone.consult_connected(second, SoftKey.CONFERENCE)
    since = timeline.mark()
    refer = phone.join_conference()
    assert refer.call_id not in (call.call_id, second.call_id)
    assert "application/x-cisco-remotecc-request+xml" in refer.text
    assert "<softkeyevent>Conference</softkeyevent>" in refer.text
    answer = phone.received("SIP/2.0 ", since=since, cseq="REFER", call_id=refer.call_id)
    parties = {phone.name: None, bob.name: at_bob, alice.name: from_alice}
    if bench.lab.pbx.conference_key is not None:
        # Three hear each other, and of the phone's two legs one is left.
        assert answer.start_line == "SIP/2.0 202 Accepted"
        told = phone.received("NOTIFY", since=since, call_id=refer.call_id)
        assert "<code>200</code>" in told.text
        phone.received("BYE", since=since, call_id=call.call_id)
        hearing(
            parties,
            {
                phone.name: [alice.name, bob.name],
                alice.name: [phone.name, bob.name],
                bob.name: [phone.name, alice.name],
            },
        )
        assert len(bench.pbx.channels_of(phone.extension)) == 1
        return
    kind = bench.lab.pbx.kind
    assert answer.start_line.startswith(FIRST_ANSWER[kind])
    # The phone gives up and takes its request back; nothing it sent was ever accepted.
    phone.sent(
        "REFER", since=since, where=lambda m: "<softkeyevent>Cancel</softkeyevent>" in m.text
    )
    answers = timeline.events(
        SipMessage,
        since=since,
        where=lambda m: m.cseq.endswith("REFER") and m.start_line.startswith("SIP/2.0"),
    )
    assert {message.start_line.split()[1] for message in answers} <= EVERY_ANSWER[kind]
    # Both calls survive: the second is heard, the first is held.
    hearing(parties, {phone.name: [bob.name], bob.name: [phone.name], alice.name: []})
    assert not timeline.events(
        SipMessage,
        since=since,
        where=lambda m: (
            m.start_line.startswith("BYE") and f"{phone.address}:" in f"{m.source} {m.destination}"
        ),
    )
    assert len(bench.pbx.channels_of(phone.extension)) == 2


def test_conference_through_the_pbx(
    phone: Phone, peers: dict[str, Peer], hearing: Hearing, call_out: Connect, bench: Bench
) -> None:
    """The conference that works: everybody dials in, and each hears the two others."""
    alice, bob = list(peers.values())[:2]
    room = bench.lab.pbx.conference
    call = phone.dial(room)
    phone.wait_connected(call)
    in_alice = alice.dial(room)
    in_bob = bob.dial(room)
    for leg in (in_alice, in_bob):
        leg.wait_state("confirmed", within=5.0)
    hearing(
        {phone.name: None, alice.name: in_alice, bob.name: in_bob},
        {
            phone.name: [alice.name, bob.name],
            alice.name: [phone.name, bob.name],
            bob.name: [phone.name, alice.name],
        },
    )
    phone.hang_up(call)
    hearing(
        {alice.name: in_alice, bob.name: in_bob}, {alice.name: [bob.name], bob.name: [alice.name]}
    )
