"""The states of a phone, told from events alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum

from harness.events import (
    FileRequested,
    OutletSwitched,
    PhoneStateChanged,
    Record,
    Registered,
    SipMessage,
    Unregistered,
)
from harness.timeline import Timeline

__all__ = ["PhoneState", "StateTracker", "next_state"]

_FIRMWARE = re.compile(r"\.(loads|sbn)$")


class PhoneState(StrEnum):
    """Where a phone is on its way from the outlet to a registration."""

    OFF = "OFF"
    BOOTING = "BOOTING"
    UPGRADING = "UPGRADING"
    PROVISIONING = "PROVISIONING"
    REGISTERING = "REGISTERING"
    READY = "READY"


def next_state(
    state: PhoneState, record: Record, *, phone: str, outlet: str, address: str
) -> tuple[PhoneState, str] | None:
    """Return the state that ``record`` puts the phone in and why, or None when it tells nothing.

    A phone never says "I am upgrading": asking for a load does. It is registering once a
    REGISTER leaves it, and ready once the PBX holds its contact.
    """
    event = record.event
    if isinstance(event, OutletSwitched) and event.outlet == outlet:
        if event.on:
            return (PhoneState.BOOTING, "outlet on") if state is PhoneState.OFF else None
        return PhoneState.OFF, "outlet off"
    if isinstance(event, SipMessage):
        if (
            event.start_line.startswith("REGISTER ")
            and event.source.partition(":")[0] == address
            and state is not PhoneState.READY
        ):
            return PhoneState.REGISTERING, "sent REGISTER"
        # A contact that is already known is refreshed without a word from the PBX's manager, so
        # the 200 counts too; without a Contact in it, it answers an unregistration.
        if (
            event.start_line.startswith("SIP/2.0 200")
            and event.cseq.endswith("REGISTER")
            and event.destination.partition(":")[0] == address
            and "\nContact:" in event.text
        ):
            return PhoneState.READY, "REGISTER answered 200"
        return None
    if record.device != phone:
        return None
    if isinstance(event, FileRequested):
        if _FIRMWARE.search(event.name):
            return PhoneState.UPGRADING, f"asked for {event.name}"
        return PhoneState.PROVISIONING, f"asked for {event.name}"
    if isinstance(event, Registered):
        return PhoneState.READY, f"registered as {event.contact}"
    if isinstance(event, Unregistered) and state is PhoneState.READY:
        return PhoneState.REGISTERING, "registration ended"
    return None


class StateTracker:
    """Follow one phone on the timeline and write down each change of state."""

    def __init__(self, timeline: Timeline, *, phone: str, outlet: str, address: str) -> None:
        self.state = PhoneState.OFF
        self._timeline = timeline
        self._phone = phone
        self._outlet = outlet
        self._address = address
        self.close: Callable[[], None] = timeline.listen(self._see)

    def _see(self, record: Record) -> None:
        told = next_state(
            self.state, record, phone=self._phone, outlet=self._outlet, address=self._address
        )
        if told is None or told[0] is self.state:
            return
        self.state, why = told
        self._timeline.append(
            PhoneStateChanged(state=self.state.value, why=why), source="harness", device=self._phone
        )
