"""A capture somebody sent, told as events: SIP, files asked for by TFTP, TCP refused."""

from __future__ import annotations

import struct
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UsageFault
from harness.events import ConnectionRefused, Event, FileRefused, FileRequested, FileServed
from harness.evidence.decoder import Decoder, sip_event
from harness.evidence.frames import LINK_TYPES, Dissector, Packet, PcapSplitter
from harness.evidence.rtp import RtpBook
from harness.evidence.sip import SipText

__all__ = ["Recollection", "Seen", "numbered_packets", "recall"]

_TFTP = 69
_SYN, _RST, _ACK = 0x02, 0x04, 0x10
#: Bytes of a classic pcap's own header.
_HEADER = 24
_PCAPNG = b"\x0a\x0d\x0d\x0a"


@dataclass(frozen=True, slots=True)
class Seen:
    """One event of a capture: seconds since the epoch, the number of the frame, what it was."""

    time: float
    frame: int
    event: Event


@dataclass
class _Transfer:
    name: str
    address: str
    port: int
    began: float
    size: int = 0
    blocks: int = 0
    block_size: int = 512
    resent: int = 0


class _Tftp:
    """RFC 1350 transfers put together from packets; a client's end names its transfer."""

    def __init__(self) -> None:
        self._open: dict[str, _Transfer] = {}

    def take(self, packet: Packet) -> Event | None:
        if packet.transport != "udp" or len(packet.payload) < 4:
            return None
        (code,) = struct.unpack_from("!H", packet.payload)
        if packet.destination_port == _TFTP and code == 1:
            return self._request(packet)
        transfer = self._open.get(packet.destination)
        if transfer is not None:
            return self._from_server(packet, code, transfer)
        transfer = self._open.get(packet.source)
        return self._from_client(packet, code, transfer) if transfer is not None else None

    def _request(self, packet: Packet) -> Event:
        name = packet.payload[2:].split(b"\0")[0].decode("latin-1")
        fresh = _Transfer(name, packet.source_ip, packet.source_port, packet.time)
        self._open[packet.source] = fresh
        return FileRequested(name, packet.source_ip, packet.source_port)

    def _from_server(self, packet: Packet, code: int, transfer: _Transfer) -> Event | None:
        if code == 3:
            (number,) = struct.unpack_from("!H", packet.payload, 2)
            ahead = (number - transfer.blocks) & 0xFFFF
            # The client acknowledged what a busy capture left out, and only a last block is short.
            if 0 < ahead < 0x8000:
                transfer.blocks += ahead
                transfer.size += (ahead - 1) * transfer.block_size + len(packet.payload) - 4
            else:
                transfer.resent += 1
        elif code == 6:
            options = packet.payload[2:].split(b"\0")
            for name, value in zip(options[::2], options[1::2], strict=False):
                if name.lower() == b"blksize" and value.isdigit():
                    transfer.block_size = int(value)
        elif code == 5:
            del self._open[packet.destination]
            (error,) = struct.unpack_from("!H", packet.payload, 2)
            text = packet.payload[4:].rstrip(b"\0").decode("latin-1")
            return FileRefused(transfer.name, transfer.address, transfer.port, error, text)
        return None

    def _from_client(self, packet: Packet, code: int, transfer: _Transfer) -> Event | None:
        (number,) = struct.unpack_from("!H", packet.payload, 2)
        if code == 5:
            del self._open[packet.source]
            return FileRefused(
                transfer.name, transfer.address, transfer.port, number, "the phone gave up"
            )
        last = transfer.blocks and transfer.size < transfer.blocks * transfer.block_size
        if code == 4 and last and number == transfer.blocks & 0xFFFF:
            del self._open[packet.source]
            return FileServed(
                name=transfer.name,
                address=transfer.address,
                port=transfer.port,
                size=transfer.size,
                blocks=transfer.blocks,
                resent=transfer.resent,
                duration=round(packet.time - transfer.began, 4),
            )
        return None


