"""Read lab.yaml and report every fault in it at once, each as file:line:column."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.lab.checked import Fault, Place, load_checked
from harness.lab.inventory import Lab
from harness.lab.keypad_rules import keypad_faults
from harness.lab.network_rules import network_faults
from harness.lab.passwords import with_passwords
from harness.lab.power_spec import PlacePowerSpec
from harness.tones import TONES_APART_HZ

__all__ = ["load_lab"]


def load_lab(path: Path) -> Lab:
    """Read and check ``path``.

    Raises:
        UsageFault: the file is missing, is not YAML, or says something it may not; the text
            lists all faults as ``file:line:column: key: what is wrong``. Or the key of the
            passwords lab.yaml leaves out cannot be kept.
    """
    lab = load_checked(
        path,
        Lab,
        "lab file",
        hint="give another one with --lab FILE, or copy lab.yaml from the project",
        context={"folder": path.parent},
        rules=_faults,
    )
    lab = with_passwords(lab)
    lab._path = path
    return lab


def _faults(lab: Lab) -> Iterator[Fault]:
    yield from _references(lab)
    yield from _twins(lab)
    yield from keypad_faults(lab)
    yield from network_faults(lab)
    yield from _leased(lab)


def _twins(lab: Lab) -> Iterator[Fault]:
    """Yield what a virtual phone cannot hang on: no real outlet or robot reaches a process."""
    for name, phone in lab.phones.items():
        if not phone.virtual:
            continue
        pdu, keypad = lab.power.get(phone.outlet.pdu), lab.keypads.get(phone.keypad)
        if pdu is not None and not pdu.virtual:
            text = f"a virtual phone needs a virtual PDU, {phone.outlet.pdu} is at {pdu.address}"
            yield ("phones", name, "outlet"), f"{text}; or is this phone of kind: hardware?"
        if keypad is not None and not keypad.virtual:
            text = f"a virtual phone needs a virtual keypad, {phone.keypad} is at {keypad.port}"
            yield ("phones", name, "keypad"), f"{text}; or is this phone of kind: hardware?"


def _leased(lab: Lab) -> Iterator[Fault]:
    """Yield what is leased and cannot be: nobody to lease it from, or no way to it."""
    leased: list[Place] = [
        ("power", name, "address")
        for name, pdu in lab.power.items()
        if isinstance(pdu, PlacePowerSpec)
    ]
    leased += [
        ("keypads", name, *key.split("."))
        for name, keypad in lab.keypads.items()
        for key in keypad.leases
    ]
    for place in leased:
        if lab.labgrid is None:
            yield place, "to lease it, say labgrid: {coordinator: HOST} at the top of this file"
        elif lab.network.namespace:
            yield place, "no way leads to it out of network.namespace"


def _references(lab: Lab) -> Iterator[Fault]:
    """Yield what single values cannot show: names that point nowhere, things used twice."""
    seen: dict[str, str] = {}
    for name, phone in lab.phones.items():
        here: Place = ("phones", name)
        if phone.outlet.pdu not in lab.power:
            known = ", ".join(lab.power)
            yield (*here, "outlet"), f"no PDU named {phone.outlet.pdu!r}; power has: {known}"
        elif phone.outlet.outlet not in lab.power[phone.outlet.pdu].outlet_names:
            pdu = lab.power[phone.outlet.pdu]
            known = f"1 to {pdu.outlets}" if not pdu.lists_outlets else ", ".join(pdu.outlet_names)
            yield (*here, "outlet"), f"{phone.outlet.pdu} has outlets {known}"
        if phone.keypad not in lab.keypads:
            known = ", ".join(lab.keypads)
            yield (*here, "keypad"), f"no keypad named {phone.keypad!r}; there are: {known}"
        for registry, key, value in (
            (seen, "mac", phone.mac),
            (seen, "address", str(phone.address)),
        ):
            if value in registry:
                yield (*here, key), f"{value} is already used by {registry[value]}"
            registry.setdefault(value, name)
    extensions: dict[str, str] = {lab.pbx.conference: "pbx.conference"}
    for name, phone in lab.phones.items():
        for index, line in enumerate(phone.lines):
            if line.user in extensions:
                loc: Place = ("phones", name, "lines", index, "user")
                yield loc, f"extension {line.user} is already used by {extensions[line.user]}"
            extensions.setdefault(line.user, f"phones.{name}")
    for name, peer in lab.peers.items():
        if peer.extension in extensions:
            taken = extensions[peer.extension]
            yield ("peers", name, "extension"), f"{peer.extension} is already used by {taken}"
        extensions.setdefault(peer.extension, f"peers.{name}")
    yield from _tones_too_near(lab)


def _tones_too_near(lab: Lab) -> Iterator[tuple[Place, str]]:
    tones: dict[str, int] = {}
    for group, parties in (("phones", lab.phones), ("peers", lab.peers)):
        for name, party in parties.items():
            for other, tone in tones.items():
                if tone == party.tone:
                    yield (group, name, "tone"), f"{tone} Hz is already {other}'s tone"
                    break
                if abs(tone - party.tone) < TONES_APART_HZ:
                    told = f"{party.tone} Hz is too near to {other}'s {tone} Hz"
                    yield (group, name, "tone"), f"{told}: {TONES_APART_HZ} Hz apart can be told"
                    break
            tones.setdefault(name, party.tone)
