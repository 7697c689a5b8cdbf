"""SCPI on a socket (the twin), and on a serial line (a pseudo-terminal)."""

from __future__ import annotations

import os
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from hislip_server import HislipServer
from rigs import AMPERES, Loop, Outlets, Rig, World

from harness.virtual.pdu import PduTwin
from harness.virtual.spec import PduSpec


@contextmanager
def _socket(_: Path) -> Iterator[Rig]:
    loop, world, log = Loop(), World(), list[str]()
    twin = PduTwin("pdu-1", PduSpec(outlets=4), cast(Any, world), log.append)
    yield Rig(
        entry={"driver": "scpi"},
        address=loop.run(twin.start()),
        truth=lambda outlet: world.outlet_is_on(f"pdu-1/{outlet}"),
        unplug=lambda: loop.run(twin.stop()),
        measures=True,
    )
    loop.run(twin.stop())
    loop.close()


class _Serial:
    """A device on a pseudo-terminal that speaks one dialect."""

    def __init__(self, outlets: Outlets, ends: bytes) -> None:
        self.outlets = outlets
        self._ends = ends
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        self._slave: int | None = slave
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        pending = b""
        while True:
            try:
                pending += os.read(self._master, 256)
            except OSError:
                return
            while self._ends in pending:
                line, _, pending = pending.partition(self._ends)
                if line == b"\x04":
                    os.close(self._master)
                    return
                answer = self.answer(line.decode())
                if answer is not None:
                    os.write(self._master, answer.encode())

    def answer(self, line: str) -> str | None:
        raise NotImplementedError

    def unplug(self) -> None:
        if self._slave is None:
            return
        os.write(self._slave, b"\x04" + self._ends)
        self._thread.join(2.0)
        os.close(self._slave)
        self._slave = None


def keysight(outlets: Outlets, line: str) -> str | None:
    """Answer as a Keysight E36312A does."""
    if line == "*IDN?":
        return "Keysight Technologies,E36312A,PDU,1.0"
    words = line.replace("(@", "").rstrip(")").replace(",", " ").split()
    if words[0] == "OUTP?":
        return str(int(outlets.on[words[1]]))
    if words[0] == "MEAS:CURR?":
        load = AMPERES if words[1] == "1" and outlets.on["1"] else 0.0
        return f"{load:+.8E}"
    if words[0] == "OUTP":
        outlets.on[words[2]] = words[1] == "ON"
    return None


class _KeysightSupply(_Serial):
    def answer(self, line: str) -> str | None:
        answer = keysight(self.outlets, line)
        return None if answer is None else f"{answer}\n"


class _NumatoCard(_Serial):
    def answer(self, line: str) -> str | None:
        command, *words = line.split()
        told = ""
        if command == "ver":
            told = "PDU 00000008"
        elif words[0] == "read":
            told = "on" if self.outlets.on[words[1]] else "off"
        else:
            self.outlets.on[words[1]] = words[0] == "on"
        return f"{line}\n\r{told}\n\r>" if told else f"{line}\n\r>"


def _serial(kind: type[_Serial], names: tuple[str, ...], ends: bytes, **entry: Any) -> Any:
    @contextmanager
    def make(_: Path) -> Iterator[Rig]:
        device = kind(Outlets(names), ends)
        yield Rig(
            entry={
                "driver": "scpi",
                "address": f"ASRL{device.path}::INSTR",
                "outlets": list(names),
                **entry,
            },
            truth=lambda outlet: device.outlets.on[outlet],
            unplug=device.unplug,
            measures=kind is _KeysightSupply,
            outlets=(names[0], names[1]),
        )
        device.unplug()

    return make


@contextmanager
def _hislip(_: Path) -> Iterator[Rig]:
    outlets = Outlets(("1", "2", "3"))
    server = HislipServer(lambda line: keysight(outlets, line))
    yield Rig(
        entry={
            "driver": "scpi",
            "address": server.address,
            "dialect": "keysight-e36300",
            "outlets": ["1", "2", "3"],
        },
        truth=lambda outlet: outlets.on[outlet],
        unplug=server.close,
        measures=True,
    )
    server.close()


RIGS = {
    "socket": _socket,
    "serial": _serial(_KeysightSupply, ("1", "2", "3"), b"\n", dialect="keysight-e36300"),
    "hislip": _hislip,
    "relay-card": _serial(_NumatoCard, ("0", "1"), b"\r", dialect="numato-relay"),
}
