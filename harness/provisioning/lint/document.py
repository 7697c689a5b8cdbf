"""One file as the rules see it: what kind it is, its tree with line numbers, its text.

Parsing is safe: no entity is expanded, no DTD fetched, nothing above the phone's own size limit
is parsed. A file with several faults in its form tells all of them (libxml2 goes on after the
first).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import PurePath

from lxml import etree

__all__ = ["SIZE_LIMIT", "Document", "Kind", "Value", "read_document", "without_comments"]

#: "size limit of 550001 bytes" in the console log of a 7942: a larger file is refused.
SIZE_LIMIT = 550_001
_PHONE_FILE = re.compile(
    r"^SEP(.*\.cnf\.xml(\.xml|\.txt)?|[0-9A-F]{12}\.(xml|cnf))(\.sgn)?$", re.IGNORECASE
)
_LEGACY = re.compile(
    r"^(SIP[0-9A-F]{12}\.cnf|SIPDefault\.cnf|OS79XX\.TXT|P0[0-9A-Z]{2}-.*)$", re.IGNORECASE
)
_ALLOW = re.compile(r"lint:\s*allow\s+([a-z0-9-]+)[:,]?\s*(.*?)\s*(?:-->|#\}|--;|$)")
#: What libxml2 says, and what a person is to look for.
_PLAIN = {
    "xmlParseEntityRef: no name": "an & that is no entity; a plain one is &amp;",
    "EntityRef: expecting ';'": "an & that is no entity; a plain one is &amp;",
    "StartTag: invalid element name": "a < that begins no tag; a plain one is &lt;",
}
_DECLARATION = re.compile(r"<!(DOCTYPE|ENTITY)")


class Kind(StrEnum):
    """What a file is to a phone or a PBX."""

    PHONE = "phone configuration"
    SCCP = "phone configuration for SCCP"
    DEFAULT = "default configuration"
    DIAL_TEMPLATE = "dial template"
    SOFT_KEYS = "soft key template"
    RING_LIST = "ring list"
    LEGACY = "7940/7960 file"
    SIP_CONF = "chan_sip peers"
    PJSIP_CONF = "chan_pjsip endpoints"
    DHCP = "dhcpd host entries"
    OTHER = "other"


_ROOTS = {
    "device": Kind.PHONE,
    "default": Kind.DEFAULT,
    "dialtemplate": Kind.DIAL_TEMPLATE,
    "softkeytemplate": Kind.SOFT_KEYS,
    "softkeycfg": Kind.SOFT_KEYS,
    "ciscoipphoneringlist": Kind.RING_LIST,
}
#: FreePBX splits sip.conf and pjsip.conf: sip_additional.conf, pjsip.endpoint.conf.
_CONF = (
    (re.compile(r"^sip([._-].*)?\.conf$"), Kind.SIP_CONF),
    (re.compile(r"^pjsip([._-].*)?\.conf$"), Kind.PJSIP_CONF),
    (re.compile(r"^(dhcpd.*\.conf|dnsmasq.*\.conf|kea-dhcp4.*\.(conf|json))$"), Kind.DHCP),
)


@dataclass(frozen=True, slots=True)
class Value:
    """An element's text and where it stands; ``key`` is its path below the root."""

    key: str
    text: str
    line: int


