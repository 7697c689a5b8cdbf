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
from harness.events import Note
from harness.evidence import Capture, WireEar, WireMouth, capture_filter
from harness.keypad import Keypad, build_keypad
from harness.lab import Lab
from harness.network import bench_network, containers_follow
from harness.pbx import Asterisk, ConferenceKey, Endpoint
from harness.phone import LampEffect, Phone, PhoneConsole, PhoneWeb, Screen, WebKeys
from harness.phone.windows import ConsoleLogin
from harness.power import Power, open_power
from harness.provisioning import Provisioning
from harness.provisioning.dhcp import DhcpServer, plan_for
from harness.sip import Peer
from harness.timeline import Timeline
from harness.twins import Twins

__all__ = ["Bench", "open_bench", "open_keypad", "open_outlets", "open_stations"]

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
    #: None where another server answers the phones, or their addresses are fixed.
    dhcp: DhcpServer | None = None

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

    def phone_web(self, phone: str) -> PhoneWeb:
        """The web window of a phone, with credentials our own responder answers for."""
        http = self.provisioning.http
        return PhoneWeb(phone, str(self.lab.phones[phone].address), http.user, http.password)

    def phone_console(self, phone: str, *, login: str = "debug") -> PhoneConsole:
        """Open the console of a phone with the logins of its configuration.

        Raises:
            WindowClosed: nobody listens there.
        """
        user, password = (
            self.provisioning.value(phone, value) for value in ("ssh_user", "ssh_password")
        )
        address = str(self.lab.phones[phone].address)
        return PhoneConsole(phone, address, user, password, ConsoleLogin(login, login))

    def secrets(self) -> set[str]:
        """Every secret value there is: the lab's own, and those made for this run."""
        return self.lab.secrets() | self.provisioning.secrets | self.pbx.secrets

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


def _stations(
    bench: Bench, stack: ExitStack, faults: _Faults, blind: _Faults | None = None
) -> None:
    """Connect twins, PDUs, keypads and phones.

    With ``blind`` a keypad's fault goes there, and its phone is left out: no key will be pressed.
    """
    lab, timeline = bench.lab, bench.timeline
    pdu_address = {name: pdu.address for name, pdu in lab.power.items()}
    keypad_port = {name: keypad.port for name, keypad in lab.keypads.items()}
    sensor_port: dict[str, str] = {}
    if lab.is_virtual:
        state = bench.workdir / "twins"
        state.mkdir(parents=True, exist_ok=True)
        twins = Twins(lab, state, timeline.observer("twins"))
        stack.callback(twins.stop)
        if faults.attempt(lambda: _done(twins.start)):
            pdu_address |= twins.pdus
            keypad_port |= twins.keypads
            sensor_port = twins.sensors
    faults.stop_if_any()
    outlets = [spec.outlet for spec in lab.phones.values()]
    for name, pdu in lab.power.items():
        power = faults.attempt(
            lambda name=name, pdu=pdu: open_power(  # type: ignore[misc]
                pdu,
                name,
                timeline.observer(name),
                pdu_address[name],
                named=[ref.outlet for ref in outlets if ref.pdu == name],
            )
        )
        if power is not None:
            bench.pdus[name] = power
            stack.callback(power.close)
    for name in lab.keypads:
        keypad = (blind or faults).attempt(
            lambda name=name: build_keypad(  # type: ignore[misc]
                lab, name, keypad_port[name], timeline.observer(name), sensor_port.get(name)
            )
        )
        if keypad is not None:
            bench.keypads[name] = keypad
            stack.callback(keypad.close)
    faults.stop_if_any()
    for name, spec in lab.phones.items():
        if spec.keypad not in bench.keypads:
            continue
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
        if bench.keypads[spec.keypad].senses.lamps:
            lamps = LampEffect(name, bench.keypads[spec.keypad], bench.deadlines)
            bench.pdus[spec.outlet.pdu].watch(spec.outlet.outlet, lamps)


