"""Two calls of one phone made a conference of three, by the manager interface alone."""

from __future__ import annotations

import secrets

from harness.errors import BenchFault
from harness.pbx.ami import AmiClient

__all__ = ["CONTEXT", "join_calls"]

#: No endpoint's own context: only the manager sends a channel there.
CONTEXT = "conference-key"


def join_calls(ami: AmiClient, own: list[str], call_id_of: str, held: str, active: str) -> None:
    """Move a phone's active call and both its partners into one room; the held leg ends.

    A phone can send and receive one call's media at a time, so of its two legs only the active one
    can be in the room.

    Args:
        ami: the manager connection.
        own: the channels of the phone.
        call_id_of: the channel variable that tells a channel's Call-ID.
        held: Call-ID of the phone's held call.
        active: Call-ID of its active one.

    Raises:
        BenchFault: a call or its partner is not there, or a channel was not moved.
    """
    legs = {}
    for channel in own:
        answer = ami.action("Getvar", Channel=channel, Variable=call_id_of)[0]
        legs[answer.fields.get("Value", "")] = channel
    if held not in legs or active not in legs:
        raise BenchFault(
            "a call of the conference is not there",
            device="pbx",
            state=f"its calls: {', '.join(legs) or 'none'}",
        )
    partners = {leg: _partner(ami, leg) for leg in (legs[held], legs[active])}
    room = f"c{secrets.token_hex(4)}"
    _redirect(ami, room, legs[active], partners[legs[active]])
    _redirect(ami, room, partners[legs[held]])


def _partner(ami: AmiClient, channel: str) -> str:
    listed = [m.fields for m in ami.action("CoreShowChannels") if m.event == "CoreShowChannel"]
    bridge = next((f.get("BridgeId", "") for f in listed if f.get("Channel") == channel), "")
    others = [
        fields["Channel"]
        for fields in listed
        if bridge and fields.get("BridgeId") == bridge and fields["Channel"] != channel
    ]
    if len(others) != 1:
        raise BenchFault(
            f"{channel} is in no call of two", device="pbx", state=f"with {others or 'nobody'}"
        )
    return others[0]


def _redirect(ami: AmiClient, room: str, channel: str, extra: str = "") -> None:
    if extra:
        # Both at once: the one left behind by a single move would be hung up.
        answer = ami.action(
            "Redirect", Channel=channel, Context=CONTEXT, Exten=room, Priority="1",
            ExtraChannel=extra, ExtraContext=CONTEXT, ExtraExten=room, ExtraPriority="1",
        )[0]  # fmt: skip
    else:
        answer = ami.action("Redirect", Channel=channel, Context=CONTEXT, Exten=room, Priority="1")[
            0
        ]
    if answer.fields.get("Response") != "Success":
        raise BenchFault(
            f"{channel} cannot be moved into the conference",
            device="pbx",
            state=answer.fields.get("Message", ""),
        )
