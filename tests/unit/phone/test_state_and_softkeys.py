"""The phone's state told from events, and the keys under the display."""

from __future__ import annotations

import pytest

from harness.errors import HarnessBug
from harness.events import (
    Event,
    FileRequested,
    Note,
    OutletSwitched,
    PhoneStateChanged,
    Registered,
    SipMessage,
    Unregistered,
)
from harness.phone.softkeys import Screen, SoftKey, keys_for
from harness.phone.state import PhoneState, StateTracker
from harness.timeline import Timeline

ADDRESS = "127.42.0.42"


def asks(name: str) -> FileRequested:
    return FileRequested(name, ADDRESS, 50000)


def register(source: str) -> SipMessage:
    return SipMessage(source, "127.42.0.2:5060", "REGISTER sip:127.42.0.2 SIP/2.0", "c", "101", "")


NIGHT: list[tuple[Event, PhoneState]] = [
    (OutletSwitched("pdu-1/2", True, "read-back"), PhoneState.OFF),
    (OutletSwitched("pdu-1/1", True, "read-back"), PhoneState.BOOTING),
    (asks("term42.default.loads"), PhoneState.UPGRADING),
    (asks("jar42sip.9-3-1ES26.sbn"), PhoneState.UPGRADING),
    (asks("SEP0024C4ABCDEF.cnf.xml"), PhoneState.PROVISIONING),
    (register("127.42.0.62:49200"), PhoneState.PROVISIONING),
    (register(f"{ADDRESS}:49200"), PhoneState.REGISTERING),
    (Registered("201", "sip:201@127.42.0.42:5060"), PhoneState.READY),
    (register(f"{ADDRESS}:49200"), PhoneState.READY),
    (Note("chatter"), PhoneState.READY),
    (Unregistered("201", "sip:201@127.42.0.42:5060"), PhoneState.REGISTERING),
    (OutletSwitched("pdu-1/1", False, "read-back"), PhoneState.OFF),
]


def test_a_night_in_states() -> None:
    timeline = Timeline()
    tracker = StateTracker(timeline, phone="desk", outlet="pdu-1/1", address=ADDRESS)
    for event, state in NIGHT:
        timeline.append(event, source="x", device="" if isinstance(event, SipMessage) else "desk")
        assert tracker.state is state, event
    tracker.close()
    changes = [event.state for event in timeline.events(PhoneStateChanged, device="desk")]
    assert changes == [
        "BOOTING",
        "UPGRADING",
        "PROVISIONING",
        "REGISTERING",
        "READY",
        "REGISTERING",
        "OFF",
    ]


def test_another_phones_events_tell_nothing() -> None:
    timeline = Timeline()
    tracker = StateTracker(timeline, phone="desk", outlet="pdu-1/1", address=ADDRESS)
    timeline.append(Registered("202", "sip:202@x"), source="pbx", device="other")
    assert tracker.state is PhoneState.OFF


def test_soft_keys_by_screen() -> None:
    assert keys_for(Screen.RING_IN, SoftKey.ANSWER) == ("soft1",)
    assert keys_for(Screen.CONNECTED, SoftKey.TRANSFER) == ("soft3",)
    assert keys_for(Screen.CONNECTED, SoftKey.CONFERENCE) == ("soft4", "soft1")
    assert keys_for(Screen.ON_HOLD, SoftKey.RESUME) == ("soft1",)
    with pytest.raises(HarnessBug, match="no soft key Answer"):
        keys_for(Screen.ON_HOOK, SoftKey.ANSWER)
