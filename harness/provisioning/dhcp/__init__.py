"""What DHCP tells the phones: one plan, written for dnsmasq, ISC dhcpd and Kea.

A phone takes option 150 (addresses) before option 66 (one name). Each configuration is checked by
its own program; dnsmasq is also run here.
"""

from harness.provisioning.dhcp.check import check_configuration
from harness.provisioning.dhcp.plan import DhcpPlan, Host, plan_for
from harness.provisioning.dhcp.render import FORMATS, render_dhcp
from harness.provisioning.dhcp.server import DhcpServer

__all__ = [
    "FORMATS",
    "DhcpPlan",
    "DhcpServer",
    "Host",
    "check_configuration",
    "plan_for",
    "render_dhcp",
]
