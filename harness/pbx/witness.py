"""Turn what Asterisk says (manager events, lines of its log) into events of the timeline."""

from __future__ import annotations

import re
from collections.abc import Mapping

from harness.events import AmiEvent, Event, Registered, RegistrationFailed, Unregistered
from harness.pbx.ami import AmiMessage

__all__ = ["Witness"]

#: Security events that mean a request was turned away (Asterisk, "Security Log File Format").
_REFUSALS = {
    "InvalidPassword", "ChallengeResponseFailed", "InvalidAccountID", "FailedACL",
    "RequestNotAllowed", "RequestBadFormat",
}  # fmt: skip
#: Events kept on the timeline; the rest (Newexten, VarSet, RTCP ...) would drown it.
_KEPT = {
    "Newchannel", "Hangup", "DialBegin", "DialEnd", "BridgeEnter", "BridgeLeave", "Hold", "Unhold",
    "DTMFBegin", "DTMFEnd", "BlindTransfer", "AttendedTransfer", "ConfbridgeJoin",
    "ConfbridgeLeave", "SuccessfulAuth",
}  # fmt: skip
_FIELDS = {
    "Channel", "ChannelStateDesc", "CallerIDNum", "ConnectedLineNum", "Exten", "Extension",
    "Cause", "Cause-txt", "BridgeUniqueid", "Digit", "Direction", "DurationMs", "DialStatus",
    "DestChannel", "Result", "Conference", "AccountID", "TransfererChannel", "TransfereeChannel",
    "OrigTransfererChannel", "SecondTransfererChannel",
}  # fmt: skip
_CHANNEL = re.compile(r"(?:PJ)?SIP/(?P<user>.+)-[0-9a-f]{8}")
_REMOTE = re.compile(r"IPV[46]/[A-Z]+/(?P<host>[^/]+)/(?P<port>\d+)")
_REFRESHED = re.compile(
    r"Refreshed contact '(?P<uri>[^']+)' on AOR '(?P<aor>[^']+)' "
    r"with (?:new )?expiration of (?P<expires>\d+)"
)


class Witness:
    """Knows which device of the lab an extension belongs to.

    Args:
        device_of: the lab's device name for an extension.
    """

    def __init__(self, device_of: Mapping[str, str]) -> None:
        self._device_of = dict(device_of)

    def device(self, user: str) -> str:
        """Return the device an extension belongs to, or nothing."""
        return self._device_of.get(user, "")

    def from_manager(self, message: AmiMessage) -> tuple[Event, str] | None:
        """Return the event a manager message amounts to and the device it is about.

        Seen on 22.10: without qualify, a new contact is one ``ContactStatus`` with
        ``NonQualified`` and its end one with ``Removed``; a refresh sends none. Seen on 16.28: each
        REGISTER accepted is one ``PeerStatus`` with ``Registered``.
        """
        fields = message.fields
        if message.event == "ContactStatus":
            return self._contact(fields)
        # chan_pjsip sends these beside ContactStatus: one registration must stay one event.
        if message.event == "PeerStatus" and fields.get("ChannelType") == "SIP":
            return self._peer(fields)
        if fields.get("Service") == "AMI":
            # The harness's own login.
            return None
        if message.event in _REFUSALS:
            account = fields.get("AccountID", "")
            remote = _REMOTE.match(fields.get("RemoteAddress", ""))
            address = f"{remote['host']}:{remote['port']}" if remote else ""
            return RegistrationFailed(account, message.event, address), self.device(account)
        if message.event in _KEPT:
            kept = {key: value for key, value in fields.items() if key in _FIELDS}
            return AmiEvent(message.event, kept), self._channel_device(fields)
        return None

    def from_log(self, line: str) -> tuple[Event, str] | None:
        """Return the event a line of Asterisk's log amounts to.

        A phone that lost power comes back with the contact it had. To Asterisk that is a refresh,
        which no manager event tells, only the registrar's debug log.
        """
        match = _REFRESHED.search(line)
        if match is None:
            return None
        aor = match["aor"]
        return Registered(aor, match["uri"], int(match["expires"])), self.device(aor)

    def _contact(self, fields: Mapping[str, str]) -> tuple[Event, str] | None:
        aor, uri = fields.get("AOR", ""), fields.get("URI", "")
        status = fields.get("ContactStatus", "")
        if status == "Removed":
            return Unregistered(aor, uri), self.device(aor)
        # Unreachable and Reachable come of qualify, Updated of a changed contact.
        if status in {"NonQualified", "Created", "Reachable", "Updated"}:
            return Registered(aor, uri), self.device(aor)
        return None

    def _peer(self, fields: Mapping[str, str]) -> tuple[Event, str] | None:
        user = fields.get("Peer", "").removeprefix("SIP/")
        status = fields.get("PeerStatus", "")
        if status == "Unregistered":
            return Unregistered(user, ""), self.device(user)
        # Of the contact chan_sip tells host and port only. Rejected comes with a security event.
        if status == "Registered":
            return Registered(user, f"sip:{fields.get('Address', '')}"), self.device(user)
        return None

    def _channel_device(self, fields: Mapping[str, str]) -> str:
        keys = ("Channel", "TransfererChannel", "OrigTransfererChannel", "DestChannel")
        for key in keys:
            match = _CHANNEL.match(fields.get(key, ""))
            if match:
                return self.device(match["user"])
        return self.device(fields.get("AccountID", ""))
