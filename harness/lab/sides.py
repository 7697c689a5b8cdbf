"""A lab in sides: benches of their own, each with some of its phones, that run at the same time.

Sides share nothing but the network they are on. Each has its own capture, servers, PBX and peers,
so none of them can colour another's verdict, and a side that dies takes nobody's call with it. What
phones share (an outlet, a gantry, a PDU that serves one at a time) keeps them on one side.

=====================  ============================  ==============================================
the lab's network      addresses of a side           how a phone is told its side's TFTP server
=====================  ============================  ==============================================
``namespace``          those of lab.yaml             by its side's DHCP, or as a twin
loopback               those of lab.yaml + 256 * n   as a twin
an interface           of ``network.spare``          by the DHCP of the run (``network.dhcp``)
=====================  ============================  ==============================================
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from ipaddress import IPv4Address

from harness.errors import UsageFault
from harness.lab.inventory import Lab
from harness.lab.resources import station_groups

__all__ = ["MOST_SIDES", "share_out", "side_lab"]

#: Each side on loopback has 256 addresses of its own.
MOST_SIDES = 64
_PER_SIDE = 256


def share_out(lab: Lab, phones: Collection[str], sides: int = 0) -> tuple[tuple[str, ...], ...]:
    """Divide phones among sides, as evenly as what they share allows.

    Args:
        lab: the inventory.
        phones: names of the phones to use.
        sides: how many there may be; 0 for one to each group that shares nothing with others.

    Returns:
        The phones of each side, in the order of lab.yaml; no side is empty.

    Raises:
        UsageFault: the phones of this lab cannot be told of several servers, or there are no
            addresses for these.
    """
    groups = [tuple(n for n in group if n in phones) for group in station_groups(lab)]
    groups = [group for group in groups if group]
    count = min(sides or len(groups), len(groups), MOST_SIDES)
    if not lab.network.namespace:
        count = _limited(lab, phones, count, asked=sides > 0)
    shares: list[list[str]] = [[] for _ in range(count)]
    # The largest first, each to whoever has least: the night is as long as its longest side.
    for group in sorted(groups, key=len, reverse=True):
        min(shares, key=len).extend(group)
    order = list(lab.phones)
    return tuple(tuple(sorted(share, key=order.index)) for share in shares)


def side_lab(lab: Lab, phones: Collection[str], number: int) -> Lab:
    """Return the lab of one side: these phones only, and servers and peers of its own.

    Args:
        lab: the whole inventory.
        phones: the side's phones.
        number: which side it is, from 0.
    """
    own = lab.without_stations([name for name in lab.phones if name not in phones])
    if lab.network.namespace:
        return own
    moved = _moved(lab, number)
    pbx: dict[str, IPv4Address] = {"address": moved[lab.pbx.address]}
    if lab.pbx.conference_key is not None:
        pbx["conference_key"] = moved[lab.pbx.conference_key]
    peers = {
        name: peer.model_copy(update={"address": moved[peer.address]})
        for name, peer in lab.peers.items()
    }
    # One server answers DHCP on an interface: that of the whole run.
    network = {"host": moved[lab.network.host], "dhcp": False, "spare": ()}
    return own.model_copy(
        update={
            "network": lab.network.model_copy(update=network),
            "pbx": lab.pbx.model_copy(update=pbx),
            "peers": peers,
        }
    )


def _servers(lab: Lab) -> Mapping[str, IPv4Address]:
    """The addresses of a lab that are not its phones', by what of lab.yaml they are."""
    found = {"network.host": lab.network.host, "pbx.address": lab.pbx.address}
    if lab.pbx.conference_key is not None:
        found["pbx.conference_key"] = lab.pbx.conference_key
    return found | {f"peers.{name}.address": peer.address for name, peer in lab.peers.items()}


def _moved(lab: Lab, number: int) -> dict[IPv4Address, IPv4Address]:
    """Where a side has each address of the lab's servers and peers."""
    distinct = list(dict.fromkeys(_servers(lab).values()))
    if lab.network.spare:
        first = number * len(distinct)
        return dict(zip(distinct, lab.network.spare[first:], strict=False))
    return {address: address + _PER_SIDE * (number + 1) for address in distinct}


def _limited(lab: Lab, phones: Collection[str], count: int, *, asked: bool) -> int:
    """Return for how many sides of those wanted there are addresses.

    Raises:
        UsageFault: for none, or for fewer than were asked for.
    """
    if not lab.network.spare:
        _all_on_loopback(lab, phones)
        _keeps_apart(lab, count)
        return count
    hardware = [name for name in phones if not lab.phones[name].virtual]
    if hardware and not lab.network.dhcp:
        raise UsageFault(
            f"{', '.join(hardware)} cannot be told the servers of several sides",
            device=hardware[0],
            state="network.dhcp is off: another server names one TFTP server for all",
            expected="network.dhcp: true, so that each phone is told the server of its side",
            hint="or run this lab without --parallel",
        )
    each = len(set(_servers(lab).values()))
    possible = len(lab.network.spare) // each
    if possible < (count if asked else 1):
        raise UsageFault(
            f"there are addresses for {possible} sides",
            state=f"network.spare has {len(lab.network.spare)}, and each side needs {each}",
            expected=f"{each * count} for {count} sides",
            hint=f"add addresses of this machine to network.spare, or --parallel {possible or 1}",
        )
    return min(count, possible)


def _all_on_loopback(lab: Lab, phones: Collection[str]) -> None:
    for what, address in _servers(lab).items():
        if not address.is_loopback:
            raise UsageFault(
                f"each side of a parallel run needs another address than {what}, {address}",
                expected="network.spare: addresses of this machine for the sides to use",
                hint="see docs/how-to/test-phones-in-parallel.md; or run without --parallel",
            )
    hardware = [name for name in phones if not lab.phones[name].virtual]
    if hardware:
        raise UsageFault(
            f"{', '.join(hardware)} cannot be told the servers of several sides",
            device=hardware[0],
            expected="network.spare and network.dhcp, or twins only",
            hint="run this lab without --parallel, or name its twins by --phones",
        )


def _keeps_apart(lab: Lab, count: int) -> None:
    """Make sure that no side's server gets an address that somebody has."""
    servers = _servers(lab)
    taken = {spec.address: f"phones.{name}.address" for name, spec in lab.phones.items()}
    taken |= {address: what for what, address in servers.items()}
    for number in range(count):
        for address, moved in _moved(lab, number).items():
            if moved in taken or not moved.is_loopback:
                what = next(name for name, given in servers.items() if given == address)
                raise UsageFault(
                    f"side {number + 1} of a parallel run needs {moved} for {what}",
                    state=f"{moved} is {taken.get(moved, 'no loopback address')}",
                    expected=f"{address} + 256 * {number + 1}, free",
                    hint="put phones and servers of lab.yaml into one /24, like 127.42.0.0/24",
                )
