"""labgrid's own backend for Gude outlet strips, against a server that speaks their web pages."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rigs import Outlets, Rig, http_device


def labgrid_python() -> str:
    """The interpreter with labgrid that `make install` prepares."""
    cache = Path(os.environ.get("PHONE_BENCH_CACHE", Path.home() / ".cache" / "phone-bench"))
    python = cache / "labgrid" / "bin" / "python"
    assert python.exists(), f"no labgrid at {python}: make install puts it there"
    return str(python)


def gude(outlets: Outlets, path: str) -> tuple[int, str]:
    if match := re.fullmatch(r"/switch\.html\?cmd=1&p=(\d)&s=([01])", path):
        outlets.on[match[1]] = match[2] == "1"
        return 200, "<html>ok</html>"
    if path != "/":
        return 404, ""
    rows = (
        f"<tr><td>Power Port {number}</td><td>{'ON' if on else 'OFF'}</td></tr>"
        for number, on in outlets.on.items()
    )
    return 200, "<html>PDU\n" + "\n".join(rows) + "\n</html>"


@contextmanager
def _gude(_: Path) -> Iterator[Rig]:
    outlets = Outlets()
    with http_device(gude, outlets) as (host, port, unplug):
        yield Rig(
            identity="labgrid",
            entry={
                "driver": "labgrid",
                "backend": "gude",
                "address": host,
                "port": port,
                "python": labgrid_python(),
                "timeout_s": 5.0,
            },
            truth=lambda outlet: outlets.on[outlet],
            unplug=unplug,
        )


RIGS = {"gude": _gude}
