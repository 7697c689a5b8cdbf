"""Power ports of a labgrid place, as a lease tells them, at a server of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import TypeAdapter
from rig_labgrid import labgrid_python
from rigs import Outlets, Rig, http_device

from harness.lab import PlacePowerSpec, PowerPort, PowerSpec


def simplerest(outlets: Outlets, path: str) -> tuple[int, str]:
    """What labgrid's backend of that name expects."""
    match = re.fullmatch(r"/relay/(\d)(?:/([01]))?", path)
    if match is None or match[1] not in outlets.on:
        return 404, ""
    if match[2]:
        outlets.on[match[1]] = match[2] == "1"
    return 200, "1" if outlets.on[match[1]] else "0"


NUMBERS = {"desk-power": "1", "lamp-power": "2"}


class _Leased(Rig):
    @property
    def spec(self) -> PowerSpec:
        host = self.entry["host"]
        entry = {key: value for key, value in self.entry.items() if key != "host"}
        spec = TypeAdapter(PowerSpec).validate_python({"confirm_s": 1.0, **entry})
        assert isinstance(spec, PlacePowerSpec)
        ports = {name: PowerPort("simplerest", host, n, "bench-b") for name, n in NUMBERS.items()}
        return spec.leased(ports, labgrid_python())


@contextmanager
def _simplerest(_: Path) -> Iterator[Rig]:
    outlets = Outlets()
    with http_device(simplerest, outlets) as (host, port, unplug):
        yield _Leased(
            identity="bench-b in place desk-1",
            outlets=("desk-power", "lamp-power"),
            entry={
                "driver": "place",
                "address": "desk-1",
                "outlets": list(NUMBERS),
                "timeout_s": 5.0,
                "host": f"http://{host}:{port}/relay/{{index}}/{{value}}",
            },
            truth=lambda outlet: outlets.on[NUMBERS[outlet]],
            unplug=unplug,
        )


RIGS = {"simplerest": _simplerest}
