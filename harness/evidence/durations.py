"""How long the phone and the PBX took, read from the SIP messages on the timeline."""

from __future__ import annotations

import re
from collections.abc import Iterable

from harness.events import Record, SipMessage

__all__ = ["first_register", "registration_time", "setup_time"]

_UNREGISTERS = re.compile(r"(?im);\s*expires=0\b|^expires:\s*0\s*$")


def first_register(records: Iterable[Record], address: str) -> Record | None:
    """Return the record of the first REGISTER that asks for a contact, from an IP address."""
    return next((each for each in records if _registers(each, address)), None)


def registration_time(records: Iterable[Record], address: str) -> float | None:
    """Return the milliseconds from the first REGISTER of an address to the 200 with its contact."""
    began: float | None = None
    for record in records:
        event = record.event
        if not isinstance(event, SipMessage):
            continue
        if began is None:
            began = record.mono if _registers(record, address) else None
        elif (
            event.destination.rpartition(":")[0] == address
            and event.start_line.startswith("SIP/2.0 200")
            and event.cseq.endswith("REGISTER")
            and "\nContact:" in event.text
        ):
            return _milliseconds(began, record.mono)
    return None


def setup_time(records: Iterable[Record], call_id: str, status: int) -> float | None:
    """Return the milliseconds from a call's first INVITE to its first answer with this status.

    With 180 that is until the callee rings, with 200 until the callee takes the call. A challenge
    and the INVITE with credentials that follows are part of it: the caller waits for them too.
    """
    began: float | None = None
    for record in records:
        event = record.event
        if not isinstance(event, SipMessage) or event.call_id != call_id:
            continue
        if began is None:
            began = record.mono if event.start_line.startswith("INVITE ") else None
        elif event.start_line.startswith(f"SIP/2.0 {status}") and event.cseq.endswith("INVITE"):
            return _milliseconds(began, record.mono)
    return None


def _registers(record: Record, address: str) -> bool:
    event = record.event
    return (
        isinstance(event, SipMessage)
        and event.source.rpartition(":")[0] == address
        and event.start_line.startswith("REGISTER ")
        # The unregistration before a restart asks for none.
        and not _UNREGISTERS.search(event.text)
    )


def _milliseconds(began: float, ended: float) -> float:
    return round((ended - began) * 1000, 1)
