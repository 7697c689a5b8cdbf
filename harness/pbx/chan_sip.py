"""Asterisk 16's SIP: chan_sip, which most how-tos for these phones are written for."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence

from harness.pbx import modules
from harness.pbx.ami import AmiClient
from harness.pbx.channel_driver import Contact, contact_of
from harness.pbx.console_sip import SipConsole

__all__ = ["ChanSip"]

_SECONDS = re.compile(r"^(\d+) seconds$")


class ChanSip:
    """The driver of Asterisk 16, as Debian's 16.28 was seen to behave."""

    technology = "SIP"
    call_id = "SIPCALLID"
    endpoint_file = "sip.conf"
    module = "chan_sip.so"
    required = ("chan_sip", *modules.REQUIRED)
    optional = ("res_http_websocket", *modules.OPTIONAL)

    def unbound(self, ami: AmiClient, says: Callable[[str], bool]) -> list[str]:  # noqa: ARG002
        """Return the protocols it could not bind: it lists them as bound, only the log tells."""
        failures = {"udp": "Failed to bind to", "tcp": "Unable to bind SIP TCP server"}
        return [protocol for protocol, said in failures.items() if says(said)]

    def users(self, ami: AmiClient) -> set[str]:
        """Return the peers it has."""
        listed = ami.action("SIPpeers")
        return {message.fields.get("ObjectName", "") for message in listed}

    def listen_closely(self, ami: AmiClient) -> None:
        """Nothing to switch on: each REGISTER, first or refresh, is a PeerStatus event."""

    def allows(self, ami: AmiClient, user: str, codecs: Sequence[str]) -> bool:
        """Read the codecs back from the peer."""
        (peer, *_) = ami.action("SIPshowpeer", Peer=user)
        return peer.fields.get("Codecs") == f"({'|'.join(codecs)})"

    def contacts(self, ami: AmiClient, aor: str) -> list[Contact]:
        """Return the one contact a peer can have."""
        fields = ami.action("SIPshowpeer", Peer=aor)[0].fields
        seconds = _SECONDS.match(fields.get("RegExpire", ""))
        # Reg-Contact stays after the end of the registration; its time does not.
        if seconds is None:
            return []
        return contact_of(aor, fields.get("Reg-Contact", ""), int(time.time()) + int(seconds[1]))

    def console(self, command: Sequence[str]) -> SipConsole:
        """Open the console."""
        return SipConsole(command)
