"""The XML pages of a 79xx as types that bear what differs from load to load.

Names of pages and elements: two public lists of what phones answer (GLPI agent notes on a 7940
8.1(2) and a 7945G; a phone client's notes on a 7975G with 9.4(2)SR3), compared in case-blind
fashion because releases differ in it. An element that is not known is kept, one that is missing is
None; only a page that is no XML of the right kind is refused.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

from harness.errors import ProductFault

__all__ = [
    "DeviceInformation",
    "EthernetInformation",
    "NetworkConfiguration",
    "Page",
    "PortInformation",
    "StreamingStatistics",
]

#: A label with a bare ampersand makes a page ill-formed; the rest of the page is still true.
_BARE_AMPERSAND = re.compile(rb"&(?!#?\w{1,10};)")
#: RTP payload types by the names phones use, without punctuation (RFC 3551; iLBC is dynamic).
_PAYLOAD_TYPES = {
    "g711": 0,
    "g711u": 0,
    "g711ulaw": 0,
    "g711mulaw": 0,
    "pcmu": 0,
    "g711a": 8,
    "g711alaw": 8,
    "pcma": 8,
    "g722": 9,
    "g729": 18,
    "g729a": 18,
    "g729b": 18,
    "g729ab": 18,
}


def _leaves(element: ET.Element) -> Iterator[tuple[str, str]]:
    for child in element:
        if len(child):
            yield from _leaves(child)
        else:
            yield child.tag, (child.text or "").strip()


@dataclass(frozen=True, slots=True)
class Page:
    """Every element of a page in its order, also those no type names."""

    #: The page's root element.
    root: ClassVar[str] = ""
    elements: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, content: bytes, device: str = "") -> Self:
        """Read a page.

        Args:
            content: the page as the phone sent it.
            device: the phone's name, for the fault.

        Raises:
            ProductFault: it is not XML, or another page.
        """
        text = content.strip(b"\0\r\n\t \xef\xbb\xbf")
        if b"<!ENTITY" in text or b"<!DOCTYPE" in text:
            raise ProductFault(f"its {cls.root} page declares a document type", device=device)
        try:
            try:
                root = ET.fromstring(text)
            except ET.ParseError:
                root = ET.fromstring(_BARE_AMPERSAND.sub(b"&amp;", text))
        except (ET.ParseError, ValueError, LookupError) as error:
            raise ProductFault(
                f"its {cls.root} page is not XML: {error}",
                device=device,
                state=f"it begins with {text[:60]!r}",
            ) from error
        if root.tag.lower() != cls.root.lower():
            raise ProductFault(
                f"it answered <{root.tag}> when asked for <{cls.root}>",
                device=device,
                hint="CiscoIPPhoneError 4 means that it wants credentials",
            )
        return cls(tuple(_leaves(root)))

    def get(self, name: str) -> str | None:
        """Return an element's text by name in any case; None when the page has none."""
        wanted = name.lower()
        return next((text for tag, text in self.elements if tag.lower() == wanted), None)

    def number(self, name: str) -> int | None:
        """Return an element as a number; None when it is missing or none."""
        match = re.match(r"-?\d+", self.get(name) or "")
        return int(match[0]) if match else None

    def __str__(self) -> str:
        width = max((len(name) for name, _ in self.elements), default=0)
        return "\n".join(f"{name:{width}}  {text}".rstrip() for name, text in self.elements)