@dataclass
class Document:
    """A file, its kind, and its tree when it has one."""

    path: str
    content: bytes
    kind: Kind = Kind.OTHER
    root: etree._Element | None = None
    form_errors: list[tuple[int, str]] = field(default_factory=list)
    size: int = 0

    @property
    def name(self) -> str:
        """The name a phone would ask for."""
        return PurePath(self.path).name

    @cached_property
    def text(self) -> str:
        """The content as text; bytes that are no UTF-8 are replaced."""
        return self.content.decode("utf-8", "replace")

    @cached_property
    def allowed(self) -> dict[int, dict[str, str]]:
        """Rules suppressed by line, with the reason given: ``lint: allow RULE REASON``.

        A suppression counts for its own line and the next.
        """
        found: dict[int, dict[str, str]] = {}
        for line, rule, reason in self.suppressions:
            for covered in (line, line + 1):
                found.setdefault(covered, {})[rule] = reason
        return found

    @cached_property
    def suppressions(self) -> list[tuple[int, str, str]]:
        """Every suppression as line, rule and reason."""
        return [
            (number, rule, reason)
            for number, line in enumerate(self.text.splitlines(), start=1)
            if "lint:" in line
            for rule, reason in _ALLOW.findall(line)
        ]

    def value(self, path: str, within: etree._Element | None = None) -> Value | None:
        """Return the first element at ``path`` below the root (or ``within``), if it is there."""
        return next(self.values(path, within), None)

    def values(self, path: str, within: etree._Element | None = None) -> Iterator[Value]:
        """Yield every element at ``path``."""
        scope = self.root if within is None else within
        if scope is None:
            return
        for element in scope.iterfind(path):
            yield self.as_value(element)

    def get(self, path: str, default: str = "", within: etree._Element | None = None) -> str:
        """Return an element's text, or ``default`` where there is none."""
        found = self.value(path, within)
        return default if found is None else found.text

    def elements(self) -> Iterator[etree._Element]:
        """Yield every element in document order."""
        if self.root is not None:
            yield from (each for each in self.root.iter() if isinstance(each.tag, str))

    def lines(self) -> list[etree._Element]:
        """Return the ``<line>`` elements a phone reads."""
        return [] if self.root is None else self.root.findall("sipProfile/sipLines/line")

    def as_value(self, element: etree._Element) -> Value:
        """Return an element as a value."""
        return Value(self.key(element), (element.text or "").strip(), line_of(element))

    @staticmethod
    def key(element: etree._Element) -> str:
        """Return an element's path below the root."""
        parts: list[str] = []
        current: etree._Element | None = element
        while current is not None and current.getparent() is not None:
            button = current.get("button")
            parts.append(f"{current.tag}[{button}]" if button else str(current.tag))
            current = current.getparent()
        return "/".join(reversed(parts))


def line_of(element: etree._Element) -> int:
    """Return the line an element begins on."""
    line: object = element.sourceline
    return line if isinstance(line, int) else 1


def _kind(path: str, root: etree._Element | None) -> Kind:
    name = PurePath(path).name
    if _LEGACY.match(name):
        return Kind.LEGACY
    for pattern, kind in _CONF:
        if pattern.match(name.lower()):
            return kind
    if _PHONE_FILE.match(name) and (root is None or root.tag == "device" or ".cnf" in name):
        return Kind.SCCP if _is_sccp(root) else Kind.PHONE
    if name.lower() == "xmldefault.cnf.xml":
        return Kind.DEFAULT
    if root is None or not isinstance(root.tag, str):
        return Kind.OTHER
    kind = _ROOTS.get(root.tag.lower(), Kind.OTHER)
    return Kind.SCCP if kind is Kind.PHONE and _is_sccp(root) else kind


def without_comments(text: str) -> str:
    """Return XML without what stands in comments; line ends are kept."""
    kept, place = [], 0
    while (start := text.find("<!--", place)) >= 0 and (end := text.find("-->", start)) >= 0:
        kept += [text[place:start], "\n" * text.count("\n", start, end)]
        place = end + len("-->")
    return "".join([*kept, text[place:]])


def _is_sccp(root: etree._Element | None) -> bool:
    return root is not None and (root.findtext("deviceProtocol") or "").strip() == "SCCP"


def _told(parser: etree.XMLParser) -> list[tuple[int, str]]:
    return [
        (entry.line, _PLAIN.get(entry.message.strip(), entry.message)) for entry in parser.error_log
    ]


def _parse(content: bytes) -> tuple[etree._Element | None, list[tuple[int, str]]]:
    if len(content) >= SIZE_LIMIT:
        return None, [(1, f"{len(content)} bytes; the phone takes less than {SIZE_LIMIT}")]
    # Without its zero bytes UTF-16 can be searched like UTF-8.
    bare = without_comments(content.replace(b"\0", b"").decode("latin-1"))
    if declared := _DECLARATION.search(bare):
        line = bare.count("\n", 0, declared.start()) + 1
        return None, [(line, f"{declared[1]} is declared: no phone file needs one")]
    parser = etree.XMLParser(
        recover=True, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        errors = _told(parser)
        return None, errors or [(1, str(error))]
    errors = _told(parser)
    doctype = "" if root is None else str(getattr(root.getroottree().docinfo, "doctype", ""))
    if doctype:
        # In an encoding the search above cannot read.
        return None, [(1, "DOCTYPE is declared: no phone file needs one"), *errors]
    return root, errors


def read_document(path: str, content: bytes) -> Document:
    """Read one file; whatever its bytes are, a document comes back."""
    document = Document(path, content, size=len(content))
    if PurePath(path).suffix.lower() == ".xml" or content.lstrip()[:1] == b"<":
        document.root, document.form_errors = _parse(content)
    document.kind = _kind(path, document.root)
    return document
