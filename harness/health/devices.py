"""The devices of lab.yaml: each PDU, each keypad, each phone, as its own driver meets it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import HarnessError, Inconclusive
from harness.health.check import Check
from harness.health.finding import Finding, State, faults_of
from harness.keypad import Keypad, build_keypad
from harness.keypad.build import calibration_path, phones_under
from harness.lab import GrblSpec, Lab, PhoneSpec
from harness.phone import PhoneWeb
from harness.phone.windows import WindowClosed
from harness.places import Lease, leased
from harness.power import OutletState, Power, open_power
from harness.timeline import Timeline
from harness.twins import Twins

__all__ = ["Devices", "keypad_check", "pdu_check", "phone_check"]

#: Seconds beside what a device's own timeouts come to.
_GRACE = 10.0
#: A keypad on a serial line greets within this, or not at all.
_KEYPAD_S = 15.0
_PHONE_S = 20.0


@dataclass
class Devices:
    """Where the devices are, twins started, places leased; and what was learnt of outlets."""

    lab: Lab
    timeline: Timeline
    pdus: dict[str, str] = field(default_factory=dict)
    keypads: dict[str, str] = field(default_factory=dict)
    sensors: dict[str, str] = field(default_factory=dict)
    #: By ``pdu-1/3``.
    outlets: dict[str, OutletState] = field(default_factory=dict)
    lease: Lease = field(init=False)
    _stack: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self.lease = Lease(self.lab)

    def start(self, workdir: Path, wait: float = 0.0) -> None:
        """Start the twins of a lab that has any, and lease what places of it are free.

        Args:
            workdir: where the twins put their files.
            wait: seconds to wait for places that somebody else has.

        Raises:
            BenchFault: they do not start.
        """
        observe = self.timeline.observer("labgrid")
        self.lease = self._stack.enter_context(leased(self.lab, observe, partly=True, within=wait))
        self.lab = self.lease.lab
        self.pdus = {name: pdu.address for name, pdu in self.lab.power.items()}
        self.keypads = {name: keypad.port for name, keypad in self.lab.keypads.items()}
        if not self.lab.is_virtual:
            return
        workdir.mkdir(parents=True, exist_ok=True)
        twins = Twins(self.lab, workdir, self.timeline.observer("twins"))
        self._stack.callback(twins.stop)
        twins.start()
        self.pdus |= twins.pdus
        self.keypads |= twins.keypads
        self.sensors |= twins.sensors

    def stop(self) -> None:
        """End the twins and release the places."""
        self._stack.close()


def pdu_check(devices: Devices, name: str) -> Check:
    """Connect to a PDU and read every outlet that feeds a phone; none is switched."""
    spec = devices.lab.power[name]
    feeds = _outlets(devices.lab, name)
    # An opening and, for each outlet, a read and a measurement, each tried twice.
    within = _GRACE + spec.timeout_s * (4 + 4 * len(feeds))
    return Check(name, "answers", lambda: _look_at_pdu(devices, name, feeds), within)


def _outlets(lab: Lab, pdu: str) -> dict[str, str]:
    feeds: dict[str, list[str]] = {}
    for name, phone in lab.phones.items():
        if phone.outlet.pdu == pdu:
            feeds.setdefault(phone.outlet.outlet, []).append(name)
    return {outlet: " and ".join(names) for outlet, names in feeds.items()}


def _look_at_pdu(devices: Devices, name: str, feeds: Mapping[str, str]) -> Iterator[Finding]:
    spec = devices.lab.power[name]
    label = "virtual" if spec.virtual else spec.driver
    if fault := devices.lease.fault_of(name):
        yield from faults_of(name, "leased", fault)
        return
    try:
        secrets = spec.secrets(name)
    except HarnessError as error:
        yield from faults_of(name, "credentials", error)
        return
    if secrets and spec.credentials is not None:
        yield Finding(name, "credentials", State.OK, f"{', '.join(sorted(secrets))} found")
    try:
        power = open_power(
            spec, name, devices.timeline.observer(name), devices.pdus[name], named=list(feeds)
        )
    except HarnessError as error:
        yield from faults_of(name, f"answers ({label})", error)
        return
    try:
        yield Finding(name, f"answers ({label})", State.OK, power.identity)
        for outlet, phones in feeds.items():
            yield from _look_at_outlet(devices, power, outlet, phones)
    finally:
        power.close()


def _look_at_outlet(
    devices: Devices, power: Power, outlet: str, phones: str
) -> Iterator[Finding]:  # fmt: skip
    check, part = f"outlet {outlet} of {phones}", f"{power.name}/{outlet}"
    try:
        state = power.state(outlet)
        amperes = power.current(outlet)
    except HarnessError as error:
        for finding in faults_of(power.name, check, error):
            yield Finding(
                finding.subject, check, finding.state, finding.found, finding.fix, part
            )  # fmt: skip
        return
    devices.outlets[part] = state
    draw = "draw not measured" if amperes is None else f"draws {amperes:.3f} A"
    if state is OutletState.UNKNOWN:
        yield Finding(
            power.name, check, State.UNKNOWN, f"it cannot say whether this is on; {draw}",
            "give draw_a in lab.yaml if it measures; else lamps have to confirm each switching",
            part,
        )  # fmt: skip
        return
    yield Finding(power.name, check, State.OK, f"{state}, {draw}", part=part)


def keypad_check(devices: Devices, name: str) -> Check:
    """Greet a keypad and look at its lamps. A gantry homes; no key is pressed."""
    spec = devices.lab.keypads[name]
    homing = spec.homing_s if isinstance(spec, GrblSpec) else 0.0
    return Check(name, "answers", lambda: _look_at_keypad(devices, name), _KEYPAD_S + homing)


def _look_at_keypad(devices: Devices, name: str) -> Iterator[Finding]:
    lab, spec = devices.lab, devices.lab.keypads[name]
    label = "virtual" if spec.virtual else spec.driver
    if fault := devices.lease.fault_of(name):
        yield from faults_of(name, "leased", fault)
        return
    if isinstance(spec, GrblSpec):
        for phone in phones_under(lab, name):
            yield _calibration(lab, name, spec, phone)
    try:
        keypad = build_keypad(
            lab, name, devices.keypads[name], devices.timeline.observer(name), devices.sensors
        )
    except HarnessError as error:
        yield from faults_of(name, f"answers ({label})", error)
        return
    try:
        yield Finding(name, f"answers ({label})", State.OK, keypad.identity)
        under = phones_under(lab, name)
        for phone in under:
            yield from _look_at_lamps(name, keypad.over(phone), phone if len(under) > 1 else "")
    finally:
        keypad.close()


def _calibration(lab: Lab, name: str, spec: GrblSpec, phone: str) -> Finding:
    path = calibration_path(lab, name, spec, phone)
    if path.exists():
        # That it is whole, and of this keypad, phone and model, building it will say.
        return Finding(name, "calibration", State.OK, str(path))
    state = State.UNKNOWN if spec.virtual else State.FAULT
    fix = f"harness keypad calibrate {name}" + (f" --phone {phone}" if spec.positions else "")
    where = f"no {path}: the corner in lab.yaml is all that is known"
    return Finding(name, "calibration", state, where, fix)


def _look_at_lamps(name: str, keypad: Keypad, phone: str) -> Iterator[Finding]:
    check = f"lamps of {phone}" if phone else "lamps"
    if not keypad.senses.lamps:
        yield Finding(
            name, check, State.UNKNOWN, "it sees no lamps",
            "name a light sensor's port as its sensor in lab.yaml; factory resets are blind "
            "without",
        )  # fmt: skip
        return
    try:
        lamps = keypad.lamps()
    except HarnessError as error:
        yield from faults_of(name, check, error)
        return
    lit = [f"{lamp} {colour}" for lamp, colour in lamps.items() if colour != "dark"]
    told = ", ".join(lit) or "all dark"
    yield Finding(name, check, State.OK, f"{len(lamps)} read: {told}")


def phone_check(
    devices: Devices, name: str, window: Callable[[str, PhoneSpec], PhoneWeb] | None = None
) -> Check:
    """Ask a phone that has power what it is; none is switched on for it."""
    return Check(name, "phone", lambda: _look_at_phone(devices, name, window or _window), _PHONE_S)


def _window(name: str, spec: PhoneSpec) -> PhoneWeb:
    return PhoneWeb(name, str(spec.address))


def _look_at_phone(
    devices: Devices, name: str, window: Callable[[str, PhoneSpec], PhoneWeb]
) -> Iterator[Finding]:
    spec = devices.lab.phones[name]
    check = f"{spec.model} at {spec.address} ({devices.lab.label(name)})"
    outlet = devices.outlets.get(str(spec.outlet), OutletState.UNKNOWN)
    if spec.virtual:
        yield Finding(name, check, State.OK, "a twin: it is made when its outlet goes on")
        return
    if outlet is OutletState.OFF:
        text = f"outlet {spec.outlet} is off, so it was not asked"
        fix = f"to have it looked at: harness phone {name} power on; a night does that by itself"
        yield Finding(name, check, State.UNKNOWN, text, fix)
        return
    try:
        told = window(name, spec).device_information()
    except WindowClosed as error:
        text = f"outlet {spec.outlet} is {outlet}; {error.summary}"
        fix = "webAccess 1 in its configuration closes it (0 is open); or it is booting, has "
        fix += f"another address than {spec.address}, or its network cable is out"
        yield Finding(name, check, State.UNKNOWN, text, fix)
        return
    except Inconclusive as error:
        yield Finding(name, check, State.UNKNOWN, error.summary, error.hint)
        return
    wrong = _wrong(spec, told.mac, told.model or "")
    for text, fix in wrong:
        yield Finding(name, check, State.FAULT, text, fix)
    if not wrong:
        yield Finding(name, check, State.OK, f"load {told.load or 'not said'}, MAC {told.mac}")


def _wrong(spec: PhoneSpec, mac: str, model: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    if mac and mac != spec.mac:
        text = f"the phone there has MAC {mac}, lab.yaml says {spec.mac}"
        found.append((text, "correct mac or address in lab.yaml, or the lease on the DHCP server"))
    if model and spec.model not in model:
        text = f"the phone there is a {model}, lab.yaml says {spec.model}"
        found.append((text, "correct model in lab.yaml: keys and boot loads depend on it"))
    return found
