"""The assembly: lab.yaml in, a connected bench out, every fault of it at once.

With :mod:`harness.assembly` this is the one place that knows all rooms. It builds in the order a
person would (capture, files, PBX, twins, power, keypads, phones, peers), keeps going past a fault
to find the others, and takes everything down again by one path, whatever happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness.assembly import (
    Doors,
    Faults,
    build_keypads,
    build_peer,
    build_phones,
    build_power,
    deadlines_of,
    done,
    endpoints_of,
    start_twins,
)
from harness.deadlines import Deadlines, Patience
from harness.disk import Disk
from harness.events import Note
from harness.evidence import Capture, WireEar, WireMouth, capture_filter
from harness.keypad import Keypad, build_keypad
from harness.lab import Lab
from harness.lab.lock_entries import Resource
from harness.lab.reservation import Reservation, reserve
from harness.lab.resources import bench_resources, keypad_resources, station_resources
from harness.leasing import LeasedDevice, LeasedPlace, leased_places
from harness.mending import Mender, Part
from harness.network import bench_network, containers_follow
from harness.pbx import Asterisk, ConferenceKey, ContainerRuntime
from harness.phone import Phone, PhoneConsole, PhoneWeb, Screen, WebKeys
from harness.phone.windows import ConsoleLogin
from harness.places import Lease, leased
from harness.provisioning import Provisioning
from harness.provisioning.dhcp import DhcpServer, plan_for
from harness.recovery import Journal, WrittenKeypad, WrittenPower, make_safe
from harness.sip import Peer
from harness.timeline import Timeline

__all__ = [
    "Bench",
    "open_bench",
    "open_keypad",
    "open_outlets",
    "open_stations",
]

#: Seconds a PDU or a keypad may be away, once: its network card restarts, its cable is put back.
BACK_WITHIN_S = 90.0


@dataclass
class Bench:
    """Everything that is connected, by the names of lab.yaml."""

    lab: Lab
    timeline: Timeline
    deadlines: Deadlines
    workdir: Path
    #: What is switched is written there before.
    journal: Journal
    pdus: dict[str, WrittenPower] = field(default_factory=dict)
    keypads: dict[str, Keypad] = field(default_factory=dict)
    phones: dict[str, Phone] = field(default_factory=dict)
    peers: dict[str, Peer] = field(default_factory=dict)
    provisioning: Provisioning = field(init=False)
    capture: Capture = field(init=False)
    pbx: Asterisk = field(init=False)
    #: None where another server answers the phones, or their addresses are fixed.
    dhcp: DhcpServer | None = None
    #: What of it is leased from labgrid.
    lease: Lease = field(init=False)
    #: Those of its places that devices here are in.
    places: list[LeasedPlace] = field(default_factory=list)
    #: Of what is open here; whoever lost one must not go on.
    reservations: list[Reservation] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._mender = Mender(self.timeline)

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
        """End every call of every party; a dead peer's calls have ended with it."""
        for peer in self.peers.values():
            peer.hang_up_all()
        # After a crash there is nothing left to end there.
        if self.pbx.running:
            self.pbx.hangup_all()
        for phone in self.phones.values():
            phone.screen = Screen.ON_HOOK

    def mend(self, phone: str = "") -> None:
        """Bring back what failed by itself and a test needs; at once when nothing did.

        A process is started again, a port opened again; a PDU or a keypad is waited for, within
        `BACK_WITHIN_S` once, and so is its place, unless somebody else has that now. Peers
        register again here when the PBX is another; phones, which still believe they are
        registered, at their next bring-up.

        Args:
            phone: the phone under test; empty for a test of all.

        Raises:
            BenchFault: something does not come back, or another harness took the bench.
        """
        for reservation in self.reservations:
            reservation.check()
        own: list[Part] = [Disk(self.workdir, self.timeline), self.capture, self.provisioning.tftp]
        own += [self.dhcp] if self.dhcp is not None else []
        specs = [self.lab.phones[name] for name in self.phones if phone in {"", name}]
        pdus = [self.pdus[pdu] for pdu in dict.fromkeys(s.outlet.pdu for s in specs)]
        keypads = [self.keypads[name] for name in dict.fromkeys(s.keypad for s in specs)]
        devices = [LeasedDevice(pdu, self.places) for pdu in pdus]
        devices += [LeasedDevice(keypad, self.places) for keypad in keypads]
        peers: list[Part] = [*self.peers.values()]
        # What nobody here can bring back need not be waited for.
        ours = {"pbx", *(part.name for part in (*own, *peers, *devices))}
        ours.update(*(keypad.parts for keypad in keypads))
        ours.update(*(place.parts for device in devices for place in device.places))
        self.timeline.check(phone, spare=ours)
        self._mender.mend((part, 0.0) for part in own)
        self._meet_the_pbx()
        self._mender.mend((part, 0.0) for part in peers)
        self._mender.mend((part, BACK_WITHIN_S) for part in devices)
        self.timeline.check(phone)

    def _meet_the_pbx(self) -> None:
        if self.pbx.running:
            return
        with self.timeline.step("start a fresh Asterisk"):
            self.pbx.stop()
            self.pbx.start()
            for peer in self.peers.values():
                if not peer.gone:
                    peer.register(within=5.0)
            for phone in self.phones.values():
                phone.mark_dirty()


