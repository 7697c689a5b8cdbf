"""How long an ear had nothing to hear when the audio changed: by what the packets sound like."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from harness.evidence.frames import Packet
from harness.evidence.rtp import parse_rtp
from harness.evidence.speech import AUDIO_PAYLOADS, RATE, decode
from harness.tones import heard, levels

__all__ = ["gap_at"]

#: A packet shorter than this (samples) cannot tell two tones of the bench apart: 10 ms.
_LEAST = 80


def gap_at(
    packets: Iterable[Packet], ear: str, party: str, tones: Mapping[str, int], *, asked: float
) -> float | None:
    """Return the milliseconds an ear waited for a party; None when it never heard that party.

    To the first packet with the party's tone after ``asked``, from the last packet before it with
    anybody's tone, or from ``asked`` when the ear was silent then (held). 20 or less is no gap:
    packets are 20 ms apart. Where devices share an address, the end that hears first counts.

    Args:
        packets: what was captured.
        ear: the device's ``ip`` or ``ip:port``.
        party: whose tone begins.
        tones: every party's tone in Hz.
        asked: when the change was asked for (a re-INVITE, a REFER), seconds since the epoch.
    """
    last: dict[str, float] = {}
    for packet in packets:
        if packet.transport != "udp" or ear not in {packet.destination, packet.destination_ip}:
            continue
        rtp = parse_rtp(packet.payload)
        if rtp is None or rtp.payload_type not in AUDIO_PAYLOADS or len(rtp.body) < _LEAST:
            continue
        pcm = decode(rtp.payload_type, [rtp.body])
        sounds = heard(levels(np.asarray(pcm), RATE, tones))
        if party in sounds and packet.time >= asked:
            since = max(last.get(packet.destination, 0.0), asked)
            return round((packet.time - since) * 1000, 1)
        if sounds:
            last[packet.destination] = packet.time
    return None
