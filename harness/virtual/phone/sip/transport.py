"""UDP as the phone does it, and the transactions on top of it.

Requests leave from an ephemeral port while Via and Contact name voipControlPort, and nobody
listens on the sending port (captured on 7961, 7962): a server that answers to the source port is
never heard. That is the most common reason for a phone stuck at "Registering".
"""

from __future__ import annotations

import asyncio
import random
import re
from collections import OrderedDict
from collections.abc import Callable

from harness.virtual.phone.sip.message import Message, new_branch, parse_message

__all__ = ["NoAnswer", "SipTransport", "TcpTransport"]

_EPHEMERAL = (49152, 65535)
_REMEMBERED = 64
#: RFC 3261 timer B/F: the phone's console calls it "ack timer", about 32 s.
_TIMEOUT_T1 = 64


class NoAnswer(Exception):
    """A request was never answered."""


class _Listener(asyncio.DatagramProtocol):
    def __init__(self, receive: Callable[[bytes, tuple[str, int]], None]) -> None:
        self._receive = receive

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._receive(data, addr)


class _Stream(asyncio.Protocol):
    """Cut a TCP byte stream into SIP messages by Content-Length."""

    def __init__(
        self, receive: Callable[[bytes, tuple[str, int]], None], lost: Callable[[], None]
    ) -> None:
        self._receive = receive
        self._lost = lost
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            head, _, rest = self._buffer.partition(b"\r\n\r\n")
            length = re.search(rb"(?im)^(?:content-length|l)\s*:\s*(\d+)", head)
            size = int(length[1]) if length else 0
            if len(rest) < size:
                return
            self._receive(head + b"\r\n\r\n" + rest[:size], ("", 0))
            self._buffer = rest[size:]

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._lost()


class _Waiting:
    def __init__(self) -> None:
        self.responses: asyncio.Queue[Message] = asyncio.Queue()


