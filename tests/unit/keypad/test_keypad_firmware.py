"""What only the firmware has: coils and their limits; run by MicroPython, watched at its pins."""

from __future__ import annotations

import os
import re
import select
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from controller_peer import frame
from running_firmware import (
    FIRMWARE,
    ROOT,
    UNIX_BOARD,
    RunningFirmware,
    board,
    execute,
    load,
    micropython,
    opened,
)

from harness.errors import BenchFault
from harness.events import KeyPressed, KeyReleased, Note
from harness.keypad import KEYS, LAMPS
from harness.timeline import Timeline

Starter = Callable[..., RunningFirmware]
SOURCES = sorted(FIRMWARE.glob("*.py"))


class RawHost:
    """A host that reads only when asked to."""

    def __init__(self, port: str) -> None:
        self._fd = os.open(port, os.O_RDWR | os.O_NOCTTY)
        self._rest = b""

    def say(self, *bodies: str) -> None:
        os.write(self._fd, b"".join(frame(body) for body in bodies))

    def until(self, pattern: str, within: float = 5.0) -> list[str]:
        """Return the lines up to one that matches."""
        lines: list[str] = []
        deadline = time.monotonic() + within
        while True:
            line, newline, rest = self._rest.partition(b"\n")
            if newline:
                self._rest = rest
                lines.append(line[:-3].decode())
                if re.fullmatch(pattern, lines[-1]):
                    return lines
            else:
                left = deadline - time.monotonic()
                assert left > 0, f"no {pattern!r} in {lines}"
                if select.select([self._fd], [], [], left)[0]:
                    self._rest += os.read(self._fd, 4096)

    def drain(self) -> list[str]:
        """Read what waits, until nothing more comes; every line must be a whole frame."""
        while select.select([self._fd], [], [], 0.2)[0]:
            self._rest += os.read(self._fd, 65536)
        *lines, self._rest = self._rest.split(b"\n")
        for line in lines:
            assert frame(line[:-3].decode()) == line + b"\n"
        return [line[:-3].decode() for line in lines]

    def close(self) -> None:
        os.close(self._fd)


@contextmanager
def raw(port: str, hello: str = "hello 2") -> Iterator[RawHost]:
    host = RawHost(port)
    try:
        host.say(f">1 {hello}")
        host.until("<1 ok .*")
        yield host
    finally:
        host.close()


# --- time ----------------------------------------------------------------------------------------


def lengths(timeline: Timeline) -> list[int]:
    downs = [event.device_ms for event in timeline.events(KeyPressed)]
    ups = [event.device_ms for event in timeline.events(KeyReleased)]
    return [up - down for down, up in zip(downs, ups, strict=True)]