class _Refusals:
    """TCP connections that are reset before anything was said."""

    def __init__(self) -> None:
        self._asked: set[tuple[str, str]] = set()

    def take(self, packet: Packet) -> Event | None:
        if packet.transport != "tcp":
            return None
        if packet.flags & _SYN and not packet.flags & _ACK:
            self._asked.add((packet.source, packet.destination))
        elif packet.flags & _SYN:
            self._asked.discard((packet.destination, packet.source))
        elif packet.flags & _RST and (packet.destination, packet.source) in self._asked:
            self._asked.remove((packet.destination, packet.source))
            return ConnectionRefused(packet.destination, packet.source)
        return None


class Recollection:
    """Bytes of a classic pcap in, events out, whatever the chunks they arrive in."""

    def __init__(self) -> None:
        self._splitter = PcapSplitter()
        self._dissector: Dissector | None = None
        self._spoken: list[tuple[Packet, SipText]] = []
        self._decoder = Decoder(lambda *said: self._spoken.append(said), RtpBook())
        self._tftp, self._refusals = _Tftp(), _Refusals()
        self._frames = 0

    def feed(self, chunk: bytes) -> Iterator[Seen]:
        """Take the next bytes, yield the events they complete.

        Raises:
            UsageFault: the bytes are no classic pcap, or not of a kind of link that is known.
        """
        for frame in self._splitter.feed(chunk):
            self._frames += 1
            if self._dissector is None:
                if self._splitter.link_type not in LINK_TYPES:
                    raise UsageFault(
                        f"captured on a link of type {self._splitter.link_type}, not known here",
                        hint="capture on the wired side: tcpdump -i eth0, or -i any",
                    )
                self._dissector = Dissector(self._splitter.link_type)
            packet = self._dissector.packet(frame)
            if packet is None:
                continue
            for event in (self._tftp.take(packet), self._refusals.take(packet)):
                if event is not None:
                    yield Seen(packet.time, self._frames, event)
            self._decoder.take(packet)
            for at, message in self._spoken:
                yield Seen(at.time, self._frames, sip_event(at, message))
            self._spoken.clear()


def recall(path: Path) -> Iterator[Seen]:
    """Yield what a capture file tells, in order; a torn last frame is left out.

    Raises:
        UsageFault: the file cannot be read, or is no capture.
    """
    data = _whole(path)
    try:
        yield from Recollection().feed(data)
    except UsageFault as fault:
        raise UsageFault(f"{path}: {fault.summary}", hint=fault.hint) from fault


def numbered_packets(path: Path) -> Iterator[tuple[int, Packet]]:
    """Yield the packets of a capture file, each with the number of its frame, as Wireshark counts.

    Raises:
        UsageFault: the file cannot be read, or is no capture.
    """
    splitter = PcapSplitter()
    try:
        frames = splitter.feed(_whole(path))
    except UsageFault as fault:
        raise UsageFault(f"{path}: {fault.summary}", hint=fault.hint) from fault
    dissector = Dissector(splitter.link_type)
    for number, frame in enumerate(frames, start=1):
        packet = dissector.packet(frame)
        if packet is not None:
            yield number, packet


def _whole(path: Path) -> bytes:
    """Read a capture as classic pcap."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageFault(f"cannot read the capture {path}: {error.strerror}") from error
    if data.startswith(_PCAPNG):
        data = _classic(path)
    if len(data) < _HEADER:
        raise UsageFault(f"{path} ends within its header", hint="have the capture sent again")
    return data


def _classic(path: Path) -> bytes:
    """Convert pcapng, which Wireshark writes, by Wireshark's own tool."""
    with tempfile.TemporaryDirectory(prefix="phone-bench-") as folder:
        target = Path(folder) / "classic.pcap"
        try:
            done = subprocess.run(
                ["editcap", "-F", "pcap", str(path), str(target)],
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
        except FileNotFoundError as error:
            raise UsageFault(
                f"{path} is pcapng, and editcap is not there to convert it",
                hint="apt-get install tshark",
            ) from error
        if done.returncode:
            raise UsageFault(f"{path} cannot be converted: {done.stderr.strip()}")
        return target.read_bytes()
