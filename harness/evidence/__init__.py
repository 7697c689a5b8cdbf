"""What crossed the wire, kept and understood: capture, SIP, RTP, ladders, a folder per test.

Everything here only looks on: nothing in this room sends a packet, drives a device or judges a
phone beyond what an ear must say. It knows the timeline and the lab's addresses, no other room.
"""

from harness.evidence.bundle import Bundle, redact, timeline_text, write_bundle
from harness.evidence.calls import CodecEvidence, Negotiation, WireCall, calls_from
from harness.evidence.capture import Capture, capture_filter
from harness.evidence.ear import WireEar, WireMouth
from harness.evidence.gather import Evidence
from harness.evidence.ladder import ladder_html, ladder_text
from harness.evidence.quality import (
    StreamQuality,
    mos,
    quality_as_table,
    quality_of,
    rating,
    transit_delay,
)
from harness.evidence.recall import Recollection, Seen, recall
from harness.evidence.rtp import RtpBook, RtpStream, StreamKey
from harness.evidence.sip import Sdp, SipText, parse_sdp, parse_sip

__all__ = [
    "Bundle",
    "Capture",
    "CodecEvidence",
    "Evidence",
    "Negotiation",
    "Recollection",
    "RtpBook",
    "RtpStream",
    "Sdp",
    "Seen",
    "SipText",
    "StreamKey",
    "StreamQuality",
    "WireCall",
    "WireEar",
    "WireMouth",
    "calls_from",
    "capture_filter",
    "ladder_html",
    "ladder_text",
    "mos",
    "parse_sdp",
    "parse_sip",
    "quality_as_table",
    "quality_of",
    "rating",
    "recall",
    "redact",
    "timeline_text",
    "transit_delay",
    "write_bundle",
]
