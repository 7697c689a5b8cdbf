from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from running_firmware import RunningFirmware
from running_gantry import gantries
from running_twin import RunningTwin

from harness.timeline import Timeline
from harness.virtual.keypad import KeypadTwin
from harness.virtual.spec import BenchSpec
from harness.virtual.world import World


@pytest.fixture
def timeline() -> Timeline:
    return Timeline()


@pytest.fixture
def keypad_twin(tmp_path: Path) -> Iterator[Callable[..., RunningTwin]]:
    """Start a keypad twin with faults."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    twins: list[RunningTwin] = []

    def call(work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(5.0)

    def start(**faults: Any) -> RunningTwin:
        log: list[str] = []
        spec = BenchSpec.model_validate(
            {"state_dir": tmp_path, "keypads": {"keypad-1": {"faults": faults}}}
        )
        world = World(spec, log.append)
        twin = KeypadTwin("keypad-1", spec.keypads["keypad-1"], world, log.append)

        async def begin() -> str:
            return twin.start()

        twins.append(RunningTwin(call(begin()), twin, loop, log))
        return twins[-1]

    yield start

    async def stop() -> None:
        for running in twins:
            running.twin.stop()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.wait_for(asyncio.gather(*others, return_exceptions=True), 2.0)

    call(stop())
    loop.call_soon_threadsafe(loop.stop)
    thread.join(2.0)
    loop.close()


@pytest.fixture
def firmware() -> Iterator[Callable[..., RunningFirmware]]:
    """Start the firmware under MicroPython, with constants of its board changed."""
    started: list[RunningFirmware] = []

    def start(**constants: Any) -> RunningFirmware:
        started.append(RunningFirmware(**constants))
        return started[-1]

    yield start
    for running in started:
        running.stop()


@pytest.fixture(params=["twin", "firmware"])
def controller(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., RunningTwin | RunningFirmware]:
    """Start a keypad controller: the twin, or the firmware under MicroPython.

    Args:
        watchdog_ms: for how long the host may be silent.
    """

    def start(watchdog_ms: int = 2000) -> RunningTwin | RunningFirmware:
        if request.param == "twin":
            monkeypatch.setattr("harness.virtual.keypad._WATCHDOG_S", watchdog_ms / 1000)
            twin: RunningTwin = request.getfixturevalue("keypad_twin")()
            return twin
        board: RunningFirmware = request.getfixturevalue("firmware")(WATCHDOG_MS=watchdog_ms)
        return board

    return start


@pytest.fixture
def gantry(tmp_path: Path) -> Iterator[Any]:
    """Start a GRBL gantry twin with faults."""
    with gantries(tmp_path) as start:
        yield start
