"""The station view: a web page with every phone live, the SIP ladder, and the last nights.

It follows the newest run, also one that starts later, and only reads. Ends by Ctrl-C.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.cli.options import add_lab_option
from harness.lab import load_lab
from harness.runs.history import FILE_NAME
from harness.station import serve

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="where to listen; no password is asked",
    )
    parser.add_argument("--port", type=int, default=8042, help="TCP port; 0 for any that is free")
    parser.add_argument(
        "--name", action="append", default=[], metavar="NAME",
        help="another name or address that browsers reach it by; may be repeated",
    )  # fmt: skip
    parser.add_argument("--runs-dir", default="runs", metavar="DIR", help="where runs are kept")
    parser.add_argument("--history", default="", metavar="FILE", help="default: beside the runs")
    add_lab_option(parser)


def run(options: argparse.Namespace) -> int:
    """Serve until interrupted.

    Raises:
        UsageFault: the address cannot be bound to, or the lab file has faults.
    """
    lab = Path(options.lab)
    # A run's own files tell its secrets; the lab file adds those that are in none of them (SNMP).
    known = load_lab(lab).secrets() if lab.exists() else set()
    runs = Path(options.runs_dir)
    try:
        serve(
            runs,
            history=Path(options.history or runs / FILE_NAME),
            host=options.host,
            port=options.port,
            names=options.name,
            known=known,
            announce=lambda address: print(f"{address} shows {runs}; Ctrl-C ends it", flush=True),
        )
    except KeyboardInterrupt:
        print()
    return 0
