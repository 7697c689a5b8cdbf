"""Who has the devices and addresses of this machine's benches, and since when.

What is reserved frees itself when its owner ends, however that ends. An owner that hangs is
overtaken by the next who waits once its lease has run out. ``release`` is for all else.
"""

from __future__ import annotations

import argparse
from datetime import datetime

from harness.cli.table import print_table
from harness.lab.reservation import held, release, waiting

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="what is reserved, by whom and why; who waits")
    free = actions.add_parser("release", help="end reservations of dead or hung owners")
    free.add_argument("names", nargs="+", metavar="NAME", help="a device or resource of the list")
    free.add_argument("--force", action="store_true", help="also of a living owner, who is told")


def run(options: argparse.Namespace) -> int:
    """Carry out one action.

    Raises:
        UsageFault: nothing of that name is reserved, or its owner is alive.
        BenchFault: the book of locks cannot be used.
    """
    return _list() if options.action == "list" else _release(options.names, force=options.force)


def _list() -> int:
    locks = held()
    if not locks:
        print("nothing is reserved")
        return 0
    rows = [
        (
            lock.resource.device, lock.resource.name, str(lock.holder), lock.holder.reason,
            _clock(lock.holder.since), _clock(lock.holder.until), lock.holder.state.value,
            str(lock.waiting or ""),
        )
        for lock in locks
    ]  # fmt: skip
    print_table(
        ("device", "resource", "owner", "reason", "since", "until", "owner is", "waiting"), rows
    )
    line = waiting()
    if line:
        print("\nwaiting, the next first:")
    for each in line:
        names = ", ".join(dict.fromkeys(resource.device for resource in each.resources))
        print(f"  {each}: {each.reason}, since {_clock(each.since)}: {names}")
    return 0


def _release(names: list[str], *, force: bool) -> int:
    for holder in release(names, force=force):
        for resource in holder.resources:
            print(f"released: {resource.device} ({resource.name})")
        print(f"  its owner was {holder.state}: {holder}")
    return 0


def _clock(when: float) -> str:
    moment = datetime.fromtimestamp(when).astimezone()
    today = moment.date() == datetime.now().astimezone().date()
    return moment.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M")
