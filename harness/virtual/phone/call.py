"""One call of the phone: its dialog, its offers and answers, its sound."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import Enum

from harness.virtual.phone.config import LineConfig, PhoneConfig
from harness.virtual.phone.defects import Defects
from harness.virtual.phone.media.rtp import RtpSession
from harness.virtual.phone.sip import sdp
from harness.virtual.phone.sip.digest import authorization
from harness.virtual.phone.sip.identity import Identity
from harness.virtual.phone.sip.message import Message, tag_of, uri_of
from harness.virtual.phone.sip.remotecc import DialogId
from harness.virtual.phone.sip.transport import NoAnswer, SipTransport

__all__ = ["Call", "CallState", "Phoneset"]

_ALLOW = "ACK,BYE,CANCEL,INVITE,NOTIFY,OPTIONS,REFER,REGISTER,UPDATE,SUBSCRIBE,INFO"
_SUPPORTED = "replaces,join,norefersub"
_SDP = ("Content-Type", "application/sdp")


class CallState(Enum):
    """Where a call is."""

    RING_IN = "ring in"
    RING_OUT = "ring out"
    CONNECTED = "connected"
    HELD = "held"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Phoneset:
    """What every call of this phone shares."""

    transport: SipTransport
    identity: Identity
    config: PhoneConfig
    defects: Defects
    tone: int


class Call:
    """One dialog, incoming or outgoing.

    Args:
        phone: what all calls share.
        line: the line it is on.
        server: where its requests go.
    """

    def __init__(self, phone: Phoneset, line: LineConfig, server: tuple[str, int]) -> None:
        self._phone = phone
        self.line = line
        self._server = server
        self.state = CallState.RING_OUT
        self.call_id = phone.identity.call_id()
        self.local_tag = phone.identity.tag()
        self.remote_tag = ""
        self.remote_uri = ""
        self._target = ""
        self._cseq = 101
        self._session = secrets.randbelow(30000)
        self._version = 0
        self._types = sdp.offer_order(phone.config)
        self._invite: Message | None = None
        self.rtp = RtpSession(phone.tone)
        self._resumed = False

    @property
    def dialog_id(self) -> DialogId:
        """The dialog as the phone names it."""
        return DialogId(self.call_id, self.local_tag, self.remote_tag)

    @property
    def other(self) -> str:
        """The other party's number, as the display shows it."""
        return self.remote_uri.partition(":")[2].partition("@")[0]

    # Outgoing

    async def dial(self, number: str) -> int:
        """Send the INVITE and see it through; returns the final status."""
        host = self._server[0]
        self.remote_uri = self._target = f"sip:{number}@{host}"
        await self._open_rtp()
        challenge, status = "", 0
        for _ in range(2):
            self._invite = self._request("INVITE", challenge=challenge, body=self._sdp("sendrecv"))
            try:
                response = await self._phone.transport.request(
                    self._invite, self._server, self._provisional
                )
            except NoAnswer:
                status = 408
                break
            status = response.status
            if status in (401, 407):
                challenge = response.get("WWW-Authenticate") or response.get("Proxy-Authenticate")
                continue
            if status == 200:
                self._take_dialog(response)
                self._acknowledge(self._invite)
                self._take_answer(response.body)
                if self.state is CallState.ENDED:
                    # Given up while the answer was on its way.
                    self.state = CallState.CONNECTED
                    await self.hang_up()
                else:
                    self.state = CallState.CONNECTED
                return status
            break
        self.end()
        return status

    def _provisional(self, response: Message) -> None:
        if tag_of(response.get("To")):
            self.remote_tag = tag_of(response.get("To"))

    async def cancel(self) -> None:
        """Give up an outgoing call that was not answered."""
        if self._invite is None:
            return
        self.state = CallState.ENDED
        cancel = Message(self._invite.start.replace("INVITE", "CANCEL", 1))
        wanted = ("From", "To", "Call-ID", "Max-Forwards")
        cancel.headers = [(k, v) for k, v in self._invite.headers if k in wanted]
        cancel.headers.insert(0, ("Via", self._invite.get("Via")))
        cancel.headers.append(("CSeq", f"{self._invite.cseq} CANCEL"))
        self._phone.transport.send(cancel, self._server)

    # Incoming

    async def ring(self, invite: Message) -> bool:
        """Take an INVITE: refuse it with 488, or ring; True when it rings."""
        self._invite = invite
        self.state = CallState.RING_IN
        self.call_id = invite.call_id
        self.remote_tag = tag_of(invite.get("From"))
        self.remote_uri = uri_of(invite.get("From"))
        self._target = uri_of(invite.get("Contact"))
        offered = sdp.parse(invite.body)
        if offered is not None:
            self._types = self._answer_types(offered)
            if not self._types:
                self._reply(invite, 488, "Not Acceptable Media")
                self.end()
                return False
        await self._open_rtp()
        self._reply(invite, 180, "Ringing")
        return True

    def _answer_types(self, offered: sdp.Media) -> list[int]:
        common = sdp.choose(offered, self._phone.config)
        if self._phone.defects.fires("wrong-codec-answered"):
            return common[-1:]
        return common[:1]

    async def answer(self) -> None:
        """Answer the ringing call."""
        if self._invite is None:
            return
        invite = self._invite
        self.state = CallState.CONNECTED
        offered = sdp.parse(invite.body)
        body = self._sdp("sendrecv")
        response = self._response(invite, 200, "OK", body)
        if offered is not None:
            self._start(offered)
        await self._phone.transport.respond_until_ack(invite, response)

    def refuse(self, status: int, reason: str) -> None:
        """Refuse or cancel the ringing call."""
        if self._invite is not None:
            self._reply(self._invite, status, reason)
        self.end()

    # In the dialog

    async def hold(self) -> bool:
        """Put the other side on hold; True when the re-INVITE was taken."""
        self.rtp.sending = False
        self.state = CallState.HELD
        if self._phone.defects.fires("no-hold-signalling"):
            return True
        direction = "zero" if self._phone.config.rfc2543_hold else "sendonly"
        return await self._reinvite(direction)

    async def resume(self) -> bool:
        """Take the other side off hold."""
        self._resumed = True
        self.state = CallState.CONNECTED
        return await self._reinvite("sendrecv")

    async def _reinvite(self, direction: str) -> bool:
        request = self._request("INVITE", body=self._sdp(direction))
        response = await self._authorized(request)
        if response.status != 200:
            return False
        self._acknowledge(request)
        self._take_answer(response.body)
        return True

    async def hang_up(self) -> None:
        """End the call from this side."""
        if self.state is CallState.RING_OUT:
            await self.cancel()
            self.rtp.close()
            return
        self.end()
        try:
            await self._authorized(self._request("BYE"))
        except NoAnswer:
            return

    async def refer(self, refer_to: str) -> int:
        """Send a REFER in the dialog; returns the final status."""
        request = self._request("REFER")
        user, host = self.line.name, self._server[0]
        request.headers += [("Refer-To", refer_to), ("Referred-By", f"<sip:{user}@{host}>")]
        return (await self._authorized(request)).status

    async def take_request(self, request: Message) -> None:
        """Handle a request inside the dialog, other than NOTIFY."""
        if request.method == "BYE":
            self._reply(request, 200, "OK")
            self.end()
        elif request.method in ("INVITE", "UPDATE"):
            await self._take_offer(request)
        else:
            self._reply(request, 200, "OK")

    async def _take_offer(self, request: Message) -> None:
        if request.get("Contact"):
            self._target = uri_of(request.get("Contact"))
        offered = sdp.parse(request.body)
        body = ""
        if offered is not None:
            types = self._answer_types(offered)
            if not types:
                self._reply(request, 488, "Not Acceptable Media")
                return
            self._types = types
            self._start(offered)
            mirrored = {"sendonly": "recvonly", "inactive": "inactive", "recvonly": "sendonly"}
            body = self._sdp(mirrored.get(offered.direction, "sendrecv"))
        elif request.method == "INVITE":
            body = self._sdp("sendonly" if self.state is CallState.HELD else "sendrecv")
        response = self._response(request, 200, "OK", body)
        if request.method == "INVITE":
            await self._phone.transport.respond_until_ack(request, response)
        else:
            self._phone.transport.respond(request, response)

    def end(self) -> None:
        """The call is over."""
        self.state = CallState.ENDED
        self.rtp.close()

    # Parts

    async def _open_rtp(self) -> None:
        config = self._phone.config
        await self.rtp.open(
            self._phone.transport.address, config.start_media_port, config.stop_media_port
        )

    def _sdp(self, direction: str) -> str:
        self._version += 1
        types = self._types
        if len(types) > 2 and self._phone.defects.fires("later-codecs-swapped"):
            types = [types[0], *reversed(types[1:])]
        return sdp.build(
            self._phone.transport.address, self.rtp.port, types,
            self._phone.config.offered_dtmf, direction, self._session, self._version,
        )  # fmt: skip

    def _take_answer(self, body: str) -> None:
        answered = sdp.parse(body)
        if answered is not None:
            self._start(answered)

    def _start(self, remote: sdp.Media) -> None:
        common = [number for number in remote.types if number in sdp.ENCODABLE]
        if not common or not remote.port:
            return
        kind = common[0] if len(self._types) != 1 else self._types[0]
        if self._phone.defects.fires("other-codec-sent"):
            kind = 0 if kind != 0 else 8
        dtmf = self._phone.config.sent_dtmf(remote.dtmf)
        self.rtp.start((remote.address, remote.port), kind, dtmf)
        wanted = self.state is CallState.CONNECTED or self.state is CallState.RING_OUT
        silent = remote.direction in ("sendonly", "inactive") or remote.address == "0.0.0.0"
        self.rtp.sending = wanted and not silent
        if self.rtp.sending and self._phone.defects.fires("answers-but-silent"):
            self.rtp.sending = False
        if self.rtp.sending and self._resumed and self._phone.defects.fires("one-way-after-hold"):
            self.rtp.sending = False

    def _take_dialog(self, response: Message) -> None:
        self.remote_tag = tag_of(response.get("To"))
        contact = response.get("Contact")
        if contact:
            self._target = uri_of(contact)

    async def _authorized(self, request: Message) -> Message:
        """Send a request in the dialog; answer one challenge."""
        response = await self._phone.transport.request(request, self._server)
        if response.status not in (401, 407):
            return response
        header = "WWW-Authenticate" if response.status == 401 else "Proxy-Authenticate"
        again = self._request(request.method, challenge=response.get(header), body=request.body)
        extra = ("Refer-To", "Referred-By")
        again.headers += [(k, v) for k, v in request.headers if k in extra]
        request.headers[:] = again.headers
        return await self._phone.transport.request(again, self._server)

    def _request(self, method: str, *, challenge: str = "", body: str = "") -> Message:
        line, identity, host = self.line, self._phone.identity, self._server[0]
        to_tag = f";tag={self.remote_tag}" if self.remote_tag else ""
        request = Message(f"{method} {self._target} SIP/2.0", body=body)
        own = f'"{line.display_name}" <sip:{line.name}@{host}>'
        request.headers += [
            ("From", f"{own};tag={self.local_tag}"),
            ("To", f"<{self.remote_uri}>{to_tag}"),
            ("Call-ID", self.call_id),
            ("Max-Forwards", "70"),
            ("CSeq", f"{self._cseq} {method}"),
            ("User-Agent", identity.user_agent),
            ("Contact", self._contact()),
        ]
        if method == "INVITE":
            request.headers += [
                ("Expires", "180"),
                ("Accept", "application/sdp"),
                ("Allow", _ALLOW),
                ("Remote-Party-ID", f"{own};party=calling;id-type=subscriber;privacy=off"),
                ("Supported", _SUPPORTED),
                ("Allow-Events", "kpml,dialog"),
            ]
        if challenge:
            value = authorization(
                challenge, method, self._target, line.auth_name, line.auth_password
            )
            request.headers.append(("Authorization", value))
        if body:
            request.headers.append(_SDP)
        self._cseq += 1
        return request

    def _contact(self) -> str:
        return self._phone.identity.address_of(self.line.contact)

    def _acknowledge(self, invite: Message) -> None:
        ack = self._request("ACK")
        self._cseq -= 1
        ack.headers = [(k, f"{invite.cseq} ACK" if k == "CSeq" else v) for k, v in ack.headers]
        branch = f"z9hG4bK{secrets.token_hex(4)}"
        ack.headers.insert(0, ("Via", f"{self._phone.transport.via};branch={branch}"))
        self._phone.transport.send(ack, self._server)

    def _response(self, request: Message, status: int, reason: str, body: str = "") -> Message:
        headers = [
            ("Server", self._phone.identity.user_agent), ("Contact", self._contact()),
            ("Allow", _ALLOW), ("Supported", _SUPPORTED),
        ]  # fmt: skip
        if body:
            headers.append(_SDP)
        return request.reply(status, reason, to_tag=self.local_tag, headers=headers, body=body)

    def _reply(self, request: Message, status: int, reason: str) -> None:
        self._phone.transport.respond(request, self._response(request, status, reason))
