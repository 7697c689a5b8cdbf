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
#: Further from its MAC than this, in characters, nothing is said of a host.
_HOST_SIZE = 4096
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
        return self.text.count("\n", 0, at) + 1


def _plan(document: Document) -> _Plan:
    text = _COMMENT.sub(lambda match: " " * len(match[0]), document.text)
    matches = list(_HOSTS.finditer(text))
    blocks = _blocks(text, [match.start() for match in matches])
    hosts: list[_Host] = []
    line, counted, common, done = 1, 0, [], 0
    for match, (start, end) in zip(matches, blocks, strict=True):
        at, mac = match.start(), next(group for group in match.groups() if group)
        line, counted = line + text.count("\n", counted, at), at
        digits = "".join(part.rjust(2, "0") for part in re.split(r"[:.-]", mac)).upper()
        near = (max(start, at - _HOST_SIZE), min(end, at + _HOST_SIZE))
        hosts.append(_Host(digits, line, bool(_TFTP.search(text, *near))))
        if start >= done:
            common.append(text[done:start])
        done = max(done, end)
    common.append(text[done:])
    return _Plan(text, tuple(hosts), any(_TFTP.search(part) for part in common))


def _blocks(text: str, places: list[int]) -> list[tuple[int, int]]:
    """Return the innermost ``{ }`` around each place, or its line where there is none.

    One pass over the text, however the braces are nested.
    """
    found: list[tuple[int, int]] = [(0, 0)] * len(places)
    open_blocks: list[tuple[int, list[int]]] = []
    braces = [(match.start(), -1) for match in re.finditer(r"[{}]", text)]
    for at, index in sorted([*braces, *((at, index) for index, at in enumerate(places))]):
        if index >= 0:
            if open_blocks:
                open_blocks[-1][1].append(index)
            else:
                line_end = text.find("\n", at)
                start = text.rfind("\n", 0, at) + 1
                found[index] = (start, len(text) if line_end < 0 else line_end)
        elif text[at] == "{":
            open_blocks.append((at, []))
        elif open_blocks:
            start, inside = open_blocks.pop()
            for each in inside:
                found[each] = (start, at + 1)
    for start, inside in open_blocks:
        for each in inside:
            found[each] = (start, len(text))
    return found


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
                if host.mac in phones:
                    continue
                near = [mac for mac in phones if _differences(mac, host.mac) <= 2]
                if host.own_tftp or near:
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
