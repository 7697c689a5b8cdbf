"""The plan in three programs' words; the same plan gives the same text."""

from __future__ import annotations

import json
from collections.abc import Callable

from harness.provisioning.dhcp.plan import DhcpPlan, Host

__all__ = ["FORMATS", "render_dhcp"]

_LEASE_SECONDS = 43200


def _addresses(host: Host) -> str:
    return ", ".join(map(str, host.option_150))


def _dnsmasq(plan: DhcpPlan) -> str:
    lines = [
        "# No DNS, no TFTP: this program only hands out addresses.",
        "port=0",
        "bind-interfaces",
        f"listen-address={plan.server}",
        f"dhcp-range={plan.network.network_address},static,{plan.network.netmask},{_LEASE_SECONDS}",
        "log-dhcp",
    ]
    for host in plan.hosts:
        addresses = ",".join(map(str, host.option_150))
        lines += [
            f"dhcp-host={host.colons},set:{host.name},{host.address},{host.name}",
            f"dhcp-option=tag:{host.name},66,{host.option_66}",
            f"dhcp-option=tag:{host.name},150,{addresses}",
        ]
    return "\n".join(lines) + "\n"


def _isc(plan: DhcpPlan) -> str:
    lines = [
        "# Option 150 is Cisco's: dhcpd has to be told of it.",
        "option option-150 code 150 = array of ip-address;",
        f"default-lease-time {_LEASE_SECONDS};",
        "authoritative;",
        f"subnet {plan.network.network_address} netmask {plan.network.netmask} {{",
        "  deny unknown-clients;",
        "}",
    ]
    for host in plan.hosts:
        lines += [
            f"host {host.name} {{",
            f"  hardware ethernet {host.colons};",
            f"  fixed-address {host.address};",
            f'  option host-name "{host.name}";',
            f'  option tftp-server-name "{host.option_66}";',
            f"  option option-150 {_addresses(host)};",
            "}",
        ]
    return "\n".join(lines) + "\n"


def _kea(plan: DhcpPlan) -> str:
    reservations = [
        {
            "hw-address": host.colons,
            "ip-address": str(host.address),
            "hostname": host.name,
            "option-data": [
                {"name": "tftp-server-name", "data": host.option_66},
                {"name": "tftp-servers", "data": _addresses(host)},
            ],
        }
        for host in plan.hosts
    ]
    definition = {"name": "tftp-servers", "code": 150, "type": "ipv4-address", "array": True}
    content = {
        "Dhcp4": {
            "interfaces-config": {"interfaces": []},
            "lease-database": {"type": "memfile", "persist": False},
            "valid-lifetime": _LEASE_SECONDS,
            "option-def": [{"space": "dhcp4", **definition}],
            "subnet4": [{"id": 1, "subnet": str(plan.network), "reservations": reservations}],
        }
    }
    return json.dumps(content, indent=2) + "\n"


#: Writers by the name of the program.
FORMATS: dict[str, Callable[[DhcpPlan], str]] = {"dnsmasq": _dnsmasq, "isc": _isc, "kea": _kea}


def render_dhcp(plan: DhcpPlan, program: str) -> str:
    """Return the configuration for ``dnsmasq``, ``isc`` (dhcpd) or ``kea``."""
    return FORMATS[program](plan)
