"""Times of registration and call set-up, from messages at known moments."""

from __future__ import annotations

from harness.events import Note, Record, SipMessage
from harness.evidence.durations import first_register, registration_time, setup_time

PHONE, PBX = "10.0.0.42:5060", "10.0.0.1:5060"


def at(moment: float, start: str, cseq: str, *, to_phone: bool = False, extra: str = "") -> Record:
    ends = (PBX, PHONE) if to_phone else (PHONE, PBX)
    text = f"{start}\r\nCSeq: {cseq}\r\n{extra}\r\n"
    event = SipMessage(*ends, start, "call-1", cseq, text)
    return Record(0, moment, 1000 + moment, "capture", "desk", "t", event)


CONTACT = "Contact: <sip:201@10.0.0.42:5060>;expires=3600\r\n"
REGISTRATION = [
    Record(0, 0.0, 1000.0, "harness", "", "t", Note("x")),
    at(1.0, "REGISTER sip:x SIP/2.0", "100 REGISTER", extra="Contact: *\r\nExpires: 0\r\n"),
    at(1.1, "SIP/2.0 200 OK", "100 REGISTER", to_phone=True),
    at(2.0, "REGISTER sip:x SIP/2.0", "101 REGISTER", extra=CONTACT),
    at(2.1, "SIP/2.0 401 Unauthorized", "101 REGISTER", to_phone=True),
    at(2.2, "REGISTER sip:x SIP/2.0", "102 REGISTER", extra=CONTACT),
    at(2.25, "SIP/2.0 200 OK", "102 REGISTER", to_phone=True, extra=CONTACT),
]
CALL = [
    at(5.0, "INVITE sip:211@x SIP/2.0", "101 INVITE"),
    at(5.1, "SIP/2.0 401 Unauthorized", "101 INVITE", to_phone=True),
    at(5.2, "INVITE sip:211@x SIP/2.0", "102 INVITE"),
    at(5.3, "SIP/2.0 180 Ringing", "102 INVITE", to_phone=True),
    at(6.5, "SIP/2.0 200 OK", "102 INVITE", to_phone=True),
]


def test_an_unregistration_is_no_registration() -> None:
    assert registration_time(REGISTRATION, "10.0.0.42") == 250.0
    first = first_register(REGISTRATION, "10.0.0.42")
    assert first is not None
    assert first.mono == 2.0


def test_a_registration_that_never_came_is_none() -> None:
    assert registration_time(REGISTRATION[:-1], "10.0.0.42") is None
    assert registration_time(REGISTRATION, "10.0.0.99") is None
    assert first_register(REGISTRATION[:3], "10.0.0.42") is None


def test_a_call_is_set_up_from_its_first_invite_challenge_included() -> None:
    assert setup_time(CALL, "call-1", 180) == 300.0
    assert setup_time(CALL, "call-1", 200) == 1500.0
    assert setup_time(CALL, "call-2", 200) is None
    assert setup_time(CALL[:4], "call-1", 200) is None
