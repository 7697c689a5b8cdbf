"""Clues made by hand: the messages of a registration, as a 79x2 and Asterisk send them."""

from __future__ import annotations

import hashlib

from harness.diagnosis import Case, Clue, diagnose
from harness.events import SipMessage
from harness.evidence import parse_sip
from harness.provisioning.lint import tree_of

PBX = "10.0.0.1:5060"
PHONE = "10.0.0.42"


def sip(source: str, destination: str, text: str, at: float = 0.0, where: str = "") -> Clue:
    text = text.strip("\n").replace("\n", "\r\n") + "\r\n\r\n"
    message = parse_sip(text.encode())
    assert message is not None
    event = SipMessage(
        source, destination, message.start_line, message.call_id, message.cseq, message.text
    )
    return Clue(where or f"x.pcap frame {int(at * 10)}", event, at)


def register(
    cseq: int = 101, *, port: int = 49194, authorization: str = "", rport: bool = False,
    server: str = PBX, at: float = 0.0, user: str = "201", call: str = "a@phone",
) -> Clue:  # fmt: skip
    extra = f"\nAuthorization: {authorization}" if authorization else ""
    via = f"SIP/2.0/UDP {PHONE}:5060;branch=z9hG4bK{cseq:08x}" + (";rport" if rport else "")
    text = f"""REGISTER sip:10.0.0.1 SIP/2.0
Via: {via}
From: <sip:{user}@10.0.0.1>;tag=0024c4abcdef0001
To: <sip:{user}@10.0.0.1>
Call-ID: {call}
CSeq: {cseq} REGISTER
Contact: <sip:{user}@{PHONE}:5060;transport=udp>{extra}"""
    return sip(f"{PHONE}:{port}", server, text, at)


def answer(
    status: int, cseq: int = 101, *, port: int = 5060, at: float = 0.1, extra: str = "",
    user: str = "201", call: str = "a@phone",
) -> Clue:  # fmt: skip
    challenge = 'WWW-Authenticate: Digest realm="asterisk",nonce="abc",algorithm=MD5\n'
    text = f"""SIP/2.0 {status} Whatever
Via: SIP/2.0/UDP {PHONE}:5060;branch=z9hG4bK{cseq:08x}
From: <sip:{user}@10.0.0.1>;tag=0024c4abcdef0001
To: <sip:{user}@10.0.0.1>;tag=as1
Call-ID: {call}
CSeq: {cseq} REGISTER
{(challenge if status == 401 else "") + extra}"""
    return sip(PBX, f"{PHONE}:{port}", text, at)


def digest(password: str, user: str = "201") -> str:
    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    response = md5(f"{md5(f'{user}:asterisk:{password}')}:abc:{md5('REGISTER:sip:10.0.0.1')}")
    return (
        f'Digest username="{user}",realm="asterisk",uri="sip:10.0.0.1",'
        f'response="{response}",nonce="abc",algorithm=MD5'
    )


def configuration(
    password: str = "short7pw", proxy: str = "USECALLMANAGER", load: str = "SIP42.9-3-1SR4-1S"
) -> dict[str, bytes]:
    text = f"""<device><sipProfile><kpml>3</kpml><sipLines>
<line button="1"><featureID>9</featureID><proxy>{proxy}</proxy>
<name>201</name><authName>201</authName><authPassword>{password}</authPassword></line>
</sipLines></sipProxies></sipProfile><loadInformation>{load}</loadInformation></device>"""
    text = text.replace("</sipProxies>", "")
    return {"SEP0024C4ABCDEF.cnf.xml": text.encode()}


def rules(*clues: Clue, files: dict[str, bytes] | None = None) -> dict[str, str]:
    """Return the causes found, by rule."""
    found = diagnose(Case(list(clues), tree_of(files or {})))
    assert all(each.proof or files for each in found), "a diagnosis must show what proves it"
    return {each.rule: f"{each.confidence}: {each.cause}" for each in found}
