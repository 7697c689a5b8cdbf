"""DTMF as RFC 4733 events, asserted at the far ear: every digit once, in order."""

from __future__ import annotations

from fixtures.calls import Connect
from harness.evidence import Evidence
from harness.phone import Phone, PhoneWeb
from harness.sip import Peer

KEYS = "0123456789*#"
LETTERS = "ABCD"


def test_phone_sends_all_sixteen_digits(
    phone: Phone, caller: Peer, call_out: Connect, phone_web: PhoneWeb
) -> None:
    """Twelve by its keys; A to D, which it has no keys for, by SendDigits on its web window."""
    call, incoming = call_out(phone, caller)
    phone.send_dtmf(KEYS)
    phone_web.send_digits(LETTERS)
    heard = incoming.wait_dtmf(len(KEYS + LETTERS), within=15.0)
    assert "".join(event.digit for event in heard) == KEYS + LETTERS
    assert all(60 <= event.duration_ms <= 2000 for event in heard)
    phone.hang_up(call)


def test_phone_receives_all_sixteen_digits(
    phone: Phone, caller: Peer, evidence: Evidence, call_in: Connect
) -> None:
    call, outgoing = call_in(phone, caller)
    outgoing.send_dtmf(KEYS + LETTERS)
    heard = evidence.wait_dtmf(phone.name, len(KEYS + LETTERS), within=15.0)
    assert "".join(event.digit for event in heard) == KEYS + LETTERS
    assert all(60 <= event.duration_ms <= 2000 for event in heard)
    phone.hang_up(call)
