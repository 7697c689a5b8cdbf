"""The parts of a bench, each built from lab.yaml and put where it is taken down again.

What a bench is made of stands here; which of it one is opened with, in :mod:`harness.bench`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from harness.deadlines import Deadlines
from harness.errors import BenchFaults, HarnessError
from harness.keypad import Keypad, build_keypad
from harness.lab import Lab, PowerSpec
from harness.pbx import Endpoint
from harness.phone import LampEffect, Phone
from harness.power import Power, open_power
from harness.sip import Peer
from harness.timeline import Timeline
from harness.twins import Twins

__all__ = [
    "Doors",
    "Faults",
    "build_keypads",
    "build_peer",
    "build_phones",
    "build_power",
    "deadlines_of",
    "done",
    "endpoints_of",
    "start_twins",
]

T = TypeVar("T")

#: Seconds a device deadline is stretched by on a virtual bench, where a sped-up phone still
#: needs real processes to start and real files to cross the loopback.
VIRTUAL_GRACE = 12.0
#: Each peer's RTP has a hundred ports of its own; the last is 16383, where a phone's begin.
PEER_RTP = 14000
PEER_RTP_STEP = 100


class Faults:
    """Collect the faults of independent parts instead of stopping at the first."""

    def __init__(self) -> None:
        self.found: list[HarnessError] = []

    def attempt(self, action: Callable[[], T]) -> T | None:
        """Return what an action returns, or keep its fault and return nothing."""
        try:
            return action()
        except HarnessError as error:
            self.found.append(error)
            return None

    def stop_if_any(self) -> None:
        """Raise what was kept.

        Raises:
            HarnessError: the only fault.
            BenchFaults: all of several.
        """
        if len(self.found) == 1:
            raise self.found[0]
        if self.found:
            raise BenchFaults(self.found)


@dataclass(frozen=True, slots=True)
class Doors:
    """Where the drivers knock: a VISA name by PDU, a serial device by keypad and by sensor.

    What is missing is where lab.yaml says.
    """

    pdus: Mapping[str, str] = field(default_factory=dict)
    keypads: Mapping[str, str] = field(default_factory=dict)
    sensors: Mapping[str, str] = field(default_factory=dict)


def done(action: Callable[[], None]) -> bool:
    """Do it and say so, for :meth:`Faults.attempt`."""
    action()
    return True


def deadlines_of(lab: Lab) -> Deadlines:
    """Return what the times of a real phone mean on a lab."""
    if lab.is_virtual:
        return Deadlines(device_speed=lab.virtual.speed, grace=VIRTUAL_GRACE)
    return Deadlines()


def endpoints_of(lab: Lab) -> list[Endpoint]:
    """Return every user the PBX of a lab serves."""
    endpoints = [
        Endpoint(line.user, line.password.get_secret_value(), kind="phone", callerid=line.label)
        for spec in lab.phones.values()
        for line in spec.lines
    ]
    endpoints += [
        Endpoint(peer.extension, peer.password.get_secret_value(), kind="peer", callerid=name)
        for name, peer in lab.peers.items()
    ]
    return endpoints


def start_twins(lab: Lab, workdir: Path, timeline: Timeline, stack: ExitStack) -> Doors:
    """Start the twins of a lab that has any, and say where they are.

    Raises:
        BenchFault: they do not start.
    """
    if not lab.is_virtual:
        return Doors()
    state = workdir / "twins"
    state.mkdir(parents=True, exist_ok=True)
    twins = Twins(lab, state, timeline.observer("twins"))
    stack.callback(twins.stop)
    twins.start()
    return Doors(twins.pdus, twins.keypads, twins.sensors)


def build_power(
    lab: Lab,
    timeline: Timeline,
    doors: Doors,
    stack: ExitStack,
    faults: Faults,
    needed: Callable[[str], None],
) -> dict[str, Power]:
    """Connect every PDU of a lab; of its outlets, only those that feed phones are switched.

    ``needed`` is asked first, and raises when a device is leased and could not be had.
    """
    outlets = {str(spec.outlet): spec.outlet for spec in lab.phones.values()}.values()

    def connect(name: str, pdu: PowerSpec) -> Power:
        needed(name)
        return open_power(
            pdu,
            name,
            timeline.observer(name),
            doors.pdus.get(name, pdu.address),
            named=[ref.outlet for ref in outlets if ref.pdu == name],
        )

    found: dict[str, Power] = {}
    for name, pdu in lab.power.items():
        power = faults.attempt(partial(connect, name, pdu))
        if power is not None:
            found[name] = power
            stack.callback(power.close)
    return found


def build_keypads(
    lab: Lab,
    timeline: Timeline,
    doors: Doors,
    stack: ExitStack,
    faults: Faults,
    needed: Callable[[str], None],
) -> dict[str, Keypad]:
    """Connect every keypad of a lab; ``needed`` as for power."""

    def connect(name: str) -> Keypad:
        needed(name)
        return build_keypad(
            lab,
            name,
            doors.keypads.get(name, lab.keypads[name].port),
            timeline.observer(name),
            doors.sensors,
        )

    found: dict[str, Keypad] = {}
    for name in lab.keypads:
        keypad = faults.attempt(partial(connect, name))
        if keypad is not None:
            found[name] = keypad
            stack.callback(keypad.close)
    return found


def build_phones(
    lab: Lab,
    timeline: Timeline,
    pdus: Mapping[str, Power],
    keypads: Mapping[str, Keypad],
    stack: ExitStack,
) -> dict[str, Phone]:
    """Put the phones of a lab together that have their keypad; lamps confirm their outlets."""
    deadlines = deadlines_of(lab)
    found: dict[str, Phone] = {}
    for name, spec in lab.phones.items():
        if spec.keypad not in keypads:
            continue
        keypad, power = keypads[spec.keypad].over(name), pdus[spec.outlet.pdu]
        found[name] = Phone(name, spec, lab.label(name), power, keypad, timeline, deadlines)
        stack.callback(found[name].close)
    for outlet in {phone.spec.outlet for phone in found.values()}:
        fed = {name: phone for name, phone in found.items() if phone.spec.outlet == outlet}
        eyes = {name: phone.keypad for name, phone in fed.items() if phone.keypad.senses.lamps}
        if eyes:
            pdus[outlet.pdu].watch(outlet.outlet, LampEffect(eyes, deadlines))
    for phone in found.values():
        others = [other for other in found.values() if other is not phone]
        phone.on_its_outlet = [o for o in others if o.spec.outlet == phone.spec.outlet]
        phone.under_its_robot = [o for o in others if o.spec.keypad == phone.spec.keypad]
    return found


def build_peer(lab: Lab, name: str, timeline: Timeline, workdir: Path, number: int) -> Peer:
    """Return a peer of a lab, not started; ``number`` (from 0) tells its ports from others'."""
    spec = lab.peers[name]
    return Peer(
        name,
        spec.extension,
        spec.tone,
        str(spec.address),
        spec.password.get_secret_value(),
        (str(lab.pbx.address), lab.pbx.sip_port),
        timeline.observer(name, name),
        workdir / "peers",
        PEER_RTP + PEER_RTP_STEP * number,
    )
