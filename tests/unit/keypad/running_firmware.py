"""The keypad's firmware as it is flashed, run by MicroPython's unix port behind a pseudo-terminal.

Only its ``hardware`` module is another: it records what the drivers of the coils are told, with
the controller's clock, and takes the levels of the light sensors from the test.
"""

from __future__ import annotations

import importlib.util
import json
import os
import select
import subprocess
import sys
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from harness.events import LampColour
from harness.keypad import MatrixKeypad
from harness.timeline import Timeline

ROOT = Path(__file__).parents[3]
FIRMWARE = ROOT / "firmware"
UNIX_BOARD = Path(__file__).parent / "unix_board"

#: What a sensor gives in the dark, in light its filter passes, and in light it holds back.
DARK, BRIGHT, FAINT = 1000, 40000, 3000


def load(path: Path, name: str) -> ModuleType:
    """Import one file that is in no package."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


sys.path.append(str(ROOT / "tools"))
micropython = load(ROOT / "tools" / "micropython.py", "micropython_tool")
board = load(FIRMWARE / "board.py", "keypad_board")


def execute(code: str, *folders: Path) -> str:
    """Run a piece of code under MicroPython and return what it printed."""
    done = subprocess.run(
        [micropython.found(), "-c", code],
        cwd="/",
        env={**os.environ, "MICROPYPATH": ":".join(map(str, folders))},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass(frozen=True)
class Switched:
    """A row driver was switched, or a column's share of on-time set, at ``us``."""

    us: int
    driver: str
    number: int
    percent: int


@contextmanager
def opened(port: str, timeline: Timeline) -> Iterator[MatrixKeypad]:
    """Connect the real driver."""
    keypad = MatrixKeypad(port, "keypad-1", "desk", timeline.observer("keypad-1"), answer_s=1.0)
    try:
        yield keypad
    finally:
        keypad.close()


class RunningFirmware:
    """One controller; ``constants`` replace those of firmware/board.py, ``flash`` is its files."""

    def __init__(self, flash: Path = Path("/"), **constants: Any) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        orders, self._orders = os.pipe()
        record_from, record = os.pipe()
        self._stopping = threading.Lock()
        self._process = subprocess.Popen(
            # Not as a script: the folder of a script comes first when modules are looked for.
            [micropython.found(), "-c", "import main"],
            cwd=flash,
            stdin=self._master,
            stdout=self._master,
            stderr=subprocess.PIPE,
            pass_fds=(orders, record),
            env={
                **os.environ,
                "MICROPYPATH": f"{UNIX_BOARD}:{FIRMWARE}:.frozen",
                "KEYPAD_ORDERS": str(orders),
                "KEYPAD_RECORD": str(record),
                "KEYPAD_BOARD": json.dumps(constants),
            },
        )
        os.close(orders)
        os.close(record)
        self._lines: list[str] = []
        self._marks = 0
        self._recorded = threading.Condition()
        self._armed = threading.Event()
        self._recorder = threading.Thread(target=self._hear, args=(record_from,), daemon=True)
        self._recorder.start()
        assert self._armed.wait(10.0), self._errors()

    def _hear(self, descriptor: int) -> None:
        with os.fdopen(descriptor, "r") as lines:
            for line in lines:
                with self._recorded:
                    self._lines.append(line)
                    self._recorded.notify_all()
                if line.endswith("arm\n"):
                    self._armed.set()

    def _errors(self) -> str:
        self._process.kill()
        return self._process.communicate()[1].decode()

    def _catch_up(self) -> None:
        """Wait until all that was recorded up to now has arrived."""
        self._marks += 1
        self.order(f"mark {self._marks}")
        mark = f" mark {self._marks}\n"
        with self._recorded:
            seen = self._recorded.wait_for(
                lambda: any(line.endswith(mark) for line in self._lines[-50:]), 5.0
            )
        assert seen, "the firmware's main loop does not turn"

    @property
    def switched(self) -> list[Switched]:
        """What the drivers were told so far; a row is 0 or 1."""
        self._catch_up()
        found = []
        for line in list(self._lines):
            us, *words = line.split()
            if len(words) == 3:
                found.append(Switched(int(us), words[0], int(words[1]), int(words[2])))
        return found

    @property
    def last_words(self) -> str:
        """The last line the drivers were told; only after the firmware has ended."""
        self._recorder.join(5.0)
        return self._lines[-1].split(" ", 1)[1].strip()

    def powered(self) -> list[dict[str, int]]:
        """Return, after each switching, the keys with current in their coil and its percent."""
        rows: dict[int, int] = {}
        columns: dict[int, int] = {}
        states = []
        for step in self.switched:
            (rows if step.driver == "row" else columns)[step.number] = step.percent
            states.append(
                {
                    board.KEYS[row][column] or f"empty {row}/{column}": columns[column]
                    for row in rows
                    for column in columns
                    if rows[row] and columns[column]
                }
            )
        return states

    def order(self, text: str) -> None:
        os.write(self._orders, text.encode() + b"\n")

    def light(self, lamp: str, colour: LampColour) -> None:
        channels, only = next((c, only) for name, c, only in board.LAMPS if name == lamp)
        if only:
            levels = [DARK if colour is LampColour.DARK else BRIGHT]
        else:
            levels = {
                LampColour.DARK: [DARK, DARK],
                LampColour.RED: [BRIGHT, FAINT],
                LampColour.GREEN: [FAINT, BRIGHT],
                LampColour.AMBER: [BRIGHT, BRIGHT],
            }[colour]
        for channel, level in zip(channels, levels, strict=True):
            self.order(f"level {channel} {level}")

    def line_is_full(self) -> bool:
        """Whether the pseudo-terminal takes no byte for the host any more."""
        return not select.select([], [self._master], [], 0.0)[1]

    def unplug(self) -> None:
        self.stop()

    def wait_ended(self) -> int:
        return self._process.wait(5.0)

    def stop(self) -> None:
        # A test unplugs it in a thread of its own, which may be at it when the test ends.
        with self._stopping:
            if self._master < 0:
                return
            self._process.kill()
            self._process.communicate()
            for descriptor in (self._master, self._slave, self._orders):
                os.close(descriptor)
            self._master = self._slave = self._orders = -1
            self._recorder.join(2.0)
