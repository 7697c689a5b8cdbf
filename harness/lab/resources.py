"""What of a lab only one harness may use at a time, by names that are the same in every lab.yaml.

================  ==========================================  =====================================
a resource        of what                                     why two harnesses would clash
================  ==========================================  =====================================
``tftp:A:P``      network.host and its TFTP port              one server can listen there
``http:A:P``      network.host and its HTTP port              one server can listen there
``pbx:A``         pbx.address, pbx.conference_key             its SIP, manager and RTP ports
``dhcp:I``        network.interface, with network.dhcp        two servers would answer one phone
``twin:A``        a virtual phone's address                   its SIP and RTP ports
``phone:M``       a phone of hardware, by its MAC address     it can register and ring but once
``outlet:A/N``    an outlet, by its PDU's address             one cuts what the other tests
``pdu:A``         a whole PDU, see below                      commands of two would mix
``serial:D``      a keypad's or light sensor's serial device  one program can have it
``place:P``       whatever is leased from a place of labgrid  it is leased to one as a whole
================  ==========================================  =====================================

Twins of PDUs and keypads live and die with the run that started them: nobody else can reach them,
so they are not locked, and neither is the made-up MAC address of a twin. Peers take whatever port
is free. In a lab with network.namespace the run has all addresses to itself. Addresses and
interfaces are those of one network: a key ends in the namespace it is of.

A PDU is locked outlet by outlet, so that two harnesses can share a strip, unless it can serve one
at a time only: a serial or USB line, or a supply that is told an outlet first and a command then.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from harness.lab.inventory import Lab
from harness.lab.keypad_spec import KeypadSpec, serial_device
from harness.lab.lock_entries import Resource
from harness.lab.place_spec import serial_ref
from harness.lab.power_spec import (
    VIRTUAL,
    LabgridPowerSpec,
    PlacePowerSpec,
    PowerSpec,
    ScpiPowerSpec,
)

__all__ = [
    "SELECTING_DIALECTS",
    "bench_resources",
    "keypad_resources",
    "service_resources",
    "station_groups",
    "station_resources",
]

#: SCPI dialects that select an outlet before each command, for all who are connected.
SELECTING_DIALECTS = frozenset({"rohde-schwarz-hmp", "rohde-schwarz-nge"})
_NETWORK = Path("/proc/thread-self/ns/net")
#: VISA's names for a line that has two ends.
_LINE = re.compile(r"^(ASRL|USB|GPIB)", re.IGNORECASE)


def bench_resources(lab: Lab) -> list[Resource]:
    """Return everything of a lab: its services and all of its stations."""
    return service_resources(lab) + station_resources(lab)


def service_resources(lab: Lab) -> list[Resource]:
    """Return what the servers of a lab need: files, DHCP, PBX."""
    network, pbx = lab.network, lab.pbx
    if network.namespace:
        return []
    found = [
        _here(f"tftp:{network.host}:{network.tftp_port}", "tftp"),
        _here(f"http:{network.host}:{network.http_port}", "http"),
        _here(f"pbx:{pbx.address}", "pbx"),
    ]
    if pbx.conference_key is not None:
        found.append(_here(f"pbx:{pbx.conference_key}", "conference key"))
    if network.dhcp:
        found.append(_here(f"dhcp:{network.interface}", "dhcp"))
    return found


def station_resources(lab: Lab, phones: Collection[str] | None = None) -> list[Resource]:
    """Return what the stations of some phones need, by default of all: phone, outlet, keypad."""
    found: dict[str, Resource] = {}
    for name in lab.phones if phones is None else phones:
        spec = lab.phones[name]
        for each in (
            *_phone(lab, name),
            *_outlet(lab.power[spec.outlet.pdu], spec.outlet.pdu, spec.outlet.outlet),
            *_keypad(lab.keypads[spec.keypad], spec.keypad),
        ):
            found.setdefault(each.key, each)
    return list(found.values())


def keypad_resources(lab: Lab, name: str) -> list[Resource]:
    """Return what one keypad needs alone."""
    return list(_keypad(lab.keypads[name], name))


def station_groups(lab: Lab) -> tuple[tuple[str, ...], ...]:
    """Return the phones of a lab in groups that must be tested one after the other.

    Phones belong together when they share an outlet, a PDU that serves one at a time, a keypad or a
    serial device, in each case also over a third phone. The order is that of lab.yaml.
    """
    groups: list[tuple[set[str], list[str]]] = []
    for name in lab.phones:
        shares = set(_shares(lab, name))
        phones = [name]
        apart: list[tuple[set[str], list[str]]] = []
        for other, members in groups:
            if other & shares:
                shares |= other
                phones = members + phones
            else:
                apart.append((other, members))
        groups = [*apart, (shares, phones)]
    order = list(lab.phones)
    sorted_groups = (tuple(sorted(phones, key=order.index)) for _, phones in groups)
    return tuple(sorted(sorted_groups, key=lambda group: order.index(group[0])))


def _shares(lab: Lab, phone: str) -> Iterator[str]:
    spec = lab.phones[phone]
    pdu, keypad = lab.power[spec.outlet.pdu], lab.keypads[spec.keypad]
    yield f"outlet {spec.outlet}"
    yield f"keypad {spec.keypad}"
    for each in (*_outlet(pdu, spec.outlet.pdu, spec.outlet.outlet), *_keypad(keypad, spec.keypad)):
        yield each.key
    if _one_at_a_time(pdu):
        yield f"pdu {spec.outlet.pdu}"


def _phone(lab: Lab, name: str) -> Iterator[Resource]:
    spec = lab.phones[name]
    if not spec.virtual:
        yield Resource(f"phone:{spec.mac}", name)
    elif not lab.network.namespace:
        yield _here(f"twin:{spec.address}", name)


def _outlet(pdu: PowerSpec, name: str, outlet: str) -> Iterator[Resource]:
    if pdu.virtual:
        return
    if isinstance(pdu, PlacePowerSpec):
        yield Resource(f"place:{pdu.address}", f"{name}/{outlet}")
        return
    address = pdu.address.lower()
    if isinstance(pdu, LabgridPowerSpec) and pdu.port is not None:
        address = f"{address}:{pdu.port}"
    if _one_at_a_time(pdu):
        yield Resource(f"pdu:{address}", name)
    else:
        yield Resource(f"outlet:{address}/{outlet}", f"{name}/{outlet}")


def _one_at_a_time(pdu: PowerSpec) -> bool:
    if not isinstance(pdu, ScpiPowerSpec):
        return False
    return pdu.dialect in SELECTING_DIALECTS or _LINE.match(pdu.address) is not None


def _keypad(spec: KeypadSpec, name: str) -> Iterator[Resource]:
    places = dict.fromkeys(ref.place for ref in spec.leases.values())
    yield from (Resource(f"place:{place}", name) for place in places)
    for port in spec.serial_ports.values():
        if port != VIRTUAL and serial_ref(port) is None:
            yield Resource(f"serial:{serial_device(port)}", name)


def _here(key: str, device: str) -> Resource:
    """Name something of the network this thread is in."""
    return Resource(f"{key}@{_NETWORK.stat().st_ino}", device)
