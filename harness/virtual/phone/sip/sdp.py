"""Offers and answers of a 79x2: ``c=`` at media level, codecs in its own order."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.virtual.phone.config import PhoneConfig

__all__ = ["Media", "build", "choose", "offer_order", "parse"]

_RTPMAP = {
    0: "PCMU/8000", 8: "PCMA/8000", 18: "G729/8000", 9: "G722/8000", 116: "iLBC/8000",
}  # fmt: skip
_FMTP = {18: "annexb=no", 116: "mode=20"}
#: What the twin can really encode; the others are offered, as the phone does, but never chosen.
ENCODABLE = (0, 8, 9)


@dataclass(frozen=True, slots=True)
class Media:
    """The audio line of an SDP."""

    address: str
    port: int
    types: tuple[int, ...]
    dtmf: int | None
    direction: str


def offer_order(config: PhoneConfig) -> list[int]:
    """Return payload types in the order offered: 0 8 18 9 116, the preferred one in front."""
    order = [0, 8, 18, 9, 116] if config.g722 else [0, 8, 18, 116]
    if config.preferred_codec in order:
        order.remove(config.preferred_codec)
        order.insert(0, config.preferred_codec)
    return order


def build(
    address: str,
    port: int,
    types: list[int],
    dtmf: int | None,
    direction: str,
    session: int,
    version: int,
) -> str:
    """Return an SDP body; without telephone-event when ``dtmf`` is None."""
    listed = types if dtmf is None else [*types, dtmf]
    hold_by_zero = direction == "zero"
    lines = [
        "v=0", f"o=Cisco-SIPUA {session} {version} IN IP4 {address}", "s=SIP Call", "t=0 0",
        f"m=audio {port} RTP/AVP {' '.join(map(str, listed))}",
        f"c=IN IP4 {'0.0.0.0' if hold_by_zero else address}",
    ]  # fmt: skip
    for number in types:
        lines.append(f"a=rtpmap:{number} {_RTPMAP[number]}")
        if number in _FMTP:
            lines.append(f"a=fmtp:{number} {_FMTP[number]}")
    if dtmf is not None:
        lines += [f"a=rtpmap:{dtmf} telephone-event/8000", f"a=fmtp:{dtmf} 0-15"]
    lines.append(f"a={'sendrecv' if hold_by_zero else direction}")
    return "\r\n".join(lines) + "\r\n"


def parse(body: str) -> Media | None:
    """Read the audio line of an SDP; None when there is none."""
    audio = re.search(r"^m=audio (\d+) RTP/AVP([ \d]*)", body, re.MULTILINE)
    if audio is None:
        return None
    connections = re.findall(r"^c=IN IP4 ([\d.]+)", body, re.MULTILINE)
    direction = re.search(r"^a=(sendrecv|sendonly|recvonly|inactive)", body, re.MULTILINE)
    event = re.search(r"^a=rtpmap:(\d+) telephone-event/8000", body, re.MULTILINE)
    return Media(
        address=connections[-1] if connections else "",
        port=int(audio[1]),
        types=tuple(int(number) for number in audio[2].split()),
        dtmf=int(event[1]) if event else None,
        direction=direction[1] if direction else "sendrecv",
    )


def choose(offered: Media, config: PhoneConfig) -> list[int]:
    """Return the common codecs that the twin can encode, in the offerer's order."""
    ours = offer_order(config)
    return [number for number in offered.types if number in ours and number in ENCODABLE]
