"""Numbers and words with a range of their own, and switches that lock people out."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import ClassVar

from harness.provisioning.elements import Kind as ValueKind
from harness.provisioning.elements import element_of
from harness.provisioning.lint.document import Document, Kind
from harness.provisioning.lint.finding import Finding, Severity
from harness.provisioning.lint.rule import DocumentRule
from harness.provisioning.lint.rules_lines import number
from harness.provisioning.lint.tags import MEANT, TAGS
from harness.provisioning.lint.tree import Tree

__all__: list[str] = []

#: So many unknown names of a file are looked up; a file with more is none for a phone.
_DOUBTED = 200


class MisspeltElement(DocumentRule):
    id = "misspelt-element"
    title = "An element whose name is next to one the phone knows"
    symptom = "the phone passes over it and takes the default"
    fix = "the exact name, upper and lower case as well"
    source = "SIPCC config_parser.c: unknown elements are ignored"
    severity = Severity.WARNING

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        doubted: set[str] = set()
        for element in document.elements():
            tag = str(element.tag)
            if tag in TAGS or tag in doubted or len(doubted) > _DOUBTED:
                continue
            doubted.add(tag)
            same = [known for known in MEANT if known.lower() == tag.lower()]
            near = same or difflib.get_close_matches(tag, sorted(MEANT), n=1, cutoff=0.9)
            if near:
                found = f"<{tag}> is unknown; <{near[0]}> is near"
                yield self.finding(document, document.as_value(element), found)


class NumberWord(DocumentRule):
    id = "number-word"
    title = "A word where the phone reads a number"
    symptom = "the phone reads leading digits only, and 0 where there are none"
    fix = "digits, without a unit"
    source = "SIPCC config_parser.c: atoi"
    severity = Severity.WARNING

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        for element in document.elements():
            value = document.as_value(element)
            known = element_of(value.key)
            if known is None or known.kind is not ValueKind.NUMBER or len(element):
                continue
            if value.text and not re.fullmatch(r"[+-]?\d+", value.text):
                found = f"{element.tag} is {value.text!r}: read as {number(value.text)}"
                yield self.finding(document, value, found)


class NumberRange(DocumentRule):
    id = "number-range"
    title = "A number the phone has no meaning for"
    symptom = "the phone takes its default, or the feature does not work"
    fix = "a number of the range"
    source = "UCM sepmac-cnf-xml; SIPCC prot_configmgr.h"
    severity = Severity.WARNING
    _ranges: ClassVar[dict[str, tuple[int, int]]] = {
        "dtmfAvtPayload": (96, 127),
        "dtmfDbLevel": (1, 5),
        "kpml": (0, 3),
        "callHoldRingback": (0, 2),
        "anonymousCallBlock": (0, 3),
        "callerIdBlocking": (0, 3),
        "dndControl": (0, 2),
        "stutterMsgWaiting": (0, 2),
        "autoAnswerEnabled": (0, 3),
        "callWaiting": (0, 3),
        "messageWaitingLampPolicy": (0, 6),
        "ringSettingIdle": (0, 4),
        "ringSettingActive": (0, 5),
        "maxNumCalls": (0, 50),
        "advertiseG722Codec": (0, 2),
        "g722CodecSupport": (0, 2),
    }

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        for element in document.elements():
            value = document.as_value(element)
            low, high = self._ranges.get(str(element.tag), (0, 0))
            if high and value.text and not low <= number(value.text) <= high:
                found = f"{element.tag} is {value.text!r}, not {low} to {high}"
                yield self.finding(document, value, found)


class CallerId(DocumentRule):
    id = "caller-id-hidden"
    title = "The caller's number is hidden, or anonymous callers are refused"
    symptom = "calls arrive as anonymous, and Asterisk may refuse them; or nobody gets through"
    fix = "2 (off, fixed) or 0; 1 and 3 both mean on"
    source = "UCM; SIPCC"
    severity = Severity.WARNING

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        for tag in ("callerIdBlocking", "anonymousCallBlock"):
            value = document.value(f"sipProfile/sipCallFeatures/{tag}")
            if value is not None and number(value.text) in {1, 3}:
                yield self.finding(document, value, f"{tag} is {value.text}: on")


class DateTemplate(DocumentRule):
    id = "date-template"
    title = "dateTemplate is no order of D, M and Y"
    symptom = "an odd date on the display"
    fix = "D/M/Y, M/D/Y or Y/M/D, also with - or .; YY for 4 digits, A at the end for 12 hours"
    source = "UCM sepmac-cnf-xml"
    severity = Severity.WARNING
    _good = re.compile(r"(D([-/.])M\2YY?|M([-/.])D\3YY?|YY?([-/.])M\4D)A?")

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        value = document.value("devicePool/dateTimeSetting/dateTemplate")
        if value is not None and value.text and not self._good.fullmatch(value.text):
            yield self.finding(document, value, f"dateTemplate is {value.text!r}")


class NtpMode(DocumentRule):
    id = "ntp-mode"
    title = "ntpMode is no mode of the phone"
    symptom = "the clock comes from SIP Date headers alone"
    fix = "unicast or directedbroadcast"
    source = "UCM sepmac-cnf-xml; multicast and anycast from memory"
    severity = Severity.WARNING

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        for value in document.values("devicePool/dateTimeSetting/ntps/ntp/ntpMode"):
            good = {"", "unicast", "directedbroadcast", "multicast", "anycast"}
            if value.text.lower() not in good:
                yield self.finding(document, value, f"ntpMode is {value.text!r}")


class Encrypted(DocumentRule):
    id = "encrypted-config"
    title = "encrConfig is true"
    symptom = "from the next boot on the phone asks for its file as .enc.sgn, which is not there"
    fix = "<encrConfig>false</encrConfig>"
    source = "UCM; Cisco technote 116232"

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        value = document.value("encrConfig")
        if value is not None and value.text == "true":
            yield self.finding(document, value, "encrConfig is true")


class SettingsLocked(DocumentRule):
    id = "settings-locked"
    title = "The settings menu is closed"
    symptom = "nobody can unlock or restart the phone by **# and **#**"
    fix = "<settingsAccess>1</settingsAccess>; here 1 is on"
    source = "UCM"
    severity = Severity.WARNING

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        value = document.value("vendorConfig/settingsAccess")
        if value is not None and value.text and number(value.text) == 0:
            yield self.finding(document, value, f"settingsAccess is {value.text}")


class LoadServer(DocumentRule):
    id = "load-server"
    title = "Firmware comes from another server"
    symptom = "loads are asked for there; what is staged here is never looked at"
    fix = "leave loadServer empty"
    source = "UCM"
    severity = Severity.WARNING

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        value = document.value("vendorConfig/loadServer")
        if value is not None and value.text:
            yield self.finding(document, value, f"loadServer is {value.text}")


class SilenceSuppression(DocumentRule):
    id = "silence-suppression"
    title = "enableVad is true"
    symptom = "no packets in silence: gaps, comfort-noise warnings in Asterisk (from memory)"
    fix = "<enableVad>false</enableVad>"
    source = "SIPCC"
    severity = Severity.WARNING

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        value = document.value("sipProfile/enableVad")
        if value is not None and value.text == "true":
            yield self.finding(document, value, "enableVad is true")


class NatProcessing(DocumentRule):
    id = "nat-spelling"
    title = "natReceivedProcessing without its misspelt twin"
    symptom = "the phone's parser reads natRecievedProcessing; the right spelling alone is ignored"
    fix = "write both, with the same value"
    source = "SIPCC config_parser.c; UCM"
    severity = Severity.WARNING

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        value = document.value("sipProfile/natReceivedProcessing")
        twin = document.value("sipProfile/natRecievedProcessing")
        if value is not None and value.text == "true" and twin is None:
            yield self.finding(document, value, "natReceivedProcessing stands alone")


class FileNameLength(DocumentRule):
    id = "file-name-length"
    title = "A file name longer than the phone keeps"
    symptom = "the name is cut, and the file never found"
    fix = "up to 64 characters"
    source = "SIPCC; UCM"
    kinds = (Kind.PHONE,)

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        for tag in ("dialTemplate", "softKeyFile"):
            value = document.value(f"sipProfile/{tag}")
            if value is not None and len(value.text) > 64:
                yield self.finding(document, value, f"{tag} has {len(value.text)} characters")