class SipTransport:
    """The phone's SIP sockets over UDP.

    Args:
        address: the phone's IP address.
        port: voipControlPort.
        t1: first retransmission interval in seconds.
        t2: longest one.
        on_request: called with each new request; it answers with :meth:`respond`.
    """

    protocol = "udp"

    def __init__(
        self, address: str, port: int, t1: float, t2: float, on_request: Callable[[Message], None]
    ) -> None:
        self.address = address
        self.port = port
        self._t1 = t1
        self._t2 = t2
        self._on_request = on_request
        self._listening: asyncio.DatagramTransport | None = None
        self._sending: asyncio.DatagramTransport | None = None
        self._waiting: dict[tuple[str, str], _Waiting] = {}
        self._answered: OrderedDict[tuple[str, str, int], Message | None] = OrderedDict()
        self._pending_acks: dict[tuple[str, int], asyncio.Event] = {}

    @property
    def via(self) -> str:
        """Via without its branch."""
        return f"SIP/2.0/{self.protocol.upper()} {self.address}:{self.port}"

    async def open(self) -> None:
        """Bind the listening port and an ephemeral one to send from."""
        loop = asyncio.get_running_loop()
        self._listening, _ = await loop.create_datagram_endpoint(
            lambda: _Listener(self._receive), local_addr=(self.address, self.port)
        )
        while self._sending is None:
            try:
                self._sending, _ = await loop.create_datagram_endpoint(
                    asyncio.DatagramProtocol,
                    local_addr=(self.address, random.randint(*_EPHEMERAL)),
                )
            except OSError:
                continue

    def close(self) -> None:
        """Close both sockets."""
        for transport in (self._listening, self._sending):
            if transport is not None:
                transport.close()

    def send(self, message: Message, target: tuple[str, int]) -> None:
        """Put one message on the wire."""
        if self._sending is not None:
            self._sending.sendto(message.encode(), target)

    async def request(
        self,
        message: Message,
        target: tuple[str, int],
        on_provisional: Callable[[Message], None] | None = None,
    ) -> Message:
        """Send a request with retransmissions and return its final response.

        Raises:
            NoAnswer: nothing came for 64 times T1.
        """
        branch = new_branch()
        message.headers.insert(0, ("Via", f"{self.via};branch={branch}"))
        key = (branch, message.method)
        waiting = self._waiting[key] = _Waiting()
        resend: asyncio.Task[None] | None = asyncio.create_task(self._resend(message, target))
        try:
            async with asyncio.timeout(_TIMEOUT_T1 * self._t1) as limit:
                while True:
                    response = await waiting.responses.get()
                    if resend is not None:
                        resend.cancel()
                        resend = None
                    if response.status >= 200:
                        break
                    if message.method == "INVITE":
                        limit.reschedule(None)
                    if on_provisional is not None:
                        on_provisional(response)
        except TimeoutError:
            raise NoAnswer(message.start) from None
        finally:
            if resend is not None:
                resend.cancel()
            self._waiting.pop(key, None)
        if message.method == "INVITE" and response.status >= 300:
            self._acknowledge_failure(message, response, branch, target)
        return response

    def _acknowledge_failure(
        self, invite: Message, response: Message, branch: str, target: tuple[str, int]
    ) -> None:
        uri = invite.start.split(" ")[1]
        ack = Message(f"ACK {uri} SIP/2.0", [("Via", f"{self.via};branch={branch}")])
        ack.headers += [
            ("From", invite.get("From")), ("To", response.get("To")),
            ("Call-ID", invite.call_id), ("CSeq", f"{invite.cseq} ACK"), ("Max-Forwards", "70"),
        ]  # fmt: skip
        self.send(ack, target)

    async def _resend(self, message: Message, target: tuple[str, int]) -> None:
        interval = self._t1
        while True:
            self.send(message, target)
            await asyncio.sleep(interval)
            doubled = interval * 2
            interval = doubled if message.method == "INVITE" else min(doubled, self._t2)

    def respond(self, request: Message, response: Message) -> None:
        """Answer a request to the address in its Via, and again if it is repeated."""
        key = (request.branch, request.method, request.cseq)
        self._answered[key] = response
        self.send(response, self._via_target(request))

    async def respond_until_ack(self, request: Message, response: Message) -> bool:
        """Send a 200 to an INVITE until it is acknowledged; False when it never was."""
        acknowledged = asyncio.Event()
        self._pending_acks[request.call_id, request.cseq] = acknowledged
        interval = self._t1
        try:
            async with asyncio.timeout(_TIMEOUT_T1 * self._t1):
                while not acknowledged.is_set():
                    self.respond(request, response)
                    try:
                        async with asyncio.timeout(interval):
                            await acknowledged.wait()
                    except TimeoutError:
                        interval = min(interval * 2, self._t2)
        except TimeoutError:
            return False
        finally:
            self._pending_acks.pop((request.call_id, request.cseq), None)
        return True

    def _via_target(self, request: Message) -> tuple[str, int]:
        sent_by = request.get("Via").split(" ", 1)[-1].split(";")[0].strip()
        host, _, port = sent_by.partition(":")
        return host, int(port) if port.isdecimal() else 5060

    def _receive(self, received: bytes, _: tuple[str, int]) -> None:
        message = parse_message(received)
        if message is None:
            return
        if not message.is_request:
            waiting = self._waiting.get((message.branch, message.method))
            if waiting is not None:
                waiting.responses.put_nowait(message)
            return
        if message.method == "ACK":
            event = self._pending_acks.get((message.call_id, message.cseq))
            if event is not None:
                event.set()
            return
        key = (message.branch, message.method, message.cseq)
        if key in self._answered:
            repeated = self._answered[key]
            if repeated is not None:
                self.send(repeated, self._via_target(message))
            return
        self._answered[key] = None
        while len(self._answered) > _REMEMBERED:
            self._answered.popitem(last=False)
        self._on_request(message)


class TcpTransport(SipTransport):
    """One long-lived connection for everything, its own port in Via and Contact.

    transportLayerProtocol 1, and 4 ("TCP temporary"), as seen on a 7962: the server sends its
    requests on the same socket.
    """

    protocol = "tcp"

    def __init__(
        self,
        address: str,
        server: tuple[str, int],
        t1: float,
        t2: float,
        on_request: Callable[[Message], None],
        on_lost: Callable[[], None],
    ) -> None:
        super().__init__(address, 0, t1, t2, on_request)
        self._server = server
        self._on_lost = on_lost
        self._stream: asyncio.Transport | None = None
        self._closing = False

    async def open(self) -> None:
        """Connect to the first server; a refusal is left to the registration's ack timer."""
        loop = asyncio.get_running_loop()
        try:
            self._stream, _ = await loop.create_connection(
                lambda: _Stream(self._receive, self._lost),
                *self._server,
                local_addr=(self.address, 0),
            )
        except OSError:
            return
        self.port = self._stream.get_extra_info("sockname")[1]

    def close(self) -> None:
        """Close the connection."""
        self._closing = True
        if self._stream is not None:
            self._stream.close()

    def send(self, message: Message, target: tuple[str, int]) -> None:  # noqa: ARG002
        """Put one message on the connection."""
        if self._stream is not None:
            self._stream.write(message.encode())

    async def _resend(self, message: Message, target: tuple[str, int]) -> None:
        # A reliable transport sends once (RFC 3261 17.1.1.2, 17.1.2.2).
        self.send(message, target)

    def _lost(self) -> None:
        if not self._closing:
            self._on_lost()
