"""Asterisk's configuration files as Asterisk reads them, and the peers they make.

Comments (``;`` and ``;-- … --;``), templates ``[base](!)`` and ``[name](base)``, additions
``[name](+)`` and ``#include`` follow main/config.c. An included file counts when it was given too;
one that was not is remembered, so that nobody calls a user missing who may stand there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import PurePath

from harness.provisioning.lint.document import Document, Kind
from harness.provisioning.lint.tree import Tree

__all__ = ["Pbx", "Peer", "Section", "Setting", "pbxs_of"]

_SECTION = re.compile(r"\[([^\]]+)\]\s*(?:\(([^)]*)\))?")
_SETTING = re.compile(r"([^=\s][^=]*?)\s*\+?=>?\s*(.*)")
_INCLUDE = re.compile(r"#(?:try)?include\s+[\"<]?([^\">]+)")
_COMMENT = re.compile(r"(?<!\\);.*")
_ESCAPED = re.compile(r"\\;")
#: ";---" is an ordinary comment, however long its dashes.
_BLOCK = re.compile(r";--(?!-)|--;")
_PORT = re.compile(r":(\d+)\s*$")
#: Deeper nesting is a file that includes itself; Asterisk stops too.
_DEEPEST = 10
_MAIN_FILES = {Kind.SIP_CONF: "sip.conf", Kind.PJSIP_CONF: "pjsip.conf"}


@dataclass(frozen=True, slots=True)
class Setting:
    """One ``key = value`` and where it stands."""

    key: str
    value: str
    document: Document
    line: int


@dataclass
class Section:
    """One ``[name]`` with what its templates give it, in order; a later setting wins."""

    name: str
    document: Document
    line: int
    template: bool = False
    settings: list[Setting] = field(default_factory=list)

    def get(self, *keys: str) -> Setting | None:
        """Return the last setting with one of these keys."""
        return next((each for each in reversed(self.settings) if each.key in keys), None)

    def text(self, *keys: str, default: str = "") -> str:
        """Return the last value of one of these keys."""
        found = self.get(*keys)
        return default if found is None else found.value

    def names(self, key: str) -> list[str]:
        """Return a comma-separated value as a list."""
        return [each.strip() for each in self.text(key).split(",") if each.strip()]


@dataclass
class Peer:
    """A PBX's idea of one phone line: ``section`` is the peer or endpoint itself.

    ``codecs`` are Asterisk's names, None for all. ``aor`` is chan_pjsip's place of contacts;
    ``credentials`` holds username and password where they stand in a section of their own.
    """

    section: Section
    codecs: set[str] | None
    aor: Section | None = None
    credentials: Section | None = None

    @property
    def name(self) -> str:
        """The user in From and To."""
        return self.section.name

    @property
    def auth_user(self) -> str:
        """The user name of the digest."""
        if self.credentials is None:
            return self.name
        return self.credentials.text("username", default=self.name)

    @property
    def password(self) -> Setting | None:
        """The password, when it is written in the clear."""
        if self.credentials is not None:
            return self.credentials.get("password")
        return self.section.get("secret")


@dataclass
class Pbx:
    """All files of one channel driver together."""

    kind: Kind
    sections: list[Section]
    missing: tuple[str, ...]

    @property
    def general(self) -> Section | None:
        """chan_sip's defaults."""
        return next((each for each in self.sections if each.name == "general"), None)

    def of_type(self, kind: str) -> list[Section]:
        """Return chan_pjsip's sections of a type."""
        return [each for each in self.sections if each.text("type").lower() == kind]

    def peers(self) -> list[Peer]:
        """Return every peer or endpoint."""
        if self.kind is Kind.PJSIP_CONF:
            return [self._endpoint(each) for each in self.of_type("endpoint")]
        general = self.general
        base = _codecs(general.settings, None) if general is not None else None
        found = []
        for section in self.sections:
            if section.name in {"general", "authentication"}:
                continue
            defaults = general.settings if general is not None else []
            whole = Section(section.name, section.document, section.line)
            whole.settings = [*defaults, *section.settings]
            found.append(Peer(whole, _codecs(section.settings, base)))
        return found

    def _endpoint(self, section: Section) -> Peer:
        aors, auths = section.names("aors"), section.names("auth")
        aor = next((each for each in self.of_type("aor") if each.name in aors), None)
        auth = next((each for each in self.of_type("auth") if each.name in auths), None)
        return Peer(section, _codecs(section.settings, set()), aor, auth)

    def ports(self, wire: str) -> dict[int, Setting | None]:
        """Return the ports the PBX listens on for ``udp``, ``tcp`` or ``tls``; empty: unknown."""
        if self.kind is Kind.PJSIP_CONF:
            transports = self.of_type("transport")
            usable = [each for each in transports if each.text("protocol", default="udp") == wire]
            return {_port_of(each.get("bind"), 5060): each.get("bind") for each in usable}
        if self.general is None:
            return {}
        own = {"udp": ("udpbindaddr", "bindaddr"), "tcp": ("tcpbindaddr",)}.get(wire)
        if own is None:
            return {}
        bound = self.general.get("bindport")
        address = self.general.get(*own)
        port = int(bound.value) if bound is not None and bound.value.isdecimal() else 5060
        if address is not None and _PORT.search(address.value):
            return {_port_of(address, port): address}
        return {port: bound}


