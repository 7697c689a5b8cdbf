"""Who is to blame when a key had no effect: robot, phone, or nobody knows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from harness.deadlines import Deadlines
from harness.errors import BenchFault, HarnessError, Inconclusive, ProductFault
from harness.events import DtmfHeard, FileRequested, SipMessage
from harness.keypad import Fate, KeyFault, Senses
from harness.phone.blind_reset import hold_blindly, see_reset_begin
from harness.phone.call_control import CallControl
from harness.phone.second_opinion import WebKeys, check_digit, misdialled, second_opinion
from harness.timeline import Timeline

PHONE, PBX = "192.0.2.42", "192.0.2.1"


class Robot:
    """A keypad that feels nothing and does nothing."""

    name = "keypad-1"

    def __init__(self, *, feels: bool = False) -> None:
        self.senses = Senses(keys=feels, lamps=feels)
        self.tapped: list[str] = []

    def tap(self, key: str) -> None:
        self.tapped.append(key)

    def type(self, keys: str) -> None:
        self.tapped += keys


class Window:
    """The phone's own window; ``then`` is what the phone does when it presses."""

    def __init__(self, then: Any = None) -> None:
        self.pressed: list[str] = []
        self._then = then

    def press(self, key: str) -> None:
        self.pressed.append(key)
        if self._then is not None:
            self._then(key)


class Shut:
    def press(self, key: str) -> None:
        raise BenchFault(f"its web server does not answer to {key}")


def sip(timeline: Timeline, start: str, *, to_tag: str = "", method: str = "INVITE") -> None:
    text = f"{start}\r\nTo: <sip:x@{PBX}>{to_tag}\r\nCall-ID: c\r\nCSeq: 1 {method}\r\n\r\n"
    timeline.append(
        SipMessage(f"{PHONE}:49200", f"{PBX}:5060", start, "c", f"1 {method}", text),
        source="capture",
        device="desk",
    )


FAULT = ProductFault("no BYE was seen", device="desk", expected="a BYE")


def judge(robot: Any, window: Any, acts: bool) -> HarnessError:
    return second_opinion(FAULT, robot, window, ("soft2",), lambda: acts)


def test_a_robot_that_feels_its_keys_needs_no_opinion() -> None:
    window = Window()
    assert judge(Robot(feels=True), window, acts=True) is FAULT
    assert window.pressed == []


def test_the_phone_obeys_its_window_so_the_robot_is_to_blame() -> None:
    window = Window()
    fault = judge(Robot(), window, acts=True)
    assert isinstance(fault, BenchFault)
    assert fault.device == "keypad-1"
    assert "soft2 did not reach the phone" in fault.summary
    assert window.pressed == ["soft2"]


def test_the_phone_obeys_neither_so_it_is_to_blame() -> None:
    assert judge(Robot(), Window(), acts=False) is FAULT


@pytest.mark.parametrize("window", [None, Shut()])
def test_without_a_window_there_is_no_verdict(window: Any) -> None:
    fault = judge(Robot(), window, acts=True)
    assert isinstance(fault, Inconclusive)
    assert "no BYE was seen" in fault.state


@pytest.mark.parametrize(
    ("dialled", "says"),
    [
        ("21", "1 lost"),
        ("2111", "1 doubled"),
        ("2211", "2 doubled"),
        ("221", "2 doubled"),
        ("241", "4 pressed for 1"),
        ("2", "11 lost"),
        ("2113", "3 pressed as well"),
    ],
)
def test_what_a_wrong_number_says_of_the_keys(dialled: str, says: str) -> None:
    robot: Any = Robot()
    fault = misdialled(robot, "211", dialled)
    assert says in fault.summary
    assert (fault.device, fault.expected) == ("keypad-1", "211")


@pytest.fixture
def timeline() -> Iterator[Timeline]:
    return Timeline()


@pytest.fixture
def control(timeline: Timeline) -> CallControl:
    robot: Any = Robot()
    return CallControl("desk", PHONE, robot, timeline, Deadlines())


def test_a_number_that_arrives_otherwise_is_a_bench_fault(
    control: CallControl, timeline: Timeline
) -> None:
    timer = threading.Timer(0.05, sip, (timeline, f"INVITE sip:21@{PBX} SIP/2.0"))
    timer.start()
    with pytest.raises(BenchFault, match="1 lost"):
        control.dial("211")


