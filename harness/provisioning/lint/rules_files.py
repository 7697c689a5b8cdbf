"""Files that name other files: locales, dial templates, soft keys, ring lists."""

from __future__ import annotations

from collections.abc import Iterator

from harness.provisioning.lint.document import Document, Kind, line_of
from harness.provisioning.lint.finding import Finding, Severity
from harness.provisioning.lint.rule import DocumentRule
from harness.provisioning.lint.tree import Tree

__all__: list[str] = []


class LocaleStaged(DocumentRule):
    id = "locale-not-staged"
    title = "A locale is named, but its file is not staged"
    symptom = "status log: Error Updating Locale; each missing file delays the boot some seconds"
    fix = "stage it in the locale's folder, or leave the name empty for English and US tones"
    source = "WM; UCM; ART comment 7"
    severity = Severity.WARNING

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        if not tree.whole:
            return
        for path, file in (("userLocale/name", "mk-sip.jar"), ("networkLocale", "g3-tones.xml")):
            value = document.value(path)
            if value is not None and value.text and f"{value.text}/{file}" not in tree.names:
                yield self.finding(document, value, tree.missing(f"{value.text}/{file}"))


class TemplateStaged(DocumentRule):
    id = "template-not-staged"
    title = "A dial template or soft-key file is named, but not staged"
    symptom = "File Not Found in the status log; without a dial template, 15 s before a call goes"
    fix = "stage it under exactly this name, or take the name out"
    source = "WM; ISS"

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        if not tree.whole:
            return
        for tag in ("dialTemplate", "softKeyFile"):
            value = document.value(f"sipProfile/{tag}")
            if value is not None and value.text and value.text not in tree.names:
                yield self.finding(document, value, tree.missing(value.text))


class NoDialTemplate(DocumentRule):
    id = "no-dial-template"
    title = "No dial template is named"
    symptom = "after the last digit the phone waits 15 s before it dials"
    fix = "name one in <dialTemplate>"
    source = "UCM dial-template"
    severity = Severity.WARNING

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        if document.root is None or document.root.tag != "device" or document.form_errors:
            return  # in a broken file it may only seem absent
        value = document.value("sipProfile/dialTemplate")
        if value is None or not value.text:
            yield self.finding(document, value or 1, "dialTemplate is absent or empty")


class CatchAll(DocumentRule):
    id = "no-catch-all"
    title = "The dial template has no row for all other numbers"
    symptom = "numbers no row matches wait 15 s"
    fix = 'end with <TEMPLATE MATCH="*" Timeout="3"/>'
    source = "WM; ISS; UCM"
    severity = Severity.WARNING
    kinds = (Kind.DIAL_TEMPLATE,)

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        if document.root is None:
            return
        rows = document.root.findall("TEMPLATE")
        if not rows:
            yield self.finding(document, 1, "there is no TEMPLATE row (upper case)")
        elif not any(row.get("MATCH") in {"*", ".*"} for row in rows):
            yield self.finding(document, line_of(rows[-1]), 'no row has MATCH="*"')


class DialRow(DocumentRule):
    id = "dial-row"
    title = "A dial template row the phone cannot use"
    symptom = "status log: Error(s) Parsing; or the number is dialled too early or late"
    fix = 'MATCH of digits, . * , # and Timeout in seconds: MATCH="2.." Timeout="0"'
    source = "UCM dial-template"
    kinds = (Kind.DIAL_TEMPLATE,)

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        for row in () if document.root is None else document.root.iterchildren("*"):
            match, timeout = row.get("MATCH"), row.get("Timeout", row.get("TIMEOUT", ""))
            if row.tag != "TEMPLATE":
                yield self.finding(document, line_of(row), f"<{row.tag}> is no TEMPLATE")
            elif not match:
                yield self.finding(document, line_of(row), "a row has no MATCH")
            elif timeout and not timeout.isdigit():
                yield self.finding(document, line_of(row), f"Timeout is {timeout!r}")
            elif match == "*" and timeout == "0":
                found = "any first digit is dialled at once"
                yield self.finding(document, line_of(row), found)


class RingFile(DocumentRule):
    id = "ring-file"
    title = "A ring tone that is not staged"
    symptom = "the ring is listed but cannot be chosen"
    fix = "raw u-law at 8 kHz, 240 to 16080 bytes in steps of 240, in the root folder"
    source = "WM"
    severity = Severity.WARNING
    kinds = (Kind.RING_LIST,)

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        for value in document.values("Ring/FileName"):
            if "/" in value.text:
                yield self.finding(document, value, f"{value.text} is not in the root folder")
            elif tree.whole and value.text not in tree.names:
                yield self.finding(document, value, tree.missing(value.text))
            elif tree.whole and not _is_ring(tree.sizes[value.text]):
                found = f"{value.text} has {tree.sizes[value.text]} bytes"
                yield self.finding(document, value, found)


def _is_ring(size: int) -> bool:
    return 240 <= size <= 16080 and not size % 240
