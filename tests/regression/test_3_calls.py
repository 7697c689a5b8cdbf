"""Basic calls in both directions: codec by three witnesses, sound, refusal, hold."""

from __future__ import annotations

import pytest

from fixtures.calls import Connect
from fixtures.session import Measure
from fixtures.witness import Hearing
from harness.bench import Bench
from harness.events import SipMessage
from harness.evidence import Evidence
from harness.pbx import Asterisk
from harness.phone import Phone
from harness.provisioning import Provisioning
from harness.sip import Peer
from harness.timeline import Timeline

#: The phone's words for preferredCodec, and the payload type its offer then begins with.
PREFERRED = {"none": 0, "g711ulaw": 0, "g711alaw": 8, "g729a": 18, "g722": 9, "iLBC": 116}
CODECS = [("PCMA", 8), ("PCMU", 0), ("G722", 9)]


@pytest.mark.parametrize(("codec", "payload_type"), CODECS, ids=[name for name, _ in CODECS])
def test_incoming_call_codec(
    phone: Phone,
    caller: Peer,
    evidence: Evidence,
    hearing: Hearing,
    pbx: Asterisk,
    call_in: Connect,
    measure: Measure,
    codec: str,
    payload_type: int,
) -> None:
    pbx.set_codecs(phone.extension, codec)
    try:
        caller.set_codecs(codec)
        call, outgoing = call_in(phone, caller)
        hearing(
            {phone.name: None, caller.name: outgoing},
            {phone.name: [caller.name], caller.name: [phone.name]},
        )
        seen = evidence.codec(phone.address)
        assert payload_type in seen.offered
        assert seen.answered == payload_type
        assert seen.rtp_sent == {payload_type}
        assert seen.rtp_received == {payload_type}
        measure("ringing_ms", evidence.setup_time(call.call_id, 180))
        phone.hang_up(call)
        outgoing.wait_state("ended", within=5.0)
    finally:
        pbx.set_codecs(phone.extension)


@pytest.mark.parametrize(("codec", "payload_type"), CODECS, ids=[name for name, _ in CODECS])
def test_outgoing_call_codec(
    phone: Phone,
    caller: Peer,
    evidence: Evidence,
    hearing: Hearing,
    pbx: Asterisk,
    call_out: Connect,
    measure: Measure,
    codec: str,
    payload_type: int,
) -> None:
    pbx.set_codecs(phone.extension, codec)
    try:
        caller.set_codecs(codec)
        call, incoming = call_out(phone, caller)
        hearing(
            {phone.name: None, caller.name: incoming},
            {phone.name: [caller.name], caller.name: [phone.name]},
        )
        seen = evidence.codec(phone.address)
        assert {0, 8, 9} <= set(seen.offered)
        assert seen.answered == payload_type
        assert seen.rtp_sent == {payload_type}
        assert seen.rtp_received == {payload_type}
        measure("setup_ms", evidence.setup_time(call.call_id, 200))
        incoming.hangup()
        phone.sent("SIP/2.0 200", since=call.since, cseq="BYE", call_id=call.call_id)
    finally:
        pbx.set_codecs(phone.extension)


def test_phone_answers_with_the_first_common_codec(
    phone: Phone, caller: Peer, evidence: Evidence, call_in: Connect
) -> None:
    """Offered several, the phone takes the one the offer prefers."""
    call, _ = call_in(phone, caller)
    seen = evidence.codec(phone.address)
    known = [number for number in seen.offered if number in (0, 8, 9)]
    assert len(known) > 1
    assert seen.answered == known[0]
    phone.hang_up(call)


def test_no_common_codec_is_refused(
    phone: Phone, caller: Peer, timeline: Timeline, pbx: Asterisk
) -> None:
    """The phone knows no GSM: an offer of nothing else gets 488 and never rings."""
    pbx.set_codecs(phone.extension, "GSM")
    try:
        since = timeline.mark()
        outgoing = caller.dial(phone.extension)
        phone.sent("SIP/2.0 488", since=since, cseq="INVITE")
        outgoing.wait_state("ended", within=5.0)
        assert not timeline.events(
            SipMessage,
            since=since,
            where=lambda m: (
                m.source.startswith(f"{phone.address}:") and m.start_line.startswith("SIP/2.0 180")
            ),
        )
    finally:
        pbx.set_codecs(phone.extension)


def test_preferred_codec_leads_the_offer(
    phone: Phone, caller: Peer, evidence: Evidence, provisioning: Provisioning, call_out: Connect
) -> None:
    """A word the phone does not know would be passed over without a trace."""
    preferred = provisioning.configured(phone.name, "sipProfile/preferredCodec")
    call, _ = call_out(phone, caller)
    offered = evidence.codec(phone.address).offered
    assert offered[0] == PREFERRED.get(preferred), (
        f"the phone's file prefers {preferred!r}, the phone offers payload types "
        f"{', '.join(map(str, offered))} in this order"
    )
    phone.hang_up(call)


def test_hold_silences_and_resume_brings_both_back(
    phone: Phone,
    caller: Peer,
    hearing: Hearing,
    evidence: Evidence,
    bench: Bench,
    measure: Measure,
    call_in: Connect,
) -> None:
    call, outgoing = call_in(phone, caller)
    parties = {phone.name: None, caller.name: outgoing}
    both = {phone.name: [caller.name], caller.name: [phone.name]}
    hearing(parties, both)
    offer = phone.hold(call)
    assert "a=sendonly" in offer.text
    hearing(parties, {phone.name: [], caller.name: []})
    resumed = phone.resume(call)
    hearing(parties, both)
    at_caller = str(bench.lab.peers[caller.name].address)
    gaps = [
        evidence.gap(ear, party, bench.tones, asked=resumed)
        for ear, party in ((phone.address, caller.name), (at_caller, phone.name))
    ]
    measure("resume_gap_ms", max(gaps))
    phone.hang_up(call)
    outgoing.wait_state("ended", within=5.0)
