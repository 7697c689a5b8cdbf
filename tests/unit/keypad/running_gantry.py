from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.keypad.build import gantry_twin
from harness.keypad.calibration import Calibration, shifted
from harness.keypad.gantry import Gantry
from harness.keypad.grbl import Face, GrblKeypad
from harness.keypad.layout import key_layout
from harness.lab import GrblSpec
from harness.models import ModelName
from harness.timeline import Timeline
from harness.virtual.grbl import GrblTwin
from harness.virtual.spec import BenchSpec
from harness.virtual.world import World

LAYOUT = key_layout(ModelName.CP7942G)


@dataclass
class RunningGantry:
    """A gantry twin in an event loop of its own; ``felt`` is what reached the phone's keys."""

    port: str
    twin: GrblTwin
    loop: asyncio.AbstractEventLoop
    spec: GrblSpec
    log: list[str]
    felt: list[str] = field(default_factory=list)

    def pull_for(self, seconds: float) -> None:
        async def pull() -> None:
            self.twin._port.pull_for(seconds)

        asyncio.run_coroutine_threadsafe(pull(), self.loop).result(2.0)

    def unplug(self) -> None:
        async def stop() -> None:
            self.twin.stop()

        asyncio.run_coroutine_threadsafe(stop(), self.loop).result(2.0)

    def restart(self) -> None:
        """As if somebody pressed the controller's reset button."""
        self.loop.call_soon_threadsafe(self.twin._reset)

    @contextmanager
    def driver(
        self, timeline: Timeline, calibration: Calibration | None = None, **options: Any
    ) -> Iterator[GrblKeypad]:
        answer_s = options.pop("answer_s", 0.5)
        observe = timeline.observer("keypad-1")
        gantry = Gantry(self.port, "keypad-1", ["desk"], observe, self.spec, answer_s)
        lies = calibration or shifted(self.spec.corner)
        keypad = GrblKeypad(gantry, [Face("desk", LAYOUT, lies, **options)])
        try:
            yield keypad
        finally:
            keypad.close()


@contextmanager
def gantries(tmp_path: Path) -> Iterator[Any]:
    """Hand out a function that starts gantry twins with faults."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    running: list[RunningGantry] = []

    def call(work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(5.0)

    def start(
        stylus: dict[str, Any] | None = None, speed: float = 40.0, **faults: Any
    ) -> RunningGantry:
        log: list[str] = []
        spec = GrblSpec.model_validate(
            {"driver": "grbl", "homing_s": 2.0} | ({"stylus": stylus} if stylus else {})
        )
        bench = BenchSpec.model_validate(
            {
                "state_dir": tmp_path,
                "gantries": {
                    "keypad-1": gantry_twin(spec, "keypad-1", {"desk": ModelName.CP7942G}, faults)
                },
            }
        )
        world = World(bench, log.append)
        felt: list[str] = []
        press = world.key

        def feel(keypad: str, key: str, *, down: bool) -> None:
            felt.append(key + ("+" if down else "-"))
            press(keypad, key, down=down)

        world.key = feel  # type: ignore[method-assign]

        async def begin() -> tuple[GrblTwin, str]:
            twin = GrblTwin("keypad-1", bench.gantries["keypad-1"], world, log.append, speed)
            return twin, twin.start()

        twin, port = call(begin())
        running.append(RunningGantry(port, twin, loop, spec, log, felt))
        return running[-1]

    yield start

    async def stop() -> None:
        for gantry in running:
            gantry.twin.stop()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.wait_for(asyncio.gather(*others, return_exceptions=True), 2.0)

    call(stop())
    loop.call_soon_threadsafe(loop.stop)
    thread.join(2.0)
    loop.close()
