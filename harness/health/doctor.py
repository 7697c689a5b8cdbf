"""All checks of a lab: the host and every device, all faults at once."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

from harness.errors import BenchFault, HarnessError

# Imported for the checks they register, in the order they are shown.
from harness.health import network, programs, storage  # noqa: F401
from harness.health.check import run_checks
from harness.health.clock import Steady
from harness.health.devices import Devices, keypad_check, pdu_check, phone_check
from harness.health.finding import Finding, faults_of, without_secrets
from harness.health.places import place_findings
from harness.health.registry import HOST, Situation, host_checks
from harness.lab import Lab
from harness.lab.reservation import reserve
from harness.lab.resources import bench_resources
from harness.network import bench_network
from harness.timeline import Timeline

__all__ = ["examine"]


def examine(lab: Lab, runs_dir: Path) -> list[Finding]:
    """Look at the host and at every device of a lab; nothing is switched, no key is pressed.

    On a virtual bench the twins are started for it. A gantry homes. Secrets are not in what is
    returned. While another harness has the bench, that is the finding, and its devices and ports
    are left alone.

    Args:
        lab: the inventory.
        runs_dir: where nights are to be kept.
    """
    steady = Steady()
    timeline = Timeline()
    found: list[Finding] = []
    with ExitStack() as stack:
        free = True
        try:
            stack.enter_context(reserve(bench_resources(lab), reason=f"doctor of {lab.name}"))
        except BenchFault as fault:
            free = False
            found += faults_of("bench", f"{fault.device} free", fault)
        workdir = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="phone-bench-")))
        try:
            stack.enter_context(bench_network(lab, timeline.observer("network")))
        except HarnessError as error:
            found += faults_of(HOST, "network namespace", error)
        host = host_checks(Situation(lab, runs_dir))
        # That ports are taken is no news then, and no fault of the host.
        found += run_checks([check for check in host if free or check.name != "ports"])
        if free:
            found += _devices(lab, workdir, timeline)
    found.append(steady.finding())
    found.sort(key=lambda finding: finding.subject != HOST)
    return without_secrets(found, lab.secrets())


def _devices(lab: Lab, workdir: Path, timeline: Timeline) -> list[Finding]:
    devices = Devices(lab, timeline)
    try:
        devices.start(workdir)
    except HarnessError as error:
        devices.stop()
        return list(faults_of("virtual bench", "twins", error))
    try:
        found = list(place_findings(devices.lease))
        found += run_checks(
            [
                *(pdu_check(devices, name) for name in lab.power),
                *(keypad_check(devices, name) for name in lab.keypads),
            ]
        )
        # Whether a phone has power is known only now.
        return found + run_checks([phone_check(devices, name) for name in lab.phones])
    finally:
        devices.stop()
