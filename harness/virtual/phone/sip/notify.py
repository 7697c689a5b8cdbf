"""What the server tells the phone by NOTIFY."""

from __future__ import annotations

import re
from collections.abc import Collection

__all__ = ["remotecc_code", "service_action", "transfer_status"]


def service_action(body: str, own_call_ids: Collection[str]) -> str | None:
    """Return the action of a service-control body; it must name a Call-ID of our own REGISTER."""
    named = re.search(r"RegisterCallId=\{([^}]*)\}", body)
    action = re.search(r"action=(\S+)", body)
    if named is None or named[1] not in own_call_ids or action is None:
        return None
    return action[1]


def transfer_status(body: str) -> int | None:
    """Return the final status of a transfer from a sipfrag; None while it is under way."""
    sipfrag = re.match(r"SIP/2\.0 (\d{3})", body)
    status = int(sipfrag[1]) if sipfrag else 0
    return status if status >= 200 else None


def remotecc_code(body: str) -> str | None:
    """Return what a remotecc response says; None when the body is none."""
    if "<x-cisco-remotecc-response>" not in body:
        return None
    code = re.search(r"<code>(\d+)</code>", body)
    return code[1] if code else "answered"
