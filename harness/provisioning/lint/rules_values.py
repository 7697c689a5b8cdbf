"""Single values the phone reads otherwise than they look."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import ClassVar

from harness.provisioning.lint.document import Document, Value, line_of
from harness.provisioning.lint.finding import Finding, Severity
from harness.provisioning.lint.rule import DocumentRule
from harness.provisioning.lint.rules_lines import number
from harness.provisioning.lint.time_zones import TIME_ZONES
from harness.provisioning.lint.tree import Tree

__all__: list[str] = []

_CODECS = ("none", "g711ulaw", "g711alaw", "g729a", "g722", "iLBC", "L16")
_DTMF = ("avt", "avt_always", "none")
_SERVICES = ("cfwdall", "pickup", "opickup", "gpickup", "meetme", "abbrdial")
_SERVICE_URI = "x-cisco-serviceuri-"
_USUAL_SERVICE = {
    "callForwardURI": "cfwdall",
    "callPickupURI": "pickup",
    "callPickupListURI": "opickup",
    "callPickupGroupURI": "gpickup",
    "meetMeServiceURI": "meetme",
    "abbreviatedDialURI": "abbrdial",
}
_BOOLEANS = frozenset(
    {
        "fullConfig",
        "registerWithProxy",
        "cnfJoinEnabled",
        "rfc2543Hold",
        "localCfwdEnable",
        "semiAttendedTransfer",
        "retainForwardInformation",
        "remotePartyID",
        "autoAnswerAltBehavior",
        "autoAnswerOverride",
        "transferOnhookEnabled",
        "enableVad",
        "alwaysUsePrimeLine",
        "alwaysUsePrimeLineVoiceMail",
        "natEnabled",
        "natReceivedProcessing",
        "callStats",
        "disableLocalSpeedDialConfig",
        "sharedLine",
        "callerName",
        "callerNumber",
        "redirectedNumber",
        "dialedNumber",
        "backgroundImageAccess",
        "encrConfig",
        "disableSpeaker",
        "disableSpeakerAndHeadset",
    }
)


class Boolean(DocumentRule):
    id = "boolean-word"
    title = "A boolean that is neither true nor false"
    symptom = "the phone takes anything but the exact word true for false"
    fix = "write true or false, in lower case"
    source = "SIPCC config_parser.c"

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        for element in document.elements():
            text = (element.text or "").strip()
            if element.tag in _BOOLEANS and text not in {"true", "false", ""}:
                # 0 and FALSE come out as they were meant, by chance.
                harmless = text.lower() in {"0", "no", "off", "false", "disabled"}
                yield self.finding(
                    document,
                    document.as_value(element),
                    f"{element.tag} is {text!r}: false",
                    severity=Severity.WARNING if harmless else None,
                )


class Inverted(DocumentRule):
    id = "inverted-switch"
    title = "A switch that is off at 1"
    symptom = "pcPort 1: the PC port is dead; webAccess or sshAccess 1: that window is closed"
    fix = "0 is on, 1 is off; if off is wanted, suppress this with the reason"
    source = "UCM sepmac-cnf-xml; ART has pcPort 1"
    severity = Severity.WARNING
    _tags: ClassVar[dict[str, str]] = {
        "pcPort": "the PC port is off",
        "webAccess": "the phone's web pages are off",
        "sshAccess": "SSH is off",
        "spanToPCPort": "the PC port gets no copy of the voice traffic",
    }

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        for tag, meaning in self._tags.items():
            value = document.value(f"vendorConfig/{tag}")
            if value is None:
                continue
            if value.text not in {"0", "1", ""}:
                yield self.finding(
                    document, value, f"{tag} is {value.text!r}", severity=Severity.ERROR
                )
            elif value.text == "1":
                kind = Severity.NOTE if tag == "spanToPCPort" else self.severity
                yield self.finding(document, value, f"{tag} is 1: {meaning}", severity=kind)


class Codec(DocumentRule):
    id = "codec-name"
    title = "preferredCodec is no codec name of the phone"
    symptom = "the word is ignored: no codec is preferred"
    fix = "one of " + ", ".join(_CODECS) + "; ulaw and alaw are Asterisk's names"
    source = "SIPCC codec table; ART comment 3"

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        value = document.value("sipProfile/preferredCodec")
        if value is not None and value.text and value.text not in _CODECS:
            near = difflib.get_close_matches(value.text, _CODECS, n=1, cutoff=0.4)
            meant = f"; {near[0]} is near" if near else ""
            yield self.finding(document, value, f"preferredCodec is {value.text!r}{meant}")


class Dtmf(DocumentRule):
    id = "dtmf-mode"
    title = "dtmfOutofBand is not what Asterisk hears"
    symptom = "digits go in band; Asterisk's rfc4733 sees none"
    fix = "avt"
    source = "SIPCC: avt, avt_always, none"

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        value = document.value("sipProfile/dtmfOutofBand")
        if value is not None and value.text not in ("avt", "avt_always"):
            kind = Severity.WARNING if value.text in _DTMF else Severity.ERROR
            yield self.finding(document, value, f"dtmfOutofBand is {value.text!r}", severity=kind)


class Kpml(DocumentRule):
    id = "kpml"
    title = "kpml is on against a plain Asterisk"
    symptom = "digits may leave one by one; Asterisk answers 484 Address Incomplete"
    fix = "<kpml>0</kpml>"
    source = "ISS; UCM uses 0"
    severity = Severity.WARNING

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        value = document.value("sipProfile/kpml")
        if value is not None and number(value.text) != 0:
            yield self.finding(document, value, f"kpml is {value.text}")


class Transport(DocumentRule):
    id = "transport"
    title = "transportLayerProtocol the phone cannot use"
    symptom = "no REGISTER leaves"
    fix = "1 for TCP, 2 for UDP"
    source = "UCM; SIPCC"

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        value = document.value("transportLayerProtocol")
        if value is None:
            return
        if number(value.text) not in {1, 2, 3, 4}:
            yield self.finding(document, value, f"transportLayerProtocol is {value.text!r}")
        elif number(value.text) == 3 and number(document.get("deviceSecurityMode", "1")) < 2:
            yield self.finding(document, value, "TLS, but deviceSecurityMode is not secure")


class SecurityMode(DocumentRule):
    id = "security-mode"
    title = "A secure device mode without a trust list"
    symptom = "no registration"
    fix = "<deviceSecurityMode>1</deviceSecurityMode>, or stage the trust list"
    source = "UCM"

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        value = document.value("deviceSecurityMode")
        host = document.name.split(".")[0]
        lists = {f"CTL{host}.tlv", f"ITL{host}.tlv", "CTLFile.tlv", "ITLFile.tlv"}
        if value is not None and number(value.text) > 1 and not lists.intersection(tree.names):
            yield self.finding(document, value, f"deviceSecurityMode is {value.text}")


class RegisterTimer(DocumentRule):
    id = "register-timer"
    title = "Registrations too short to refresh"
    symptom = "console log: REG Expires time too small; the phone registers and leaves in turn"
    fix = "timerRegisterExpires of 60 s or more, timerRegisterDelta 5"
    source = "SIPCC"

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        value = document.value("sipProfile/sipStack/timerRegisterExpires")
        delta = number(document.get("sipProfile/sipStack/timerRegisterDelta", "5"))
        if value is not None and number(value.text) - delta < 20:
            yield self.finding(document, value, f"{value.text} s less {delta} s leaves too little")


class NoRegister(DocumentRule):
    id = "no-register"
    title = "registerWithProxy is not true"
    symptom = "the phone never registers"
    fix = "<registerWithProxy>true</registerWithProxy>"
    source = "UCM; SIPCC"

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        value = document.value("sipProfile/sipProxies/registerWithProxy")
        if value is not None and value.text != "true":
            yield self.finding(document, value, f"registerWithProxy is {value.text!r}")


class MediaPorts(DocumentRule):
    id = "media-ports"
    title = "The RTP port range is odd or empty"
    symptom = "one-way audio or none"
    fix = "even startMediaPort, below stopMediaPort: 16384 to 32766"
    source = "SIPCC"

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        value = document.value("sipProfile/startMediaPort")
        if value is None:
            return
        first, last = number(value.text), number(document.get("sipProfile/stopMediaPort", "32766"))
        if first % 2 or not 1024 <= first < last <= 65535:
            yield self.finding(document, value, f"ports {first} to {last}")


class ServiceUri(DocumentRule):
    id = "service-uri"
    title = "A mistyped service URI"
    symptom = "the feature key dials a nonsense number"
    fix = "x-cisco-serviceuri-" + ", -".join(_SERVICES)
    source = "UCM; typing errors in public samples"

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        calls = None if document.root is None else document.root.find("sipProfile/sipCallFeatures")
        for element in () if calls is None else calls.iterchildren("*"):
            text = (element.text or "").strip()
            if not str(element.tag).endswith("URI") or not text:
                continue
            value = document.as_value(element)
            service = text.removeprefix(_SERVICE_URI)
            usual = _USUAL_SERVICE.get(str(element.tag), service)
            if service == text or service not in _SERVICES:
                yield self.finding(document, value, f"{element.tag} is {text!r}")
            elif service != usual:
                found = f"{element.tag} is {text}: that is another key's; {usual} is usual"
                yield self.finding(document, value, found, severity=Severity.WARNING)


class Conference(DocumentRule):
    id = "conference"
    title = "cnfJoinEnabled against a stock Asterisk"
    symptom = "the second press of Conf fails: the REFER it sends is not understood"
    fix = "a PBX that answers it (a patched Asterisk or a module), or tell the users"
    source = "ART comments 6 and 8; PJC"
    severity = Severity.WARNING

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        value = document.value("sipProfile/sipCallFeatures/cnfJoinEnabled")
        if value is not None and value.text == "true":
            yield self.finding(document, value, "cnfJoinEnabled is true")


class AuthenticationUrl(DocumentRule):
    id = "authentication-url"
    title = "authenticationURL is empty"
    symptom = "the phone refuses CGI/Execute and CGI/Screenshot: it has nobody to ask"
    fix = "the address of a responder; the harness has one at /authenticate"
    source = "UCM phone-services"
    severity = Severity.NOTE

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        value = document.value("authenticationURL")
        if value is not None and not value.text:
            yield self.finding(document, value, "authenticationURL is empty")


class Lengths(DocumentRule):
    id = "too-long"
    title = "A URL or host name longer than the phone keeps"
    symptom = "it is cut"
    fix = "URLs up to 255 characters, host names up to 50"
    source = "UCM"

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        for element in document.elements():
            text = (element.text or "").strip()
            limit = 255 if str(element.tag).endswith("URL") else 50
            host = element.tag == "processNodeName" or document.key(element).endswith("ntp/name")
            if (limit == 255 or host) and len(text) > limit:
                value = Value(document.key(element), text, line_of(element))
                yield self.finding(document, value, f"{element.tag}: {len(text)} characters")


class TimeZone(DocumentRule):
    id = "time-zone"
    title = "No time zone of the phone's own list"
    symptom = "the clock is wrong"
    fix = 'a name of the closed list, such as "W. Europe Standard/Daylight Time"'
    source = "UCM sepmac-cnf-xml"
    severity = Severity.WARNING

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        value = document.value("devicePool/dateTimeSetting/timeZone")
        if value is not None and value.text and value.text not in TIME_ZONES:
            near = difflib.get_close_matches(value.text, sorted(TIME_ZONES), n=1, cutoff=0.75)
            meant = f"; {near[0]} is near" if near else ""
            yield self.finding(document, value, f"timeZone is {value.text!r}{meant}")
