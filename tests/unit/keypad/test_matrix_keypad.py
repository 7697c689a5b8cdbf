"""The matrix driver over the twin and over scripted wires."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from controller_peer import GREETING, LAMPS, Heard, ScriptedController, frame, heard
from running_firmware import RunningFirmware
from running_twin import RunningTwin

from harness.errors import BenchFault, UsageFault
from harness.events import KeyPressed, KeyReleased, LampChanged, LampColour, Note, PartLost
from harness.keypad import MatrixKeypad
from harness.timeline import Timeline

Starter = Callable[..., RunningTwin | RunningFirmware]
TwinStarter = Callable[..., RunningTwin]


@contextmanager
def opened(port: str, timeline: Timeline, **options: float) -> Iterator[MatrixKeypad]:
    observe = timeline.observer("keypad-1")
    keypad = MatrixKeypad(port, "keypad-1", "desk", observe, answer_s=0.2, **options)
    try:
        yield keypad
    finally:
        keypad.close()


def edges(timeline: Timeline) -> list[str]:
    found = []
    for record in timeline.records():
        if isinstance(record.event, (KeyPressed, KeyReleased)):
            assert record.device == "desk"
            assert record.source == "keypad-1"
            found.append(record.event.key + ("+" if isinstance(record.event, KeyPressed) else "-"))
    return found


def test_types_by_the_controllers_clock(controller: Starter, timeline: Timeline) -> None:
    with opened(controller().port, timeline) as keypad:
        keypad.type("12*#", ms=20, gap_ms=10)
        assert edges(timeline) == ["1+", "1-", "2+", "2-", "*+", "*-", "#+", "#-"]
        times = [e.device_ms for e in timeline.events(KeyPressed)]
        assert all(25 <= after - before < 80 for before, after in itertools.pairwise(times))
        assert keypad.identity.startswith("matrix 2 35 ")


def test_types_named_keys_and_more_than_one_request_holds(
    controller: Starter, timeline: Timeline
) -> None:
    with opened(controller().port, timeline) as keypad:
        keypad.type(["settings", *"0123456789" * 4, "soft1"], ms=1, gap_ms=1)
    assert len(edges(timeline)) == 2 * 42
    assert edges(timeline)[0] == "settings+"
    assert edges(timeline)[-1] == "soft1-"


def test_press_hold_release_tap(controller: Starter, timeline: Timeline) -> None:
    with opened(controller().port, timeline) as keypad:
        keypad.press("#")
        assert edges(timeline) == ["#+"]
        keypad.tap("1", ms=5)
        keypad.release("#")
        assert edges(timeline) == ["#+", "1+", "1-", "#-"]
        keypad.press("2")
        keypad.press("3")
        keypad.release_all()
        assert edges(timeline)[-2:] == ["2-", "3-"]


def test_close_lets_go_of_keys(controller: Starter, timeline: Timeline) -> None:
    running = controller()
    with opened(running.port, timeline) as keypad:
        keypad.press("#")
    assert edges(timeline) == ["#+", "#-"]
    with opened(running.port, timeline) as again:
        again.tap("1", ms=1)


def test_key_held_beyond_the_watchdog(controller: Starter, timeline: Timeline) -> None:
    with opened(controller(watchdog_ms=400).port, timeline, alive_s=0.05) as keypad:
        keypad.press("#")
        with pytest.raises(BenchFault, match="no 'key released' event"):
            timeline.wait_for(KeyReleased, within=0.8, blame=BenchFault)
        keypad.release("#")


def test_watchdog_lets_go_and_release_says_so(controller: Starter, timeline: Timeline) -> None:
    with opened(controller(watchdog_ms=100).port, timeline, alive_s=30.0) as keypad:
        keypad.press("#")
        timeline.wait_for(Note, within=2.0, where=lambda note: "let go" in note.text)
        assert edges(timeline) == ["#+", "#-"]
        with pytest.raises(BenchFault, match="let go of # by itself"):
            keypad.release("#")
        keypad.press("#")
        keypad.release("#")


def test_lamps(controller: Starter, timeline: Timeline) -> None:
    running = controller()
    with opened(running.port, timeline) as keypad:
        assert set(keypad.lamps().values()) == {LampColour.DARK}
        assert timeline.events(LampChanged) == []
        running.light("line1", LampColour.AMBER)
        event = timeline.wait_for(LampChanged, within=2.0, device="desk")
        assert (event.lamp, event.colour) == ("line1", "amber")
        assert keypad.lamps()["line1"] is LampColour.AMBER
        assert len(timeline.events(LampChanged)) == 1


def test_lamps_lit_before_we_came_are_seen(controller: Starter, timeline: Timeline) -> None:
    running = controller()
    running.light("mwi", LampColour.RED)
    with opened(running.port, timeline):
        event = timeline.wait_for(LampChanged, within=2.0)
        assert (event.lamp, event.colour) == ("mwi", "red")


@pytest.mark.parametrize("key", ["", "A", "10", "line7", " 1", "1\n>9 release-all"])
def test_no_such_key(controller: Starter, timeline: Timeline, key: str) -> None:
    with opened(controller().port, timeline) as keypad:
        calls: list[Callable[[], Any]] = [
            lambda: keypad.press(key),
            lambda: keypad.release(key),
            lambda: keypad.tap(key),
            lambda: keypad.type(["1", key]),
        ]
        for call in calls:
            with pytest.raises(UsageFault, match="there is no key"):
                call()
        for ms in (-1, 60_001):
            with pytest.raises(UsageFault, match="cannot be timed"):
                keypad.tap("1", ms=ms)
        assert edges(timeline) == []


def test_lost_key(keypad_twin: TwinStarter, timeline: Timeline) -> None:
    twin = keypad_twin(lose_keys=[5])
    with opened(twin.port, timeline) as keypad:
        with pytest.raises(BenchFault, match="key 5 did not go down") as caught:
            keypad.type("456", ms=1, gap_ms=1)
        assert caught.value.device == "keypad-1"
        assert edges(timeline) == ["4+", "4-", "6+", "6-"]
        with pytest.raises(BenchFault, match="key 5 did not go down"):
            keypad.press("5")
        with pytest.raises(BenchFault, match="key 5 did not go down"):
            keypad.tap("5", ms=1)
        keypad.tap("4", ms=1)
    assert twin.log[0] == "fault fired: keypad-1 lose_keys: 5 is not pressed"


def test_stuck_key(keypad_twin: TwinStarter, timeline: Timeline) -> None:
    twin = keypad_twin(stuck_keys=["5"])
    with opened(twin.port, timeline) as keypad:
        with pytest.raises(BenchFault, match="key 5 stays down"):
            keypad.type("456", ms=1, gap_ms=1)
        with pytest.raises(BenchFault, match="key 5 stays down"):
            keypad.release_all()
    assert "fault fired: keypad-1 stuck_keys: 5 stays down" in twin.log


def test_key_held_longer_than_its_coil_bears(keypad_twin: TwinStarter, timeline: Timeline) -> None:
    twin = keypad_twin(hot_keys=["5"])
    with opened(twin.port, timeline) as keypad:
        keypad.press("5")
        timeline.wait_for(Note, within=2.0, where=lambda note: "coil's limit" in note.text)
        assert edges(timeline) == ["5+", "5-"]
        with pytest.raises(BenchFault, match=r"let go of 5 by itself at \d+ ms.*limit") as caught:
            keypad.release("5")
        assert "longer than its coil bears" in caught.value.hint
        with pytest.raises(BenchFault, match="aborted"):
            keypad.tap("5", ms=500)
        keypad.tap("5", ms=1)
    assert "fault fired: keypad-1 hot_keys: 5 let go" in twin.log


def test_silence(keypad_twin: TwinStarter, timeline: Timeline) -> None:
    twin = keypad_twin(silent=True)
    with pytest.raises(BenchFault, match="does not answer") as caught, opened(twin.port, timeline):
        pass
    assert caught.value.expected == "an answer to 'hello 2' within 0.2 s, asked twice"
    assert len([line for line in twin.log if "silent" in line]) == 2


def test_every_line_damaged(keypad_twin: TwinStarter, timeline: Timeline) -> None:
    twin = keypad_twin(bad_crc_every=1)
    with (
        pytest.raises(BenchFault, match="arrive damaged: 2 line"),
        opened(twin.port, timeline),
    ):
        pass


def test_one_damaged_answer_is_asked_for_again(
    keypad_twin: TwinStarter, timeline: Timeline
) -> None:
    twin = keypad_twin(bad_crc_every=4)  # hello, lamps, the edge, its answer
    with opened(twin.port, timeline) as keypad:
        keypad.press("1")
        assert edges(timeline) == ["1+"], "carried out once"
    assert any("bad_crc_every: damaged: <3 ok" in line for line in twin.log)


def test_damaged_edge_is_a_lost_key_and_says_why(
    keypad_twin: TwinStarter, timeline: Timeline
) -> None:
    with opened(keypad_twin(bad_crc_every=3).port, timeline) as keypad:
        with pytest.raises(BenchFault, match="did not go down") as caught:
            keypad.press("1")
        assert "1 damaged line(s)" in caught.value.state


def test_lamp_report_damaged_on_its_way_is_made_up_for(
    keypad_twin: TwinStarter, timeline: Timeline
) -> None:
    twin = keypad_twin(bad_crc_every=7)
    with opened(twin.port, timeline, alive_s=0.05):
        for index in range(10):
            colour = LampColour.DARK if index % 2 else LampColour.GREEN
            mark = timeline.mark()
            twin.light("line1", colour)
            timeline.wait_for(
                LampChanged, within=2.0, since=mark, where=lambda e, c=colour: e.colour is c
            )


@pytest.mark.parametrize("port", ["/dev/no-such-keypad", "/dev/null", "/etc/hostname"])
def test_port_missing(timeline: Timeline, port: str) -> None:
    with pytest.raises(BenchFault, match="cannot be opened") as caught, opened(port, timeline):
        pass
    assert caught.value.device == "keypad-1"


def test_port_in_use(controller: Starter, timeline: Timeline) -> None:
    running = controller()
    with (
        opened(running.port, timeline),
        pytest.raises(BenchFault, match="cannot be opened"),
        opened(running.port, timeline),
    ):
        pass


def test_unplugged_while_idle(controller: Starter, timeline: Timeline) -> None:
    running = controller()
    with opened(running.port, timeline) as keypad:
        keypad.press("#")
        running.unplug()
        timeline.wait_until(lambda _: bool(timeline.events(PartLost)), within=2.0)
        (lost,) = timeline.events(PartLost)
        assert (lost.part, lost.phone) == ("keypad-1", "desk")
        with pytest.raises(BenchFault, match="is gone") as caught:
            keypad.release("#")
        assert caught.value.state == "keys last reported down: #"


def test_unplugged_while_typing(controller: Starter, timeline: Timeline) -> None:
    running = controller()
    with opened(running.port, timeline) as keypad:
        threading.Timer(0.1, running.unplug).start()
        began = time.monotonic()
        with pytest.raises(BenchFault, match="is gone"):
            keypad.type("1" * 20, ms=50, gap_ms=50)
        assert time.monotonic() - began < 1.0


def test_typing_ended_from_another_thread(controller: Starter, timeline: Timeline) -> None:
    with opened(controller().port, timeline) as keypad:
        threading.Timer(0.1, keypad.release_all).start()
        with pytest.raises(BenchFault, match="aborted"):
            keypad.type("1" * 20, ms=50, gap_ms=50)


# --- scripted wires ------------------------------------------------------------------------------


def test_wire_of_a_whole_session(timeline: Timeline) -> None:
    with (
        ScriptedController(
            *GREETING,
            heard(">{n} down #", "!10 key # down", "<{n} ok 10"),
            heard(">{n} up #", "!20 key # up", "<{n} ok 20"),
            heard(">{n} tap 5 80", "!30 key 5 down", "!110 key 5 up", "<{n} ok 110"),
            heard(
                ">{n} type 80 80 1 *",
                *("!200 key 1 down", "!280 key 1 up", "!360 key * down", "!440 key * up"),
                "<{n} ok 520",
            ),
            heard(">{n} lamps", f"<{{n}} ok 600 {LAMPS.replace('mwi=dark', 'mwi=red')}"),
            heard(">{n} release-all", "<{n} ok 700"),
        ) as controller,
        opened(controller.port, timeline) as keypad,
    ):
        keypad.press("#")
        keypad.release("#")
        keypad.tap("5")
        keypad.type("1*")
        assert keypad.lamps()["mwi"] is LampColour.RED
    assert timeline.events(LampChanged) == [LampChanged("mwi", LampColour.RED, 600)]
    assert [e.device_ms for e in timeline.events(KeyPressed)] == [10, 30, 200, 360]


def test_lost_answer_is_asked_for_once_more_under_its_number(timeline: Timeline) -> None:
    with (
        ScriptedController(
            *GREETING,
            heard(">3 down #", "!10 key # down"),
            heard(">3 down #", "<3 ok 10"),
        ) as controller,
        opened(controller.port, timeline) as keypad,
    ):
        keypad.press("#")
        assert edges(timeline) == ["#+"]


def test_answer_that_comes_twice_harms_nothing(timeline: Timeline) -> None:
    with (
        ScriptedController(
            *GREETING,
            heard(
                ">{n} down #", "!10 key # down", "<{n} ok 10", "<{n} ok 10", "<2 ok 9", "<77 ok 1"
            ),
            heard(">{n} up #", "!20 key # up", "<{n} ok 20"),
        ) as controller,
        opened(controller.port, timeline) as keypad,
    ):
        keypad.press("#")
        keypad.release("#")


@pytest.mark.parametrize("code", ["bad-verb", "bad-key", "busy", "limit"])
def test_refusal(timeline: Timeline, code: str) -> None:
    with (
        ScriptedController(
            *GREETING, heard(">{n} down #", f"<{{n}} err 10 {code} so there")
        ) as controller,
        opened(controller.port, timeline) as keypad,
        pytest.raises(BenchFault, match=f"refuses 'down #': {code} so there"),
    ):
        keypad.press("#")


def test_wrong_order_of_edges(timeline: Timeline) -> None:
    reports = ("!1 key 2 down", "!2 key 2 up", "!3 key 1 down", "!4 key 1 up", "<{n} ok 5")
    with (
        ScriptedController(*GREETING, heard(">{n} type 80 80 1 2", *reports)) as controller,
        opened(controller.port, timeline) as keypad,
    ):
        with pytest.raises(BenchFault, match="another order") as caught:
            keypad.type("12")
        assert caught.value.state == "2↓ 2↑ 1↓ 1↑"


@pytest.mark.parametrize("greeting", ["grbl 1 12", "matrix 3 35 new", "matrix", ""])
def test_another_controller(timeline: Timeline, greeting: str) -> None:
    answer = f"<1 ok 5 {greeting}".rstrip()
    with (
        ScriptedController(heard(">1 hello 2", answer)) as controller,
        pytest.raises(BenchFault, match="it greets with"),
        opened(controller.port, timeline),
    ):
        pass


def test_controller_of_version_1(timeline: Timeline) -> None:
    with (
        ScriptedController(
            heard(">1 hello 2", "<1 err 4 bad-arguments hello 2"),
            heard(">2 hello", "<2 ok 5 matrix 1 35"),
            heard(">3 lamps", f"<3 ok 6 {LAMPS}"),
            heard(">{n} down #", "!10 key # down", "<{n} ok 10"),
        ) as controller,
        opened(controller.port, timeline) as keypad,
    ):
        assert keypad.identity == "matrix 1 35"
        keypad.press("#")


def test_refused_greeting_is_not_taken_for_version_1(timeline: Timeline) -> None:
    with (
        ScriptedController(heard(">1 hello 2", "<1 err 4 bad-verb hello")) as controller,
        pytest.raises(BenchFault, match="refuses 'hello 2': bad-verb"),
        opened(controller.port, timeline),
    ):
        pass


def test_nonsense_for_lamps(timeline: Timeline) -> None:
    with (
        ScriptedController(GREETING[0], heard(">2 lamps", "<2 ok 6 all of them")) as controller,
        pytest.raises(BenchFault, match="describes its lamps"),
        opened(controller.port, timeline),
    ):
        pass


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_split_glued_and_between_garbage(timeline: Timeline, size: int) -> None:
    stream = b"\x00\xffboot v1.2\r\n" + frame("!10 key # down") + b"??\n" + frame("<3 ok 10")
    pieces = tuple(stream[at : at + size] for at in range(0, len(stream), size))
    with (
        ScriptedController(*GREETING, Heard(">3 down #", pieces)) as controller,
        opened(controller.port, timeline) as keypad,
    ):
        keypad.press("#")
    assert edges(timeline) == ["#+"]
    assert len([n for n in timeline.events(Note) if "damaged line" in n.text]) == 2


def test_unplugged_in_the_middle_of_a_line(timeline: Timeline) -> None:
    with (
        ScriptedController(*GREETING, Heard(">3 down #", (b"!10 key",), unplug=True)) as controller,
        opened(controller.port, timeline) as keypad,
        pytest.raises(BenchFault, match="is gone"),
    ):
        keypad.press("#")


def test_protocol_page_and_code_agree_on_the_examples() -> None:
    page = Path(__file__).parents[3] / "docs/reference/keypad-protocol.md"
    rows = [
        line.split("|")[1:3] for line in page.read_text().splitlines() if line.startswith("| `")
    ]
    examples = [(body.strip(" `"), told.strip().split("`")[1]) for body, told in rows[:4]]
    assert [frame(body).decode().strip() for body, _ in examples] == [told for _, told in examples]
