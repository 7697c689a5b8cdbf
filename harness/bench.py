"""The assembly: lab.yaml in, a connected bench out, every fault of it at once.

This is the one place that knows all rooms. It builds in the order a person would (twins, power,
keypads, files, capture, PBX, peers, phones), keeps going past a fault to find the others, and
takes everything down again by one path, whatever happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from harness.deadlines import Deadlines
from harness.errors import BenchFaults, HarnessError
from harness.evidence import Capture, WireEar, WireMouth, capture_filter
from harness.keypad import Keypad, MatrixKeypad
from harness.lab import Lab
from harness.pbx import Asterisk, ConferenceKey, Endpoint
from harness.phone import Phone, Screen
from harness.power import Power, ScpiPower
from harness.provisioning import Provisioning
from harness.sip import Peer
from harness.timeline import Timeline
from harness.twins import Twins

__all__ = ["Bench", "open_bench", "open_stations"]

T = TypeVar("T")

#: Seconds a device deadline is stretched by on a virtual bench, where a sped-up phone still
#: needs real processes to start and real files to cross the loopback.
VIRTUAL_GRACE = 12.0
PEER_RTP = 14000
PEER_RTP_STEP = 100


@dataclass
class Bench:
    """Everything that is connected, by the names of lab.yaml."""

    lab: Lab
    timeline: Timeline
    deadlines: Deadlines
    workdir: Path
    pdus: dict[str, Power] = field(default_factory=dict)
    keypads: dict[str, Keypad] = field(default_factory=dict)
    phones: dict[str, Phone] = field(default_factory=dict)
    peers: dict[str, Peer] = field(default_factory=dict)
    provisioning: Provisioning = field(init=False)
    capture: Capture = field(init=False)
    pbx: Asterisk = field(init=False)

    @property
    def tones(self) -> dict[str, int]:
        """Every party's tone in Hz, by name."""
        tones = {name: phone.tone for name, phone in self.lab.phones.items()}
        return tones | {name: peer.tone for name, peer in self.lab.peers.items()}

    def ear(self, phone: str) -> WireEar:
        """What reaches the phone, measured on the wire at its address."""
        return WireEar(self.capture, self.phones[phone].address)

    def mouth(self, phone: str) -> WireMouth:
        """What the phone sends, measured on the wire at its address."""
        return WireMouth(self.capture, self.phones[phone].address)

    def hang_up_all(self) -> None:
        """End every call of every party."""
        for peer in self.peers.values():
            peer.hang_up_all()
        # After a crash there is nothing left to end there.
        if self.pbx.running:
            self.pbx.hangup_all()
        for phone in self.phones.values():
            phone.screen = Screen.ON_HOOK

    def mend(self) -> None:
        """Start a fresh Asterisk when the last one crashed; at once when it runs.

        Peers register again here; phones, which still believe they are registered, at their next
        bring-up.

        Raises:
            BenchFault: it does not start, or a peer cannot register.
        """
        if self.pbx.running:
            return
        with self.timeline.step("start a fresh Asterisk"):
            self.pbx.stop()
            self.pbx.start()
            for peer in self.peers.values():
                peer.register(within=5.0)
            for phone in self.phones.values():
                phone.mark_dirty()


class _Faults:
    """Collect the faults of independent parts instead of stopping at the first."""

    def __init__(self) -> None:
        self.found: list[HarnessError] = []

    def attempt(self, action: Callable[[], T]) -> T | None:
        try:
            return action()
        except HarnessError as error:
            self.found.append(error)
            return None

    def stop_if_any(self) -> None:
        if len(self.found) == 1:
            raise self.found[0]
        if self.found:
            raise BenchFaults(self.found)


def _done(action: Callable[[], None]) -> bool:
    action()
    return True


def _deadlines(lab: Lab) -> Deadlines:
    if lab.is_virtual:
        return Deadlines(device_speed=lab.virtual.speed, grace=VIRTUAL_GRACE)
    return Deadlines()


