"""Is it the right file at all: name, form, family, placeholders."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from harness.provisioning.lint.document import SIZE_LIMIT, Document, Kind, without_comments
from harness.provisioning.lint.finding import Finding, Severity
from harness.provisioning.lint.rule import RULES, DocumentRule, Rule
from harness.provisioning.lint.tree import Tree

__all__: list[str] = []

_XML_KINDS = (
    Kind.PHONE,
    Kind.SCCP,
    Kind.DEFAULT,
    Kind.DIAL_TEMPLATE,
    Kind.SOFT_KEYS,
    Kind.RING_LIST,
)
_GOOD_NAME = re.compile(r"^SEP[0-9A-F]{12}\.cnf\.xml$")
_PLACEHOLDER = re.compile(
    r"(?<![A-Za-z0-9])_[A-Z][A-Z0-9]+_(?![A-Za-z0-9])|\{\{[^{}]*\}\}|\{%[^%{}]*%\}|@@[A-Z_]+@@"
    # %AB%CD is a URL's escape, %MAC% is not.
    r"|%(?![0-9A-F]{2}%)[A-Z][A-Z0-9_]+%|\bCHANGE_?ME\b|\bYOUR_[A-Z_]+\b"
)
#: ${NAME} is a variable of Asterisk's in its own files.
_SHELL = re.compile(r"\$\{[A-Za-z_]+\}|\$[A-Z_]{3,}")
#: What nobody reads cannot harm.
_CONF_COMMENT = re.compile(r"(?m)(?<!\\);.*$|^\s*#(?!include|tryinclude|exec).*$")


class NotWellFormed(DocumentRule):
    id = "xml-not-well-formed"
    title = "The XML is not well formed"
    symptom = "the whole file is refused; the phone goes on as if it had none"
    fix = "close every tag with its own name; write & as &amp; and < as &lt;, leave out any DOCTYPE"
    source = "WM: an end tag loadInformation434 closing another element"
    kinds = (*_XML_KINDS, Kind.OTHER)

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        for line, message in document.form_errors:
            if document.size < SIZE_LIMIT:
                yield self.finding(document, line, message.strip())


class FileTooBig(DocumentRule):
    id = "file-too-big"
    title = "The file is larger than the phone takes"
    symptom = "the transfer is broken off; status log: TFTP Error"
    fix = "take out what the phone does not need"
    source = "console log of a 7942: size limit of 550001 bytes"
    kinds = (*_XML_KINDS, Kind.OTHER)

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        if document.size >= SIZE_LIMIT:
            yield self.finding(document, 1, f"{document.size} bytes")


class WrongRoot(DocumentRule):
    id = "wrong-root"
    title = "The root element is not what the file name promises"
    symptom = "nothing in it is read: Unprovisioned"
    fix = "SEP<MAC>.cnf.xml has <device>, XMLDefault.cnf.xml has <Default>"
    source = "SIPCC config_parser.c"
    kinds = (Kind.PHONE, Kind.DEFAULT)
    _roots: ClassVar[dict[Kind, set[str]]] = {
        Kind.PHONE: {"device"},
        Kind.DEFAULT: {"Default", "default"},
    }

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        if document.root is not None and document.root.tag not in self._roots[document.kind]:
            yield self.finding(document, 1, f"the root is <{document.root.tag}>")


class FileName(DocumentRule):
    id = "file-name"
    title = "The file name is not SEP, 12 upper-case hexadecimal digits, .cnf.xml"
    symptom = "the phone never asks for this name and takes XMLDefault.cnf.xml"
    fix = "name it SEP0024C4ABCDEF.cnf.xml: the MAC in upper case, without separators"
    source = "WM, ISS: tftpd logs"
    kinds = (Kind.PHONE, Kind.SCCP)

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        name = document.name.removesuffix(".sgn")
        if _GOOD_NAME.match(name):
            return
        if name.upper().startswith("SEP"):
            yield self.finding(document, 1, f"the file is named {document.name}")
        elif tree.whole:
            found = f"{document.name} holds a <device>, but is named for no phone"
            yield self.finding(document, 1, found, severity=Severity.NOTE)


class Placeholder(DocumentRule):
    id = "placeholder"
    title = "A placeholder was left in"
    symptom = "the phone takes the placeholder for the value: wrong server, name or password"
    fix = "put the real value in its place"
    source = "ART: _USER_, _PASSWORD_, _ASTERISK_"
    kinds = (*_XML_KINDS, Kind.SIP_CONF, Kind.PJSIP_CONF, Kind.DHCP)

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        xml = document.kind in _XML_KINDS
        text = document.text
        text = without_comments(text) if xml else _CONF_COMMENT.sub("", text)
        for number, line in enumerate(text.splitlines(), start=1):
            shells = _SHELL.finditer(line) if xml else ()
            for match in (*_PLACEHOLDER.finditer(line), *shells):
                yield self.finding(document, number, f"{match[0]} was never replaced")


class OtherFamily(DocumentRule):
    id = "other-family"
    title = "A file of the 7940/7960 family"
    symptom = "a 79x2 never asks for it; a 7940 given 79x2 files says Protocol Application Invalid"
    fix = "7942 and 7962 take SEP<MAC>.cnf.xml and SIP42 loads; 7940/60 take SIP<MAC>.cnf"
    source = "ART comments 2 and 10; Cisco document 5455"
    severity = Severity.WARNING
    kinds = (Kind.LEGACY,)

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        yield self.finding(document, 1, f"{document.name} belongs to 7940 and 7960 phones")


class SccpProtocol(DocumentRule):
    id = "protocol-not-sip"
    title = "deviceProtocol is not SIP"
    symptom = "a SIP load reads no SIP profile: it never registers"
    fix = "<deviceProtocol>SIP</deviceProtocol>"
    source = "ART"
    kinds = (Kind.PHONE, Kind.SCCP)

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        value = document.value("deviceProtocol")
        if document.kind is Kind.SCCP and value is not None:
            found = "a file for SCCP: nothing else of it was looked at"
            yield self.finding(document, value, found)
        elif value is not None and value.text != "SIP":
            yield self.finding(document, value, f"deviceProtocol is {value.text!r}")


class DefaultFile(DocumentRule):
    id = "default-file"
    title = "XMLDefault.cnf.xml lacks what an unknown phone needs"
    symptom = "a phone without a file of its own gets no load or no server"
    fix = "loadInformation434 (7942), loadInformation404 (7962) and ports/ethernetPhonePort"
    source = "NUKE; ART"
    severity = Severity.WARNING
    kinds = (Kind.DEFAULT,)

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        if document.root is None or document.form_errors:
            return
        for tag in ("ethernetPhonePort", "loadInformation434", "loadInformation404"):
            if document.value(f".//{tag}") is None:
                yield self.finding(document, 1, f"there is no {tag}")


class TemplateError(Rule):
    id = "template-error"
    title = "A template that cannot be rendered"
    symptom = "no phone gets a new file; with a template of before, they keep their old one"
    fix = "close every block, and name only values that harness/provisioning/values.py has"
    source = "Jinja2, with strict undefined"

    def check(self, tree: Tree) -> Iterator[Finding]:
        """Tell what kept a template from being rendered."""
        for trouble in tree.templates:
            at = Document(trouble.path, b"")
            yield self.finding(at, trouble.line, trouble.why)


class Suppression(Rule):
    id = "suppression"
    title = "A suppression that says no reason, or names no rule"
    symptom = "none; nobody will know why the rule was silenced"
    fix = "lint: allow RULE and, on the same line, why"
    source = "this linter"
    severity = Severity.WARNING

    def check(self, tree: Tree) -> Iterator[Finding]:
        """Look at every suppression of every file."""
        for document in tree.documents:
            for line, rule, reason in document.suppressions:
                if rule not in RULES:
                    yield self.finding(document, line, f"no rule is named {rule}")
                elif not reason:
                    yield self.finding(document, line, f"{rule} is suppressed without a reason")
