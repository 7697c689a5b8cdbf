"""The element in front of Asterisk, by sockets alone: what passes it, and what it keeps."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import BenchFault
from harness.events import Note
from harness.pbx import ConferenceKey
from harness.pbx.conference_key import SipText, joined_calls
from harness.timeline import Timeline

REQUEST = "application/x-cisco-remotecc-request+xml"


def dialog(element: str, call_id: str) -> str:
    tags = "<localtag>l</localtag><remotetag>r</remotetag>"
    return f"<{element}><callid>{call_id}</callid>{tags}</{element}>"


def refer(port: int, event: str = "Conference", branch: str = "z9hG4bKone", to: str = "") -> bytes:
    body = (
        f"<x-cisco-remotecc-request><softkeyeventmsg><softkeyevent>{event}</softkeyevent>"
        f"{dialog('dialogid', 'held@phone')}{dialog('consultdialogid', 'active@phone')}"
        f"{dialog('joindialogid', '')}</softkeyeventmsg></x-cisco-remotecc-request>"
    )
    lines = [
        "REFER sip:201@127.58.3.4 SIP/2.0",
        f"Via: SIP/2.0/UDP 127.58.3.42:{port};branch={branch}",
        "From: <sip:201@127.58.3.4>;tag=phonetag",
        f"To: <sip:201@127.58.3.4>{to}",
        "Call-ID: refer@phone",
        "CSeq: 1000 REFER",
        f"Contact: <sip:201@127.58.3.42:{port};transport=udp>",
        "Refer-To: cid:1@127.58.3.42",
        f"Content-Type: {REQUEST}",
        f"Content-Length: {len(body)}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


@dataclass
class Rig:
    """A phone's socket, a PBX's socket and the element between them."""

    phone: socket.socket
    pbx: socket.socket
    timeline: Timeline
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    fault: BenchFault | None = None

    def join(self, user: str, held: str, active: str) -> None:
        self.asked.append((user, held, active))
        if self.fault is not None:
            raise self.fault

    def to_element(self, data: bytes) -> None:
        self.phone.sendto(data, ("127.58.3.4", self.pbx.getsockname()[1]))

    @staticmethod
    def read(at: socket.socket) -> SipText:
        message = SipText.parse(at.recv(65535))
        assert message is not None
        return message

    @property
    def port(self) -> int:
        port: int = self.phone.getsockname()[1]
        return port


@pytest.fixture
def rig() -> Iterator[Rig]:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as pbx,
    ):
        phone.bind(("127.58.3.42", 0))
        pbx.bind(("127.58.3.2", 0))
        phone.settimeout(5.0)
        pbx.settimeout(5.0)
        made = Rig(phone, pbx, Timeline())
        element = ConferenceKey(
            "127.58.3.4", pbx.getsockname(), made.join, made.timeline.observer("pbx")
        )
        element.start()
        yield made
        element.stop()


def test_a_conference_is_accepted_joined_and_told(rig: Rig) -> None:
    rig.to_element(refer(rig.port))
    accepted = rig.read(rig.phone)
    assert accepted.start == "SIP/2.0 202 Accepted"
    assert accepted.get("Via").endswith("branch=z9hG4bKone")
    assert accepted.get("CSeq") == "1000 REFER"
    notify = rig.read(rig.phone)
    assert notify.start == f"NOTIFY sip:201@127.58.3.42:{rig.port};transport=udp SIP/2.0"
    assert "<code>200</code>" in notify.body
    # The dialog the REFER began: tags and Call-ID are its own.
    assert notify.get("From") == accepted.get("To")
    assert notify.get("To") == "<sip:201@127.58.3.4>;tag=phonetag"
    assert notify.get("Call-ID") == "refer@phone"
    assert int(notify.get("Content-Length")) == len(notify.body)
    assert rig.asked == [("201", "held@phone", "active@phone")]
    assert "joined" in rig.timeline.events(Note)[0].text


def test_a_conference_that_fails_is_told_so(rig: Rig) -> None:
    rig.fault = BenchFault("a call of the conference is not there", device="pbx")
    rig.to_element(refer(rig.port))
    assert rig.read(rig.phone).start == "SIP/2.0 202 Accepted"
    assert "<code>500</code>" in rig.read(rig.phone).body
    assert "not joined" in rig.timeline.events(Note)[0].text


def test_a_repeated_request_is_answered_again_and_joined_once(rig: Rig) -> None:
    rig.to_element(refer(rig.port))
    first, _ = rig.read(rig.phone), rig.read(rig.phone)
    rig.to_element(refer(rig.port))
    assert rig.read(rig.phone) == first
    assert len(rig.asked) == 1


@pytest.mark.parametrize("other", [{"event": "Cancel"}, {"event": "Park"}, {"to": ";tag=in-one"}])
def test_every_other_refer_is_asterisks_business(rig: Rig, other: dict[str, str]) -> None:
    rig.to_element(refer(rig.port, **other))
    assert rig.read(rig.pbx).start.startswith("REFER ")
    assert rig.asked == []


def test_requests_and_answers_pass_with_a_via_more_and_less(rig: Rig) -> None:
    register = (
        "REGISTER sip:127.58.3.4 SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 127.58.3.42:{rig.port};branch=z9hG4bKtwo\r\n"
        "Call-ID: r@phone\r\nCSeq: 101 REGISTER\r\nContent-Length: 0\r\n\r\n"
    ).encode()
    # A 79x2 sends from a port it does not listen on.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ephemeral:
        ephemeral.bind(("127.58.3.42", 0))
        for _ in range(2):
            ephemeral.sendto(register, ("127.58.3.4", rig.pbx.getsockname()[1]))
    passed, again = rig.read(rig.pbx), rig.read(rig.pbx)
    assert passed == again
    vias = [value for name, value in passed.headers if name == "Via"]
    assert vias[0].startswith(f"SIP/2.0/UDP 127.58.3.4:{rig.pbx.getsockname()[1]};branch=z9hG4bK")
    assert vias[1].endswith("branch=z9hG4bKtwo")
    answer = SipText("SIP/2.0 401 Unauthorized", list(passed.headers))
    rig.pbx.sendto(answer.encode(), ("127.58.3.4", rig.pbx.getsockname()[1]))
    back = rig.read(rig.phone)
    assert back.start == "SIP/2.0 401 Unauthorized"
    assert [value for name, value in back.headers if name == "Via"] == vias[1:]


def test_what_is_no_sip_is_dropped(rig: Rig) -> None:
    for noise in (b"", b"\r\n\r\n", b"\xff\x00", b"SIP/2.0 200 OK\r\n\r\n"):
        rig.to_element(noise)
    rig.to_element(refer(rig.port))
    assert rig.read(rig.phone).start == "SIP/2.0 202 Accepted"


def test_an_address_that_is_taken_is_a_fault() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind(("127.58.3.5", 0))
        port = holder.getsockname()[1]
        element = ConferenceKey(
            "127.58.3.5", ("127.58.3.2", port), lambda *_: None, Timeline().observer("pbx")
        )
        with pytest.raises(BenchFault, match=f"cannot have 127.58.3.5:{port}") as fault:
            element.start()
    assert "pbx.conference_key" in fault.value.hint


@given(st.binary())
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    message = SipText.parse(data)
    if message is not None:
        assert joined_calls(message) is None or message.start.startswith("REFER ")
