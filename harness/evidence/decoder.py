"""From packets to what they mean: SIP messages and RTP, live or from a pcap file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from harness.events import SipMessage
from harness.evidence.frames import Packet, TcpStream, read_pcap
from harness.evidence.rtp import RtpBook
from harness.evidence.sip import SipBytes, SipText, parse_sip

__all__ = ["Decoder", "WireSip", "read_sip", "sip_event"]

_FIN_OR_RESET = 0x05

#: A SIP message with the packet that completed it.
WireSip = tuple[Packet, SipText]


class Decoder:
    """Feed packets in; SIP messages go to ``on_sip``, RTP to ``book``."""

    def __init__(self, on_sip: Callable[[Packet, SipText], None], book: RtpBook) -> None:
        self._on_sip = on_sip
        self._book = book
        self._connections: dict[tuple[str, str], tuple[TcpStream, SipBytes]] = {}

    def take(self, packet: Packet) -> None:
        """Look at one packet; what is neither SIP nor RTP is left alone."""
        if packet.transport == "tcp":
            self._tcp(packet)
            return
        if not self._book.take(packet):
            self._sip(packet, packet.payload)

    def _tcp(self, packet: Packet) -> None:
        key = (packet.source, packet.destination)
        stream, cutter = self._connections.setdefault(key, (TcpStream(), SipBytes()))
        ready = stream.feed(packet)
        for message in cutter.feed(ready) if ready else ():
            self._sip(packet, message)
        if packet.flags & _FIN_OR_RESET:
            del self._connections[key]

    def _sip(self, packet: Packet, payload: bytes) -> None:
        message = parse_sip(payload)
        if message is None:
            return
        if message.sdp is not None:
            sdp = message.sdp
            self._book.expect(sdp.address, sdp.media_port, sdp.rtpmap)
        self._on_sip(packet, message)


def sip_event(packet: Packet, message: SipText) -> SipMessage:
    """The timeline's event for a message."""
    return SipMessage(
        source=packet.source,
        destination=packet.destination,
        start_line=message.start_line,
        call_id=message.call_id,
        cseq=message.cseq,
        text=message.text,
    )


def read_sip(path: Path) -> list[WireSip]:
    """All SIP messages of a pcap file, in order.

    Raises:
        UsageFault: the file cannot be read or is not classic pcap.
    """
    found: list[WireSip] = []
    decoder = Decoder(lambda packet, message: found.append((packet, message)), RtpBook())
    for packet in read_pcap(path):
        decoder.take(packet)
    return found
