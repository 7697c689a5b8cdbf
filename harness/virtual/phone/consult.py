"""Two calls made one: the transfer the phone does itself, the conference it asks the server for."""

from __future__ import annotations

from urllib.parse import quote

from harness.virtual.phone.call import Call, CallState
from harness.virtual.phone.logs import Logs
from harness.virtual.phone.sip.identity import Identity
from harness.virtual.phone.sip.registration import Registration
from harness.virtual.phone.sip.remotecc import softkey_refer
from harness.virtual.phone.sip.transport import NoAnswer, SipTransport

__all__ = ["ask_to_join", "transfer"]


async def transfer(first: Call, second: Call) -> int:
    """Refer the first call to the second; returns the final status.

    Attended when the target answered; while it rings, blind [inferred]: the consultation is
    cancelled and the first call referred to the number.
    """
    refer_to = f"<{second.remote_uri}>"
    if second.state is CallState.CONNECTED:
        await second.hold()
        dialog = second.dialog_id
        replaces = f"{dialog.call_id};to-tag={dialog.remote_tag};from-tag={dialog.local_tag}"
        refer_to = f"<{second.remote_uri}?Replaces={quote(replaces, safe='')}>"
    else:
        await second.cancel()
    return await first.refer(refer_to)


async def ask_to_join(
    first: Call,
    second: Call,
    registration: Registration,
    identity: Identity,
    transport: SipTransport,
    logs: Logs,
) -> bool:
    """Ask the server for a conference, which stock Asterisk refuses; True when it will see to it.

    The phone cannot authenticate a REFER (the server-side patch skips digest for that reason), so
    a challenge is a refusal too, and the request is taken back.
    """
    host = registration.server[0]
    for event in ("Conference", "Cancel"):
        refer = softkey_refer(
            identity, first.line.name, host, event, first.dialog_id, second.dialog_id
        )
        try:
            response = await transport.request(refer, registration.server)
        except NoAnswer:
            continue
        logs.to_console(f"remotecc {event}: {response.status}")
        if response.status < 300:
            return True
    return False
