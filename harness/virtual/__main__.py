"""Run the bench twins: spec on standard input, endpoints on standard output, log on stderr.

Exit codes: 0 after standard input ended or SIGTERM, 2 for a spec that cannot be used.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack

from harness.errors import HarnessError, UsageFault
from harness.virtual.cable import Cable, plugged
from harness.virtual.grbl import GrblTwin
from harness.virtual.keypad import KeypadTwin
from harness.virtual.pdu import PduTwin
from harness.virtual.snmp_pdu import SnmpPduTwin
from harness.virtual.spec import BenchSpec, KeypadSpec, read_spec
from harness.virtual.world import World

_START = time.monotonic()


def _log(text: str) -> None:
    sys.stderr.write(f"{time.monotonic() - _START:9.3f} {text}\n")
    sys.stderr.flush()


class _EndOfInput(asyncio.Protocol):
    """Set an event when standard input ends: our parent is gone or wants us gone."""

    def __init__(self, ended: asyncio.Event) -> None:
        self._ended = ended

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio's signature)
        """See the end of standard input."""
        self._ended.set()


def _lay_cables(spec: BenchSpec, stack: ExitStack) -> dict[str, Cable]:
    """Tie each phone to the switch; without a switch all live on one loopback."""
    if not spec.bridge:
        return {}
    return {
        name: stack.enter_context(plugged(name, phone.mac, spec.bridge, phone.port))
        for name, phone in spec.phones.items()
    }


async def _run(spec: BenchSpec, cables: Mapping[str, Cable]) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    # Ctrl-C reaches the whole terminal; the harness decides when its bench goes down.
    loop.add_signal_handler(signal.SIGINT, _log, "interrupt left to the parent")
    # A flash holds its phone's password.
    spec.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    world = World(spec, _log, cables)
    pdus = {
        name: (SnmpPduTwin if entry.mib else PduTwin)(name, entry, world, _log)
        for name, entry in spec.pdus.items()
    }
    keypads = {name: KeypadTwin(name, entry, world, _log) for name, entry in spec.keypads.items()}
    gantries = {
        name: GrblTwin(name, entry, world, _log, spec.speed)
        for name, entry in spec.gantries.items()
    }
    sensors = {
        position: KeypadTwin(
            position, KeypadSpec(), world, _log, f"{position.replace('/', '-')}-sensor"
        )
        for entry in spec.gantries.values()
        for position, face in entry.faces.items()
        if face.sensor
    }
    try:
        endpoints = {
            "pdus": {name: await pdu.start() for name, pdu in pdus.items()},
            "keypads": {
                name: robot.start()
                for twins in (keypads, gantries)
                for name, robot in twins.items()
            },
            "sensors": {name: sensor.start() for name, sensor in sensors.items()},
        }
        await loop.connect_read_pipe(lambda: _EndOfInput(ended), sys.stdin.buffer)
        sys.stdout.write(json.dumps(endpoints) + "\n")
        sys.stdout.flush()
        await ended.wait()
    finally:
        await world.stop()
        robots: list[KeypadTwin | GrblTwin] = [*keypads.values(), *gantries.values()]
        for robot in (*robots, *sensors.values()):
            robot.stop()
        for pdu in pdus.values():
            await pdu.stop()


def main() -> int:
    """Run until standard input ends; returns the exit code."""
    line = sys.stdin.buffer.readline().decode("utf-8", "replace")
    try:
        spec = read_spec(line)
    except UsageFault as fault:
        _log(str(fault))
        return fault.exit_code
    try:
        with ExitStack() as stack:
            asyncio.run(_run(spec, _lay_cables(spec, stack)))
    except HarnessError as error:
        _log(str(error))
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
