"""Which channels go where when a phone asks for a conference, by a scripted manager."""

from __future__ import annotations

import pytest

from harness.errors import BenchFault
from harness.pbx import AmiMessage
from harness.pbx.joining import CONTEXT, join_calls

HELD, ACTIVE = "SIP/201-00000001", "SIP/201-00000002"
ALICE, BOB = "SIP/211-00000000", "SIP/212-00000003"


class Manager:
    """Answers as Asterisk does; keeps what it was asked to move."""

    def __init__(self, bridges: dict[str, str], answer: str = "Success") -> None:
        self.bridges = bridges
        self.answer = answer
        self.moved: list[dict[str, str]] = []

    def action(self, name: str, **parameters: str) -> list[AmiMessage]:
        if name == "Getvar":
            assert parameters["Variable"] == "SIPCALLID"
            call_ids = {HELD: "held@phone", ACTIVE: "active@phone"}
            return [AmiMessage({"Value": call_ids[parameters["Channel"]]})]
        if name == "CoreShowChannels":
            listed = {"Event": "CoreShowChannel"}
            return [AmiMessage({})] + [
                AmiMessage({**listed, "Channel": channel, "BridgeId": bridge})
                for channel, bridge in self.bridges.items()
            ]
        assert name == "Redirect"
        self.moved.append(parameters)
        return [AmiMessage({"Response": self.answer, "Message": "no"})]


def join(manager: Manager, own: list[str]) -> None:
    join_calls(manager, own, "SIPCALLID", "held@phone", "active@phone")  # type: ignore[arg-type]


def test_the_active_leg_and_both_partners_meet_in_a_room_of_their_own() -> None:
    manager = Manager({ALICE: "b1", HELD: "b1", ACTIVE: "b2", BOB: "b2"})
    join(manager, [HELD, ACTIVE])
    both, alone = manager.moved
    assert (both["Channel"], both["ExtraChannel"]) == (ACTIVE, BOB)
    assert alone["Channel"] == ALICE
    assert "ExtraChannel" not in alone
    assert both["Exten"] == both["ExtraExten"] == alone["Exten"]
    assert {both["Context"], both["ExtraContext"], alone["Context"]} == {CONTEXT}


@pytest.mark.parametrize(
    ("bridges", "own", "says"),
    [
        ({ALICE: "b1", HELD: "b1"}, [HELD], "a call of the conference is not there"),
        ({HELD: "b1", ACTIVE: "b2", BOB: "b2"}, [HELD, ACTIVE], "is in no call of two"),
        ({HELD: "", ACTIVE: "", BOB: ""}, [HELD, ACTIVE], "is in no call of two"),
    ],
)
def test_nothing_is_moved_unless_all_three_are_there(
    bridges: dict[str, str], own: list[str], says: str
) -> None:
    manager = Manager(bridges)
    with pytest.raises(BenchFault, match=says):
        join(manager, own)
    assert manager.moved == []


def test_a_channel_that_is_not_moved_is_a_fault() -> None:
    manager = Manager({ALICE: "b1", HELD: "b1", ACTIVE: "b2", BOB: "b2"}, answer="Error")
    with pytest.raises(BenchFault, match="cannot be moved into the conference"):
        join(manager, [HELD, ACTIVE])
