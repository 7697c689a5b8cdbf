"""A lab in sides: benches of their own, each with some of its phones, that run at the same time.

Sides share nothing. Each has its own capture, servers, PBX and peers, so none of them can colour
another's verdict, and a side that dies takes nobody's call with it. What phones share (an outlet, a
gantry, a PDU that serves one at a time) keeps them on one side.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from ipaddress import IPv4Address

from harness.errors import UsageFault
from harness.lab.inventory import Lab
from harness.lab.resources import station_groups

__all__ = ["MOST_SIDES", "share_out", "side_lab"]

#: Each side has 256 addresses of its own, and the last of 127.0.0.0/8 must not be passed.
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
        UsageFault: the phones of this lab cannot be told of several servers.
    """
    _can_be_divided(lab, phones)
    groups = [tuple(n for n in group if n in phones) for group in station_groups(lab)]
    groups = [group for group in groups if group]
    count = min(sides or len(groups), len(groups), MOST_SIDES)
    shares: list[list[str]] = [[] for _ in range(count)]
    # The largest first, each to whoever has least: the night is as long as its longest side.
    for group in sorted(groups, key=len, reverse=True):
        min(shares, key=len).extend(group)
    order = list(lab.phones)
    return tuple(tuple(sorted(share, key=order.index)) for share in shares)


def side_lab(lab: Lab, phones: Collection[str], number: int) -> Lab:
    """Return the lab of one side: these phones only, and servers and peers of its own.

    On loopback they have addresses of their own. In a lab with ``network.namespace`` each side
    makes a network of its own, in which the addresses of lab.yaml are free.

    Args:
        lab: the whole inventory.
        phones: the side's phones.
        number: which side it is, from 0.
    """
    own = lab.without_stations([name for name in lab.phones if name not in phones])
    if lab.network.namespace:
        return own
    moved = {
        address: address + _PER_SIDE * (number + 1) for address in _servers(lab).values()
    }  # fmt: skip
    pbx: dict[str, IPv4Address] = {"address": moved[lab.pbx.address]}
    if lab.pbx.conference_key is not None:
        pbx["conference_key"] = moved[lab.pbx.conference_key]
    peers = {
        name: peer.model_copy(update={"address": moved[peer.address]})
        for name, peer in lab.peers.items()
    }
    return own.model_copy(
        update={
            "network": lab.network.model_copy(update={"host": moved[lab.network.host]}),
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


def _can_be_divided(lab: Lab, phones: Collection[str]) -> None:
    if lab.network.namespace:
        return
    hardware = [name for name in phones if not lab.phones[name].virtual]
    if hardware:
        raise UsageFault(
            f"{', '.join(hardware)} cannot be tested beside other phones",
            device=hardware[0],
            state="a phone of hardware asks the one TFTP server it was told by DHCP",
            expected="twins, each of which is told the server of its own side",
            hint="run this lab without --parallel, or name its twins by --phones",
        )
    for what, address in _servers(lab).items():
        if not address.is_loopback:
            raise UsageFault(
                f"{what} {address} cannot be given to each side of a parallel run",
                expected="addresses of 127.0.0.0/8, or a lab with network.namespace",
                hint="run this lab without --parallel",
            )
    _keeps_apart(lab)


def _keeps_apart(lab: Lab) -> None:
    """Make sure that no side's server gets an address that somebody has."""
    servers = _servers(lab)
    taken = {spec.address: f"phones.{name}.address" for name, spec in lab.phones.items()}
    taken |= {address: what for what, address in servers.items()}
    for what, address in servers.items():
        for number in range(min(len(lab.phones), MOST_SIDES)):
            moved = address + _PER_SIDE * (number + 1)
            if moved in taken or not moved.is_loopback:
                raise UsageFault(
                    f"a side of a parallel run needs {moved} for its {what.split('.')[0]}",
                    state=f"{moved} is {taken.get(moved, 'no loopback address')}",
                    expected=f"{what} + 256 for each side, free",
                    hint="put phones and servers of lab.yaml into one /24, such as 127.42.0.0/24",
                )
