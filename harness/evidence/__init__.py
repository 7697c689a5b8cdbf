"""What crossed the wire, kept and understood: capture, SIP, RTP, ladders, a folder per test.

Everything here only looks on: nothing in this room sends a packet, drives a device or judges a
phone beyond what an ear must say. It knows the timeline and the lab's addresses, no other room.
"""

from harness.evidence.bundle import Bundle, Material, write_bundle
from harness.evidence.calls import CodecEvidence, Negotiation, WireCall, calls_from
from harness.evidence.capture import Capture, capture_filter
from harness.evidence.ear import WireEar, WireMouth
from harness.evidence.frames import Packet
from harness.evidence.gaps import gap_at
from harness.evidence.gather import Evidence
from harness.evidence.ladder import ladder_html, ladder_text
from harness.evidence.pages import timeline_text
from harness.evidence.quality import (
    StreamQuality,
    mos,
    quality_as_table,
    quality_of,
    rating,
    transit_delay,
)
from harness.evidence.recall import Recollection, Seen, numbered_packets, recall
from harness.evidence.redaction import (
    HIDDEN,
    HIDDEN_LONG,
    is_hidden,
    redact,
    redact_capture,
    redact_file,
    secrets_below,
)
from harness.evidence.rtp import RtpBook, RtpStream, StreamKey, parse_rtp
from harness.evidence.sip import COMPACT_HEADERS, Sdp, SipText, parse_sdp, parse_sip
from harness.evidence.survey import Survey, survey

__all__ = [
    "COMPACT_HEADERS",
    "HIDDEN",
    "HIDDEN_LONG",
    "Bundle",
    "Capture",
    "CodecEvidence",
    "Evidence",
    "Material",
    "Negotiation",
    "Packet",
    "Recollection",
    "RtpBook",
    "RtpStream",
    "Sdp",
    "Seen",
    "SipText",
    "StreamKey",
    "StreamQuality",
    "Survey",
    "WireCall",
    "WireEar",
    "WireMouth",
    "calls_from",
    "capture_filter",
    "gap_at",
    "is_hidden",
    "ladder_html",
    "ladder_text",
    "mos",
    "numbered_packets",
    "parse_rtp",
    "parse_sdp",
    "parse_sip",
    "quality_as_table",
    "quality_of",
    "rating",
    "recall",
    "redact",
    "redact_capture",
    "redact_file",
    "secrets_below",
    "survey",
    "timeline_text",
    "transit_delay",
    "write_bundle",
]