def test_the_hold_of_a_first_call_is_no_number(control: CallControl, timeline: Timeline) -> None:
    sip(timeline, f"INVITE sip:999@{PBX} SIP/2.0", to_tag=";tag=1")
    sip(timeline, f"INVITE sip:211@{PBX} SIP/2.0")
    control._see_number("211", 0)


def test_a_soft_key_without_effect_is_tried_in_the_window(
    control: CallControl, timeline: Timeline
) -> None:
    control.window = Window(lambda _: sip(timeline, f"BYE sip:{PBX} SIP/2.0", method="BYE"))
    control._note_keys("soft2")
    with pytest.raises(BenchFault, match="soft2 did not reach the phone"):
        control.sent("BYE", since=0, within=0.05)


def test_a_message_no_key_was_pressed_for_is_the_phones(
    control: CallControl, timeline: Timeline
) -> None:
    control._note_keys("soft2")
    timeline.append(FileRequested("x", PHONE, 1), source="tftp", device="desk")
    since = timeline.mark()
    control.window = window = Window()
    with pytest.raises(ProductFault, match="was not seen"):
        control.sent("SIP/2.0 180", since=since, within=0.05)
    assert window.pressed == []


@pytest.mark.parametrize(
    ("heard", "in_window", "fate"),
    [
        ("5", "", None),
        ("", "5", Fate.LOST),
        ("55", "5", Fate.DOUBLED),
        # The phone itself doubles or swallows it: the digits stand for the test to judge.
        ("55", "55", None),
        ("", "", None),
    ],
)
def test_digits_of_a_call(
    timeline: Timeline,
    monkeypatch: pytest.MonkeyPatch,
    heard: str,
    in_window: str,
    fate: Fate | None,
) -> None:
    monkeypatch.setattr("harness.phone.second_opinion._DIGIT_S", 0.05)
    sip(timeline, f"INVITE sip:211@{PBX} SIP/2.0")
    since = timeline.mark()

    def say(digits: str) -> None:
        for digit in digits:
            timeline.append(DtmfHeard(digit, 100, PBX), source="capture")
            # What the PBX passes on is nobody's second press.
            timeline.append(DtmfHeard(digit, 100, "192.0.2.3"), source="capture")

    say(heard)
    robot: Any = Robot()
    window = Window(lambda _: say(in_window))
    if fate is None:
        check_digit(timeline, robot, window, "5", PHONE, since)
        return
    with pytest.raises(KeyFault) as caught:
        check_digit(timeline, robot, window, "5", PHONE, since)
    assert caught.value.fate is fate


def test_names_of_keys_in_execute_uris() -> None:
    asked: list[str] = []

    class Web:
        def execute(self, uri: str) -> None:
            asked.append(uri)

    web: Any = Web()
    for key in ("5", "*", "#", "soft2", "speaker", "navdown", "line1"):
        WebKeys(web).press(key)
    assert asked == [
        "Key:KeyPad5",
        "Key:KeyPadStar",
        "Key:KeyPadPound",
        "Key:Soft2",
        "Key:Speaker",
        "Key:NavDwn",
        "Key:Line1",
    ]


# --- a reset nobody sees --------------------------------------------------------------------------


def asks(timeline: Timeline, name: str) -> None:
    timeline.append(FileRequested(name, PHONE, 49000), source="tftp", device="desk")


def quick(seconds: float) -> float:
    return 0.05


def test_a_phone_that_boots_while_its_key_is_held_did_not_feel_it(timeline: Timeline) -> None:
    hold_blindly(timeline, "desk", "keypad-1", quick, 0)
    asks(timeline, "CTLSEP0024C4ABCDEF.tlv")
    with pytest.raises(BenchFault, match="# did not reach the phone") as caught:
        hold_blindly(timeline, "desk", "keypad-1", quick, 0)
    assert caught.value.device == "keypad-1"


def test_a_normal_boot_after_the_code_has_no_verdict(timeline: Timeline) -> None:
    see_reset_begin(timeline, "desk", "keypad-1", quick, 0)
    asks(timeline, "term42.default.loads")
    see_reset_begin(timeline, "desk", "keypad-1", quick, 0)
    since = timeline.mark()
    asks(timeline, "CTLSEP0024C4ABCDEF.tlv")
    see_reset_begin(timeline, "desk", "keypad-1", quick, 0)
    with pytest.raises(Inconclusive, match="booted normally"):
        see_reset_begin(timeline, "desk", "keypad-1", quick, since)
