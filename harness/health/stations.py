"""Which stations are fit for a night: a phone, the outlet that feeds it, the keypad over it.

The phone itself is not asked: a phone that does not boot or answer is what the night is there to
find out.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from harness.health.check import Check, run_checks
from harness.health.devices import Devices, keypad_check, pdu_check
from harness.health.finding import Finding, State, without_secrets
from harness.lab import Lab
from harness.lab.reservation import reserve
from harness.lab.resources import station_resources
from harness.network import bench_network
from harness.timeline import Timeline

__all__ = ["ill_stations", "reasons"]


def ill_stations(
    lab: Lab, workdir: Path, timeline: Timeline, *, wait: float = 0.0
) -> dict[str, str]:
    """Return the reason, one sentence, for each station of a lab that cannot be used tonight.

    Every PDU and keypad is looked at, side by side, each within a deadline; what they say goes to
    the timeline. A PDU that does not answer takes every phone it feeds with it.

    Args:
        lab: the inventory.
        workdir: where twins put their files.
        timeline: where everything seen is written.
        wait: seconds to wait for places that somebody else has.

    Raises:
        BenchFault: the twins of a virtual lab do not start, or its network cannot be made: a
            fault of the host, not of a station. Or another harness has one of them: what that
            does with it says nothing about the station.
    """
    with (
        reserve(station_resources(lab), reason=f"health check of {lab.name}"),
        bench_network(lab, timeline.observer("network")),
    ):
        devices = Devices(lab, timeline)
        try:
            devices.start(workdir, wait)
            found = run_checks(_checks(devices))
        finally:
            devices.stop()
    return reasons(lab, without_secrets(found, lab.secrets()))


def _checks(devices: Devices) -> list[Check]:
    fed = {phone.outlet.pdu for phone in devices.lab.phones.values()}
    pressed = {phone.keypad for phone in devices.lab.phones.values()}
    return [
        *(pdu_check(devices, name) for name in devices.lab.power if name in fed),
        *(keypad_check(devices, name) for name in devices.lab.keypads if name in pressed),
    ]


def reasons(lab: Lab, findings: Iterable[Finding]) -> dict[str, str]:
    """Return the first fault of each station by its phone's name; healthy ones are left out.

    A gantry without a calibration is no reason: its corner in lab.yaml may do.
    """
    faults = [f for f in findings if f.state is State.FAULT and f.check != "calibration"]
    ill: dict[str, str] = {}
    for name, phone in lab.phones.items():
        for fault in faults:
            own_outlet = fault.part in ("", str(phone.outlet))
            if (fault.subject == phone.outlet.pdu and own_outlet) or fault.subject == phone.keypad:
                ill[name] = f"{fault.subject}: {fault.check}: {fault.found}"
                break
    return ill
