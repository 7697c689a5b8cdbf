"""Across files: what the phone is told against what the PBX and the DHCP server are told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.provisioning.lint.document import Document, Kind, Value
from harness.provisioning.lint.finding import Finding, Severity
from harness.provisioning.lint.rule import Rule
from harness.provisioning.lint.rules_lines import number
from harness.provisioning.lint.tree import Tree

__all__ = ["Peer", "peers_of"]

_SECTION = re.compile(r"^\s*\[([^\]]+)\](?:\(([^)]*)\))?")
_SETTING = re.compile(r"^\s*([A-Za-z0-9_-]+)\s*=>?\s*(.*?)\s*(?:;.*)?$")
#: The phone's codec names and Asterisk's.
_ASTERISK_CODEC = {
    "g711ulaw": "ulaw",
    "g711alaw": "alaw",
    "g722": "g722",
    "g729a": "g729",
    "iLBC": "ilbc",
}
_OPTION_150 = re.compile(r"^.*option\s+(tftp150|voip-tftp\S*|option-150).*$", re.MULTILINE)


@dataclass
class Peer:
    """A PBX's idea of one phone line; settings of chan_pjsip's sections are joined."""

    document: Document
    name: str
    line: int
    settings: dict[str, tuple[str, int]] = field(default_factory=dict)
    codecs: set[str] = field(default_factory=set)
    disallows_all: bool = False

    def get(self, *keys: str) -> tuple[str, int] | None:
        """Return the first of these settings that is there, with its line."""
        return next((self.settings[key] for key in keys if key in self.settings), None)


def peers_of(document: Document) -> list[Peer]:
    """Read a sip.conf or pjsip.conf: sections by name, templates applied."""
    sections: list[tuple[str, str, Peer]] = []
    current: Peer | None = None
    for at, line in enumerate(document.text.splitlines(), start=1):
        if found := _SECTION.match(line):
            current = Peer(document, found[1], at)
            sections.append((found[1], found[2] or "", current))
        elif current is not None and (setting := _SETTING.match(line)):
            _put(current, setting[1].lower(), setting[2], at)
    return _joined(sections)


def _put(peer: Peer, key: str, value: str, at: int) -> None:
    if key == "allow":
        peer.codecs |= {codec.strip().lower() for codec in value.split(",")}
    elif key == "disallow":
        peer.disallows_all |= value.strip().lower() == "all"
    else:
        peer.settings[key] = (value, at)


def _joined(sections: list[tuple[str, str, Peer]]) -> list[Peer]:
    templates = {name: peer for name, marks, peer in sections if "!" in marks}
    peers: dict[str, Peer] = {}
    general = next((peer for name, _, peer in sections if name == "general"), None)
    for name, marks, peer in sections:
        if "!" in marks or name in {"general", "global", "system"}:
            continue
        for base in (templates.get(mark.strip()) for mark in marks.split(",")):
            if base is not None:
                peer.settings = base.settings | peer.settings
                peer.codecs |= base.codecs
                peer.disallows_all |= base.disallows_all
        owner, kind = name, peer.settings.get("type", ("", 0))[0]
        if kind in {"auth", "aor"}:
            # chan_pjsip: the same user in three sections, named alike or NAME-auth.
            user = peer.settings.get("username", (name, 0))[0]
            owner = user if kind == "auth" else name.removesuffix("-aor")
        elif kind in {"transport", "identify", "registration", "acl"}:
            continue
        known = peers.setdefault(owner, peer)
        known.settings |= {k: v for k, v in peer.settings.items() if k != "type" or known is peer}
        known.codecs |= peer.codecs
        known.disallows_all |= peer.disallows_all
        if general is not None:
            known.settings = general.settings | known.settings
    return list(peers.values())


class _PbxRule(Rule, abstract=True):
    """Goes through every line of every phone that has a PBX file beside it."""

    def check(self, tree: Tree) -> Iterator[Finding]:
        confs = [*tree.of(Kind.SIP_CONF), *tree.of(Kind.PJSIP_CONF)]
        peers = [peer for document in confs for peer in peers_of(document)]
        for phone in tree.of(Kind.PHONE) if confs else ():
            for line in phone.lines():
                user = phone.value("authName", line) or phone.value("name", line)
                if (
                    user is None
                    or not user.text
                    or number(phone.get("featureID", within=line)) != 9
                ):
                    continue
                own = next((peer for peer in peers if peer.name == user.text), None)
                yield from self.compare(phone, line, user, own)

    def compare(
        self, phone: Document, line: object, user: Value, peer: Peer | None
    ) -> Iterator[Finding]:
        """Yield what does not fit between a line and its peer (None: the PBX has none)."""
        raise NotImplementedError


class PeerMissing(_PbxRule):
    id = "pbx-user"
    title = "The PBX has no such user"
    symptom = "REGISTER is answered 404 or 401 for ever"
    fix = "give authName, name and the PBX's section the same name"
    source = "ART; SIPCC"

    def compare(
        self, phone: Document, line: object, user: Value, peer: Peer | None
    ) -> Iterator[Finding]:
        if peer is None:
            yield self.finding(phone, user, f"no section for user {user.text} in the PBX's file")


class PeerPassword(_PbxRule):
    id = "pbx-password"
    title = "Phone and PBX have different passwords"
    symptom = "401 again and again, the screen stays at Registering"
    fix = "the same password on both sides"
    source = "ART"

    def compare(
        self, phone: Document, line: object, user: Value, peer: Peer | None
    ) -> Iterator[Finding]:
        password = phone.value("authPassword", line)  # type: ignore[arg-type]
        secret = peer.get("secret", "password") if peer is not None else None
        if password is not None and secret is not None and password.text != secret[0]:
            yield self.finding(phone, password, f"user {user.text}: the passwords differ")


class PeerCodec(_PbxRule):
    id = "pbx-codec"
    title = "The PBX does not allow the codec the phone prefers"
    symptom = "No audio format found to offer; or calls use another codec"
    fix = "allow=ulaw or allow=alaw after disallow=all; g711alaw is alaw there"
    source = "ART comment 3"

    def compare(
        self, phone: Document, line: object, user: Value, peer: Peer | None
    ) -> Iterator[Finding]:
        if peer is None:
            return
        if peer.disallows_all and not peer.codecs:
            yield self.finding(peer.document, peer.line, f"[{peer.name}] disallows all codecs")
        wrong = sorted(peer.codecs & set(_ASTERISK_CODEC) - {"g722"})
        if wrong:
            found = f"[{peer.name}] allows {', '.join(wrong)}: the phone's name, not Asterisk's"
            yield self.finding(peer.document, peer.line, found)
        value = phone.value("sipProfile/preferredCodec")
        wanted = _ASTERISK_CODEC.get(value.text) if value is not None else None
        if value is not None and wanted and peer.codecs and not peer.codecs & {wanted, "all"}:
            yield self.finding(phone, value, f"[{peer.name}] does not allow {wanted}")


class PeerNat(_PbxRule):
    id = "pbx-nat"
    title = "The PBX answers to the port the phone sends from"
    symptom = "over UDP the phone sends from a port it does not listen on: stuck in Registering"
    fix = "chan_sip nat=no; chan_pjsip force_rport=no and rewrite_contact=no; or use TCP"
    source = "ISS; R7962; PB-en5yKLnc"

    def compare(
        self, phone: Document, line: object, user: Value, peer: Peer | None
    ) -> Iterator[Finding]:
        if peer is None or number(phone.get("transportLayerProtocol", "2")) != 2:
            return
        if peer.document.kind is Kind.SIP_CONF:
            nat = peer.get("nat")
            if nat is not None and ("yes" in nat[0] or "force_rport" in nat[0]):
                yield self.finding(peer.document, nat[1], f"[{peer.name}] has nat={nat[0]}")
            return
        for key, default in (("force_rport", "yes"), ("rewrite_contact", "no")):
            value, at = peer.get(key) or (default, peer.line)
            if value.lower() in {"yes", "true", "1", "on"}:
                yield self.finding(peer.document, at, f"[{peer.name}] has {key}={value}")


class PeerTransport(_PbxRule):
    id = "pbx-transport"
    title = "The PBX does not take the phone's transport"
    symptom = "no answer to REGISTER: Registering"
    fix = "transport=tcp,udp and tcpenable=yes in chan_sip; a TCP transport in chan_pjsip"
    source = "R7962; UCM"

    def compare(
        self, phone: Document, line: object, user: Value, peer: Peer | None
    ) -> Iterator[Finding]:
        wire = {1: "tcp", 4: "tcp", 3: "tls"}.get(
            number(phone.get("transportLayerProtocol", "2")), "udp"
        )
        given = peer.get("transport") if peer is not None else None
        if peer is not None and peer.document.kind is Kind.SIP_CONF:
            text = given[0] if given is not None else "udp"
            if wire not in text.lower():
                at = given[1] if given is not None else peer.line
                yield self.finding(peer.document, at, f"[{peer.name}]: phone {wire}, PBX {text}")


class DhcpHost(Rule):
    id = "dhcp-host"
    title = "A phone's file has no DHCP host entry, or the entry names no TFTP server"
    symptom = "the phone gets no TFTP server from this entry"
    fix = 'hardware ethernet of this MAC and option tftp-server-name "ADDRESS" (66) or option 150'
    source = "ART; UCM dhcp-options"
    severity = Severity.WARNING

    def check(self, tree: Tree) -> Iterator[Finding]:
        """Compare the host entries with the phones' files."""
        for document in tree.of(Kind.DHCP):
            text = document.text
            known = {
                re.sub(r"[^0-9A-F]", "", mac.upper())
                for mac in re.findall(r"hardware\s+ethernet\s+([0-9A-Fa-f:.-]+)", text)
            }
            for phone in tree.of(Kind.PHONE):
                if phone.name[3:15].upper() not in known:
                    found = f"no hardware ethernet for {phone.name[3:15]} in {document.name}"
                    yield self.finding(phone, 1, found)
            if not re.search(r"tftp-server-name|option-150|\b(66|150)\b", text):
                yield self.finding(document, 1, "neither option 66 nor 150 is given")
            if match := re.search(
                r"^.*option\s+(tftp150|voip-tftp\S*|option-150).*$", text, re.MULTILINE
            ):
                name = match[1]
                if not re.search(rf"option\s+{re.escape(name)}\s+code\s+150", text):
                    at = text[: match.start()].count("\n") + 1
                    yield self.finding(document, at, f"option {name} is never declared as code 150")
