"""Hold labgrid places for another process, and let them go when that one ends.

It runs under the interpreter that has labgrid, which need not be ours, and so imports nothing of
the harness. A line of JSON in is answered by a line of JSON out; what happens to a place meanwhile
comes as ``{"lost": place, "why": text}`` if it is held, as ``{"changed": place}`` if it was looked
at. First it says ``{"labgrid": version}`` or ``{"missing": why}``, then ``{"me": "host/user"}`` or
``{"unreachable": why}``; ``{"gone": why}`` says that the coordinator went away since.

The coordinator keeps a place for a client that is gone. So the end of standard input, which comes
however the other process ends, releases everything, and signals meant for a whole terminal or unit
do not end this one before. The last line is ``{"kept": {place: why}}``.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

__all__: list[str] = []

#: Seconds: an exporter gets ten from the coordinator for each resource.
_CALL_S = 25.0
_UNREACHABLE = "the coordinator went away: whoever asks it next gets the place"

Say = Callable[[dict[str, Any]], None]


def _holder(client: Any, say: Say) -> Any:
    """labgrid's session with a coordinator, which tells when what is held is lost."""

    class Holder(client.ClientSession):  # type: ignore[misc]
        #: By place: where each resource in use was when it was acquired.
        held: dict[str, dict[str, Any]]
        #: Every place that was ever asked for.
        asked: set[str]
        #: Every place that was ever looked at.
        seen: set[str]

        @property
        def me(self) -> str:
            return f"{self.gethostname()}/{self.getuser()}"

        async def on_place_changed(self, place_pb2: Any) -> None:
            await super().on_place_changed(place_pb2)
            self.changed(place_pb2.name)

        async def on_place_deleted(self, name: str) -> None:
            await super().on_place_deleted(name)
            self.changed(name)

        def changed(self, place: str) -> None:
            self.look_after()
            if place in self.seen:
                say({"changed": place})

        async def on_resource_changed(self, *change: Any) -> None:
            await super().on_resource_changed(*change)
            self.look_after()

        def look_after(self) -> None:
            for place, used in list(self.held.items()):
                if why := self.trouble(place, used):
                    self.lose(place, why)

        def lose(self, place: str, why: str) -> None:
            del self.held[place]
            say({"lost": place, "why": why})

        def trouble(self, place: str, used: dict[str, Any]) -> str:
            found = self.places.get(place)
            if found is None:
                return "somebody deleted it"
            if found.acquired != self.me:
                return f"somebody released it, now it is held by {found.acquired or 'nobody'}"
            for path, where in used.items():
                exporter, _, _, name = path.split("/")
                data = self.resource(path)
                if not data:
                    return f"exporter {exporter} left the coordinator"
                if data.get("acquired") != place:
                    # The exporter lets go before the place itself is told to be free.
                    return "somebody released it"
                if not data.get("avail"):
                    return f"exporter {exporter} says that its {name} is not there"
                if _where(data) != where:
                    return f"exporter {exporter} moved its {name} to another port"
            return ""

        def resource(self, path: str) -> dict[str, Any]:
            exporter, group, _, name = path.split("/")
            entry = self.resources.get(exporter, {}).get(group, {}).get(name)
            # A resource that went away stays there, empty.
            return entry.data if entry is not None and "cls" in entry.data else {}

        def resources_of(self, place: Any) -> list[dict[str, Any]]:
            found = []
            for exporter, groups in self.resources.items():
                for group, entries in groups.items():
                    for name, entry in entries.items():
                        if "cls" not in entry.data:
                            continue
                        path = (exporter, group, entry.cls, name)
                        match = place.getmatch(path)
                        if match is not None:
                            shown = match.rename or name
                            found.append({**entry.data, "name": shown, "path": "/".join(path)})
            return found

    return Holder


def _where(data: dict[str, Any]) -> list[Any]:
    return [data["params"].get(key) for key in ("host", "port", "model", "index")]


