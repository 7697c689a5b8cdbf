"""Which server the phone registers to, and where it listens."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from harness.provisioning.lint.document import Document, Kind, Value, line_of
from harness.provisioning.lint.finding import Finding, Severity
from harness.provisioning.lint.rule import DocumentRule
from harness.provisioning.lint.rules_lines import number
from harness.provisioning.lint.tree import Tree

__all__: list[str] = []

#: A host name; digits and dots alone would be an address, and USECALLMANAGER is no host at all.
_HOST = re.compile(
    r"(?!USECALLMANAGER$)(?=.*[A-Za-z])[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
    r"(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*\.?"
)


class NodeBeforePorts(DocumentRule):
    id = "node-before-ports"
    title = "processNodeName stands before ports"
    symptom = "the port lands on the next server: the phone registers to 5060 of this one"
    fix = "put <ports> before <processNodeName>"
    source = "SIPCC process_ccm_config"

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        for element in document.elements():
            if element.tag != "callManager":
                continue
            tags = [child.tag for child in element.iterchildren("*")]
            both = "ports" in tags and "processNodeName" in tags
            if both and tags.index("processNodeName") < tags.index("ports"):
                yield self.finding(document, line_of(element), "processNodeName comes first")


class NoServer(DocumentRule):
    id = "no-server"
    title = "No server to register to"
    symptom = "console log: No Valid Unified CMs. Defaulting to TFTP Server"
    fix = "the PBX's address in callManager/processNodeName"
    source = "PB-eM35HhK4; SIPCC"
    kinds = (Kind.PHONE, Kind.DEFAULT)

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        if document.root is None or document.form_errors:
            return
        nodes = [each for each in document.elements() if each.tag == "processNodeName"]
        named = [each for each in nodes if (each.text or "").strip()]
        if not named:
            at = line_of(nodes[0]) if nodes else 1
            yield self.finding(document, at, "no processNodeName with a host")
        for each in named:
            value = document.as_value(each)
            try:
                ipaddress.ip_address(value.text)
            except ValueError:
                is_name = _HOST.fullmatch(value.text) is not None
                found = "must be resolved by DNS; unresolved, the server is skipped"
                found = found if is_name else "is neither an address nor a host name"
                kind = Severity.NOTE if is_name else Severity.ERROR
                yield self.finding(document, value, f"{value.text} {found}", severity=kind)


class ServerPort(DocumentRule):
    id = "port-range"
    title = "A SIP port that is none"
    symptom = "the phone registers to another port"
    fix = "1 to 65535; FreePBX has chan_sip on 5160"
    source = "SIPCC; WM"

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        for element in document.elements():
            text = (element.text or "").strip()
            port = element.tag in {"sipPort", "voipControlPort"} and text
            if port and not 1 <= number(text) <= 65535:
                value = Value(document.key(element), text, line_of(element))
                yield self.finding(document, value, f"{element.tag} is {text!r}")


class OutboundProxy(DocumentRule):
    id = "outbound-proxy"
    title = "An outbound proxy is set"
    symptom = "all SIP goes there instead of to the PBX"
    fix = "leave outboundProxy empty unless that is wanted"
    source = "SIPCC; ART"
    severity = Severity.WARNING

    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        value = document.value("sipProfile/sipProxies/outboundProxy")
        if value is not None and value.text not in {"", "USECALLMANAGER"}:
            yield self.finding(document, value, f"outboundProxy is {value.text}")
