"""The USB port of a twin: a pseudo-terminal behind a path that stays, as udev's ``by-id`` does."""

from __future__ import annotations

import asyncio
import os
import tty
from collections.abc import Callable
from pathlib import Path

__all__ = ["TwinPort"]


class TwinPort:
    """A serial device that can be pulled out and put back.

    Args:
        path: what the host opens.
        name: the twin's, for its log.
        take: called with what the host sent.
        log: told what happened.
    """

    def __init__(
        self, path: Path, name: str, take: Callable[[bytes], None], log: Callable[[str], None]
    ) -> None:
        self._path = path
        self._name = name
        self._take = take
        self._log = log
        self._master = self._slave = -1

    def plug(self) -> str:
        """Put it in; returns the path for the host."""
        self._master, self._slave = os.openpty()
        # The slave stays open here too: the master would see errors whenever no host is there.
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        asyncio.get_running_loop().add_reader(self._master, self._read)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        self._path.symlink_to(os.ttyname(self._slave))
        return str(self._path)

    def pull(self) -> None:
        """Take it out; whoever has it open sees the device go. Harmless when it is out."""
        if self._master < 0:
            return
        asyncio.get_running_loop().remove_reader(self._master)
        self._path.unlink(missing_ok=True)
        os.close(self._master)
        os.close(self._slave)
        self._master = self._slave = -1

    def pull_for(self, seconds: float) -> None:
        """Take it out and put it back later."""
        self.pull()
        asyncio.get_running_loop().call_later(seconds, self.plug)

    def send(self, text: str) -> None:
        """Send text to the host, or drop it when nobody reads."""
        if self._master < 0:
            return
        try:
            os.write(self._master, text.encode())
        except BlockingIOError:
            self._log(f"{self._name}: nobody reads its port; dropped: {text.strip()}")
        except OSError as error:
            self._log(f"{self._name}: cannot write to its port: {error}")

    def _read(self) -> None:
        try:
            received = os.read(self._master, 4096)
        except BlockingIOError:
            return
        except OSError as error:
            self._log(f"{self._name}: its port is gone: {error}")
            asyncio.get_running_loop().remove_reader(self._master)
            return
        self._take(received)
