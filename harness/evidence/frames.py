"""From captured bytes to packets: classic pcap, link headers, IPv4, UDP and TCP segments."""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from socket import inet_ntoa
from typing import NamedTuple

from harness.errors import UsageFault

__all__ = ["LINK_TYPES", "Dissector", "Frame", "Packet", "PcapSplitter", "TcpStream"]
__all__ += ["read_frames", "read_pcap"]

_UDP, _TCP = 17, 6
#: Bytes before the EtherType or IP header, by pcap link type (tcpdump.org/linktypes.html).
_ETHERNET, _RAW, _COOKED, _COOKED_V2 = 1, 101, 113, 276
LINK_TYPES = frozenset({_ETHERNET, _RAW, _COOKED, _COOKED_V2})
#: No frame a capture on Ethernet or loopback yields is longer (loopback MTU is 65536).
_LONGEST_FRAME = 262_144


class Frame(NamedTuple):
    """One captured frame: ``time`` in seconds since the epoch, and its record as in the file."""

    time: float
    data: bytes
    record: bytes


class Packet(NamedTuple):
    """One UDP datagram or TCP segment. ``seq`` and ``flags`` are 0 for UDP."""

    time: float
    transport: str
    source_ip: str
    source_port: int
    destination_ip: str
    destination_port: int
    payload: bytes
    seq: int = 0
    flags: int = 0

    @property
    def source(self) -> str:
        """Sender as ``ip:port``."""
        return f"{self.source_ip}:{self.source_port}"

    @property
    def destination(self) -> str:
        """Receiver as ``ip:port``."""
        return f"{self.destination_ip}:{self.destination_port}"


class PcapSplitter:
    """Cut a classic pcap byte stream into frames, whatever the chunks it arrives in."""

    def __init__(self) -> None:
        self._rest = b""
        self._record = struct.Struct("<IIII")
        self._fraction = 1e-6
        #: The file header, once it has arrived; empty until then.
        self.header = b""
        self.link_type = 0

    def feed(self, chunk: bytes) -> list[Frame]:
        """Take the next bytes, return the frames they complete.

        Raises:
            UsageFault: the bytes are not classic pcap.
        """
        data = self._rest + chunk if self._rest else chunk
        at = 0
        if not self.header:
            if len(data) < 24:
                self._rest = data
                return []
            self._open(data[:24])
            at = 24
        frames = []
        record, fraction, end = self._record, self._fraction, len(data)
        while end - at >= 16:
            seconds, part, length, _ = record.unpack_from(data, at)
            if length > _LONGEST_FRAME:
                raise UsageFault(f"damaged pcap: a frame of {length} bytes")
            stop = at + 16 + length
            if stop > end:
                break
            frames.append(Frame(seconds + part * fraction, data[at + 16 : stop], data[at:stop]))
            at = stop
        self._rest = data[at:]
        return frames

    def moved(self, frame: Frame, seconds: float) -> Frame:
        """Return a frame as if it had been captured so much later, in its record as well."""
        scale = round(1 / self._fraction)
        whole, part, length, wire = self._record.unpack_from(frame.record)
        whole, part = divmod(whole * scale + part + round(seconds * scale), scale)
        head = self._record.pack(whole, part, length, wire)
        return Frame(whole + part * self._fraction, frame.data, head + frame.record[16:])

    def _open(self, header: bytes) -> None:
        magics = {
            b"\xd4\xc3\xb2\xa1": ("<", 1e-6),
            b"\xa1\xb2\xc3\xd4": (">", 1e-6),
            b"\x4d\x3c\xb2\xa1": ("<", 1e-9),
            b"\xa1\xb2\x3c\x4d": (">", 1e-9),
        }
        try:
            order, self._fraction = magics[header[:4]]
        except KeyError:
            raise UsageFault(
                "not a classic pcap file",
                hint="pcapng is converted by: editcap -F pcap IN OUT",
            ) from None
        self._record = struct.Struct(order + "IIII")
        (link,) = struct.unpack_from(order + "I", header, 20)
        self.link_type = link & 0x0FFF_FFFF
        self.header = header


