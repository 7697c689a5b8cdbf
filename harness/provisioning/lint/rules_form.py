"""Is it the right file at all: name, form, family, placeholders."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from harness.provisioning.lint.document import SIZE_LIMIT, Document, Kind
from harness.provisioning.lint.finding import Finding, Severity
from harness.provisioning.lint.rule import DocumentRule
from harness.provisioning.lint.tree import Tree

__all__: list[str] = []

_XML_KINDS = (Kind.PHONE, Kind.DEFAULT, Kind.DIAL_TEMPLATE, Kind.SOFT_KEYS, Kind.RING_LIST)
_GOOD_NAME = re.compile(r"^SEP[0-9A-F]{12}\.cnf\.xml$")
_PLACEHOLDER = re.compile(
    r"(?<![A-Za-z0-9])_[A-Z][A-Z0-9]+_(?![A-Za-z0-9])|%[A-Z][A-Z_]+%|\{\{.*?\}\}|\{%.*?%\}"
    r"|\$\{?[A-Z_]{3,}\}?|@@[A-Z_]+@@"
)


class NotWellFormed(DocumentRule):
    id = "xml-not-well-formed"
    title = "The XML is not well formed"
    symptom = "the whole file is refused; the phone goes on as if it had none"
    fix = "close every tag with its own name and write & as &amp; and < as &lt;"
    source = "WM: an end tag loadInformation434 closing another element"
    kinds = (*_XML_KINDS, Kind.OTHER)

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        for line, message in document.form_errors:
            if len(document.content) < SIZE_LIMIT:
                yield self.finding(document, line, message.strip())


class FileTooBig(DocumentRule):
    id = "file-too-big"
    title = "The file is larger than the phone takes"
    symptom = "the transfer is broken off; status log: TFTP Error"
    fix = "take out what the phone does not need"
    source = "console log of a 7942: size limit of 550001 bytes"
    kinds = (*_XML_KINDS, Kind.OTHER)

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        if len(document.content) >= SIZE_LIMIT:
            yield self.finding(document, 1, f"{len(document.content)} bytes")


class WrongRoot(DocumentRule):
    id = "wrong-root"
    title = "The root element is not what the file name promises"
    symptom = "nothing in it is read: Unprovisioned"
    fix = "SEP<MAC>.cnf.xml has <device>, XMLDefault.cnf.xml has <Default>"
    source = "SIPCC config_parser.c"
    kinds = (Kind.PHONE, Kind.DEFAULT)
    _roots: ClassVar[dict[Kind, str]] = {Kind.PHONE: "device", Kind.DEFAULT: "Default"}

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        if document.root is not None and document.root.tag != self._roots[document.kind]:
            yield self.finding(document, 1, f"the root is <{document.root.tag}>")


class FileName(DocumentRule):
    id = "file-name"
    title = "The file name is not SEP, 12 upper-case hexadecimal digits, .cnf.xml"
    symptom = "the phone never asks for this name and takes XMLDefault.cnf.xml"
    fix = "name it SEP0024C4ABCDEF.cnf.xml: the MAC in upper case, without separators"
    source = "WM, ISS: tftpd logs"

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        name = document.name.removesuffix(".sgn")
        if name.upper().startswith("SEP") and not _GOOD_NAME.match(name):
            yield self.finding(document, 1, f"the file is named {document.name}")


class Placeholder(DocumentRule):
    id = "placeholder"
    title = "A placeholder was left in"
    symptom = "the phone takes the placeholder for the value: wrong server, name or password"
    fix = "put the real value in its place"
    source = "ART: _USER_, _PASSWORD_, _ASTERISK_"
    kinds = (*_XML_KINDS, Kind.SIP_CONF, Kind.PJSIP_CONF, Kind.DHCP)

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        for number, line in enumerate(document.text.splitlines(), start=1):
            for match in _PLACEHOLDER.finditer(line):
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


class OtherFamilyLoad(DocumentRule):
    id = "other-family-load"
    title = "The load is not one for SIP on a 7942 or 7962"
    symptom = "the load is refused, or asked for again at each boot"
    fix = "name a SIP42 load, or leave loadInformation empty to keep what is installed"
    source = "ART; UCM load-information"
    kinds = (Kind.PHONE, Kind.DEFAULT)
    _paths: ClassVar[tuple[str, ...]] = (
        "loadInformation",
        "loadInformation434",
        "loadInformation404",
    )

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        for path in self._paths:
            for value in document.values(path):
                if value.text.upper().startswith("SCCP"):
                    yield self.finding(document, value, f"{value.text} is an SCCP load")
                elif re.match(r"P0[03S]|SIP(?!42\.)\d\d\.", value.text, re.IGNORECASE):
                    yield self.finding(document, value, f"{value.text} is of another model")


class SccpProtocol(DocumentRule):
    id = "protocol-not-sip"
    title = "deviceProtocol is not SIP"
    symptom = "a SIP load reads no SIP profile: it never registers"
    fix = "<deviceProtocol>SIP</deviceProtocol>"
    source = "ART"

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        value = document.value("deviceProtocol")
        if value is not None and value.text != "SIP":
            yield self.finding(document, value, f"deviceProtocol is {value.text!r}")