@dataclass(frozen=True, slots=True)
class DeviceInformation(Page):
    """``/DeviceInformationX``: what the phone is and what it runs."""

    root: ClassVar[str] = "DeviceInformation"

    @property
    def mac(self) -> str:
        """Twelve upper-case hexadecimal digits, however the page writes them."""
        return re.sub(r"[^0-9A-F]", "", (self.get("MACAddress") or "").upper())

    @property
    def host_name(self) -> str | None:
        """``SEP`` and the MAC."""
        return self.get("HostName")

    @property
    def directory_number(self) -> str | None:
        """The number of line 1."""
        return self.get("phoneDN")

    @property
    def load(self) -> str | None:
        """The installed load without suffix, as ``loadInformation`` names it.

        On 79x1 and later the page's Version is the load's name; the App Load ID is the name of its
        Java image, whose version differs (jar42sip.9-3-1ES26 belongs to SIP42.9-3-1SR4-1S).
        """
        version = self.get("versionID")
        return version.removesuffix(".loads") if version else None

    @property
    def app_load(self) -> str | None:
        """File name of the application image, without ``.sbn``."""
        image = self.get("appLoadID")
        return image.removesuffix(".sbn") if image else None

    @property
    def model(self) -> str | None:
        """``CP-7942G``."""
        return self.get("modelNumber")

    @property
    def serial(self) -> str | None:
        """Serial number on its back."""
        return self.get("serialNumber")


@dataclass(frozen=True, slots=True)
class NetworkConfiguration(Page):
    """``/NetworkConfigurationX``: addresses as the phone uses them."""

    root: ClassVar[str] = "NetworkConfiguration"

    @property
    def address(self) -> str | None:
        """Its own IP address."""
        return self.get("IPAddress")

    @property
    def tftp_server(self) -> str | None:
        """The TFTP server in force."""
        return self.get("TFTPServer1")

    @property
    def call_managers(self) -> list[str]:
        """Its SIP servers in order; a page may add the state after the address."""
        found = (self.get(f"CallManager{number}") for number in range(1, 6))
        return [text.split()[0] for text in found if text]


@dataclass(frozen=True, slots=True)
class EthernetInformation(Page):
    """``/EthernetInformationX``: frame counters."""

    root: ClassVar[str] = "EthernetInformation"

    @property
    def frames_sent(self) -> int | None:
        """Frames sent since it booted."""
        return self.number("TxFrames")

    @property
    def frames_received(self) -> int | None:
        """Frames received since it booted."""
        return self.number("RxFrames")


@dataclass(frozen=True, slots=True)
class PortInformation(Page):
    """``/PortInformationX?n``: a port and the neighbour on it."""

    root: ClassVar[str] = "PortInformation"

    @property
    def speed(self) -> str | None:
        """Speed and duplex."""
        return self.get("PortSpeed")

    @property
    def neighbour(self) -> str | None:
        """The switch, by CDP or else LLDP."""
        return self.get("CDPNeighborDeviceId") or self.get("LLDPNeighborDeviceId")


@dataclass(frozen=True, slots=True)
class StreamingStatistics(Page):
    """``/StreamingStatisticsX?n``: one RTP stream as the phone counts it."""

    root: ClassVar[str] = "StreamingStatistics"

    @property
    def active(self) -> bool:
        """Whether the stream is up now."""
        return (self.get("StreamStatus") or "").lower() == "active"

    @property
    def sender_payload_type(self) -> int | None:
        """RTP payload type it sends; None for a name that has no fixed one."""
        return _payload_type(self.get("SenderCodec"))

    @property
    def receiver_payload_type(self) -> int | None:
        """RTP payload type it receives; None for a name that has no fixed one."""
        return _payload_type(self.get("RcvrCodec"))

    @property
    def sent(self) -> int | None:
        """Packets sent."""
        return self.number("SenderPackets")

    @property
    def received(self) -> int | None:
        """Packets received."""
        return self.number("RcvrPackets")

    @property
    def lost(self) -> int | None:
        """Packets it missed."""
        return self.number("RcvrLostPackets")

    @property
    def remote(self) -> str | None:
        """The other end as ``address:port``."""
        return (self.get("RemoteAddr") or "").replace("/", ":") or None


def _payload_type(codec: str | None) -> int | None:
    return _PAYLOAD_TYPES.get(re.sub(r"[^a-z0-9]", "", (codec or "").lower()))
