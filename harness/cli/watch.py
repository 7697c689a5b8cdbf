"""Follow a live network and explain it: what phones ask for and say, and what is wrong.

For example: harness watch --interface eth1 --log /var/log/daemon.log
--run "asterisk -rvvvvvv". Ends by Ctrl-C.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from pathlib import Path

from harness.diagnosis import Clue, as_text
from harness.diagnosis.watching import LIVE_FILTER, Watch
from harness.errors import UsageFault
from harness.events import LogLine

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("--interface", action="append", default=[], metavar="IF")
    parser.add_argument("--filter", default=LIVE_FILTER, metavar="BPF", help="what to capture")
    parser.add_argument("--log", action="append", default=[], metavar="FILE", help="like tail -F")
    parser.add_argument("--run", action="append", default=[], metavar="COMMAND", dest="commands")
    parser.add_argument(
        "--patience", type=float, metavar="S", help="end after S seconds without anything new"
    )


def run(options: argparse.Namespace) -> int:
    """Follow until interrupted.

    Raises:
        UsageFault: there is nothing to follow.
        BenchFault: a source cannot be followed.
    """
    if not (options.interface or options.log or options.commands):
        raise UsageFault("nothing to watch", hint="give --interface, --log or --run")
    with Watch() as watch:
        for interface in options.interface:
            watch.follow_wire(interface, options.filter)
        for log in options.log:
            watch.follow_log(Path(log))
        for command in options.commands:
            watch.follow_command(_words(command))
        followed = [*options.interface, *options.log, *options.commands]
        try:
            print(f"following {', '.join(followed)}; Ctrl-C ends it", file=sys.stderr, flush=True)
            for change in watch.changes(options.patience):
                if isinstance(change, Clue):
                    _tell(change)
                else:
                    print(f"\n{as_text([change])}\n", flush=True)
        except KeyboardInterrupt:
            print()
    return 0


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageFault(f"--run {command!r}: {error}") from error
    if not words:
        raise UsageFault("--run is empty", hint='for example: --run "asterisk -rvvvvvv"')
    return words


def _tell(clue: Clue) -> None:
    """Print a clue; of logs only what the lines mean, which comes as clues of its own."""
    if isinstance(clue.event, LogLine):
        return
    clock = time.strftime("%H:%M:%S", time.localtime(clue.time or time.time()))
    print(f"{clock}  {clue.who:15}  {' '.join(str(clue.event).split())}", flush=True)
