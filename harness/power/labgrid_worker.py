"""Call labgrid's power code for another process: a line of JSON in, a line of JSON out.

It runs under the interpreter that has labgrid, which need not be ours, and so imports nothing of
the harness. First it says what it is: ``{"labgrid": version}`` or ``{"missing": why}``. With the
name of a backend as argument each line ``{"host": …, "port": …, "index": …, "value":
true|false|null}`` is answered with ``{"result": …}``, ``{"unreadable": true}`` or ``{"error":
text}``; null asks for the state. Without one, lines have a ``model`` instead of a port, and go
through labgrid's driver for a ``NetworkPowerPort``, which knows how to reach each.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

__all__: list[str] = []


def _set_and_get(order: dict[str, Any], set_: Callable[[bool], Any], get: Callable[[], Any]) -> Any:
    if order["value"] is not None:
        set_(order["value"])
        return {"result": None}
    try:
        return {"result": bool(get())}
    except NotImplementedError:
        return {"unreadable": True}


def _by_backend(backend: Any, order: dict[str, Any]) -> Any:
    # As labgrid's own NetworkPowerDriver does: a port only for backends that have one.
    port = order["port"] if order["port"] is not None else getattr(backend, "PORT", None)
    where = (order["host"], port, order["index"])
    return _set_and_get(
        order, lambda on: backend.power_set(*where, on), lambda: backend.power_get(*where)
    )


def _by_driver(drivers: dict[str, Any], order: dict[str, Any]) -> Any:
    where = {key: order[key] for key in ("model", "host", "index")}
    known = json.dumps(where)
    if known not in drivers:
        labgrid = import_module("labgrid")
        target = labgrid.Target(f"outlet-{len(drivers)}")
        import_module("labgrid.resource").NetworkPowerPort(target, name=None, **where)
        driver = import_module("labgrid.driver").NetworkPowerDriver(target, name=None)
        target.activate(driver)
        drivers[known] = driver
    driver = drivers[known]
    return _set_and_get(order, lambda on: driver.on() if on else driver.off(), driver.get)


def _main(name: str) -> None:
    # Whatever a backend prints must not land among the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def say(answer: dict[str, Any]) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    drivers: dict[str, Any] = {}
    try:
        code = import_module(f"labgrid.driver.power.{name}" if name else "labgrid.driver")
        version = import_module("importlib.metadata").version("labgrid")
    except ImportError as error:
        say({"missing": str(error)})
        return
    say({"labgrid": version})
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = _by_backend(code, order) if name else _by_driver(drivers, order)
        except Exception as error:  # noqa: BLE001 (backends raise whatever they like)
            answer = {"error": f"{type(error).__name__}: {error}"}
        say(answer)


if __name__ == "__main__":
    _main(sys.argv[1])