def _reserve(
    resources: Iterable[Resource], lab: Lab, timeline: Timeline, stack: ExitStack, wait: Patience
) -> list[Reservation]:
    """Keep other harnesses off, before anything is opened and until all of it is closed."""
    observe = timeline.observer("locks")

    def say(text: str) -> None:
        observe(Note(text))

    mine = reserve(resources, reason=f"lab {lab.name}", within=wait.left, say=say)
    return [stack.enter_context(mine)]


@contextmanager
def _ground(
    lab: Lab,
    workdir: Path,
    timeline: Timeline,
    journal: Journal,
    wait: Patience,
    *,
    partly: bool = False,
) -> Iterator[Bench]:
    """Make what all devices stand on: leased places, and the bench's network."""
    observe = timeline.observer("labgrid")
    with (
        leased(lab, observe, partly=partly, within=wait.left) as lease,
        bench_network(lab, timeline.observer("network")),
    ):
        bench = Bench(lease.lab, timeline, deadlines_of(lab), workdir, journal)
        bench.lease = lease
        yield bench


@contextmanager
def open_stations(
    lab: Lab, workdir: Path, timeline: Timeline, *, wait: float = 0.0
) -> Iterator[Bench]:
    """Open only power, keypads and phones: enough to switch an outlet or press a key by hand.

    Outlets stay as they are left.

    Raises:
        BenchFault: somebody else still has one of them after ``wait`` seconds.
        BenchFaults: every device that cannot be reached.
    """
    patience = Patience(wait)
    with ExitStack() as stack:
        _reserve(station_resources(lab), lab, timeline, stack, patience)
        journal = stack.enter_context(closing(Journal(lab)))
        bench = stack.enter_context(_ground(lab, workdir, timeline, journal, patience))
        # Its servers stay down; the windows of a phone want to know its values.
        bench.provisioning = Provisioning(lab, workdir / "tftp", timeline)
        _add_stations(bench, start_twins(lab, workdir, timeline, stack), stack)
        yield bench


@contextmanager
def open_outlets(
    lab: Lab, workdir: Path, timeline: Timeline, *, wait: float = 0.0
) -> Iterator[Bench]:
    """Open only power. A keypad that is there lets its lamps confirm, one that is not is noted.

    Outlets stay as they are left.

    Raises:
        BenchFault: somebody else still has one of the stations after ``wait`` seconds.
        BenchFaults: every PDU that cannot be reached.
    """
    patience = Patience(wait)
    with ExitStack() as stack:
        _reserve(station_resources(lab), lab, timeline, stack, patience)
        journal = stack.enter_context(closing(Journal(lab)))
        ground = _ground(lab, workdir, timeline, journal, patience, partly=True)
        bench = stack.enter_context(ground)
        blind = Faults()
        doors = start_twins(lab, workdir, timeline, stack)
        _add_stations(bench, doors, stack, blind)
        for fault in blind.found:
            note = Note(f"no lamps to confirm by: {fault.summary}")
            timeline.observer(fault.device or "keypad")(note)
        yield bench


@contextmanager
def open_keypad(
    lab: Lab, name: str, workdir: Path, timeline: Timeline, *, wait: float = 0.0
) -> Iterator[Keypad]:
    """Open one keypad alone and uncalibrated, to find out where its phone lies.

    Raises:
        BenchFault: it cannot be reached, or somebody else still has it after ``wait`` seconds.
    """
    patience = Patience(wait)
    with ExitStack() as stack:
        _reserve(keypad_resources(lab, name), lab, timeline, stack, patience)
        stack.enter_context(closing(Journal(lab))).keypad(name)
        # No other device's place need be free for it.
        alone = lab.model_copy(update={"power": {}, "keypads": {name: lab.keypads[name]}})
        observe = timeline.observer("labgrid")
        lease = stack.enter_context(leased(alone, observe, within=patience.left))
        spec = lease.lab.keypads[name]
        lab = lab.model_copy(update={"keypads": {**lab.keypads, name: spec}})
        doors = start_twins(lab, workdir, timeline, stack) if spec.virtual else Doors()
        keypad = build_keypad(
            lab,
            name,
            doors.keypads.get(name, spec.port),
            timeline.observer(name),
            doors.sensors,
            calibrated=False,
        )
        stack.callback(keypad.close)
        lease.watch(name, keypad.lose)
        yield keypad