class _Orders:
    """What the other process may ask for."""

    def __init__(self, session: Any, pb2: Any, rpc_error: type[BaseException]) -> None:
        self._session = session
        self._pb2 = pb2
        self._rpc_error = rpc_error

    async def carry_out(self, order: dict[str, Any]) -> dict[str, Any]:
        if self._session.stopping.is_set():
            # labgrid would wait for an answer for ever.
            return {"refused": _UNREACHABLE}
        try:
            answer: dict[str, Any] = await getattr(self, f"_{order['do']}")(order)
        except self._rpc_error as error:
            details = getattr(error, "details", lambda: "")
            return {"refused": details() or str(error)}
        return answer

    async def _look(self, order: dict[str, Any]) -> dict[str, Any]:
        """Tell of some places who has them and what is in them."""
        session = self._session
        session.seen.update(order["places"])
        await session.sync_with_coordinator()
        told = await session.stub.GetReservations(
            self._pb2.GetReservationsRequest(), timeout=_CALL_S
        )
        owners = {res.token: res.owner for res in told.reservations}
        places = {}
        for name in order["places"]:
            place = session.places.get(name)
            if place is None:
                continue
            resources = session.resources_of(place)
            paths = [tuple(resource["path"].split("/")) for resource in resources]
            places[name] = {
                "acquired": place.acquired,
                "changed": place.changed,
                "reserved_for": owners.get(place.reservation),
                "unmatched": [
                    str(match) for match in place.matches if not any(map(match.ismatch, paths))
                ],
                "resources": resources,
            }
        return {"places": places, "known": sorted(session.places)}

    async def _acquire(self, order: dict[str, Any]) -> dict[str, Any]:
        """Take a place; ``paths`` are the resources in it that must stay."""
        place = order["place"]
        self._session.asked.add(place)
        request = self._pb2.AcquirePlaceRequest(placename=place)
        await self._session.stub.AcquirePlace(request, timeout=_CALL_S)
        await self._session.sync_with_coordinator()
        used = {path: _where(self._session.resource(path)) for path in order["paths"]}
        self._session.held[place] = used
        self._session.look_after()
        return {"acquired": place}

    async def _free(self, order: dict[str, Any]) -> dict[str, Any]:
        """Release a place from a holder, and only from that one."""
        if order["holder"] == self._session.me:
            # Given back, not lost.
            self._session.held.pop(order["place"], None)
        request = self._pb2.ReleasePlaceRequest(
            placename=order["place"], fromuser=order["holder"]
        )  # fmt: skip
        await self._session.stub.ReleasePlace(request, timeout=_CALL_S)
        await self._session.sync_with_coordinator()
        return {"freed": order["place"]}

    async def release_all(self) -> dict[str, str]:
        """Release what is ours, and nobody else's; returns what could not be, and why."""
        kept = {}
        self._session.held.clear()
        for place in sorted(self._session.asked):
            answer = await self.carry_out(
                {"do": "free", "place": place, "holder": self._session.me}
            )  # fmt: skip
            if "refused" in answer:
                kept[place] = answer["refused"]
        return kept


async def _serve(coordinator: str, say: Say) -> None:
    try:
        client = import_module("labgrid.remote.client")
        pb2 = import_module("labgrid.remote.generated.labgrid_coordinator_pb2")
        rpc_error = import_module("grpc").RpcError
        version = import_module("importlib.metadata").version("labgrid")
    except ImportError as error:
        say({"missing": str(error)})
        return
    say({"labgrid": version})
    loop = asyncio.get_running_loop()
    orders_in = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders_in), sys.stdin)
    address = client.proxymanager.get_grpc_address(coordinator, default_port=20408)
    session = _holder(client, say)(address, loop)
    session.held, session.asked, session.seen = {}, set(), set()
    try:
        await session.start()
    except client.Error as error:
        say({"unreachable": str(error).removeprefix("Error: ")})
        return
    say({"me": session.me})
    orders = _Orders(session, pb2, rpc_error)

    async def watch_coordinator() -> None:
        await session.stopping.wait()
        for place in list(session.held):
            session.lose(place, _UNREACHABLE)
        say({"gone": _UNREACHABLE})

    watching = asyncio.create_task(watch_coordinator())
    while line := await orders_in.readline():
        say(await orders.carry_out(json.loads(line)))
    say({"kept": await orders.release_all()})
    watching.cancel()
    if not session.stopping.is_set():
        session.stopping.set()
        await session.stop()
    await session.close()


def _main(coordinator: str) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # Whatever labgrid prints must not land among the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def say(answer: dict[str, Any]) -> None:
        try:
            answers.write(json.dumps(answer) + "\n")
            answers.flush()
        except BrokenPipeError:
            # Nobody listens any more; the end of standard input follows.
            return

    asyncio.run(_serve(coordinator, say))


if __name__ == "__main__":
    _main(sys.argv[1])
