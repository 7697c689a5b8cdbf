"""One look through a test's capture: the quality of its calls, and a copy without speech."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.evidence.frames import Dissector, Frame, Packet, read_frames
from harness.evidence.quality import StreamQuality, mos, quality_of, rating, transit_delay
from harness.evidence.rtp import is_rtp

__all__ = ["Survey", "survey"]

#: Bytes kept of an RTP datagram: its header, and the four bytes of a DTMF event (RFC 4733).
_RTP_KEPT = 16
#: What a sender of 20 ms packets needs to fill one, in milliseconds: part of the way to the ear.
_PACKET_MS = 20.0
#: A stream of fewer packets (one second) is too short to say anything of a call.
_LEAST_PACKETS = 50


@dataclass(frozen=True, slots=True)
class Survey:
    """The streams of a capture, and the milliseconds audio spent in the PBX (None: unknown)."""

    streams: tuple[StreamQuality, ...] = ()
    pbx_delay: float | None = None

    def measurements(self) -> dict[str, float]:
        """The worst of the streams that lasted a second, by the names results keep numbers under.

        ``mos`` allows for the time in the PBX and the packet's own 20 ms, not for the phone's
        jitter buffer, which nothing on the wire tells.
        """
        long = [stream for stream in self.streams if stream.packets >= _LEAST_PACKETS]
        if not long:
            return {}
        found = {
            "loss_percent": max(stream.loss for stream in long),
            "jitter_ms": max(stream.jitter for stream in long),
        }
        delay = (self.pbx_delay or 0.0) + _PACKET_MS
        scores = [rating(stream.codec, loss=stream.loss, delay=delay) for stream in long]
        rated = [mos(score) for score in scores if score is not None]
        if rated:
            found["mos"] = round(min(rated), 2)
        if self.pbx_delay is not None:
            found["pbx_delay_ms"] = self.pbx_delay
        return found

    def as_dicts(self) -> list[dict[str, Any]]:
        """Each stream as plain values, ready for JSON."""
        return [
            {**asdict(stream), "heard": ", ".join(map(str, stream.heard))}
            for stream in self.streams
        ]


def survey(path: Path, tones: Mapping[str, int], *, pbx: str = "", trim: bool = False) -> Survey:
    """Tell what a capture holds; with ``trim`` leave it without what was said.

    Args:
        path: a classic pcap, closed.
        tones: every party's tone in Hz.
        pbx: IP address of the PBX, to find each packet again behind it.
        trim: rewrite the file, RTP cut behind its header; the lengths on the wire stay recorded.

    Raises:
        UsageFault: the file cannot be read or is no classic pcap.
    """
    splitter, frames = read_frames(path)
    dissector = Dissector(splitter.link_type)
    seen = [(frame, dissector.packet(frame)) for frame in frames]
    packets = [packet for _, packet in seen if packet is not None]
    told = Survey(
        streams=tuple(quality_of(packets, tones=tones)),
        pbx_delay=transit_delay(packets, pbx) if pbx else None,
    )
    if trim and any(stream.packets for stream in told.streams):
        order = "<" if splitter.header[0] in {0xD4, 0x4D} else ">"
        lengths = struct.Struct(order + "I")
        whole = b"".join(_trimmed(frame, packet, lengths) for frame, packet in seen)
        # On a full disk the untrimmed one stays.
        fresh = path.with_name(f".{path.name}.new")
        try:
            fresh.write_bytes(splitter.header + whole)
            fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)
    return told


def _trimmed(frame: Frame, packet: Packet | None, length: struct.Struct) -> bytes:
    """Return a frame's record, cut behind the RTP header where it is RTP."""
    if packet is None or packet.transport != "udp" or not is_rtp(packet.payload):
        return frame.record
    spare = len(packet.payload) - _RTP_KEPT
    if spare <= 0 or not frame.data.endswith(packet.payload):
        return frame.record
    kept = frame.data[:-spare]
    # A record: seconds, fraction, bytes in the file, bytes on the wire.
    return frame.record[:8] + length.pack(len(kept)) + frame.record[12:16] + kept