@contextmanager
def open_bench(
    lab: Lab,
    workdir: Path,
    timeline: Timeline,
    *,
    wait: float = 0.0,
    amend_pbx: Callable[[Path], None] = lambda _: None,
    journal: Journal | None = None,
    containers: ContainerRuntime | None = None,
) -> Iterator[Bench]:
    """Open the whole bench; on leaving, release keys, put outlets at rest and stop every process.

    Args:
        lab: the inventory.
        workdir: where logs, recordings and rendered files of this run go.
        timeline: where everything seen is written.
        wait: seconds to wait for whoever has a part of it.
        amend_pbx: changes the PBX's configuration folder after it is rendered.
        journal: what is switched is written there first; without one, into one of its own.
        containers: how this machine runs them, if somebody has found that out.

    Raises:
        BenchFault: somebody else still has a part of it.
        BenchFaults: everything that could not be started, at once.
    """
    patience = Patience(wait)
    with ExitStack() as stack:
        held = _reserve(bench_resources(lab), lab, timeline, stack, patience)
        journal = _journal(lab, journal, stack)
        bench = stack.enter_context(_ground(lab, workdir, timeline, journal, patience))
        bench.reservations = held
        faults = Faults()
        _add_capture(bench, stack, faults)
        pbx_up = _add_servers(bench, stack, faults, amend_pbx, containers)
        doors = faults.attempt(lambda: start_twins(lab, workdir, timeline, stack))
        if doors is not None:
            _add_stations(bench, doors, stack, faults=faults)
            _open_windows(bench)
        if pbx_up:
            _add_peers(bench, stack, faults)
        faults.stop_if_any()
        try:
            yield bench
        finally:
            make_safe(bench.keypads, bench.pdus, lab, bench.journal, timeline)


def _journal(lab: Lab, given: Journal | None, stack: ExitStack) -> Journal:
    """Return the journal of a bench; it is settled when all that it tells of is closed."""
    journal = given or stack.enter_context(closing(Journal(lab)))
    stack.callback(journal.settled)
    return journal


def _add_capture(bench: Bench, stack: ExitStack, faults: Faults) -> None:
    lab = bench.lab
    bench.capture = Capture(
        lab.network.interface,
        capture_filter(lab),
        bench.timeline.observer("capture"),
        {str(spec.address): name for name, spec in lab.phones.items()},
        bench.workdir / "session.pcap",
        loopback=True,
    )
    stack.callback(bench.capture.stop)
    faults.attempt(bench.capture.start)


def _add_servers(
    bench: Bench,
    stack: ExitStack,
    faults: Faults,
    amend_pbx: Callable[[Path], None],
    containers: ContainerRuntime | None,
) -> bool:
    """Start files, DHCP and PBX; whether the PBX is up."""
    lab, timeline, workdir = bench.lab, bench.timeline, bench.workdir
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

    asterisk = bench.pbx = Asterisk(
        lab.pbx,
        endpoints_of(lab),
        timeline.observer("pbx"),
        workdir / "pbx",
        runtime=containers,
        device_of={line.user: name for name, spec in lab.phones.items() for line in spec.lines},
        amend=amend_pbx,
    )
    stack.callback(asterisk.stop)
    pbx_up = faults.attempt(lambda: containers_follow(lab) and done(asterisk.start))

    if pbx_up and lab.pbx.conference_key is not None:
        key = ConferenceKey(
            str(lab.pbx.conference_key),
            (str(lab.pbx.address), lab.pbx.sip_port),
            asterisk.join_calls,
            timeline.observer("pbx"),
        )
        stack.callback(key.stop)
        faults.attempt(lambda: done(key.start))
    return bool(pbx_up)


def _add_stations(
    bench: Bench,
    doors: Doors,
    stack: ExitStack,
    blind: Faults | None = None,
    *,
    faults: Faults | None = None,
) -> None:
    """Connect the PDUs, keypads and phones of the lab.

    With ``blind`` a keypad's fault goes there, and its phone is left out: no key will be pressed.
    """
    faults, lab = faults or Faults(), bench.lab
    pdus = build_power(lab, bench.timeline, doors, stack, faults, bench.lease.needed)
    bench.pdus |= {name: WrittenPower(power, bench.journal) for name, power in pdus.items()}
    for name in lab.keypads:
        bench.journal.keypad(name)
    found = build_keypads(lab, bench.timeline, doors, stack, blind or faults, bench.lease.needed)
    keypads = {name: WrittenKeypad(keypad, bench.journal) for name, keypad in found.items()}
    bench.keypads |= keypads
    bench.places += leased_places(
        bench.lease, bench.timeline, bench.pdus, bench.keypads, bench.phones
    )
    faults.stop_if_any()
    bench.phones |= build_phones(lab, bench.timeline, bench.pdus, keypads, stack)


def _open_windows(bench: Bench) -> None:
    for name, phone in bench.phones.items():
        phone.window = WebKeys(bench.phone_web(name))


def _add_peers(bench: Bench, stack: ExitStack, faults: Faults) -> None:
    for number, name in enumerate(bench.lab.peers):
        peer = build_peer(bench.lab, name, bench.timeline, bench.workdir, number)
        bench.peers[name] = peer
        stack.callback(peer.stop)
        if faults.attempt(lambda peer=peer: done(peer.start)):  # type: ignore[misc]
            faults.attempt(lambda peer=peer: peer.register(within=5.0))  # type: ignore[misc]