class Dissector:
    """Turn frames into packets; joins IPv4 fragments, drops what is neither UDP nor TCP.

    A phone's INVITE with its long Contact passes 1500 bytes easily, so fragments are normal on
    a real bench.
    """

    #: Datagrams that may wait for missing fragments at once.
    WAITING = 64

    def __init__(self, link_type: int) -> None:
        self._link = link_type
        self._names: dict[bytes, str] = {}
        self._parts: OrderedDict[bytes, dict[int, tuple[bytes, bool]]] = OrderedDict()

    def packet(self, frame: Frame) -> Packet | None:
        """Return the packet that this frame completes, if any."""
        data = frame.data
        at = self._network_offset(data)
        if at < 0 or len(data) < at + 20 or data[at] >> 4 != 4:
            return None
        header = (data[at] & 15) * 4
        total = (data[at + 2] << 8) | data[at + 3]
        # 0 is what a segmentation-offloading sender leaves there.
        end = at + total if total else len(data)
        body = data[at + header : end]
        more_and_offset = ((data[at + 6] << 8) | data[at + 7]) & 0x3FFF
        if more_and_offset:
            joined = self._join(data[at : at + 20], more_and_offset, body)
            if joined is None:
                return None
            body = joined
        protocol = data[at + 9]
        source, destination = (
            self._name(data[at + 12 : at + 16]),
            self._name(data[at + 16 : at + 20]),
        )
        if protocol == _UDP and len(body) >= 8:
            length = (body[4] << 8) | body[5]
            return Packet(
                frame.time,
                "udp",
                source,
                (body[0] << 8) | body[1],
                destination,
                (body[2] << 8) | body[3],
                body[8 : length if length >= 8 else None],
            )
        if protocol == _TCP and len(body) >= 20:
            sport, dport, seq, _, offset, flags = struct.unpack_from("!HHIIBB", body)
            payload = body[(offset >> 4) * 4 :]
            return Packet(frame.time, "tcp", source, sport, destination, dport, payload, seq, flags)
        return None

    def _network_offset(self, data: bytes) -> int:
        link = self._link
        if link == _ETHERNET:
            kind = data[12:14]
            if kind == b"\x08\x00":
                return 14
            # A voice VLAN leaves its tag on a trunk port's capture.
            return 18 if kind == b"\x81\x00" and data[16:18] == b"\x08\x00" else -1
        if link == _RAW:
            return 0
        if link == _COOKED:
            return 16 if data[14:16] == b"\x08\x00" else -1
        if link == _COOKED_V2:
            return 20 if data[0:2] == b"\x08\x00" else -1
        return -1

    def _name(self, address: bytes) -> str:
        name = self._names.get(address)
        if name is None:
            name = self._names[address] = inet_ntoa(address)
        return name

    def _join(self, header: bytes, more_and_offset: int, body: bytes) -> bytes | None:
        key = header[4:6] + header[9:10] + header[12:20]
        parts = self._parts.setdefault(key, {})
        parts[(more_and_offset & 0x1FFF) * 8] = (body, bool(more_and_offset & 0x2000))
        whole, position = [], 0
        while position in parts:
            piece, more = parts[position]
            whole.append(piece)
            if not more:
                del self._parts[key]
                return b"".join(whole)
            if not piece:
                break
            position += len(piece)
        while len(self._parts) > self.WAITING:
            self._parts.popitem(last=False)
        return None


class TcpStream:
    """One direction of a TCP connection put back in order; missing bytes are waited for."""

    #: Segments kept while an earlier one is missing; more means the capture lost it for good.
    HELD = 64

    def __init__(self) -> None:
        self._next: int | None = None
        self._held: dict[int, bytes] = {}

    def feed(self, packet: Packet) -> bytes:
        """Take one segment, return the bytes that are now in order."""
        syn, fin_or_reset = packet.flags & 0x02, packet.flags & 0x05
        if syn:
            self._next, self._held = (packet.seq + 1) & 0xFFFF_FFFF, {}
            return b""
        if self._next is None:
            self._next = packet.seq
        if packet.payload:
            self._held[packet.seq] = packet.payload
        ready = self._drain()
        if not ready and len(self._held) > self.HELD:
            self._next = min(self._held, key=self._ahead)
            ready = self._drain()
        if fin_or_reset:
            self._next, self._held = None, {}
        return ready

    def _ahead(self, seq: int) -> int:
        """How far ``seq`` is ahead of what is expected; negative for what was seen already."""
        assert self._next is not None  # noqa: S101 - set by feed() before any call
        return ((seq - self._next + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000

    def _drain(self) -> bytes:
        ready = b""
        for seq in sorted(self._held, key=self._ahead):
            ahead = self._ahead(seq)
            if ahead > 0:
                break
            # A resent segment may bring bytes that were taken already: only what is new counts.
            fresh = self._held.pop(seq)[-ahead:]
            ready += fresh
            self._next = ((self._next or 0) + len(fresh)) & 0xFFFF_FFFF
        return ready


def read_frames(path: Path) -> tuple[PcapSplitter, list[Frame]]:
    """Return the frames of a classic pcap file; a torn last one (killed run) is left out.

    Raises:
        UsageFault: the file cannot be read or is not classic pcap.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageFault(f"cannot read the capture {path}: {error}") from error
    splitter = PcapSplitter()
    return splitter, splitter.feed(data)


def read_pcap(path: Path) -> Iterator[Packet]:
    """Yield the packets of a classic pcap file; a torn last frame (killed run) is left out.

    Raises:
        UsageFault: the file cannot be read or is not classic pcap.
    """
    splitter, frames = read_frames(path)
    dissector = Dissector(splitter.link_type)
    for frame in frames:
        packet = dissector.packet(frame)
        if packet is not None:
            yield packet
