"""Asterisk 22's SIP: chan_pjsip."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.pbx import modules
from harness.pbx.ami import AmiClient
from harness.pbx.channel_driver import Contact, contact_of
from harness.pbx.console_pjsip import PjsipConsole

__all__ = ["ChanPjsip"]


class ChanPjsip:
    """The driver of Asterisk 22, as Debian's 22.10 was seen to behave."""

    technology = "PJSIP"
    call_id = "CHANNEL(pjsip,call-id)"
    endpoint_file = "pjsip.conf"
    module = "res_pjsip.so"
    required = (
        "res_pjsip", "res_pjsip_session", "res_pjsip_authenticator_digest",
        "res_pjsip_endpoint_identifier_user", "res_pjsip_sdp_rtp", "res_pjsip_registrar",
        "res_pjsip_refer", "chan_pjsip", *modules.REQUIRED,
    )  # fmt: skip
    optional = (
        "res_geolocation", "res_pjsip_outbound_authenticator_digest", "res_pjsip_caller_id",
        "res_pjsip_nat", "res_pjsip_pubsub", "res_pjsip_rfc3326",
        "res_pjsip_endpoint_identifier_ip", "res_pjsip_dtmf_info", "res_pjsip_logger",
        *modules.OPTIONAL,
    )  # fmt: skip

    def unbound(self, ami: AmiClient, says: Callable[[str], bool]) -> list[str]:  # noqa: ARG002
        """Return the protocols whose transport is missing: it runs on without one."""
        listed = ami.command("pjsip show transports")
        return [name for name in ("udp", "tcp") if f"transport-{name}" not in listed]

    def users(self, ami: AmiClient) -> set[str]:
        """Return the endpoints that were not refused."""
        listed = ami.action("PJSIPShowEndpoints")
        return {message.fields.get("ObjectName", "") for message in listed}

    def listen_closely(self, ami: AmiClient) -> None:
        """Have the registrar tell refreshed contacts in the log, which no manager event does."""
        ami.command("core set debug 3 res_pjsip_registrar.so")

    def allows(self, ami: AmiClient, user: str, codecs: Sequence[str]) -> bool:
        """Read the codecs back from the endpoint."""
        return f"({'|'.join(codecs)})" in ami.command(f"pjsip show endpoint {user}")

    def contacts(self, ami: AmiClient, aor: str) -> list[Contact]:
        """Return the contacts of an address of record."""
        found = []
        for message in ami.action("PJSIPShowContacts"):
            fields = message.fields
            # Seen on 22.10: a contact is named "AOR;@hash"; no field holds the AOR alone.
            owner = fields.get("ObjectName", "").partition(";@")[0]
            if message.event == "ContactList" and owner == aor:
                expires = fields.get("ExpirationTime", "")
                at = int(expires) if expires.isdecimal() else 0
                found += contact_of(aor, fields.get("Uri", ""), at)
        return found

    def console(self, command: Sequence[str]) -> PjsipConsole:
        """Open the console."""
        return PjsipConsole(command)
