"""One of the two Python servers in a process of its own: ``python -m bench.serve harness …``.

Ends when its standard input does, so it never outlives the measurement.
"""

from __future__ import annotations

import argparse
import logging
import sys
import threading
from pathlib import Path

from tftpy import TftpServer as StockServer

from harness.provisioning import TftpServer
from harness.timeline import Timeline


def serve_harness(root: Path, address: str, port: int, phones: list[str], timeline: Path) -> None:
    """The harness's own server, as a night runs it: in a thread, every event to disk."""
    lab_names = {phone: f"desk-{index}" for index, phone in enumerate(phones, start=1)}
    observe = Timeline(timeline).observer("tftp")
    server = TftpServer(root, address, port, observe, lab_names)
    server.start()
    sys.stdin.read()
    server.stop()


def serve_stock(root: Path, address: str, port: int) -> None:
    """tftpy as it comes, its logging off."""
    logging.getLogger("tftpy").setLevel(logging.CRITICAL)
    server = StockServer(str(root))
    threading.Thread(target=server.listen, args=(address, port), daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="serve a folder by TFTP until stdin ends")
    parser.add_argument("which", choices=["harness", "tftpy"])
    parser.add_argument("root", type=Path)
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("--phones", nargs="*", default=[])
    parser.add_argument("--timeline", type=Path)
    given = parser.parse_args()
    if given.which == "harness":
        serve_harness(given.root, given.address, given.port, given.phones, given.timeline)
    else:
        serve_stock(given.root, given.address, given.port)
