"""Call labgrid's power backends for another process: a line of JSON in, a line of JSON out.

It runs under the interpreter that has labgrid, which need not be ours, and so imports nothing of
the harness. First it says what it is: ``{"labgrid": version}`` or ``{"missing": why}``. Then each
line ``{"host": …, "port": …, "index": …, "value": true|false|null}`` is answered with
``{"result": …}``, ``{"unreadable": true}`` or ``{"error": text}``; null asks for the state.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from typing import Any

__all__: list[str] = []


def _call(backend: Any, order: dict[str, Any]) -> dict[str, Any]:
    # As labgrid's own NetworkPowerDriver does: a port only for backends that have one.
    port = order["port"] if order["port"] is not None else getattr(backend, "PORT", None)
    where = (order["host"], port, order["index"])
    if order["value"] is not None:
        backend.power_set(*where, order["value"])
        return {"result": None}
    try:
        return {"result": bool(backend.power_get(*where))}
    except NotImplementedError:
        return {"unreadable": True}


def _main(name: str) -> None:
    # Whatever a backend prints must not land among the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def say(answer: dict[str, Any]) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    try:
        backend = import_module(f"labgrid.driver.power.{name}")
        version = import_module("importlib.metadata").version("labgrid")
    except ImportError as error:
        say({"missing": str(error)})
        return
    say({"labgrid": version})
    for line in sys.stdin:
        try:
            answer = _call(backend, json.loads(line))
        except Exception as error:  # noqa: BLE001 (backends raise whatever they like)
            answer = {"error": f"{type(error).__name__}: {error}"}
        say(answer)


if __name__ == "__main__":
    _main(sys.argv[1])