def are_30_ms(found: list[float], count: int) -> None:
    """Never shorter; and no longer, but for the machine the test runs on being busy at times."""
    assert len(found) == count
    assert min(found) >= 29, found
    assert sorted(found)[len(found) // 4] <= 35, found


def test_30_ms_are_30_ms_by_the_devices_clock_and_at_its_pins(
    firmware: Starter, timeline: Timeline
) -> None:
    running = firmware()
    with opened(running.port, timeline) as keypad:
        keypad.type("1234567890*#", ms=30, gap_ms=30)
    told = lengths(timeline)
    assert min(told) >= 30
    rows = [step for step in running.switched if step.driver == "row"]
    pins = [(up.us - down.us) / 1000 for down, up in pairwise(rows) if down.percent]
    are_30_ms(pins, 12)
    assert statistics.median(abs(a - b) for a, b in zip(told, pins, strict=True)) <= 2


def test_30_ms_are_30_ms_while_the_host_does_not_read(firmware: Starter) -> None:
    running = firmware()
    with raw(running.port) as host:
        deadline = time.monotonic() + 10.0
        seq, full = 2, 0
        while full < 20:
            assert time.monotonic() < deadline
            full = full + 1 if running.line_is_full() else 0
            host.say(*(f">{number} lamps" for number in range(seq, seq + 10)))
            seq += 10
            time.sleep(0.002)
        # More than the controller can keep for later, too: it has to drop answers.
        host.say(*(f">{number} lamps" for number in range(seq, seq + 50)))
        seq += 50
        host.say(f">{seq} type 30 30 {' '.join('123456789*0#')}")
        while len(running.switched) < 48 and time.monotonic() < deadline:
            time.sleep(0.01)
        rows = [step for step in running.switched if step.driver == "row"]
        pins = [(up.us - down.us) / 1000 for down, up in pairwise(rows) if down.percent]
        are_30_ms(pins, 12)
        seq += 1
        answers = [line.split(" ")[0] for line in host.drain()]
        assert all(f"<{number}" in answers for number in range(2, 10))
        assert f"<{seq - 2}" not in answers, "nothing had to be dropped"
        host.say(f">{seq} alive")
        host.until(f"<{seq} ok .*")


def test_clock_never_jumps_back() -> None:
    code = (
        "from clock import Clock\n"
        "readings = iter([1073741800, 1073741823, 5, 105])\n"
        "clock = Clock(lambda: next(readings), lambda new, old: (new - old) % 1073741824)\n"
        "print([clock.now() for _ in range(3)])"
    )
    assert execute(code, FIRMWARE).strip() == "[23, 29, 129]"


# --- coils ---------------------------------------------------------------------------------------


def test_full_current_to_move_and_less_to_stay(firmware: Starter, timeline: Timeline) -> None:
    running = firmware()
    with opened(running.port, timeline) as keypad:
        keypad.tap("5", ms=300)
        keypad.tap("5", ms=20)
    columns = [step for step in running.switched if step.driver == "column"]
    assert [step.percent for step in columns] == [100, board.HOLD_PERCENT, 0, 100, 0]
    assert board.PULL_IN_MS - 1 <= (columns[1].us - columns[0].us) / 1000 <= board.PULL_IN_MS + 100


def test_no_coil_has_current_that_was_not_asked_for(firmware: Starter) -> None:
    running = firmware()
    wanted: set[str] = set()
    with raw(running.port) as host:
        pairs = [("1", "#"), ("1", "4"), ("hook", "speaker"), ("line6", "9"), ("volup", "soft5")]
        pairs += [("1", "5"), ("#", "line1"), ("hook", "navdown")]
        seq = 1
        refused = []
        for one, two in pairs:
            for body in (f"down {one}", f"down {two}", f"up {one}", f"up {two}"):
                seq += 1
                host.say(f">{seq} {body}")
                answer = host.until(f"<{seq} .*")[-1]
                if " err " in answer:
                    refused.append((body, answer.split()[3]))
                wanted |= {one, two}
    for state in running.powered():
        assert len(state) <= board.MOST_DOWN
        assert set(state) <= wanted
        assert any(set(state) <= set(pair) for pair in pairs), state
    assert refused == [
        ("down soft5", "bad-key"),
        ("up soft5", "bad-key"),
        ("down 5", "limit"),
        ("down line1", "limit"),
        ("down navdown", "limit"),
    ]
    assert running.powered()[-1] == {}


def test_no_more_coils_than_the_supply_bears(firmware: Starter) -> None:
    running = firmware()
    with raw(running.port) as host:
        host.say(">2 down 1", ">3 down 2", ">4 down 3", ">5 type 10 10 1 3", ">6 down 1")
        lines = host.until("<6 .*")
    answers = [line.split()[:2] + line.split()[3:4] for line in lines if line[0] == "<"]
    assert answers == [
        ["<2", "ok"],
        ["<3", "ok"],
        ["<4", "err", "limit"],
        ["<5", "err", "limit"],
        ["<6", "ok"],
    ]
    assert max(len(state) for state in running.powered()) == board.MOST_DOWN == 2


def test_host_of_version_1_hears_words_it_knows(firmware: Starter) -> None:
    running = firmware(LONGEST_DOWN_MS=100)
    with raw(running.port, "hello") as host:
        host.say(">2 down 1", ">3 down 5")
        assert " busy " in host.until("<3 err .*")[-1]
        assert host.until("!.* up")[-1].endswith("key 1 up")
        host.say(">4 alive")
        assert not any("limit" in line for line in host.until("<4 ok .*"))


def test_no_key_stays_down_for_ever(firmware: Starter, timeline: Timeline) -> None:
    running = firmware(LONGEST_DOWN_MS=150)
    with opened(running.port, timeline) as keypad:
        keypad.press("#")
        timeline.wait_for(Note, within=2.0, where=lambda note: "coil's limit" in note.text)
        assert 149 <= lengths(timeline)[0] <= 400
        with pytest.raises(BenchFault, match=r"let go of # by itself at .* its coil's limit"):
            keypad.release("#")
        with pytest.raises(BenchFault, match="aborted"):
            keypad.tap("#", ms=400)
    assert running.powered()[-1] == {}


def test_hot_coil_is_switched_off_and_rests(firmware: Starter, timeline: Timeline) -> None:
    running = firmware(HOLD_PERCENT=100, LONGEST_FULL_MS=150)
    with opened(running.port, timeline) as keypad:
        keypad.press("5")
        timeline.wait_for(Note, within=2.0, where=lambda note: "coil's limit" in note.text)
        assert 149 <= lengths(timeline)[0] <= 400
        with pytest.raises(BenchFault, match="limit the coil of 5 is hot"):
            keypad.tap("5")
        keypad.tap("6", ms=1)
        # It cools by 25 percent of full heat: half of 150 * 75 takes 225 ms.
        deadline = time.monotonic() + 3.0
        while time.monotonic() < deadline:
            try:
                keypad.tap("5", ms=1)
                break
            except BenchFault as fault:
                refusal = fault.summary
        assert "the coil of 5 is hot" in refusal
    rested = timeline.events(KeyPressed)[-1].device_ms - timeline.events(KeyReleased)[0].device_ms
    # Two stamps in whole milliseconds are up to one further apart than they say.
    assert 224 <= rested <= 1500


def test_silent_host_leaves_no_current(firmware: Starter) -> None:
    running = firmware(WATCHDOG_MS=100)
    with raw(running.port) as host:
        host.say(">2 type 2000 0 1 2")
        lines = host.until("<2 err .*")
    assert [line.split(" ", 1)[1] for line in lines[:3]] == ["key 1 down", "key 1 up", "watchdog"]
    assert running.powered()[-1] == {}


def test_fault_in_the_firmware_leaves_no_current(firmware: Starter) -> None:
    running = firmware()
    with raw(running.port) as host:
        host.say(">2 down 1")
        host.until("<2 ok .*")
        running.order("break")
        assert running.wait_ended() != 0
    assert running.last_words == "off"


def test_maintenance_jumper_gives_the_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYPAD_MAINTENANCE", "1")
    monkeypatch.setenv("KEYPAD_ORDERS", "0")
    monkeypatch.setenv("KEYPAD_RECORD", "1")
    # Nothing printed: neither armed nor anything switched.
    assert execute("import main", UNIX_BOARD, FIRMWARE, Path(".frozen")) == ""


def hardware_does(code: str) -> list[str]:
    """Run the real hardware module over a ``machine`` that says what it is told."""
    printed = execute(
        f"from hardware import Hardware\nh = Hardware()\nprint('-')\n{code}", FIRMWARE, UNIX_BOARD
    )
    return printed.split("-\n", 1)[1].splitlines()


def test_every_driver_is_off_before_anything_else() -> None:
    printed = execute(
        "from hardware import Hardware\nHardware()", FIRMWARE, UNIX_BOARD
    ).splitlines()
    assert [f"pin {pin} out 0" for pin in board.ROW_PINS] == printed[:6]
    assert [f"pwm {pin} {board.PWM_HZ} 0" for pin in board.COLUMN_PINS] == printed[7:18:2]
    assert f"adc {board.ADC_PIN}" in printed
    assert printed[-1] == f"pin {board.MAINTENANCE_PIN} in pull-up None"


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("h.row(5, True); h.row(5, False)", ["pin 5 = 1", "pin 5 = 0"]),
        ("h.column(2, 100); h.column(2, 35)", ["pwm 8 = 65535", "pwm 8 = 22937"]),
        ("h.column(5, 0)", ["pwm 11 = 0"]),
        ("print(h.level(5))", ["pin 12 = 1", "pin 13 = 0", "pin 14 = 1", "pin 15 = 0", "4711"]),
        ("h.feed(); h.arm(); h.feed()", [f"wdt {board.RESET_MS}", "fed"]),
        ("print(h.in_maintenance())", ["True"]),
        (
            "h.all_off()",
            [f"pin {pin} = 0" for pin in board.ROW_PINS]
            + [f"pwm {pin} = 0" for pin in board.COLUMN_PINS],
        ),
    ],
)
def test_pins_do_what_they_are_told(code: str, told: list[str]) -> None:
    assert hardware_does(code) == told


