from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.evidence.sip import SipBytes, parse_sdp, parse_sip

SDP = (
    "v=0\r\no=Cisco-SIPUA 1 0 IN IP4 192.0.2.42\r\ns=SIP Call\r\nt=0 0\r\n"
    "m=audio 16384 RTP/AVP 8 0 9 101\r\nc=IN IP4 192.0.2.42\r\n"
    "a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendonly\r\n"
)
HEAD = (
    "INVITE sip:211@192.0.2.2;user=phone SIP/2.0\r\n"
    "v: SIP/2.0/UDP 192.0.2.42:5060;branch=z9hG4bK1\r\n"
    'f: "Desk" <sip:201@192.0.2.2>;tag=a1\r\nt: <sip:211@192.0.2.2>\r\n'
    "i: call-1@192.0.2.42\r\nCSeq: 101 INVITE\r\nm: <sip:201@192.0.2.42:5060>\r\n"
    "Subject: one\r\n two\r\nc: application/sdp\r\n"
)
INVITE = f"{HEAD}l: {len(SDP)}\r\n\r\n{SDP}".encode()


def test_reads_a_request_with_compact_headers() -> None:
    message = parse_sip(INVITE)
    assert message is not None
    assert (message.method, message.status, message.uri) == (
        "INVITE",
        0,
        "sip:211@192.0.2.2;user=phone",
    )
    assert (message.call_id, message.cseq, message.cseq_number) == (
        "call-1@192.0.2.42",
        "101 INVITE",
        101,
    )
    assert message.via.endswith("branch=z9hG4bK1")
    assert message.contact == "<sip:201@192.0.2.42:5060>"
    assert message.header("SUBJECT") == "one two"
    assert message.to_tag == ""
    assert message.sdp is not None
    assert message.sdp.codecs == ("PCMA", "PCMU", "G722")
    assert (message.sdp.address, message.sdp.media_port) == ("192.0.2.42", 16384)
    assert message.sdp.held


def test_reads_an_answer() -> None:
    message = parse_sip(
        b"SIP/2.0 488 Not Acceptable Here\r\nCSeq: 7 INVITE\r\nTo: <sip:a@b>;tag=x9\r\n\r\n"
    )
    assert message is not None
    assert (message.status, message.reason, message.method) == (
        488,
        "Not Acceptable Here",
        "INVITE",
    )
    assert message.to_tag == "x9"


def test_media_level_address_wins_over_session_level() -> None:
    body = "c=IN IP4 198.51.100.1\r\nm=audio 4000 RTP/AVP 0\r\nc=IN IP4 198.51.100.2\r\n"
    sdp = parse_sdp(body)
    assert sdp is not None
    assert sdp.address == "198.51.100.2"
    assert sdp.direction == "sendrecv"


def test_second_stream_does_not_disturb_the_first() -> None:
    body = (
        "c=IN IP4 198.51.100.1\r\na=inactive\r\nm=audio 4000 RTP/AVP 0\r\n"
        "m=video 4002 RTP/AVP 96\r\nc=IN IP4 198.51.100.9\r\na=sendonly\r\n"
    )
    sdp = parse_sdp(body)
    assert sdp is not None
    assert (sdp.address, sdp.media_port, sdp.direction) == ("198.51.100.1", 4000, "inactive")


def test_sdp_inside_multipart() -> None:
    first = "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n"
    body = f"{first}--b\r\nContent-Type: application/sdp\r\n\r\n{SDP}--b--"
    text = f"INVITE sip:a@b SIP/2.0\r\nContent-Type: multipart/mixed;boundary=b\r\n\r\n{body}"
    message = parse_sip(text.encode())
    assert message is not None
    assert message.sdp is not None
    assert message.sdp.media_port == 16384


@pytest.mark.parametrize(
    "noise", [b"", b"\x80\x00" + bytes(20), b"GET / HTTP/1.1\r\n\r\n", b"SIP/2.0 "]
)
def test_what_is_not_sip_is_none(noise: bytes) -> None:
    assert parse_sip(noise) is None


@given(st.binary(max_size=400))
def test_no_bytes_crash_it(noise: bytes) -> None:
    parse_sip(noise)
    parse_sip(INVITE[:60] + noise)
    parse_sip(b"SIP/2.0 200 OK\r\nContent-Type: application/sdp\r\n\r\n" + noise)


@given(st.integers(0, len(INVITE)), st.binary(min_size=1, max_size=20))
def test_no_damage_crashes_it(at: int, noise: bytes) -> None:
    parse_sip(INVITE[:at] + noise + INVITE[at + len(noise) :])


@given(st.text(alphabet="mcaovst=:/ 0123456789audiortpmap\r\n", max_size=200))
def test_no_description_crashes_it(body: str) -> None:
    parse_sdp("m=audio 4000 RTP/AVP 0\n" + body)


@given(st.lists(st.integers(1, 80), max_size=40))
def test_tcp_stream_is_cut_the_same_in_any_pieces(sizes: list[int]) -> None:
    stream, whole, at = SipBytes(), INVITE + b"\r\n\r\n" + INVITE, 0
    found = []
    for size in [*sizes, len(whole)]:
        found += stream.feed(whole[at : at + size])
        at += size
    assert found == [INVITE, INVITE]


@given(st.binary(max_size=300))
def test_no_stream_crashes_the_cutter(noise: bytes) -> None:
    SipBytes().feed(noise + b"\r\n\r\n" + noise)


@pytest.mark.parametrize("word", ["9" * 5000, "٣", "-1", "70000", "1e3", ""])
def test_a_port_that_is_none_is_a_refused_stream(word: str) -> None:
    sdp = parse_sdp(f"m=audio {word} RTP/AVP 0\r\n")
    assert sdp is None or sdp.media_port == 0
