"""Every implementation of a keypad that can run here, each behind the real driver.

To put another one under the contract (a controller's firmware, say), write a function like those
below that yields a :class:`Robot`, and name it in ``ROBOTS``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from far_port import FarPort
from running_gantry import gantries

from harness.keypad import Keypad, MatrixKeypad
from harness.timeline import Timeline


@dataclass(frozen=True)
class Robot:
    """A connected keypad; ``felt`` tells what really reached the keys, in order."""

    keypad: Keypad
    felt: Callable[[], list[str]]
    unplug: Callable[[], None]
    #: Pulls the cable for so many seconds.
    pull_for: Callable[[float], None]
    chords: bool
    #: Where it is connected.
    port: str


Starter = Callable[[Path, Timeline, Any], AbstractContextManager[Robot]]


def matrix_twin(_: Path, timeline: Timeline, keypad_twin: Any) -> AbstractContextManager[Robot]:
    running = keypad_twin()
    return _matrix(running, running.port, running.unplug, running.pull_for, timeline)


@contextmanager
def matrix_twin_of_another_machine(
    _: Path, timeline: Timeline, keypad_twin: Any
) -> Iterator[Robot]:
    running = keypad_twin()
    far = FarPort(running.port)
    try:
        with _matrix(running, far.url, far.unplug, far.pull_for, timeline) as robot:
            yield robot
    finally:
        far.close()


@contextmanager
def _matrix(
    running: Any,
    port: str,
    unplug: Callable[[], None],
    pull_for: Callable[[float], None],
    timeline: Timeline,
) -> Iterator[Robot]:
    felt: list[str] = []
    press = running.twin._world.key

    def feel(keypad: str, key: str, *, down: bool) -> None:
        felt.append(key + ("+" if down else "-"))
        press(keypad, key, down=down)

    running.twin._world.key = feel
    keypad = MatrixKeypad(port, "keypad-1", "desk", timeline.observer("keypad-1"))
    try:
        yield Robot(keypad, lambda: felt, unplug, pull_for, chords=True, port=port)
    finally:
        keypad.close()


@contextmanager
def _gantry(tmp_path: Path, timeline: Timeline, stylus: dict[str, Any] | None) -> Iterator[Robot]:
    with gantries(tmp_path) as start:
        running = start(stylus)
        with running.driver(timeline) as keypad:
            yield Robot(
                keypad,
                lambda: running.felt,
                running.unplug,
                running.pull_for,
                chords=False,
                port=running.port,
            )


def grbl_twin_z(tmp_path: Path, timeline: Timeline, _: Any) -> AbstractContextManager[Robot]:
    return _gantry(tmp_path, timeline, None)


def grbl_twin_servo(tmp_path: Path, timeline: Timeline, _: Any) -> AbstractContextManager[Robot]:
    return _gantry(tmp_path, timeline, {"kind": "servo", "settle_ms": 50})


ROBOTS: tuple[Starter, ...] = (
    matrix_twin,
    matrix_twin_of_another_machine,
    grbl_twin_z,
    grbl_twin_servo,
)
