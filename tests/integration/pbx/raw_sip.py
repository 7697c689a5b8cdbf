"""A SIP user agent of one UDP socket, to speak to Asterisk without any library's opinions."""

from __future__ import annotations

import hashlib
import re
import secrets
import socket
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Answer:
    """One SIP message as received."""

    text: str

    @property
    def start_line(self) -> str:
        return self.text.split("\r\n", 1)[0]

    @property
    def status(self) -> int:
        return int(self.start_line.split()[1]) if self.start_line.startswith("SIP/2.0") else 0

    def header(self, name: str) -> str:
        match = re.search(rf"(?im)^{name}:\s*(.*?)\r?$", self.text)
        return match[1] if match else ""


class RawPhone:
    """Sends from one socket and, like a 79x2, names its own address in Via and Contact."""

    def __init__(self, user: str, password: str, address: str, pbx: tuple[str, int]) -> None:
        self.user = user
        self.password = password
        self.pbx = pbx
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 0))
        self.socket.settimeout(3.0)
        self.address, self.port = self.socket.getsockname()
        self.call_id = secrets.token_hex(8)
        self.tag = secrets.token_hex(4)
        self.cseq = 0
        self.calls = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    @property
    def uri(self) -> str:
        return f"sip:{self.user}@{self.address}:{self.port}"

    def register(self, expires: int = 3600) -> Answer:
        """REGISTER with digest; returns the last answer."""
        target = f"sip:{self.pbx[0]}"
        lines = [f"Expires: {expires}"]
        first = self.request("REGISTER", target, f"sip:{self.user}@{self.pbx[0]}", lines)
        if first.status != 401:
            return first
        lines.append(self.credentials("REGISTER", target, first))
        return self.request("REGISTER", target, f"sip:{self.user}@{self.pbx[0]}", lines)

    def call(self, extension: str, body: str = "") -> Answer:
        """INVITE with digest, each a call of its own; returns the final answer, acknowledged."""
        self.calls += 1
        target = f"sip:{extension}@{self.pbx[0]}"
        first = self.request("INVITE", target, target, [], body)
        self.acknowledge(target, first)
        lines = [self.credentials("INVITE", target, first)]
        answer = self.request("INVITE", target, target, lines, body)
        self.acknowledge(target, answer)
        return answer

    def bye(self, extension: str, answer: Answer) -> Answer:
        """End the call that ``answer`` accepted."""
        target = f"sip:{extension}@{self.pbx[0]}:{self.pbx[1]}"
        challenge = self.request("BYE", target, answer.header("To"), [])
        if challenge.status != 401:
            return challenge
        lines = [self.credentials("BYE", target, challenge)]
        return self.request("BYE", target, answer.header("To"), lines)

    def request(
        self, method: str, target: str, to: str, lines: list[str], body: str = ""
    ) -> Answer:
        self.cseq += 1
        self._send(method, target, to, lines, body)
        while (answer := self.receive()).status < 200 or method not in answer.header("CSeq"):
            pass
        return answer

    def acknowledge(self, target: str, answer: Answer) -> None:
        self._send("ACK", target, answer.header("To"), [], "", via=answer.header("Via"))

    def receive(self) -> Answer:
        return Answer(self.socket.recv(65536).decode())

    def credentials(self, method: str, target: str, challenge: Answer) -> str:
        """Answer a digest challenge (RFC 2617, MD5), with qop=auth where it is offered."""
        given = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge.header("WWW-Authenticate")))
        cnonce = secrets.token_hex(8)
        # chan_sip offers no qop: RFC 2069, as a 79x2 answers too.
        middle = f"00000001:{cnonce}:auth:" if "qop" in given else ""
        a1 = _md5(f"{self.user}:{given['realm']}:{self.password}")
        a2 = _md5(f"{method}:{target}")
        response = _md5(f"{a1}:{given['nonce']}:{middle}{a2}")
        qop = f', cnonce="{cnonce}", nc=00000001, qop=auth' if middle else ""
        opaque = f', opaque="{given["opaque"]}"' if "opaque" in given else ""
        return (
            f'Authorization: Digest username="{self.user}", realm="{given["realm"]}", '
            f'nonce="{given["nonce"]}", uri="{target}", response="{response}", algorithm=MD5'
            f"{qop}{opaque}"
        )

    def _send(
        self, method: str, target: str, to: str, lines: list[str], body: str, via: str = ""
    ) -> None:
        via = via or f"SIP/2.0/UDP {self.address}:{self.port};branch=z9hG4bK{secrets.token_hex(6)}"
        to = to if "<" in to else f"<{to}>"
        head = [
            f"{method} {target} SIP/2.0",
            f"Via: {via}",
            f"From: <sip:{self.user}@{self.pbx[0]}>;tag={self.tag}",
            f"To: {to}",
            f"Call-ID: {self.call_id}-{'r' if method == 'REGISTER' else self.calls}",
            f"CSeq: {self.cseq} {method}",
            f"Contact: <{self.uri}>",
            "Max-Forwards: 70",
            *lines,
        ]
        if body:
            head.append("Content-Type: application/sdp")
        head.append(f"Content-Length: {len(body)}")
        self.socket.sendto(("\r\n".join(head) + "\r\n\r\n" + body).encode(), self.pbx)


def offer(address: str, *payload_types: int) -> str:
    """An SDP offer of static audio payload types (RFC 3551)."""
    types = " ".join(str(number) for number in payload_types)
    return "".join(
        line + "\r\n"
        for line in (
            "v=0",
            f"o=- 1 1 IN IP4 {address}",
            "s=-",
            f"c=IN IP4 {address}",
            "t=0 0",
            f"m=audio 40000 RTP/AVP {types}",
        )
    )


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
