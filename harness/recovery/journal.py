"""The journal of an open bench: what it switched, written down before it is done.

One file in the state folder for each bench that is open, a line of JSON for each thing. It is gone
when the bench was closed in good order, so a file whose owner is gone is a bench to be made safe.

A line has left this process before the command does, so a kill loses none. What a loss of power
must not lose is forced to the disk as well: that there is a bench, and each outlet. Not keys: who
comes after lets go of every key anyhow, and a press is not to wait for a disk.
"""

from __future__ import annotations

import errno
import json
import os
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from harness.errors import BenchFault, UsageFault
from harness.lab import Lab
from harness.owners import boot_id, on_owned_name, owned_name, owner_is_gone
from harness.power import OutletState
from harness.state import state_folder

__all__ = ["OWNER_VARIABLE", "SUFFIX", "Journal", "Outlet", "Written", "read_journal"]

#: Every process that is started while a bench is open has the journal's name in its environment.
OWNER_VARIABLE = "PHONE_BENCH_OWNER"
SUFFIX = ".journal"


@dataclass(frozen=True, slots=True)
class Outlet:
    """An outlet that was switched: what it was before the bench, and what it was last told."""

    before: OutletState
    told: OutletState


@dataclass
class Written:
    """What a journal says. ``run`` is the folder of the run it belongs to, if it is one's.

    ``things`` are kind and name of containers and namespaces that were about to be made.
    ``keys`` are, by keypad, the keys that may be down.
    """

    path: Path
    lab: str = ""
    lab_file: Path | None = None
    run: Path | None = None
    started: float = 0.0
    boot: str = ""
    outlets: dict[tuple[str, str], Outlet] = field(default_factory=dict)
    keypads: set[str] = field(default_factory=set)
    keys: dict[str, set[str]] = field(default_factory=dict)
    things: list[tuple[str, str]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The owner's name, which its processes carry in their environment."""
        return self.path.stem

    @property
    def title(self) -> str:
        """Which bench it was, and since when."""
        since = datetime.fromtimestamp(self.started).astimezone()
        run = f", run {self.run.name}" if self.run is not None else ""
        return f"{self.lab}{run}, opened {since:%Y-%m-%d %H:%M:%S}"

    @property
    def owner_is_gone(self) -> bool:
        """Whether its process runs no more; none outlives a restart of the machine."""
        return self.boot != boot_id() or owner_is_gone(self.name)


class Journal:
    """Write down what a bench is about to switch. Thread-safe; opening it makes the file.

    Args:
        lab: the inventory; its file is what recovery opens devices by.
        run: the folder of the run, to be finished when it is killed.

    Raises:
        UsageFault: it cannot be written.
    """

    def __init__(self, lab: Lab, run: Path | None = None) -> None:
        self.path = state_folder() / f"{owned_name('journal')}{SUFFIX}"
        self._lock = threading.Lock()
        self._kept = False
        self._torn = False
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
            self._file = os.open(self.path, flags, 0o644)
            self._write(
                {
                    "what": "opened",
                    "lab": lab.name,
                    "lab_file": str(lab.source.resolve()) if lab.source is not None else None,
                    "run": str(run.resolve()) if run is not None else None,
                    "boot": boot_id(),
                    "at": time.time(),
                },
                durable=True,
            )
            # The name of a new file is on the disk when its folder is.
            _sync_folder(self.path.parent)
        except OSError as error:
            raise UsageFault(f"{self.path} cannot be written: {error.strerror}") from error
        self._before = os.environ.get(OWNER_VARIABLE)
        os.environ[OWNER_VARIABLE] = self.name
        self._deafen = on_owned_name(self._thing)

    @property
    def name(self) -> str:
        """The owner's name: process, its start, and which of its journals this is."""
        return self.path.stem

    def outlet(self, pdu: str, outlet: str, before: OutletState, told: OutletState) -> None:
        """An outlet is about to be switched; returns when that is on the disk.

        Raises:
            BenchFault: it cannot be written, so the outlet must not be switched.
        """
        line = {"what": "outlet", "pdu": pdu, "outlet": outlet}
        self._write_ahead(line | {"before": before.value, "told": told.value}, durable=True)

    def keypad(self, name: str) -> None:
        """A keypad is about to be opened: its stylus may be anywhere from now on."""
        self._write_ahead({"what": "keypad", "name": name})

    def keys(self, keypad: str, keys: Iterable[str], *, down: bool) -> None:
        """Keys are about to be pressed, or were let go.

        Raises:
            BenchFault: it cannot be written, so the keys must not be pressed.
        """
        line = {"what": "keys", "keypad": keypad, "keys": list(keys), "down": down}
        (self._write_ahead if down else self._write_after)(line)

    def all_keys_up(self, keypad: str) -> None:
        """A keypad let go of every key."""
        self._write_after({"what": "all keys up", "keypad": keypad})

    def settled(self) -> None:
        """The bench was closed in good order: outlets at rest, no key down, nothing running."""
        if not self._kept:
            self._write_after({"what": "settled"})

    def keep(self) -> None:
        """Something could not be made safe: the journal stays for `recover`."""
        self._kept = True

    def close(self) -> None:
        """Remove the file, unless something is left to do; harmless when called again."""
        with self._lock:
            if self._file < 0:
                return
            self._deafen()
            if os.environ.get(OWNER_VARIABLE) == self.name:
                if self._before is None:
                    del os.environ[OWNER_VARIABLE]
                else:
                    os.environ[OWNER_VARIABLE] = self._before
            os.close(self._file)
            self._file = -1
            if not self._kept:
                self.path.unlink(missing_ok=True)

    def _thing(self, kind: str, name: str) -> None:
        if kind:
            self._write_ahead({"what": kind, "name": name})

    def _write_ahead(self, line: dict[str, Any], *, durable: bool = False) -> None:
        try:
            self._write(line, durable=durable)
        except OSError as error:
            raise BenchFault(
                f"the journal cannot be written, so nothing is switched: {error.strerror}",
                device="host",
                state=str(self.path),
                hint="make room there, or name another folder by PHONE_BENCH_STATE",
            ) from error

    def _write_after(self, line: dict[str, Any]) -> None:
        # Without it, a recovery does again what was done: that harms nothing.
        with suppress(OSError):
            self._write(line)

    def _write(self, line: dict[str, Any], *, durable: bool = False) -> None:
        with self._lock:
            if self._file < 0:
                return
            # One write: a reader, or a kill, finds the whole line or none of it. A full disk may
            # take half of one, which must not spoil the next.
            text = ("\n" * self._torn + json.dumps(line) + "\n").encode()
            self._torn = os.write(self._file, text) < len(text)
            if self._torn:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if durable:
                os.fdatasync(self._file)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # Not every file system can; none that cannot keeps it safer for being asked again.
        with suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


def read_journal(path: Path) -> Written:
    """Read a journal back; a line cut short by a loss of power is left out.

    Raises:
        OSError: it is not there any more, or is not ours to read.
    """
    written = Written(path)
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            line = json.loads(text)
            _take(written, line)
        except (ValueError, KeyError, TypeError):
            continue
    return written


def _take(written: Written, line: dict[str, Any]) -> None:
    match line["what"]:
        case "opened":
            written.lab, written.boot, written.started = line["lab"], line["boot"], line["at"]
            written.lab_file = Path(line["lab_file"]) if line["lab_file"] else None
            written.run = Path(line["run"]) if line["run"] else None
        case "outlet":
            where = line["pdu"], line["outlet"]
            earlier = written.outlets.get(where)
            before = earlier.before if earlier is not None else OutletState(line["before"])
            written.outlets[where] = Outlet(before, OutletState(line["told"]))
        case "keypad":
            written.keypads.add(line["name"])
        case "keys":
            held = written.keys.setdefault(line["keypad"], set())
            (held.update if line["down"] else held.difference_update)(line["keys"])
        case "all keys up":
            written.keys.pop(line["keypad"], None)
        case "settled":
            written.outlets.clear()
            written.keypads.clear()
            written.keys.clear()
            written.things.clear()
        case kind:
            written.things.append((kind, line["name"]))
