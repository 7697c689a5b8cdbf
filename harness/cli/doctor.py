"""``harness doctor``: everything a night needs, checked at once, with the fix for each fault."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from harness.bench import open_stations
from harness.cli.options import add_lab_option
from harness.errors import BenchFault, BenchFaults, HarnessError
from harness.lab import Lab, load_lab
from harness.network import bench_network
from harness.pbx import ContainerRuntime
from harness.timeline import Timeline

__all__ = ["configure", "run"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what, whether it is well, what was found, and how to mend it."""

    area: str
    check: str
    well: bool
    found: str
    fix: str = ""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    add_lab_option(parser)
    parser.add_argument("--json", action="store_true", help="machine-readable output")


def run(options: argparse.Namespace) -> int:
    """Check host and devices; 0 when all is well, 3 when something is not."""
    lab = load_lab(Path(options.lab))
    findings = [*_network(lab), *_container(lab), *_devices(lab)]
    if options.json:
        print(json.dumps([vars_of(finding) for finding in findings], indent=2))
    else:
        _print_tree(findings)
    return 0 if all(finding.well for finding in findings) else 3


def vars_of(finding: Finding) -> dict[str, object]:
    """Return a finding as plain values."""
    return {name: getattr(finding, name) for name in Finding.__slots__}


def _print_tree(findings: list[Finding]) -> None:
    areas = list(dict.fromkeys(finding.area for finding in findings))
    for area in areas:
        print(area)
        own = [finding for finding in findings if finding.area == area]
        for index, finding in enumerate(own):
            branch = "└──" if index == len(own) - 1 else "├──"
            print(
                f"{branch} {'ok   ' if finding.well else 'FAULT'} {finding.check}: {finding.found}"
            )
            if finding.fix and not finding.well:
                print(f"{'   ' if branch == '└──' else '│  '}       fix: {finding.fix}")
    faults = sum(not finding.well for finding in findings)
    print(f"{faults} fault(s)" if faults else "all well")


def _network(lab: Lab) -> Iterator[Finding]:
    """Look at the host from where the run would live."""
    try:
        with bench_network(lab, Timeline().observer("network")):
            yield from _host(lab)
    except BenchFault as fault:
        yield Finding("host", "network namespace", False, fault.summary, fault.hint)


def _host(lab: Lab) -> Iterator[Finding]:
    area = "host"
    if lab.network.dhcp:
        path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
        dnsmasq = shutil.which("dnsmasq", path=path)
        fix = "apt-get install dnsmasq-base"
        yield Finding(area, "DHCP server", dnsmasq is not None, dnsmasq or "no dnsmasq", fix)
    tcpdump = shutil.which("tcpdump")
    yield Finding(
        area,
        "packet capture",
        tcpdump is not None,
        tcpdump or "no tcpdump",
        "make nightly installs it; or: apt-get install tcpdump",
    )
    for module, package in (("pjsua2", "pjsua2-python"), ("tftpy", "tftpy"), ("pyvisa", "pyvisa")):
        there = find_spec(module) is not None
        yield Finding(
            area, module, there, "importable" if there else "missing", f"pip install {package}"
        )
    interfaces = [name for _, name in socket.if_nameindex()]
    yield Finding(
        area,
        f"interface {lab.network.interface}",
        lab.network.interface in interfaces,
        ", ".join(interfaces),
        "name an existing one as network.interface in lab.yaml",
    )
    host = str(lab.network.host)
    ports: tuple[tuple[str, str, int, int], ...] = (
        ("TFTP", host, lab.network.tftp_port, socket.SOCK_DGRAM),
        ("HTTP", host, lab.network.http_port, socket.SOCK_STREAM),
        ("SIP", str(lab.pbx.address), lab.pbx.sip_port, socket.SOCK_DGRAM),
        ("AMI", str(lab.pbx.address), lab.pbx.ami_port, socket.SOCK_STREAM),
    )
    for name, address, port, kind in ports:
        reason = _bind_fault(address, port, kind)
        yield Finding(
            area,
            f"{name} port {address}:{port}",
            not reason,
            reason or "free",
            "stop what holds it (ss -lunpt), run as root for ports below 1024, "
            "or change it in lab.yaml",
        )


def _bind_fault(address: str, port: int, kind: int) -> str:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            return error.strerror or str(error)
    return ""


def _container(lab: Lab) -> Iterator[Finding]:
    yield _try(
        "containers",
        f"Asterisk image {lab.pbx.image_name}",
        lambda: ContainerRuntime.probe(lab.pbx.image_name).description,
    )


def _try(area: str, check: str, action: Callable[[], str]) -> Finding:
    try:
        return Finding(area, check, True, action())
    except HarnessError as error:
        return Finding(area, check, False, error.summary, error.hint)


def _devices(lab: Lab) -> Iterator[Finding]:
    area = "devices"
    with tempfile.TemporaryDirectory(prefix="phone-bench-") as directory:
        try:
            with open_stations(lab, Path(directory), Timeline()) as bench:
                for name, phone in bench.phones.items():
                    label = lab.label(name)
                    yield _try(
                        area,
                        f"{name} outlet {phone.spec.outlet} ({label})",
                        lambda phone=phone: f"{phone.power.state(phone.spec.outlet.outlet)}",  # type: ignore[misc]
                    )
                    yield _try(
                        area,
                        f"{name} keypad {phone.spec.keypad} ({label})",
                        lambda phone=phone: (  # type: ignore[misc]
                            f"{len(phone.keypad.lamps())} lamps read"
                            if phone.keypad.senses.lamps
                            else f"{phone.keypad.identity}, homed; it sees no lamps"
                        ),
                    )
        except BenchFaults as faults:
            for fault in faults.faults:
                yield Finding(area, fault.device or "bench", False, fault.summary, fault.hint)
        except HarnessError as error:
            yield Finding(area, error.device or "bench", False, error.summary, error.hint)