# --- files and board -----------------------------------------------------------------------------


@pytest.mark.parametrize("source", [*SOURCES, UNIX_BOARD / "hardware.py"], ids=lambda p: p.name)
def test_micropython_compiles_it(source: Path) -> None:
    assert execute(f"compile(open({str(source)!r}).read(), {source.name!r}, 'exec')") == ""


def test_a_syntax_error_would_be_noticed(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("match 1:\n    case 1:\n        pass\n")
    with pytest.raises(AssertionError, match="SyntaxError"):
        test_micropython_compiles_it(tmp_path / "bad.py")


def test_only_one_module_knows_the_chip() -> None:
    chip = re.compile(r"^\s*(from|import) (machine|rp2)\b", re.MULTILINE)
    assert [path.name for path in SOURCES if chip.search(path.read_text())] == ["hardware.py"]


def test_board_names_what_the_protocol_names() -> None:
    keys = [key for row in board.KEYS for key in row if key]
    assert len(keys) == len(set(keys))
    assert set(keys) == KEYS
    assert tuple(name for name, _, _ in board.LAMPS) == LAMPS


def test_each_pin_has_one_use_and_is_on_the_pico() -> None:
    singles = [board.ADC_PIN, board.MAINTENANCE_PIN]
    pins = [*board.ROW_PINS, *board.COLUMN_PINS, *board.MUX_PINS, *singles]
    assert len(pins) == len(set(pins))
    # GPIO 23 to 25 and 29 are used on a Pico's own board; 26 to 28 reach the ADC.
    assert set(pins) <= {*range(23), 26, 27, 28}
    assert board.ADC_PIN in {26, 27, 28}
    assert len(board.KEYS) == len(board.ROW_PINS)
    assert {len(row) for row in board.KEYS} == {len(board.COLUMN_PINS)}
    channels = [channel for _, channels, _ in board.LAMPS for channel in channels]
    assert sorted(channels) == list(range(2 ** len(board.MUX_PINS)))


def test_coils_can_do_what_a_factory_reset_needs_and_not_burn() -> None:
    assert board.HOLD_PERCENT**2 // 100 <= board.RATED_PERCENT, "# is held for minutes"
    assert board.LONGEST_DOWN_MS >= 300_000, "the amber walk may take 300 s"
    assert min(board.DRIVER_MA, board.SUPPLY_MA) >= board.COIL_MA * board.MOST_DOWN
    assert board.PULL_IN_MS < board.RESET_MS < board.LONGEST_FULL_MS
    assert board.RESET_MS < board.WATCHDOG_MS


def test_drawing_and_page_show_this_board() -> None:
    drawing = load(ROOT / "tools/keypad_drawing.py", "keypad_drawing")
    again = "python tools/keypad_drawing.py"
    assert drawing.svg(board) == drawing.DRAWING.read_text(), again
    assert drawing.page(drawing.PAGE.read_text(), board) == drawing.PAGE.read_text(), again
    # Each pin the firmware drives is drawn, with its use, at its place on a Pico.
    assert len(drawing.PICO) == 40
    assert {f"GP{n}" for n in [*range(23), 26, 27, 28]} == {
        name for name in drawing.PICO if re.fullmatch(r"GP\d+", name)
    }
    assert set(drawing.uses(board)) <= set(drawing.PICO)


def test_page_tells_to_flash_every_module() -> None:
    page = (ROOT / "docs/how-to/build-the-keypad.md").read_text()
    command = re.search(r"`mpremote cp (board[^:]*) :`", page)
    assert command is not None
    assert set(command[1].split()) == {path.name for path in SOURCES} - {"calibrate.py"}


def test_micropython_is_found_or_the_way_to_it_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert micropython.found().exists()
    monkeypatch.setenv("PATH", "")
    with pytest.raises(micropython.MissingError, match="make install"):
        micropython.found(tmp_path)
