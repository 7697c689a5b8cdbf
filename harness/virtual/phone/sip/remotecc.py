"""The soft-key events a 79x2 hands to its server: out-of-dialog REFERs with an XML body.

Shape from a CallManager trace of this protocol: CSeq 1000, Refer-To a cid, three dialog
identifiers with tags as the phone sees them. Stock Asterisk has no handler for them.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from xml.sax.saxutils import escape

from harness.virtual.phone.sip.identity import Identity
from harness.virtual.phone.sip.message import Message

__all__ = ["DialogId", "softkey_refer"]


@dataclass(frozen=True, slots=True)
class DialogId:
    """A dialog as the phone names it; empty when there is none."""

    call_id: str = ""
    local_tag: str = ""
    remote_tag: str = ""

    def xml(self, element: str) -> str:
        """Return it as one of the three dialog elements."""
        return (
            f"<{element}><callid>{escape(self.call_id)}</callid>"
            f"<localtag>{escape(self.local_tag)}</localtag>"
            f"<remotetag>{escape(self.remote_tag)}</remotetag></{element}>"
        )


def softkey_refer(
    identity: Identity, user: str, host: str, event: str, dialog: DialogId, consult: DialogId
) -> Message:
    """Build the REFER for a soft key the phone leaves to its server."""
    content_id = f"{secrets.token_hex(4)}@{identity.address}"
    aor = f"<sip:{user}@{host}>"
    message = Message(f"REFER sip:{user}@{host} SIP/2.0")
    message.headers += [
        ("From", f"{aor};tag={identity.tag()}"),
        ("To", aor),
        ("Call-ID", identity.call_id()),
        ("Max-Forwards", "70"),
        ("CSeq", "1000 REFER"),
        ("User-Agent", identity.user_agent),
        (
            "Contact",
            identity.address_of(user),
        ),
        ("Expires", "60"),
        ("Accept", "application/x-cisco-remotecc-response+xml"),
        ("Refer-To", f"cid:{content_id}"),
        ("Referred-By", aor),
        ("Content-Id", f"<{content_id}>"),
        ("Content-Type", "application/x-cisco-remotecc-request+xml"),
        ("Content-Disposition", "session;handling=required"),
    ]
    message.body = (
        "<x-cisco-remotecc-request><softkeyeventmsg>"
        f"<softkeyevent>{event}</softkeyevent>"
        f"{dialog.xml('dialogid')}"
        "<linenumber>0</linenumber><participantnum>0</participantnum>"
        f"{consult.xml('consultdialogid')}"
        f"<state>false</state>{DialogId().xml('joindialogid')}"
        "<eventdata><invocationtype>explicit</invocationtype></eventdata>"
        "<userdata></userdata><softkeyid>0</softkeyid><applicationid>0</applicationid>"
        "</softkeyeventmsg></x-cisco-remotecc-request>"
    )
    return message
