"""Across files: what the phone is told against what the PBX is told."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from lxml import etree

from harness.provisioning.lint.asterisk_conf import Pbx, Peer, Setting, pbxs_of
from harness.provisioning.lint.document import Document, Kind, Value
from harness.provisioning.lint.finding import Finding, Severity
from harness.provisioning.lint.rule import Rule
from harness.provisioning.lint.rules_lines import number
from harness.provisioning.lint.tree import Tree

__all__: list[str] = []

#: The phone's codec names and Asterisk's.
_ASTERISK_CODEC = {
    "g711ulaw": "ulaw",
    "g711alaw": "alaw",
    "g722": "g722",
    "g729a": "g729",
    "iLBC": "ilbc",
}
_ON = frozenset({"yes", "true", "1", "on", "y", "t"})
_SHORTEST = 20


@dataclass(frozen=True, slots=True)
class Registration:
    """One line of a phone beside the peer it registers as; ``peer`` is None where there is none."""

    phone: Document
    line: etree._Element
    user: Value
    pbx: Pbx
    peer: Peer | None

    @property
    def wire(self) -> str:
        """``udp``, ``tcp`` or ``tls``: what the phone uses."""
        chosen = number(self.phone.get("transportLayerProtocol", "2"))
        return {1: "tcp", 3: "tls", 4: "tcp"}.get(chosen, "udp")

    def value(self, tag: str) -> Value | None:
        """Return an element of the line."""
        return self.phone.value(tag, self.line)


@lru_cache(maxsize=1)
def _registrations(tree: Tree) -> tuple[Registration, ...]:
    """Return every line beside its peer; read once for all the rules that ask."""
    return tuple(_read(tree))


def _read(tree: Tree) -> Iterator[Registration]:
    pbxs = pbxs_of(tree)
    peers = [(pbx, {peer.name: peer for peer in reversed(pbx.peers())}) for pbx in pbxs]
    for phone in tree.of(Kind.PHONE) if pbxs else ():
        for line in phone.lines():
            user = phone.value("name", line)
            if user is None or not user.text or number(phone.get("featureID", within=line)) != 9:
                continue
            pbx, known = next(((p, k) for p, k in peers if user.text in k), peers[0])
            yield Registration(phone, line, user, pbx, known.get(user.text))


class _PbxRule(Rule, abstract=True):
    """Goes through every line of every phone that has a PBX file beside it."""

    def check(self, tree: Tree) -> Iterator[Finding]:
        """Compare each line with its peer."""
        for registration in _registrations(tree):
            yield from self.compare(registration)

    @abstractmethod
    def compare(self, line: Registration) -> Iterator[Finding]:
        """Yield what does not fit between a line and its peer."""

    def at(
        self, setting: Setting | None, peer: Peer, found: str, severity: Severity | None = None
    ) -> Finding:
        """Make a finding at a setting of the PBX, or at the peer when it is not there."""
        where = setting or peer.section
        return self.finding(where.document, where.line, found, severity=severity)


class PeerMissing(_PbxRule):
    id = "pbx-user"
    title = "The PBX has no such user"
    symptom = "REGISTER is answered 404, 403 or 401 for ever"
    fix = "give name, authName and the PBX's section the same name; an aor takes max_contacts=1"
    source = "ART; SIPCC; Asterisk res_pjsip_registrar"

    def compare(self, line: Registration) -> Iterator[Finding]:
        peer = line.peer
        if peer is None:
            if not line.pbx.missing:
                found = f"no section for user {line.user.text} in the PBX's file"
                yield self.finding(line.phone, line.user, found)
            return
        auth = line.value("authName")
        if auth is not None and auth.text and auth.text != peer.auth_user:
            found = f"authName is {auth.text}, the PBX wants {peer.auth_user}"
            yield self.finding(line.phone, auth, found)
        if line.pbx.kind is Kind.PJSIP_CONF and not line.pbx.missing:
            if peer.aor is None or peer.aor.name != peer.name:
                found = f"endpoint {peer.name} has no aor named {peer.name}: registered nowhere"
                yield self.at(peer.section.get("aors"), peer, found)
            elif not peer.aor.get("contact") and number(peer.aor.text("max_contacts")) < 1:
                found = f"aor {peer.name} takes no contact: max_contacts is 0"
                yield self.finding(peer.aor.document, peer.aor.line, found)


class PeerPassword(_PbxRule):
    id = "pbx-password"
    title = "Phone and PBX have different passwords"
    symptom = "401 again and again, the screen stays at Registering"
    fix = "the same password on both sides"
    source = "ART"

    def compare(self, line: Registration) -> Iterator[Finding]:
        password = line.value("authPassword")
        secret = line.peer.password if line.peer is not None else None
        if secret is not None and (password is None or password.text != secret.value):
            found = f"user {line.user.text}: the passwords differ"
            yield self.finding(line.phone, password or line.user, found)


class PeerCodec(_PbxRule):
    id = "pbx-codec"
    title = "The PBX does not allow the codec the phone prefers"
    symptom = "No audio format found to offer, or 488; or calls use another codec"
    fix = "allow=ulaw or allow=alaw after disallow=all; g711alaw is alaw there"
    source = "ART comment 3"

    def compare(self, line: Registration) -> Iterator[Finding]:
        peer = line.peer
        if peer is None or peer.codecs is None:
            return
        setting = peer.section.get("allow") or peer.section.get("disallow")
        if not peer.codecs:
            yield self.at(setting, peer, f"[{peer.name}] allows no codec")
        wrong = sorted(peer.codecs & {"g711ulaw", "g711alaw", "g729a", "g711"})
        if wrong:
            found = f"[{peer.name}] allows {', '.join(wrong)}: the phone's name, not Asterisk's"
            yield self.at(setting, peer, found)
        value = line.phone.value("sipProfile/preferredCodec")
        wanted = _ASTERISK_CODEC.get(value.text) if value is not None else None
        if value is not None and wanted and peer.codecs and wanted not in peer.codecs:
            common = peer.codecs & set(_ASTERISK_CODEC.values())
            kind = Severity.WARNING if common else Severity.ERROR
            found = f"[{peer.name}] does not allow {wanted}"
            yield self.finding(line.phone, value, found, severity=kind)


class PeerNat(_PbxRule):
    id = "pbx-nat"
    title = "The PBX answers to the port the phone sends from"
    symptom = "over UDP the phone sends from a port it does not listen on: stuck in Registering"
    fix = "chan_sip nat=no; chan_pjsip force_rport=no and rewrite_contact=no; or use TCP"
    source = "ISS; R7962; PB-en5yKLnc"

    def compare(self, line: Registration) -> Iterator[Finding]:
        peer = line.peer
        if peer is None or line.wire != "udp":
            return
        if line.pbx.kind is Kind.PJSIP_CONF:
            for key, default in (("force_rport", "yes"), ("rewrite_contact", "no")):
                setting = peer.section.get(key)
                value = setting.value if setting is not None else default
                if value.lower() in _ON:
                    yield self.at(setting, peer, f"[{peer.name}] has {key}={value}")
            return
        nat = peer.section.get("nat")
        if nat is None:
            # The default differs: force_rport in 1.8, auto_force_rport from 11 on (from memory).
            found = f"[{peer.name}] has no nat=: what that means depends on Asterisk's version"
            yield self.at(None, peer, found, Severity.NOTE)
            return
        words = {word.strip().lower() for word in nat.value.split(",")}
        if words & {"yes", "force_rport"}:
            yield self.at(nat, peer, f"[{peer.name}] has nat={nat.value}")
        elif "auto_force_rport" in words:
            yield self.at(nat, peer, f"[{peer.name}] has nat={nat.value}", Severity.WARNING)


class PeerTransport(_PbxRule):
    id = "pbx-transport"
    title = "The PBX does not take the phone's transport"
    symptom = "no answer to REGISTER: Registering"
    fix = "transport=tcp,udp and tcpenable=yes in chan_sip; a TCP transport in chan_pjsip"
    source = "R7962; UCM"

    def compare(self, line: Registration) -> Iterator[Finding]:
        peer, wire = line.peer, line.wire
        if peer is None:
            return
        given = peer.section.get("transport")
        if line.pbx.kind is Kind.PJSIP_CONF:
            transports = line.pbx.of_type("transport")
            named = [each for each in transports if given and each.name == given.value]
            protocols = {each.text("protocol", default="udp") for each in named or transports}
            if protocols and wire not in protocols:
                told = ", ".join(sorted(protocols))
                yield self.at(given, peer, f"[{peer.name}]: phone {wire}, PBX {told}")
            return
        text = given.value if given is not None else "udp"
        if wire not in [each.strip() for each in text.lower().split(",")]:
            yield self.at(given, peer, f"[{peer.name}]: phone {wire}, PBX {text}")
        enabled = peer.section.get(f"{wire}enable")
        if wire != "udp" and (enabled is None or enabled.value.lower() not in _ON):
            yield self.at(
                enabled, peer, f"[{peer.name}]: phone {wire}, but {wire}enable is not yes"
            )


class PeerPort(_PbxRule):
    id = "pbx-port"
    title = "The PBX listens on another port than the phone sends to"
    symptom = "no answer to REGISTER: Registering; console log: ack timer"
    fix = "sipPort as in bindport or bind=; FreePBX has chan_sip on 5160 and chan_pjsip on 5060"
    source = "WM; ART"

    def compare(self, line: Registration) -> Iterator[Finding]:
        if line.wire == "tls":
            return
        ports = line.pbx.ports(line.wire)
        for element in line.phone.elements():
            if element.tag != "sipPort":
                continue
            value = line.phone.as_value(element)
            if ports and number(value.text or "5060") not in ports:
                told = ", ".join(map(str, sorted(ports)))
                found = f"sipPort is {value.text or 'empty'}, the PBX listens on {told}"
                yield self.finding(line.phone, value, found)
            # Only the first server is known to be this PBX.
            return


class PeerExpiry(_PbxRule):
    id = "pbx-expiry"
    title = "The PBX lets registrations expire sooner than the phone can refresh them"
    symptom = "console log: REG Expires time too small; the phone registers and leaves in turn"
    fix = "maxexpiry (chan_sip) or maximum_expiration (aor) of 60 s or more"
    source = "SIPCC ccsip_register.c: the smaller of both is taken, less timerRegisterDelta"

    def compare(self, line: Registration) -> Iterator[Finding]:
        peer = line.peer
        if peer is None:
            return
        pjsip = line.pbx.kind is Kind.PJSIP_CONF
        owner = peer.aor if pjsip else peer.section
        limit = owner.get("maximum_expiration" if pjsip else "maxexpiry") if owner else None
        delta = number(line.phone.get("sipProfile/sipStack/timerRegisterDelta", "5"))
        if limit is not None and number(limit.value) - delta < _SHORTEST:
            found = f"{limit.key} is {limit.value} s; less {delta} s that is too little"
            yield self.at(limit, peer, found)


class PeerControlPort(_PbxRule):
    id = "pbx-control-port"
    title = "The PBX calls the phone on another port than it listens on"
    symptom = "calls to the phone never ring; calls from it work"
    fix = "the same port in voipControlPort and in the PBX's fixed contact; or let it register"
    source = "SIPCC; WM has 5160"

    def compare(self, line: Registration) -> Iterator[Finding]:
        peer = line.peer
        if peer is None:
            return
        own = number(line.phone.get("sipProfile/voipControlPort") or "5060")
        if line.pbx.kind is Kind.PJSIP_CONF:
            setting = peer.aor.get("contact") if peer.aor is not None else None
            text = setting.value if setting is not None else ""
            port = text.split(";")[0].rsplit(":", 1)[-1]
            port = port if port.isdecimal() else "5060"
        else:
            host = peer.section.text("host", default="dynamic")
            setting = None if host == "dynamic" else peer.section.get("port", "host")
            port = peer.section.text("port", default="5060")
        if setting is not None and number(port) != own:
            found = f"[{peer.name}] is called on {port}, voipControlPort is {own}"
            yield self.at(setting, peer, found)