@contextmanager
def open_stations(lab: Lab, workdir: Path, timeline: Timeline) -> Iterator[Bench]:
    """Open only power, keypads and phones: enough to switch an outlet or press a key by hand.

    Raises:
        BenchFaults: every device that cannot be reached.
    """
    with ExitStack() as stack:
        stack.enter_context(bench_network(lab, timeline.observer("network")))
        bench = Bench(lab, timeline, _deadlines(lab), workdir)
        faults = _Faults()
        # Its servers stay down; the windows of a phone want to know its values.
        bench.provisioning = Provisioning(lab, workdir / "tftp", timeline)
        _stations(bench, stack, faults)
        faults.stop_if_any()
        yield bench


@contextmanager
def open_outlets(lab: Lab, workdir: Path, timeline: Timeline) -> Iterator[Bench]:
    """Open only power. A keypad that is there lets its lamps confirm, one that is not is noted.

    Raises:
        BenchFaults: every PDU that cannot be reached.
    """
    with ExitStack() as stack:
        stack.enter_context(bench_network(lab, timeline.observer("network")))
        bench = Bench(lab, timeline, _deadlines(lab), workdir)
        faults, blind = _Faults(), _Faults()
        _stations(bench, stack, faults, blind)
        for fault in blind.found:
            note = Note(f"no lamps to confirm by: {fault.summary}")
            timeline.observer(fault.device or "keypad")(note)
        yield bench


@contextmanager
def open_keypad(lab: Lab, name: str, workdir: Path, timeline: Timeline) -> Iterator[Keypad]:
    """Open one keypad alone and uncalibrated, to find out where its phone lies.

    Raises:
        BenchFault: it cannot be reached.
    """
    with ExitStack() as stack:
        port, sensor = lab.keypads[name].port, None
        if lab.keypads[name].virtual:
            workdir.mkdir(parents=True, exist_ok=True)
            twins = Twins(lab, workdir, timeline.observer("twins"))
            stack.callback(twins.stop)
            twins.start()
            port, sensor = twins.keypads[name], twins.sensors.get(name)
        keypad = build_keypad(lab, name, port, timeline.observer(name), sensor, calibrated=False)
        stack.callback(keypad.close)
        yield keypad


@contextmanager
def open_bench(
    lab: Lab,
    workdir: Path,
    timeline: Timeline,
    *,
    amend_pbx: Callable[[Path], None] = lambda _: None,
) -> Iterator[Bench]:
    """Open the whole bench; on leaving, release keys, cut twins and stop every process.

    Args:
        lab: the inventory.
        workdir: where logs, recordings and rendered files of this run go.
        timeline: where everything seen is written.
        amend_pbx: changes the PBX's configuration folder after it is rendered.

    Raises:
        BenchFaults: everything that could not be started, at once.
    """
    device_by_ip = {str(spec.address): name for name, spec in lab.phones.items()}
    with ExitStack() as stack:
        stack.enter_context(bench_network(lab, timeline.observer("network")))
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

        if lab.network.dhcp:
            bench.dhcp = DhcpServer(
                plan_for(lab, interface=lab.network.interface),
                workdir / "dhcp",
                timeline.observer("dhcp"),
                {spec.mac: name for name, spec in lab.phones.items()},
            )
            stack.callback(bench.dhcp.stop)
            faults.attempt(bench.dhcp.start)

        bench.pbx = Asterisk(
            lab.pbx,
            _endpoints(lab),
            timeline.observer("pbx"),
            workdir / "pbx",
            device_of={line.user: name for name, spec in lab.phones.items() for line in spec.lines},
            amend=amend_pbx,
        )
        stack.callback(bench.pbx.stop)
        pbx_up = faults.attempt(lambda: containers_follow(lab) and _done(bench.pbx.start))

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
        for name, phone in bench.phones.items():
            phone.window = WebKeys(bench.phone_web(name))

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
