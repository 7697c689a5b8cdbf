"""What the contract runs on: for each driver a device that really switches, found by file name.

A driver brings `rig_<driver>.py` with ``RIGS``: for each kind of device a function that starts one
for a test and takes it down again. A driver without a rig fails the contract.
"""

from __future__ import annotations

import asyncio
import importlib
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from harness.lab import PowerSpec

#: What a phone on outlet 1 of a rig draws.
AMPERES = 0.12


@dataclass
class Rig:
    """A device under contract.

    Args:
        entry: what lab.yaml would say of it; four outlets unless it says otherwise.
        address: where it is, when not where the entry says.
        truth: whether an outlet really carries power, known without the driver.
        unplug: takes the device off the network.
        measures: whether the driver can tell what an outlet draws.
        identity: a word of who it says it is.
        outlets: two of its outlets; a phone that draws `AMPERES` is on the first.
    """

    entry: dict[str, Any]
    truth: Callable[[str], bool]
    unplug: Callable[[], None]
    address: str = ""
    measures: bool = False
    identity: str = "PDU"
    outlets: tuple[str, str] = ("1", "2")
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def spec(self) -> PowerSpec:
        quick = {"timeout_s": 0.4, "confirm_s": 1.0, "outlets": 4}
        spec: PowerSpec = TypeAdapter(PowerSpec).validate_python({**quick, **self.entry})
        return spec


RigMaker = Callable[[Path], AbstractContextManager[Rig]]


def all_rigs() -> dict[str, RigMaker]:
    """Every rig, by ``driver/kind``."""
    found: dict[str, RigMaker] = {}
    for file in sorted(Path(__file__).parent.glob("rig_*.py")):
        rigs = importlib.import_module(file.stem).RIGS
        found |= {f"{file.stem[4:]}/{kind}": maker for kind, maker in rigs.items()}
    return found


class World:
    """A world of outlets without phones: a load is on outlet 1."""

    def __init__(self) -> None:
        self.on: dict[str, bool] = {}

    def outlet_is_on(self, outlet: str) -> bool:
        return self.on.get(outlet, False)

    def amperes(self, outlet: str) -> float:
        return AMPERES if outlet.endswith("/1") and self.outlet_is_on(outlet) else 0.0

    async def switch(self, outlet: str, *, on: bool) -> None:
        self.on[outlet] = on


class Loop:
    """An asyncio loop in a thread, for twins."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(5.0)

    def close(self) -> None:
        async def settle() -> None:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            await asyncio.wait_for(asyncio.gather(*others, return_exceptions=True), 2.0)

        self.run(settle())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(2.0)
        self._loop.close()


class Outlets:
    """On and off of a device played by a handler below."""

    def __init__(self, names: tuple[str, ...] = ("1", "2", "3", "4")) -> None:
        self.on = dict.fromkeys(names, False)
        #: Called before each answer; a test may let it wait or raise.
        self.before: Callable[[], object] = lambda: None


@contextmanager
def http_device(
    answer: Callable[[Outlets, str], tuple[int, str]], outlets: Outlets
) -> Iterator[tuple[str, int, Callable[[], None]]]:
    """Serve a device's HTTP; gives host, port and how to unplug it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            outlets.before()
            status, text = answer(outlets, self.path)
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base's word)
            pass

    server = ThreadingHTTPServer(("127.54.1.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    host, port = server.server_address[:2]

    def unplug() -> None:
        server.shutdown()
        server.server_close()
        thread.join(2.0)

    yield str(host), int(port), unplug
    unplug()
