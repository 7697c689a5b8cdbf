"""The station as a process: bound to one address, following the runs until it is interrupted."""

from __future__ import annotations

import asyncio
import errno
import re
import socket
from collections.abc import AsyncIterator, Callable, Collection
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from harness.errors import UsageFault
from harness.station.app import make_app
from harness.station.board import Board
from harness.station.changes import FolderChanges
from harness.station.follow import RunFollower

__all__ = ["serve"]

_NAME = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")
_LAST_PORT = 65535
#: Seconds that answers under way get once the station is interrupted.
_GRACE_S = 3


def serve(
    runs: Path,
    *,
    history: Path,
    host: str,
    port: int,
    names: Collection[str] = (),
    known: AbstractSet[str] = frozenset(),
    announce: Callable[[str], None],
) -> None:
    """Serve the station until SIGINT or SIGTERM.

    Args:
        runs: the folder of the runs; made when missing, for the first night may be yet to come.
        history: the file of the history; need not be there.
        host: the address to bind to.
        port: TCP port; 0 for any that is free.
        names: names besides the usual ones by which a browser may ask.
        known: secrets besides those that a run's own files tell.
        announce: is told the address of the page once browsers can open it.

    Raises:
        UsageFault: the address cannot be bound to, or the folder of the runs cannot be used.
        KeyboardInterrupt: it was interrupted by SIGINT, and has ended in order.
    """
    runs = _folder(runs)
    hosts = _names(names)
    listener = _listen(host, port)
    address, port = listener.getsockname()[:2]
    shown = f"[{address}]" if ":" in address else address
    board = Board()
    follower = RunFollower(runs, history, known)

    failed: list[BaseException] = []

    @asynccontextmanager
    async def following(_app: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(_follow(follower, board))
        # Whatever ends it early ends the station: a page that stands still would be believed.
        task.add_done_callback(lambda _: server.stop())
        everywhere = ip_address(address.partition("%")[0]).is_unspecified
        announce(f"http://{socket.gethostname() if everywhere else shown}:{port}/")
        yield
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled() and (error := task.exception()) is not None:
            failed.append(error)

    app = make_app(board, runs, hosts=_hosts(shown, hosts), known=known, lifespan=following)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, timeout_graceful_shutdown=_GRACE_S,
        server_header=False,
    )  # fmt: skip
    server = _Server(config, board)
    with listener:
        server.run(sockets=[listener])
    if failed:
        raise failed[0]


class _Server(uvicorn.Server):
    """Ends the streams of all viewers before it waits for open answers to end."""

    def __init__(self, config: uvicorn.Config, board: Board) -> None:
        super().__init__(config)
        self._board = board

    def stop(self) -> None:
        """End in order, as if it were interrupted."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End in order."""
        self._board.close()
        await super().shutdown(sockets)


async def _follow(follower: RunFollower, board: Board) -> None:
    """Publish what the runs write, as it is written.

    Raises:
        UsageFault: the folder of the runs was removed, or cannot be watched.
    """
    loop = asyncio.get_running_loop()
    changes: FolderChanges | None = None
    # One thread, always the same: SQLite's connection belongs to it.
    with ThreadPoolExecutor(1, thread_name_prefix="follower") as reader:
        try:
            while True:
                folders = await loop.run_in_executor(reader, follower.look_for_runs)
                if changes is None or set(folders) != changes.folders:
                    if changes is not None:
                        await changes.close()
                    changes = FolderChanges(folders)
                    try:
                        await changes.begin()
                    except FileNotFoundError:
                        if not follower.runs.is_dir():
                            raise
                        # A run was removed just now: look again.
                        continue
                elsewhere: set[Path] = set()
                while not elsewhere:
                    board.publish(*await loop.run_in_executor(reader, follower.news))
                    # To look through years of runs ten times a second would be too much.
                    elsewhere = await changes.wait() - {follower.directory}
        except OSError as error:
            raise UsageFault(
                f"{follower.runs} cannot be followed: {error}",
                hint="is the folder there, and readable? are there inotify watches left "
                "(sysctl fs.inotify.max_user_watches)?",
            ) from error
        finally:
            if changes is not None:
                await changes.close()
            await loop.run_in_executor(reader, follower.close)


def _folder(runs: Path) -> Path:
    try:
        runs.mkdir(exist_ok=True)
        return runs.resolve(strict=True)
    except OSError as error:
        raise UsageFault(
            f"{runs} cannot hold runs: {error.strerror}",
            hint="name the folder of the runs by --runs-dir",
        ) from error


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= _LAST_PORT:
        raise UsageFault(f"there is no TCP port {port}", hint=f"choose one up to {_LAST_PORT}")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        hint = "name an address of this machine by --host"
        if error.errno == errno.EADDRINUSE:
            hint = "another station may be running: open it, or choose another port by --port"
        elif error.errno == errno.EACCES:
            hint = "ports below 1024 are root's: choose another by --port"
        reason = error.strerror or error
        raise UsageFault(f"cannot serve at {host} port {port}: {reason}", hint=hint) from error


def _names(names: Collection[str]) -> list[str]:
    for name in names:
        if not _NAME.fullmatch(name):
            raise UsageFault(f"{name!r} is no name of a host", hint="--name bench.example.net")
    return list(names)


def _hosts(address: str, names: Collection[str]) -> list[str]:
    """By what names a browser may ask: those that no stranger's DNS can lead here."""
    hosts = ["localhost", "127.0.0.1", "[::1]", address, *names]
    if not ip_address(address.strip("[]")).is_loopback:
        hosts += [socket.gethostname(), socket.getfqdn()]
    return list(dict.fromkeys(hosts))
