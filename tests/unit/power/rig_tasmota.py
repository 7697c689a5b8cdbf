"""A four-relay Tasmota device with a meter for each relay, as its documentation describes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from rigs import AMPERES, Outlets, Rig, http_device


def tasmota(outlets: Outlets, path: str) -> tuple[int, str]:
    query = {key: values[0] for key, values in parse_qs(urlsplit(path).query).items()}
    if (query.get("user"), query.get("password")) != ("admin", "joker"):
        return 401, '{"WARNING":"Need user=<username>&password=<password>"}'
    return 200, json.dumps(_obey(outlets, query["cmnd"]))


def _obey(outlets: Outlets, command: str) -> dict[str, Any]:
    name, _, value = command.upper().partition(" ")
    if (name, value) == ("STATUS", "2"):
        return {"StatusFWR": {"Version": "14.2.0(tasmota)"}}
    if (name, value) == ("STATUS", "10"):
        loads = [AMPERES if n == "1" and on else 0 for n, on in outlets.on.items()]
        return {"StatusSNS": {"Time": "2026-01-01T00:00:00", "ENERGY": {"Current": loads}}}
    number = name.removeprefix("POWER")
    if not name.startswith("POWER") or number not in outlets.on:
        return {"Command": "Unknown"}
    if value:
        outlets.on[number] = value == "ON"
    return {f"POWER{number}": "ON" if outlets.on[number] else "OFF"}


@contextmanager
def _device(_: Path) -> Iterator[Rig]:
    outlets = Outlets()
    with http_device(tasmota, outlets) as (host, port, unplug):
        yield Rig(
            entry={
                "driver": "tasmota",
                "address": f"http://{host}:{port}",
                "credentials": {"user": "PDU_USER", "password": "PDU_PASSWORD"},
            },
            environment={"PDU_USER": "admin", "PDU_PASSWORD": "joker"},
            truth=lambda outlet: outlets.on[outlet],
            unplug=unplug,
            measures=True,
            identity="Tasmota 14.2.0",
        )


RIGS = {"four-relays": _device}