def _port_of(bind: Setting | None, default: int) -> int:
    match = _PORT.search(bind.value) if bind is not None else None
    return int(match[1]) if match else default


def _codecs(settings: list[Setting], codecs: set[str] | None) -> set[str] | None:
    """Apply ``allow`` and ``disallow`` in their order to what was allowed before; None is all."""
    for each in settings:
        if each.key not in {"allow", "disallow"}:
            continue
        for word in each.value.lower().split(","):
            name = word.strip().split(":")[0]
            take = (each.key == "disallow") is name.startswith("!")
            name = name.lstrip("!")
            if name == "all":
                codecs = None if take else set()
            elif name and take:
                codecs = None if codecs is None else codecs | {name}
            elif name:
                codecs = None if codecs is None else codecs - {name}
    return codecs


def pbxs_of(tree: Tree) -> list[Pbx]:
    """Read every channel driver's files of a tree."""
    found = []
    for kind, main in _MAIN_FILES.items():
        documents = sorted(tree.of(kind), key=lambda each: each.name.lower() != main)
        if documents:
            found.append(_read(kind, documents, tree))
    return found


def _read(kind: Kind, documents: list[Document], tree: Tree) -> Pbx:
    seen: set[str] = set()
    missing: list[str] = []
    sections: list[Section] = []
    templates: dict[str, Section] = {}
    current: Section | None = None
    for document in documents:
        for source, at, line in _lines(document, tree, seen, missing, 0):
            if head := _SECTION.match(line):
                marks = [each.strip() for each in (head[2] or "").split(",")]
                if "+" in marks and (known := _last(sections, head[1])) is not None:
                    current = known
                    continue
                current = Section(head[1], source, at, "!" in marks)
                for mark in marks:
                    if mark in templates:
                        current.settings += templates[mark].settings
                templates[head[1]] = current
                sections.append(current)
            elif current is not None and (setting := _SETTING.match(line)):
                key, value = setting[1].strip().lower(), setting[2].strip()
                current.settings.append(Setting(key, value, source, at))
    plain = [each for each in sections if not each.template]
    return Pbx(kind, plain, tuple(missing))


def _last(sections: list[Section], name: str) -> Section | None:
    return next((each for each in reversed(sections) if each.name == name), None)


def _lines(
    document: Document, tree: Tree, seen: set[str], missing: list[str], depth: int
) -> Iterator[tuple[Document, int, str]]:
    """Yield the lines that count, without comments, with what is included in its place."""
    if document.path in seen or depth > _DEEPEST:
        return
    seen.add(document.path)
    for at, line in _uncommented(document.text):
        if include := _INCLUDE.match(line):
            wanted = PurePath(include[1].strip()).name
            inner = [each for each in tree.documents if fnmatch(each.name, wanted)]
            for each in inner:
                yield from _lines(each, tree, seen, missing, depth + 1)
            if not inner:
                missing.append(include[1].strip())
        elif line.startswith("#exec"):
            missing.append(line)
        elif line:
            yield document, at, line


def _uncommented(text: str) -> Iterator[tuple[int, str]]:
    depth = 0
    for at, line in enumerate(text.splitlines(), start=1):
        kept, depth = _without_blocks(line, depth)
        yield at, _COMMENT.sub("", kept).replace("\\;", ";").strip()


def _without_blocks(line: str, depth: int) -> tuple[str, int]:
    """Return what of a line stands outside ``;-- … --;``, and how deep the next line begins."""
    kept, place = "", 0
    for mark in _BLOCK.finditer(line):
        if not depth and ";" in _ESCAPED.sub("", line[place : mark.start()]):
            # An ordinary comment began before: what follows on this line opens nothing.
            break
        kept += "" if depth else line[place : mark.start()]
        place = mark.end()
        depth = depth + 1 if mark[0].startswith(";") else max(0, depth - 1)
    return kept if depth else kept + line[place:], depth
