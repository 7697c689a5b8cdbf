from __future__ import annotations

from clues import PBX, PHONE, configuration, rules, sip

from harness.diagnosis import Clue
from harness.events import LogLine, PbxStopped

REFER = """REFER sip:10.0.0.1 SIP/2.0
Via: SIP/2.0/UDP 10.0.0.42:5060;branch=z9hG4bK1
From: <sip:201@10.0.0.1>;tag=1
To: <sip:201@10.0.0.1>
Call-ID: refer@phone
CSeq: 1000 REFER
Content-Type: application/x-cisco-remotecc-request+xml

<x-cisco-remotecc-request><softkeyeventmsg>
<softkeyevent>Conference</softkeyevent></softkeyeventmsg></x-cisco-remotecc-request>"""
INVITE = """INVITE sip:211@10.0.0.1 SIP/2.0
Via: SIP/2.0/UDP 10.0.0.42:5060;branch=z9hG4bK2
From: <sip:201@10.0.0.1>;tag=1
To: <sip:211@10.0.0.1>
Call-ID: call@phone
CSeq: 101 INVITE
Content-Type: application/sdp

v=0
o=Cisco-SIPUA 1 0 IN IP4 10.0.0.42
s=SIP Call
t=0 0
m=audio 16384 RTP/AVP 9
c=IN IP4 10.0.0.42
a=rtpmap:9 G722/8000"""


def said(status: int, method: str, call: str, cseq: int) -> Clue:
    text = f"""SIP/2.0 {status} Answer
Via: SIP/2.0/UDP 10.0.0.42:5060
From: <sip:201@10.0.0.1>;tag=1
To: <sip:201@10.0.0.1>;tag=2
Call-ID: {call}
CSeq: {cseq} {method}"""
    return sip(PBX, f"{PHONE}:5060", text, 1.0)


def test_the_conference_refer_refused() -> None:
    refer = sip(f"{PHONE}:49194", PBX, REFER)
    for status in (401, 501, 603):
        found = rules(refer, said(status, "REFER", "refer@phone", 1000))
        assert f"answers {status}" in found["conference-refused"]
    assert rules(refer, said(202, "REFER", "refer@phone", 1000)) == {}
    cancel = sip(f"{PHONE}:49194", PBX, REFER.replace(">Conference<", ">Cancel<"))
    assert rules(cancel, said(501, "REFER", "refer@phone", 1000)) == {}


def test_no_common_codec() -> None:
    invite = sip(f"{PHONE}:49194", PBX, INVITE)
    found = rules(invite, said(488, "INVITE", "call@phone", 101))
    assert "offered: G722" in found["no-common-codec"]
    assert rules(invite, said(486, "INVITE", "call@phone", 101)) == {}
    line = (
        "NOTICE[7]: chan_sip.c:1 sip_call: No audio format found to offer. Cancelling call to 201"
    )
    assert "no-common-codec" in rules(Clue("full:3", LogLine("asterisk", line)))
    line = line.replace("No audio format", "No format")
    assert "no-common-codec" in rules(Clue("full:3", LogLine("asterisk", line)))


def test_digits_one_by_one() -> None:
    refused = said(484, "INVITE", "call@phone", 101)
    found = rules(refused, files=configuration())["kpml-484"]
    assert "kpml 3" in found
    assert rules(said(404, "INVITE", "call@phone", 101)) == {}


def test_a_pbx_that_died() -> None:
    assert "pbx-died" in rules(Clue("pbx", PbxStopped(asked=False, reason="signal 11")))
    assert rules(Clue("pbx", PbxStopped(asked=True))) == {}
