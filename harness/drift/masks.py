"""What must differ from one phone, bench or call to the next, put behind one word each.

Masked are MAC addresses, IP addresses and ephemeral ports, tags, branches, Call-IDs and other
random digits, dates, lengths, names and numbers people chose. The form around them stays: a tag
made of a MAC and digits is another than one made of digits alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import unquote

__all__ = ["MASKED", "Masks"]

#: Said in the report, so that nobody takes silence about these for agreement.
MASKED = (
    "MAC and IP addresses, ports chosen at random, tags, branches, Call-IDs, SSRCs, nonces and"
    " other random digits, dates, lengths, session numbers, names and numbers people chose,"
    " versions in names of images"
)
_ADDRESS = re.compile(r"(?<![\d.])(\d{1,3}(?:\.\d{1,3}){3})(?![\d.])(?::(\d{1,5}))?")
_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
_HEX = re.compile(r"(?<![0-9A-Za-z])(?=[0-9a-f]*\d)[0-9a-f]{6,}(?![0-9A-Za-z])", re.IGNORECASE)
_RANDOM = re.compile(r"(?:<hex>)?[0-9a-f]{2,}|<hex>", re.IGNORECASE)
_TAG = re.compile(r"(;\s*tag=)([^;>\s,]+)", re.IGNORECASE)
_BRANCH = re.compile(r"(;\s*branch=)(z9hG4bK)?[^;>\s,]+", re.IGNORECASE)
_NAME = re.compile(r'"(?:[^"\\]|\\.)*"(?=\s*<sip)|^[^<>"]+?(?=\s*<sips?:)')
_USER = re.compile(r"(sips?:)([^@;>\s]+)(@)")
_REPLACES = re.compile(r"(Replaces=)[^;&>]+", re.IGNORECASE)
_OTHER_TAG = re.compile(r"((?:to|from)-tag=)[^;&>]+", re.IGNORECASE)
_DIALOG = re.compile(r"<(callid|localtag|remotetag)>[^<]+</\1>")
_SECRET = re.compile(r'\b(nonce|cnonce|response|opaque|username|realm|uri)="?[^",]*"?')
_WHOLE = {
    "date": "<date>",
    "content-length": "<length>",
    "content-id": "<id>",
}
#: Ports that are somebody's choice, not a die's.
_KNOWN_PORTS = {"5060", "5061", "69", "80", "6970"}


@dataclass(frozen=True)
class Masks:
    """The masks of one phone.

    Args:
        mac: its MAC, twelve digits; empty when nothing tells.
        addresses: where it was.
        hosts: where it registered.
        users: as whom.
    """

    mac: str = ""
    addresses: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    users: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls, mac: str, addresses: Collection[str], hosts: Collection[str], users: Collection[str]
    ) -> Masks:
        """Make them of any collections."""
        return cls(mac, frozenset(addresses), frozenset(hosts), frozenset(users))

    def header(self, name: str, value: str) -> str:
        """Return a header's value without what must differ."""
        name = name.lower()
        if name in _WHOLE:
            return _WHOLE[name]
        if name == "cseq":
            return re.sub(r"^\s*\d+", "<number>", value)
        if name == "call-id":
            return self.text(value) if self._tells_mac(value) else "<call-id>"
        if name in {"refer-to", "referred-by"}:
            value = _OTHER_TAG.sub(r"\1<tag>", _REPLACES.sub(r"\1<call-id>", unquote(value)))
        if name.endswith("authorization"):
            value = _SECRET.sub(r'\1="..."', value)
        return self.text(value)

    def body(self, text: str) -> str:
        """Return a body that is no session description without what must differ."""
        return self.text(_DIALOG.sub(r"<\1>...</\1>", text))

    def text(self, value: str) -> str:
        """Return any text without what must differ."""
        value = _NAME.sub('"<name>"', value)
        value = _BRANCH.sub(lambda m: f"{m[1]}{m[2] or ''}<branch>", value)
        value = _TAG.sub(lambda m: f"{m[1]}{self._tag(m[2])}", value)
        value = _USER.sub(self._user, value)
        value = _ADDRESS.sub(self._address, value)
        value = self._without_mac(value)
        return " ".join(_HEX.sub("<hex>", _UUID.sub("<id>", value)).split())

    def _tag(self, tag: str) -> str:
        if not self._tells_mac(tag):
            return "<tag>"
        head, found, tail = self._without_mac(tag).rpartition("<MAC>")
        return head + found + _RANDOM.sub("<hex>", tail)

    def _user(self, match: re.Match[str]) -> str:
        return f"{match[1]}{'<user>' if match[2] in self.users else '<other>'}{match[3]}"

    def _address(self, match: re.Match[str]) -> str:
        host = match[1]
        word = "phone" if host in self.addresses else "pbx" if host in self.hosts else "address"
        port = match[2]
        if port is None:
            return f"<{word}>"
        return f"<{word}>:{port if port in _KNOWN_PORTS else '<port>'}"

    def _tells_mac(self, value: str) -> bool:
        return bool(self.mac) and self.mac.lower() in value.lower().replace("-", "")

    def _without_mac(self, value: str) -> str:
        if not self.mac:
            return value
        spelt = "-?".join(self.mac)
        # What follows a MAC within one word is random digits.
        with_rest = re.compile(rf"{spelt}([0-9a-f]+)?", re.IGNORECASE)
        return with_rest.sub(lambda m: f"<MAC>{'<hex>' if m[1] else ''}", value)
