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
        *_dnsmasq_interface(plan),
        f"dhcp-range={plan.network.network_address},static,{plan.network.netmask},{_LEASE_SECONDS}",
        "log-dhcp",
    ]
    for host in plan.hosts:
        lines.append(f"dhcp-host={host.colons},set:{host.name},{host.address},{host.name}")
        if host.option_66:
            lines.append(f"dhcp-option=tag:{host.name},66,{host.option_66}")
        if host.option_150:
            addresses = ",".join(map(str, host.option_150))
            lines.append(f"dhcp-option=tag:{host.name},150,{addresses}")
    return "\n".join(lines) + "\n"


def _dnsmasq_interface(plan: DhcpPlan) -> list[str]:
    if plan.interface:
        # dnsmasq adds the loopback to any interface it is given.
        return [f"interface={plan.interface}", "except-interface=lo"]
    return [f"listen-address={plan.server}"]


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
        ]
        if host.option_66:
            lines.append(f'  option tftp-server-name "{host.option_66}";')
        if host.option_150:
            lines.append(f"  option option-150 {_addresses(host)};")
        lines.append("}")
    return "\n".join(lines) + "\n"


def _kea(plan: DhcpPlan) -> str:
    reservations = [
        {
            "hw-address": host.colons,
            "ip-address": str(host.address),
            "hostname": host.name,
            "option-data": [
                {"name": name, "data": data}
                for name, data in (
                    ("tftp-server-name", host.option_66),
                    ("tftp-servers", _addresses(host)),
                )
                if data
            ],
        }
        for host in plan.hosts
    ]
    definition = {"name": "tftp-servers", "code": 150, "type": "ipv4-address", "array": True}
    content = {
        "Dhcp4": {
            "interfaces-config": {"interfaces": [plan.interface] if plan.interface else []},
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
