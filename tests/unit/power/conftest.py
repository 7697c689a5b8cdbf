from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.power import SwitchedOutlets
from harness.power.dialects import PLAIN, ScpiDialect
from harness.power.drivers.scpi import ScpiOutlets
from harness.timeline import Timeline
from harness.virtual.pdu import PduTwin
from harness.virtual.spec import BenchSpec
from harness.virtual.world import World


@pytest.fixture
def timeline() -> Timeline:
    return Timeline()


@pytest.fixture
def scpi(timeline: Timeline) -> Iterator[Callable[..., SwitchedOutlets]]:
    """Connect the SCPI driver to an address; what it was asked stays open until the end."""
    opened: list[SwitchedOutlets] = []

    def connect(
        address: str,
        dialect: ScpiDialect = PLAIN,
        outlets: int = 4,
        *,
        timeout_s: float = 0.2,
        confirm_s: float = 0.3,
        library: str = "@py",
        **options: Any,
    ) -> SwitchedOutlets:
        observe = timeline.observer("pdu-1")
        driver = ScpiOutlets(address, "pdu-1", observe, dialect, timeout_s, library=library)
        names = [str(number) for number in range(1, outlets + 1)]
        opened.append(
            SwitchedOutlets(driver, "pdu-1", names, observe, confirm_s=confirm_s, **options)
        )
        return opened[-1]

    yield connect
    for power in opened:
        power.close()


@pytest.fixture
def pdu_twin(tmp_path: Path) -> Iterator[Callable[..., tuple[str, list[str]]]]:
    """Start a PDU twin with faults; returns its VISA address and its growing log."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    twins: list[PduTwin] = []

    def start(**faults: Any) -> tuple[str, list[str]]:
        log: list[str] = []
        spec = BenchSpec.model_validate(
            {"state_dir": tmp_path, "pdus": {"pdu-1": {"outlets": 4, "faults": faults}}}
        )
        twin = PduTwin("pdu-1", spec.pdus["pdu-1"], World(spec, log.append), log.append)
        twins.append(twin)
        return asyncio.run_coroutine_threadsafe(twin.start(), loop).result(5.0), log

    yield start

    async def stop() -> None:
        for twin in twins:
            await twin.stop()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.wait_for(asyncio.gather(*others, return_exceptions=True), 2.0)

    asyncio.run_coroutine_threadsafe(stop(), loop).result(5.0)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(2.0)
    loop.close()
