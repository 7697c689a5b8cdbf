from __future__ import annotations

from harness.events import Note, Record, SipMessage
from harness.evidence.calls import calls_from, codec_numbers
from harness.evidence.ladder import ladder_html, ladder_text

PHONE, PBX = "192.0.2.42:5060", "192.0.2.2:5060"
#: A 79x2 sends from a port of its own and listens on 5060.
PHONE_SENDS = "192.0.2.42:49195"
NAMES = {"192.0.2.42": "desk", "192.0.2.2": "asterisk"}


def sdp(address: str, port: int, numbers: str, direction: str = "sendrecv") -> str:
    return (
        f"v=0\r\nc=IN IP4 {address}\r\nm=audio {port} RTP/AVP {numbers} 101\r\n"
        f"a=rtpmap:101 telephone-event/8000\r\na={direction}\r\n"
    )


class Script:
    def __init__(self) -> None:
        self.records: list[Record] = []

    def say(
        self,
        source: str,
        destination: str,
        start: str,
        cseq: str,
        body: str = "",
        *,
        tag: str = "",
        more: str = "",
    ) -> Script:
        to = "To: <sip:x@y>" + (f";tag={tag}" if tag else "")
        kind = "Content-Type: application/sdp\r\n" if body else ""
        text = f"{start}\r\nCall-ID: c1\r\nCSeq: {cseq}\r\n{to}\r\n{more}{kind}\r\n{body}"
        event = SipMessage(source, destination, start, "c1", cseq, text)
        count = len(self.records)
        self.records.append(Record(count, count, 1000.0 + count / 4, "capture", "desk", "", event))
        return self


def invite(script: Script, number: int, body: str, tag: str = "") -> Script:
    return script.say(
        PHONE_SENDS, PBX, "INVITE sip:211@y SIP/2.0", f"{number} INVITE", body, tag=tag
    )


def outgoing() -> Script:
    script = Script()
    invite(script, 101, sdp("192.0.2.42", 16384, "8 0 9"))
    script.say(PBX, PHONE, "SIP/2.0 401 Unauthorized", "101 INVITE", tag="q")
    script.say(PHONE_SENDS, PBX, "ACK sip:211@y SIP/2.0", "101 ACK", tag="q")
    invite(script, 102, sdp("192.0.2.42", 16384, "8 0 9"))
    invite(script, 102, sdp("192.0.2.42", 16384, "8 0 9"))
    script.say(PBX, PHONE, "SIP/2.0 180 Ringing", "102 INVITE", tag="t")
    script.say(PBX, PHONE, "SIP/2.0 200 OK", "102 INVITE", sdp("192.0.2.2", 10000, "8"), tag="t")
    script.say(PHONE_SENDS, PBX, "ACK sip:211@y SIP/2.0", "102 ACK", tag="t")
    return script


def test_a_challenged_call_is_one_call() -> None:
    (call,) = calls_from(outgoing().records)
    assert (call.caller, call.callee, call.code) == (PHONE_SENDS, PBX, 200)
    assert call.initial is not None
    assert call.initial.provisional == [180]
    assert [item.cseq for item in call.negotiations] == [101, 102]
    assert codec_numbers(call.offer) == (8, 0, 9)
    assert codec_numbers(call.answer) == (8,)
    assert call.re_invites == []
    assert call.media_of("192.0.2.42", own=True) == {"192.0.2.42:16384"}
    assert call.media_of("192.0.2.42", own=False) == {"192.0.2.2:10000"}
    assert call.media_of("192.0.2.2", own=True) == {"192.0.2.2:10000"}
    assert call.involves("192.0.2.42")
    assert not call.involves("192.0.2.4")


def test_hold_is_a_re_invite_and_bye_names_who() -> None:
    script = outgoing()
    invite(script, 103, sdp("192.0.2.42", 16384, "8", "sendonly"), tag="t")
    script.say(PBX, PHONE, "SIP/2.0 200 OK", "103 INVITE", sdp("192.0.2.2", 10000, "8"), tag="t")
    script.say(PBX, PHONE, "BYE sip:201@y SIP/2.0", "1 BYE", tag="u")
    (call,) = calls_from(script.records)
    (hold,) = call.re_invites
    assert hold.offer is not None
    assert hold.offer.held
    assert hold.code == 200
    assert (call.ended_by, call.ended_how) == (PBX, "BYE")


def test_an_invite_without_sdp_lets_the_other_side_offer() -> None:
    script = invite(Script(), 1, "")
    script.say(PBX, PHONE, "SIP/2.0 200 OK", "1 INVITE", sdp("192.0.2.2", 10000, "0 8"), tag="t")
    script.say(
        PHONE_SENDS, PBX, "ACK sip:x@y SIP/2.0", "1 ACK", sdp("192.0.2.42", 16384, "8"), tag="t"
    )
    (call,) = calls_from(script.records)
    assert call.initial is not None
    assert call.initial.offered_by == PBX
    assert codec_numbers(call.offer) == (0, 8)
    assert codec_numbers(call.answer) == (8,)


def test_refusal_and_what_is_no_call() -> None:
    script = invite(Script(), 1, sdp("192.0.2.42", 16384, "3"))
    script.say(PBX, PHONE, "SIP/2.0 488 Not Acceptable Here", "1 INVITE", tag="t")
    (call,) = calls_from(script.records)
    assert (call.code, call.answer) == (488, None)
    only_register = Script().say(PHONE_SENDS, PBX, "REGISTER sip:y SIP/2.0", "1 REGISTER")
    assert calls_from(only_register.records) == []


def test_ladder_shows_actors_times_and_what_was_sent_again() -> None:
    lines = ladder_text(outgoing().records, NAMES).splitlines()
    assert lines[0].split() == ["desk", "asterisk"]
    assert "0.000" in lines[1]
    assert "INVITE [PCMA]" in lines[1]
    assert lines[1].rstrip().endswith(">|")
    assert "<" in lines[2]
    assert "401 Unauthorized" in lines[2]
    assert "1.000" in lines[5]
    assert "(again)" in lines[5]
    assert sum("(again)" in line for line in lines) == 1
    assert ladder_text([], NAMES) == "no SIP message was seen\n"


def test_peers_at_one_address_get_their_own_columns() -> None:
    script = Script()
    for port, user in ((40001, "211"), (40002, "212")):
        end = f"192.0.2.3:{port}"
        script.say(
            end,
            PBX,
            "REGISTER sip:y SIP/2.0",
            "1 REGISTER",
            more=f"Contact: <sip:{user}@{end}>\r\n",
        )
    head = ladder_text(script.records, NAMES).splitlines()[0]
    assert "211 192.0.2.3:40001" in head
    assert "212 192.0.2.3:40002" in head


def test_html_is_escaped_and_needs_nothing_from_outside() -> None:
    script = outgoing().say(
        PHONE,
        PBX,
        "MESSAGE sip:x@y SIP/2.0",
        "9 MESSAGE",
        more="X-Evil: </title><script src=http://e>\x00\x1b\r\n",
    )
    page = ladder_html(script.records, {"192.0.2.42": "<b>desk</b>"})
    assert "<script" not in page
    assert "<b>desk" not in page
    assert "href" not in page
    assert "\x00" not in page
    assert page.count("<details") == 9
    assert page.count("stroke-dasharray") == 1
    assert ladder_html([Record(0, 0, 0, "x", "", "", Note("hello"))], NAMES) == ""
