"""Loads: their names, whether they are staged whole, and the way to them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.errors import UsageFault
from harness.provisioning.firmware.manifest import known_loads
from harness.provisioning.firmware.release import Release
from harness.provisioning.firmware.upgrade import plan_upgrade
from harness.provisioning.firmware.verify import components_in
from harness.provisioning.lint.document import Document, Kind, Value
from harness.provisioning.lint.finding import Finding, Severity
from harness.provisioning.lint.rule import DocumentRule
from harness.provisioning.lint.tree import Tree

__all__: list[str] = []

_KINDS = (Kind.PHONE, Kind.SCCP, Kind.DEFAULT)


def _loads(document: Document) -> Iterator[Value]:
    """Yield the loads named for our models: 434 is the 7942, 404 the 7962."""
    for tag in ("loadInformation", "loadInformation434", "loadInformation404"):
        yield from document.values(tag)


class LoadName(DocumentRule):
    id = "load-name"
    title = "loadInformation ends in .loads or names an image"
    symptom = "the phone asks for NAME.loads.loads at each boot and keeps its old load"
    fix = "the name of the .loads file without its suffix, or nothing"
    source = "ART; UCM load-information"
    kinds = _KINDS

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        for value in _loads(document):
            if re.search(r"\.(loads|sbn|zip|cop)$", value.text, re.IGNORECASE):
                yield self.finding(document, value, f"{value.text} has a suffix")


class OtherFamilyLoad(DocumentRule):
    id = "other-family-load"
    title = "The load is not one for SIP on a 7942 or 7962"
    symptom = "the load is refused, or asked for again at each boot"
    fix = "name a SIP42 load, or leave loadInformation empty to keep what is installed"
    source = "ART; UCM load-information"
    kinds = (Kind.PHONE, Kind.DEFAULT)

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        for value in _loads(document):
            if value.text.upper().startswith(("SCCP", "CP42")):
                yield self.finding(document, value, f"{value.text} is an SCCP load")
            elif re.match(r"P0[03S]|SIP(?!42\.)\d\d\.", value.text, re.IGNORECASE):
                yield self.finding(document, value, f"{value.text} is of another model")
            elif value.text.startswith(("apps42.", "cnu42.", "dsp42.", "jar42", "cvm42")):
                found = f"{value.text} is an image's version; the .loads file has another"
                yield self.finding(document, value, found)


class LoadStaged(DocumentRule):
    id = "load-not-staged"
    title = "The load, or an image of it, is not in the TFTP root"
    symptom = "the phone asks for it at each boot; a reset phone cannot come up"
    fix = "stage every file of the load, in the exact case its .loads file writes"
    source = "ISS; SYSOP: Jar11sip asked, jar11sip on disk; ART"
    kinds = _KINDS

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        if not tree.whole:
            return
        for value in _loads(document):
            name = f"{value.text}.loads"
            if not value.text or value.text.endswith(".loads"):
                continue
            if name not in tree.names:
                # A rendered tree has no firmware beside it; a TFTP root has.
                root = any(each.endswith((".loads", ".sbn")) for each in tree.names)
                kind = Severity.ERROR if root else Severity.NOTE
                yield self.finding(document, value, tree.missing(name), severity=kind)
                continue
            for component in components_in(tree.contents.get(name, b"")):
                if component not in tree.names:
                    yield self.finding(document, value, tree.missing(component))


class LoadStep(DocumentRule):
    id = "load-step"
    title = "The load cannot be reached from the installed one in one step, or is older"
    symptom = "Auth Fail, or term42/term62.default.loads asked for twice every three minutes"
    fix = "harness firmware plan INSTALLED LOAD tells the steps; install them one by one"
    source = "ART comment 9; SYSOP (9.2(3) release notes); ITW"
    severity = Severity.WARNING

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        if not tree.installed:
            return
        now = Release.parse(tree.installed)
        for value in _loads(document):
            try:
                goal = Release.parse(value.text)
                plan = plan_upgrade(now, goal, known_loads())
            except UsageFault as fault:
                # No release at all is for other rules to tell.
                if value.text and "no firmware release" not in str(fault):
                    found = f"from {tree.installed}: {fault.args[0]}"
                    yield self.finding(document, value, found, severity=Severity.ERROR)
                continue
            for step in plan.steps[:-1]:
                found = f"from {tree.installed} go through {step.release} first: {step.why}"
                yield self.finding(document, value, found, severity=Severity.ERROR)
            if goal < now:
                found = f"{value.text} is older than the installed {tree.installed}"
                yield self.finding(document, value, found)
