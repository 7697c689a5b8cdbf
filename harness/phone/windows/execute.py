"""CGI/Execute: keys, numbers and digits sent to a phone from afar.

Source: Cisco Unified IP Phone Services Application Development Notes 9.1(1), "Internal URI
Features" and "CiscoIPPhoneExecute"; usecallmanager.nz, "CGI execute": at most three items, priority
0 at once, 1 when idle, 2 only if idle.
"""

from __future__ import annotations

import urllib.parse
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

from harness.errors import HarnessBug, ProductFault

__all__ = ["MOST_ITEMS", "ExecuteItem", "ExecuteResponse", "form_of", "key_uri", "parse_responses"]

MOST_ITEMS = 3
_PRIORITIES = (0, 1, 2)
_ERRORS = {
    "1": "bad Execute XML",
    "2": "cannot frame the response",
    "3": "internal file error",
    "4": "authentication refused",
}
#: Names of the robot's keys where the URI is not the name with a capital.
_KEY_URIS = {
    "*": "KeyPadStar",
    "#": "KeyPadPound",
    "navup": "NavUp",
    "navdown": "NavDwn",
    "volup": "VolUp",
    "voldown": "VolDwn",
}


@dataclass(frozen=True, slots=True)
class ExecuteItem:
    """One internal URI; ``priority`` is 0 at once, 1 when the phone is idle, 2 only if it is."""

    uri: str
    priority: int = 0


@dataclass(frozen=True, slots=True)
class ExecuteResponse:
    """What the phone said to one item; status 0 is done."""

    uri: str
    status: str
    data: str


def key_uri(key: str) -> str:
    """Return the URI of a key by the robot's name for it: ``5``, ``soft1``, ``line2``, ``#``."""
    if key.isdecimal():
        return f"Key:KeyPad{key}"
    return f"Key:{_KEY_URIS.get(key, key[:1].upper() + key[1:])}"


def form_of(items: Sequence[ExecuteItem]) -> bytes:
    """Return the form to post.

    Raises:
        HarnessBug: none or more than three items, or a priority there is not.
    """
    if not 1 <= len(items) <= MOST_ITEMS or any(i.priority not in _PRIORITIES for i in items):
        raise HarnessBug(f"a phone takes 1 to {MOST_ITEMS} items of priority 0 to 2, not {items}")
    inner = "".join(
        f'<ExecuteItem URL={quoteattr(item.uri)} Priority="{item.priority}"/>' for item in items
    )
    form = {"XML": f"<CiscoIPPhoneExecute>{inner}</CiscoIPPhoneExecute>"}
    return urllib.parse.urlencode(form).encode()


def parse_responses(content: bytes, device: str, asked: str) -> list[ExecuteResponse]:
    """Read the answer to an Execute.

    Raises:
        ProductFault: the phone refused it as a whole, or its answer is not XML.
    """
    text = content.strip()
    try:
        if b"<!ENTITY" in text or b"<!DOCTYPE" in text:
            raise ValueError("it declares a document type")
        root = ET.fromstring(text)
    except (ET.ParseError, ValueError, LookupError) as error:
        raise ProductFault(f"its answer to {asked!r} is not XML: {error}", device=device) from error
    if root.tag == "CiscoIPPhoneError":
        raise error_of(root.get("Number", "?"), device, asked)
    return [
        ExecuteResponse(item.get("URL", ""), item.get("Status", ""), item.get("Data", ""))
        for item in root.iter("ResponseItem")
    ]


def error_of(number: str, device: str, asked: str) -> ProductFault:
    """Return the fault for a CiscoIPPhoneError."""
    return ProductFault(
        f"it refused {asked!r}: error {number} ({_ERRORS.get(number, 'unknown')})",
        device=device,
        hint="error 4: authenticationURL must answer exactly AUTHORIZED",
    )