def _stations(bench: Bench, stack: ExitStack, faults: _Faults) -> None:
    """Connect twins, PDUs, keypads and phones."""
    lab, timeline = bench.lab, bench.timeline
    pdu_address = {name: pdu.address for name, pdu in lab.power.items()}
    keypad_port = {name: keypad.port for name, keypad in lab.keypads.items()}
    if lab.is_virtual:
        state = bench.workdir / "twins"
        state.mkdir(parents=True, exist_ok=True)
        twins = Twins(lab, state, timeline.observer("twins"))
        stack.callback(twins.stop)
        if faults.attempt(lambda: _done(twins.start)):
            pdu_address |= twins.pdus
            keypad_port |= twins.keypads
    faults.stop_if_any()
    for name, pdu in lab.power.items():
        power = faults.attempt(
            lambda name=name, pdu=pdu: ScpiPower(  # type: ignore[misc]
                pdu_address[name], name, pdu.outlets, timeline.observer(name)
            )
        )
        if power is not None:
            bench.pdus[name] = power
            stack.callback(power.close)
    phone_of = {spec.keypad: name for name, spec in lab.phones.items()}
    for name, keypad_spec in lab.keypads.items():
        keypad = faults.attempt(
            lambda name=name, spec=keypad_spec: MatrixKeypad(  # type: ignore[misc]
                keypad_port[name],
                name,
                phone_of.get(name, ""),
                timeline.observer(name),
                spec.baud,
            )
        )
        if keypad is not None:
            bench.keypads[name] = keypad
            stack.callback(keypad.close)
    faults.stop_if_any()
    for name, spec in lab.phones.items():
        bench.phones[name] = Phone(
            name,
            spec,
            lab.label(name),
            bench.pdus[spec.outlet.pdu],
            bench.keypads[spec.keypad],
            timeline,
            bench.deadlines,
        )
        stack.callback(bench.phones[name].close)


@contextmanager
def open_stations(lab: Lab, workdir: Path, timeline: Timeline) -> Iterator[Bench]:
    """Open only power, keypads and phones: enough to switch an outlet or press a key by hand.

    Raises:
        BenchFaults: every device that cannot be reached.
    """
    with ExitStack() as stack:
        bench = Bench(lab, timeline, _deadlines(lab), workdir)
        faults = _Faults()
        _stations(bench, stack, faults)
        faults.stop_if_any()
        yield bench


@contextmanager
def open_bench(lab: Lab, workdir: Path, timeline: Timeline) -> Iterator[Bench]:
    """Open the whole bench; on leaving, release keys, cut twins and stop every process.

    Args:
        lab: the inventory.
        workdir: where logs, recordings and rendered files of this run go.
        timeline: where everything seen is written.

    Raises:
        BenchFaults: everything that could not be started, at once.
    """
    device_by_ip = {str(spec.address): name for name, spec in lab.phones.items()}
    with ExitStack() as stack:
        bench = Bench(lab, timeline, _deadlines(lab), workdir)
        faults = _Faults()

        bench.capture = Capture(
            lab.network.interface,
            capture_filter(lab),
            timeline.observer("capture"),
            device_by_ip,
            workdir / "session.pcap",
        )
        stack.callback(bench.capture.stop)
        faults.attempt(bench.capture.start)

        bench.provisioning = Provisioning(lab, workdir / "tftp", timeline)
        stack.callback(bench.provisioning.stop)
        faults.attempt(bench.provisioning.start)

        bench.pbx = Asterisk(
            lab.pbx,
            _endpoints(lab),
            timeline.observer("pbx"),
            workdir / "pbx",
            device_of={line.user: name for name, spec in lab.phones.items() for line in spec.lines},
        )
        stack.callback(bench.pbx.stop)
        pbx_up = faults.attempt(lambda: _done(bench.pbx.start))

        if pbx_up and lab.pbx.conference_key is not None:
            key = ConferenceKey(
                str(lab.pbx.conference_key),
                (str(lab.pbx.address), lab.pbx.sip_port),
                bench.pbx.join_calls,
                timeline.observer("pbx"),
            )
            stack.callback(key.stop)
            faults.attempt(lambda: _done(key.start))

        _stations(bench, stack, faults)

        if pbx_up:
            for index, (name, spec) in enumerate(lab.peers.items()):
                peer = Peer(
                    name,
                    spec.extension,
                    spec.tone,
                    str(spec.address),
                    spec.password.get_secret_value(),
                    (str(lab.pbx.address), lab.pbx.sip_port),
                    timeline.observer(name, name),
                    workdir / "peers",
                    PEER_RTP + PEER_RTP_STEP * index,
                )
                bench.peers[name] = peer
                stack.callback(peer.stop)
                if faults.attempt(lambda peer=peer: _done(peer.start)):  # type: ignore[misc]
                    faults.attempt(lambda peer=peer: peer.register(within=5.0))  # type: ignore[misc]
        faults.stop_if_any()
        try:
            yield bench
        finally:
            # No key may stay held and no call stay up when the processes go.
            for keypad in bench.keypads.values():
                with suppress(HarnessError):
                    keypad.release_all()


def _endpoints(lab: Lab) -> list[Endpoint]:
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
