"""Programs and Python packages: what is missing, and what to install."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from harness.health.finding import Finding, State
from harness.health.registry import HOST, Situation, host_check
from harness.lab import Lab, LabgridPowerSpec
from harness.namespaces import namespace
from harness.pbx import ContainerRuntime

__all__ = ["container", "network_namespaces", "packages", "programs"]

#: Where root's programs are, which the path of others does not name.
_SBIN = ("/usr/sbin", "/sbin")


def _programs(lab: Lab) -> Iterator[tuple[str, str, str]]:
    yield "tcpdump", "tcpdump", "the packet capture"
    yield "ip", "iproute2", "interfaces and addresses"
    if lab.network.dhcp:
        yield "dnsmasq", "dnsmasq-base", "network.dhcp"
    if any(not phone.virtual for phone in lab.phones.values()):
        yield "ssh", "openssh-client", "the console of phones"


def _find(program: str) -> str | None:
    return shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", ""), *_SBIN]))


@host_check("programs")
def programs(situation: Situation) -> Iterator[Finding]:
    """Every program this lab needs is installed."""
    for program, package, purpose in _programs(situation.lab):
        path = _find(program)
        yield Finding(
            HOST, f"program {program}", State.OK if path else State.FAULT,
            path or f"not installed ({purpose})", f"apt-get install {package}",
        )  # fmt: skip


def _packages(lab: Lab) -> Iterator[tuple[str, str]]:
    yield "pjsua2", "pip install pjsua2-python"
    yield "tftpy", "pip install 'tftpy<0.9'"
    drivers = {pdu.driver for pdu in lab.power.values()}
    if "scpi" in drivers:
        yield "pyvisa", "pip install pyvisa"
        yield "pyvisa_py", "pip install pyvisa-py"
    if "snmp" in drivers or lab.is_virtual:
        yield "pysnmp", "pip install pysnmp"
    yield "serial", "pip install pyserial"
    if any(phone.virtual for phone in lab.phones.values()):
        yield "asyncssh", "pip install 'phone-bench[virtual]'"


@host_check("packages")
def packages(situation: Situation) -> Iterator[Finding]:
    """Every Python package this lab needs can be imported."""
    missing = [
        (module, fix) for module, fix in _packages(situation.lab) if find_spec(module) is None
    ]
    for module, fix in missing:
        yield Finding(HOST, f"Python package {module}", State.FAULT, "missing", fix)
    if not missing:
        names = ", ".join(module for module, _ in _packages(situation.lab))
        yield Finding(HOST, "Python packages", State.OK, names)
    for name, pdu in situation.lab.power.items():
        if isinstance(pdu, LabgridPowerSpec):
            yield _labgrid(name, str(Path(pdu.python or sys.executable).expanduser()))


def _labgrid(name: str, python: str) -> Finding:
    """Labgrid lives in a venv of its own: ask that one."""
    check = f"labgrid for {name}"
    try:
        done = subprocess.run(
            [python, "-c", "import labgrid"],
            capture_output=True, text=True, timeout=30, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        told = done.stderr.strip().splitlines()[-1:] if done.returncode else []
    except (OSError, subprocess.TimeoutExpired) as error:
        told = [str(error)]
    if not told:
        return Finding(HOST, check, State.OK, python)
    fix = f"make a venv with labgrid in it and name its python under power.{name} in lab.yaml"
    return Finding(HOST, check, State.FAULT, told[0], fix)


@host_check("container", within=150.0)
def container(situation: Situation) -> Iterator[Finding]:
    """Asterisk's image is there and really runs."""
    image = situation.lab.pbx.image_name
    found = ContainerRuntime.probe(image)
    check = f"Asterisk image {image}"
    if situation.lab.network.namespace and found.program != "podman":
        yield Finding(
            HOST, check, State.FAULT, "docker starts it outside network.namespace",
            "apt-get install podman runc, or a lab without network.namespace",
        )  # fmt: skip
        return
    yield Finding(HOST, check, State.OK, found.description)


@host_check("network namespace", within=30.0)
def network_namespaces(situation: Situation) -> Iterator[Finding]:
    """A network namespace can be made, where the lab wants one."""
    if not situation.lab.network.namespace:
        return
    with namespace("doctor") as name:
        yield Finding(HOST, "network namespace", State.OK, f"{name} made, and removed again")
