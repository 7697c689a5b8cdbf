"""Across files: what DHCP tells the phones against the files there are for them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from harness.provisioning.lint.document import Document, Kind
from harness.provisioning.lint.finding import Finding, Severity
from harness.provisioning.lint.rule import Rule
from harness.provisioning.lint.tree import Tree

__all__: list[str] = []

_MAC = r"([0-9A-Fa-f]{1,2}(?:[:.-][0-9A-Fa-f]{1,2}){5})"
#: How ISC dhcpd, dnsmasq and Kea name a host by its MAC.
_HOSTS = re.compile(
    rf"hardware\s+ethernet\s+{_MAC}|^\s*dhcp-host\s*=[^\n]*?{_MAC}"
    rf"|\"hw-address\"\s*:\s*\"{_MAC}\"",
    re.MULTILINE,
)
#: Option 66, option 150 or the next server; all three were seen to bring a phone to its files.
_TFTP = re.compile(
    r"option\s+(?:tftp-server-name|tftp150|voip-tftp\S*|option-150|\S*tftp\S*)\s+\S"
    r"|next-server\s+\S|\"next-server\"\s*:\s*\"[^\"]"
    r"|dhcp-option(?:-force)?\s*=\s*(?:[a-z]+:[^,\s]+,\s*)*(?:option:)?(?:66|150|tftp-server)\b"
    r"|\"(?:tftp-server-name|tftp-server-address|tftp-servers)\"|\"code\"\s*:\s*(?:66|150)\b"
)
_DECLARED = re.compile(r"option\s+(\S+)\s+code\s+150\s*=\s*([^;]+)")
_USED_150 = re.compile(r"option\s+(tftp150|voip-tftp\S*|option-150)\s+(?!code)")
_COMMENT = re.compile(r"(?m)(?:^|(?<=[\s;{}]))#.*$")


@dataclass(frozen=True, slots=True)
class _Host:
    mac: str
    line: int
    own_tftp: bool


@dataclass(frozen=True, slots=True)
class _Plan:
    text: str
    hosts: tuple[_Host, ...]
    tftp_for_all: bool

    def line(self, at: int) -> int:
        return self.text[:at].count("\n") + 1


def _plan(document: Document) -> _Plan:
    text = _COMMENT.sub(lambda match: " " * len(match[0]), document.text)
    hosts, rest = [], text
    for match in _HOSTS.finditer(text):
        mac = next(group for group in match.groups() if group)
        digits = "".join(part.rjust(2, "0") for part in re.split(r"[:.-]", mac)).upper()
        start, end = _block(text, match.start())
        hosts.append(
            _Host(
                digits, text[: match.start()].count("\n") + 1, bool(_TFTP.search(text, start, end))
            )
        )
        rest = rest[:start] + " " * (end - start) + rest[end:]
    return _Plan(text, tuple(hosts), bool(_TFTP.search(rest)))


def _block(text: str, at: int) -> tuple[int, int]:
    """Return the innermost ``{ }`` around a place, or its line where there is none."""
    depth, start = 0, at
    if "{" not in text:
        return text.rfind("\n", 0, at) + 1, (text.find("\n", at) + 1 or len(text))
    for start in range(at, -1, -1):
        depth += (text[start] == "}") - (text[start] == "{")
        if depth < 0:
            break
    else:
        return text.rfind("\n", 0, at) + 1, (text.find("\n", at) + 1 or len(text))
    depth = 0
    for end in range(start, len(text)):
        depth += (text[end] == "{") - (text[end] == "}")
        if not depth:
            return start, end + 1
    return start, len(text)


class DhcpHost(Rule):
    id = "dhcp-host"
    title = "A phone's file and the DHCP server's host entries do not fit"
    symptom = "without an entry: no address or no TFTP server; without a file: XMLDefault.cnf.xml"
    fix = "one entry with hardware ethernet of the MAC in each SEP file's name"
    source = "ART; UCM dhcp-options"
    severity = Severity.WARNING

    def check(self, tree: Tree) -> Iterator[Finding]:
        """Compare the host entries with the phones' files, both ways."""
        phones = {phone.name[3:15].upper(): phone for phone in tree.of(Kind.PHONE)}
        for document in tree.of(Kind.DHCP):
            plan = _plan(document)
            known = {host.mac for host in plan.hosts}
            for mac, phone in phones.items():
                if mac not in known:
                    found = f"no host entry for {mac} in {document.name}"
                    kind = Severity.NOTE if plan.tftp_for_all else None
                    yield self.finding(phone, 1, found, severity=kind)
            for host in plan.hosts if tree.whole and phones else ():
                near = [mac for mac in phones if _differences(mac, host.mac) <= 2]
                if host.mac not in phones and (host.own_tftp or near):
                    found = f"no SEP{host.mac}.cnf.xml here"
                    found += f"; SEP{near[0]}.cnf.xml is near" if near else ""
                    yield self.finding(document, host.line, found)


class DhcpTftp(Rule):
    id = "dhcp-tftp"
    title = "DHCP tells a phone no TFTP server"
    symptom = "the phone has an address, and no server to ask for its file"
    fix = 'option tftp-server-name "ADDRESS" (66), or option 150: code 150 = array of ip-address'
    source = "ART; UCM dhcp-options; manualshive 7941 admin guide"

    def check(self, tree: Tree) -> Iterator[Finding]:
        """Look for options 66 and 150 in each host's own block and in what is for all."""
        for document in tree.of(Kind.DHCP):
            plan = _plan(document)
            without = [host for host in plan.hosts if not host.own_tftp]
            if not plan.hosts and not plan.tftp_for_all:
                yield self.finding(document, 1, "neither option 66 nor 150 is given")
            for host in () if plan.tftp_for_all else without:
                found = f"neither option 66 nor 150 for {host.mac}"
                yield self.finding(document, host.line, found)
            declared = {match[1]: match for match in _DECLARED.finditer(plan.text)}
            for name, match in declared.items():
                if "ip-address" not in match[2]:
                    found = f"option {name} is {match[2].strip()}: 150 is a list of addresses"
                    yield self.finding(document, plan.line(match.start()), found)
            for match in _USED_150.finditer(plan.text):
                if match[1] not in declared:
                    found = f"option {match[1]} is never declared as code 150"
                    yield self.finding(document, plan.line(match.start()), found)


def _differences(one: str, other: str) -> int:
    return sum(a != b for a, b in zip(one, other, strict=False)) + abs(len(one) - len(other))
