"""The line keys: names, passwords, buttons."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from harness.models import PHONE_MODELS
from harness.provisioning.lint.document import Document, Value, line_of
from harness.provisioning.lint.finding import Finding, Severity
from harness.provisioning.lint.rule import DocumentRule
from harness.provisioning.lint.tree import Tree

__all__: list[str] = []

#: MAX_LINE_PASSWORD_SIZE is 32 in SIPCC prot_configmgr.h, one of it for the end.
PASSWORD_LIMIT = 31
#: 12 worked on 9.4(2)SR3, longer gave errors (WM); 16 failed and 8 worked (R7962).
PASSWORD_SAFE = 12
_NUMBER = re.compile(r"\s*(\d+)")


def number(text: str) -> int:
    """Read a number as the phone does: leading digits, else 0."""
    match = _NUMBER.match(text)
    return int(match[1]) if match else 0


class LinesOutside(DocumentRule):
    id = "lines-outside-profile"
    title = "sipLines is not inside sipProfile"
    symptom = "the phone finds no line: Unprovisioned"
    fix = "move <sipLines> into <sipProfile>"
    source = "R7962"

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        for element in document.elements():
            parent = element.getparent()
            if element.tag == "sipLines" and (parent is None or parent.tag != "sipProfile"):
                where = "the root" if parent is None else f"<{parent.tag}>"
                yield self.finding(document, line_of(element), f"<sipLines> stands in {where}")


class NoFirstLine(DocumentRule):
    id = "no-first-line"
    title = "No usable line on button 1"
    symptom = "console log: sipMinCfgCheck():Line 1 not configured; screen: Unprovisioned"
    fix = 'give <line button="1"> featureID 9, a <name> and a <proxy>'
    source = "PB-eM35HhK4; R7962"

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        if document.root is None or document.root.tag != "device" or document.form_errors:
            return  # in a broken file it may only seem absent
        for line in document.lines():
            usable = number(document.get("featureID", within=line)) == 9
            first = number(line.get("button") or "") == 1
            if first and usable and document.get("name", within=line):
                return
        at = line_of(document.lines()[0]) if document.lines() else 1
        yield self.finding(document, at, "no line with button 1, featureID 9 and a name")


class ButtonRange(DocumentRule):
    id = "button-out-of-range"
    title = "A line button the model does not have"
    symptom = "the key is not shown and its line never registers"
    fix = "a 7942 has buttons 1 and 2, a 7962 has 1 to 6; each once"
    source = "ART; UCM line-keys"

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        known = tree.models.get(document.name.split(".")[0])
        model = PHONE_MODELS[known] if known is not None else None
        most = model.lines if model is not None else 6
        seen: set[int] = set()
        for line in document.lines():
            button = number(line.get("button") or "")
            value = Value(document.key(line), str(button), line_of(line))
            if button in seen:
                yield self.finding(document, value, f"button {button} is there twice")
            seen.add(button)
            if not 1 <= button <= most:
                of = f" on a {model.name}" if model is not None else ""
                yield self.finding(document, value, f"button {line.get('button')!r}{of}")
            elif button > 2 and model is None:
                yield self.finding(
                    document,
                    value,
                    f"button {button}: a 7962 has it, a 7942 does not",
                    severity=Severity.NOTE,
                )


class Password(DocumentRule):
    id = "password-length"
    title = "A SIP password longer than the phone keeps"
    symptom = "the phone registers with a cut password: 401 again and again, Registering for ever"
    fix = "8 to 12 letters and digits, the same at the PBX"
    source = "SIPCC prot_configmgr.h; WM; R7962; ART comment 9"

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        for line in document.lines():
            value = document.value("authPassword", line)
            if value is None:
                continue
            size = len(value.text.encode())
            if size > PASSWORD_LIMIT:
                yield self.finding(document, value, f"{size} bytes; {PASSWORD_LIMIT} are kept")
            elif size > PASSWORD_SAFE:
                yield self.finding(
                    document,
                    value,
                    f"{size} characters; more than {PASSWORD_SAFE} failed on some loads",
                    severity=Severity.WARNING,
                )


class PasswordCharacters(DocumentRule):
    id = "password-characters"
    title = "A SIP password with characters that get lost"
    symptom = "the digest does not fit: 401 again and again"
    fix = "letters and digits only"
    source = "WM; ART comment 9"
    severity = Severity.WARNING

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        for line in document.lines():
            value = document.value("authPassword", line)
            raw = "" if value is None else line.findtext("authPassword") or ""
            if value is not None and re.search(r"[^!-~]|[<>&\"']", raw):
                yield self.finding(document, value, "characters beside letters and digits")


class Proxy(DocumentRule):
    id = "line-proxy"
    title = "A line's proxy is not USECALLMANAGER"
    symptom = "on 9.x no REGISTER ever leaves the phone; on 8.x an address works"
    fix = "<proxy>USECALLMANAGER</proxy> and the PBX in processNodeName"
    source = "R7962; ART comment 7; ISS"

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        load = document.get("loadInformation") or tree.installed
        major = re.match(r"SIP\d\d\.(\d+)-", load)
        # An empty load keeps what is installed, which may be 8.x.
        unknown = Severity.WARNING if major is None else Severity.ERROR
        kind = Severity.NOTE if major is not None and int(major[1]) < 9 else unknown
        for line in document.lines():
            value = document.value("proxy", line)
            if number(document.get("featureID", within=line)) != 9:
                continue
            at = value or Value(document.key(line), "", line_of(line))
            if at.text != "USECALLMANAGER":
                yield self.finding(document, at, f"proxy is {at.text!r}", severity=kind)


class NamesDiffer(DocumentRule):
    id = "names-differ"
    title = "name and contact of a line differ"
    symptom = "the phone does not find itself in the answer to REGISTER"
    fix = "give <name>, <authName> and <contact> the PBX's user name"
    source = "ART; SIPCC ccsip_register.c"
    severity = Severity.WARNING

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        for line in document.lines():
            name = document.get("name", within=line)
            for tag in ("contact", "authName"):
                value = document.value(tag, line)
                if value is not None and value.text and value.text != name:
                    yield self.finding(document, value, f"{tag} {value.text!r}, name {name!r}")


class SecondCall(DocumentRule):
    id = "no-second-call"
    title = "A line takes only one call"
    symptom = "no transfer and no conference: there is no second call to make"
    fix = "maxNumCalls 4, busyTrigger 2, or leave them out"
    source = "UCM"

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        for line in document.lines():
            for tag in ("maxNumCalls", "busyTrigger"):
                value = document.value(tag, line)
                if value is not None and number(value.text) < 2:
                    yield self.finding(document, value, f"{tag} is {value.text}")


class LineFeature(DocumentRule):
    id = "line-feature"
    title = "A line key without what its feature needs"
    symptom = "a blank key, or one that does nothing"
    fix = "featureID 9 with a name, 2 or 21 with speedDialNumber; leave unused keys out"
    source = "UCM line-keys; SIPCC: Line n not configured"
    severity = Severity.WARNING
    _known: ClassVar[frozenset[int]] = frozenset({1, 2, 3, 4, 5, 9, 18, 20, 21, 22, 23})

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        for line in document.lines():
            feature = number(document.get("featureID", within=line))
            at = document.value("featureID", line) or document.as_value(line)
            if feature not in self._known:
                yield self.finding(document, at, f"featureID is {at.text.strip()!r}")
            elif feature == 9 and not document.get("name", within=line):
                yield self.finding(document, at, "a line without a name")
            elif feature in {2, 21} and not document.get("speedDialNumber", within=line):
                yield self.finding(document, at, "a speed dial without speedDialNumber")


class LabelLength(DocumentRule):
    id = "label-length"
    title = "A label longer than the display shows"
    symptom = "the label is cut or blank"
    fix = "phoneLabel up to 12 characters without spaces, line labels up to 30"
    source = "UCM"
    severity = Severity.WARNING

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        value = document.value("sipProfile/phoneLabel")
        if value is not None and (len(value.text) > 12 or " " in value.text):
            yield self.finding(document, value, f"phoneLabel {value.text!r}")
        for line in document.lines():
            for tag in ("featureLabel", "displayName", "name", "authName"):
                value = document.value(tag, line)
                if value is not None and len(value.text) > 30:
                    yield self.finding(document, value, f"{tag} has {len(value.text)} characters")
