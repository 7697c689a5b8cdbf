"""What DHCP tells the phones: one plan, written for dnsmasq, ISC dhcpd and Kea.

A phone takes option 150 (addresses) before option 66 (one name). Each configuration is checked by
its own program; running a server is done elsewhere.
"""

from harness.provisioning.dhcp.check import check_configuration
from harness.provisioning.dhcp.plan import DhcpPlan, Host, plan_for
from harness.provisioning.dhcp.render import FORMATS, render_dhcp

__all__ = ["FORMATS", "DhcpPlan", "Host", "check_configuration", "plan_for", "render_dhcp"]
