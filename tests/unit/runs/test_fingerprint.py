"""What a phone does on the wire, without what is different every time."""

from __future__ import annotations

import random

from harness.events import Event, FileRequested, PhoneStateChanged, Record, SipMessage
from harness.runs.history import WireChange, fingerprint, wire_changes

PHONE = "127.0.0.9"


def _records(*events: Event) -> list[Record]:
    return [Record(n, float(n), float(n), "x", "desk", "", e) for n, e in enumerate(events)]


def _asked(*names: str) -> list[Event]:
    return [FileRequested(name, PHONE, 1024 + n) for n, name in enumerate(names)]


def _ready() -> Event:
    return PhoneStateChanged("READY", "")


def _invite(
    *, agent: str = "Cisco-CP7942G/9.3.1", payloads: str = "8 0 101", extra: str = "", seed: int = 0
) -> SipMessage:
    dice = random.Random(seed)
    tag, branch, call, port = (dice.randrange(10**6) for _ in range(4))
    text = (
        "INVITE sip:211@10.0.0.1 SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {PHONE}:{port};branch=z9hG4bK{branch}\r\n"
        f"From: <sip:201@10.0.0.1>;tag={tag}\r\nTo: <sip:211@10.0.0.1>\r\n"
        f"Call-ID: {call}@{PHONE}\r\n"
        f"CSeq: {dice.randrange(900)} INVITE\r\nUser-Agent: {agent}\r\n{extra}"
        "Supported: replaces,join\r\nContent-Type: application/sdp\r\n\r\n"
        f"v=0\r\no=x {dice.randrange(10**6)} 0 IN IP4 {PHONE}\r\ns=SIP Call\r\nt=0 0\r\n"
        f"m=audio {16384 + dice.randrange(900)} RTP/AVP {payloads}\r\nc=IN IP4 {PHONE}\r\n"
        "a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
    )
    start = text.partition("\r\n")[0]
    return SipMessage(f"{PHONE}:5060", "10.0.0.1:5060", start, str(call), "1 INVITE", text)


def _night(*events: Event, mac: str = "0024C4ABCDEF", version: str = "9-3-1") -> list[Record]:
    return _records(
        *_asked(f"SEP{mac}.cnf.xml", f"SIP42.{version}.loads", f"jar42sip.{version}ES26.sbn"),
        *_asked(f"CTLSEP{mac}.tlv", f"SEP{mac}.cnf.xml", "dialplan.xml"),
        _ready(),
        *events,
    )


def test_what_always_varies_is_no_difference() -> None:
    before = fingerprint(_night(_invite(seed=1)))
    after = fingerprint(_night(_invite(seed=2), mac="0024C4000001", version="9-4-2"))
    assert wire_changes(before, after) == []
    assert before["desk"]["files of a flash by SIP*.loads"] == {"SIP*.loads, jar42sip.*.sbn"}
    assert before["desk"]["files asked for in a boot"] == {
        "CTLSEP<MAC>.tlv, SEP<MAC>.cnf.xml, dialplan.xml"
    }


def test_a_flash_in_another_order_is_told_and_one_more_flash_is_not() -> None:
    reset = [*_asked("term42.default.loads", "a42.1.sbn", "b42.1.sbn", "x.xml"), _ready()]
    other = [*_asked("term42.default.loads", "b42.2.sbn", "a42.2.sbn", "x.xml"), _ready()]
    upgrade = [*_asked("SIP42.9-4-2.loads", "a42.2.sbn", "x.xml"), _ready()]
    plain = fingerprint(_records(*reset))
    assert wire_changes(plain, fingerprint(_records(*reset, *upgrade))) == []
    (change,) = wire_changes(plain, fingerprint(_records(*other)))
    assert change.aspect == "files of a flash by term42.default.loads"
    assert "in another order: term42.default.loads, b42.*.sbn, a42.*.sbn" in str(change)


def test_a_boot_that_was_cut_short_is_no_boot() -> None:
    cut = [*_asked("CTLSEP0024C4ABCDEF.tlv"), PhoneStateChanged("OFF", "")]
    seen = fingerprint(_records(*cut, *_asked("a.xml", "b.xml"), _ready()))
    assert seen["desk"]["files asked for in a boot"] == {"a.xml, b.xml"}


def test_new_behaviour_is_told_one_by_one() -> None:
    before = fingerprint(_night(_invite()))
    after = fingerprint(
        _night(_invite(agent="Cisco-CP7942G/9.4.2", payloads="0 8 101", extra="Session-ID: 1\r\n"))
    )
    told = {change.aspect: str(change) for change in wire_changes(before, after)}
    assert told == {
        "User-Agent": "Cisco-CP7942G/9.3.1 → Cisco-CP7942G/9.4.2",
        "headers of INVITE": "also Session-ID",
        "codecs in INVITE": "in another order: PCMU/8000 (0), PCMA/8000 (8), "
        "telephone-event/8000 (101) (was PCMA/8000 (8), PCMU/8000 (0), telephone-event/8000 (101))",
    }


def test_new_names_and_another_order_of_files() -> None:
    before = fingerprint(_records(*_asked("a.xml", "b.xml", "c.xml"), _ready()))
    after = fingerprint(_records(*_asked("b.xml", "a.xml", "d.xml"), _ready()))
    (change,) = wire_changes(before, after)
    assert str(change) == (
        "also d.xml; no longer c.xml; "
        "in another order: b.xml, a.xml, d.xml (was a.xml, b.xml, c.xml)"
    )


def test_a_new_message_is_told_once_without_its_headers() -> None:
    refer = _invite().text.replace("INVITE", "REFER")
    message = SipMessage(f"{PHONE}:5060", "10.0.0.1:5060", "REFER", "1", "1 REFER", refer)
    (change,) = wire_changes(fingerprint(_night()), fingerprint(_night(message)))[:1]
    assert change == WireChange("desk", "messages sent", (), ("REFER",))
    aspects = [c.aspect for c in wire_changes(fingerprint(_night()), fingerprint(_night(message)))]
    assert "headers of REFER" not in aspects


def test_no_credentials_are_kept() -> None:
    extra = 'Authorization: Digest username="201", response="deadbeef"\r\n'
    assert "deadbeef" not in str(fingerprint(_night(_invite(extra=extra))))


def test_what_the_pbx_sends_is_not_the_phones() -> None:
    message = _invite()
    other = SipMessage("10.0.0.1:5060", f"{PHONE}:5060", "INVITE", "1", "1", message.text)
    assert fingerprint(_night(other)) == fingerprint(_night())
