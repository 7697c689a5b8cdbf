"""``harness phone NAME ...``: do by hand what the fixtures do."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TextIO

from harness.bench import Bench, open_bench, open_outlets, open_stations
from harness.cli.looking import look
from harness.cli.options import add_lab_option, add_wait_option
from harness.errors import UsageFault
from harness.events import AmiEvent, LampChanged, Record, RtpStreamSeen, SipMessage
from harness.keypad import KEYS
from harness.lab import load_lab
from harness.phone import ResetCode
from harness.timeline import Timeline

__all__ = ["configure", "keys_meant", "run"]

_WINDOWS = ("info", "console", "screenshot", "ssh")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    add_lab_option(parser)
    add_wait_option(parser)
    parser.add_argument("name", help="its name in lab.yaml")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    power = actions.add_parser("power", help="switch or cycle its outlet")
    power.add_argument("to", choices=["on", "off", "cycle"])
    keys = actions.add_parser("keys", help="tap keys, e.g. settings '**#**'")
    keys.add_argument("keys", nargs="+")
    reset = actions.add_parser("reset", help="factory reset by the key sequence")
    reset.add_argument("--code", choices=[str(code) for code in ResetCode], default="soft")
    actions.add_parser("status", help="outlet, lamps, and its own status messages")
    actions.add_parser("info", help="what its web pages say: load, addresses, active stream")
    actions.add_parser("console", help="its console log")
    screenshot = actions.add_parser("screenshot", help="its display as a PNG file")
    screenshot.add_argument("file", nargs="?", type=Path, help="default: NAME.png")
    ssh = actions.add_parser("ssh", help="commands on its console, e.g. 'show register'")
    ssh.add_argument("--login", choices=["debug", "log"], default="debug", help="second login")
    ssh.add_argument("commands", nargs="*", default=["show register"])
    for action in actions.choices.values():
        add_lab_option(action, default=argparse.SUPPRESS)
        add_wait_option(action, default=argparse.SUPPRESS)


def run(options: argparse.Namespace) -> int:
    """Carry out one action on one phone.

    Raises:
        UsageFault: lab.yaml has no such phone, or the phone no such key.
        BenchFault: another harness has it still after ``--wait``, or it cannot be reached.
    """
    lab = load_lab(Path(options.lab))
    if options.name not in lab.phones:
        raise UsageFault(
            f"no phone named {options.name} in {options.lab}",
            hint=f"choose from: {', '.join(lab.phones)}",
        )
    if options.action == "keys":
        options.keys = keys_meant(options.keys)
    timeline = Timeline()
    # What a window shows can be kept with `>`; what goes by meanwhile is not part of it.
    aside = sys.stderr if options.action in {"status", *_WINDOWS} else sys.stdout
    timeline.listen(partial(_tell, stream=aside))
    # A reset phone comes to fetch its files and its screen asks who may: they need the whole bench.
    # A twin lives only as long as its bench, so it has to boot first. The rest needs one station,
    # and an outlet is switched before there is a robot.
    if options.action == "power":
        opened = open_outlets
    elif lab.phones[options.name].virtual or options.action in {"reset", "screenshot"}:
        opened = open_bench
    else:
        opened = open_stations
    outlet = lab.phones[options.name].outlet
    fed = [n for n, spec in lab.phones.items() if spec.outlet == outlet and n != options.name]
    if opened is not open_bench:
        lab = lab.without_stations(lab.phones.keys() - {options.name})
    with (
        tempfile.TemporaryDirectory(prefix="phone-bench-") as directory,
        opened(lab, Path(directory), timeline, wait=options.wait) as bench,
    ):
        model = lab.phones[options.name].model
        print(f"{options.name}: {model}, {lab.label(options.name)}", file=aside)
        if options.action in {"power", "reset"} and fed:
            print(f"{outlet} feeds {' and '.join(fed)} as well: what cuts one cuts all", file=aside)
        _act(bench, options)
    return 0


def keys_meant(words: Sequence[str]) -> list[str]:
    """Take ``settings **#**`` apart: a word is a key by its name, or a row of keys to type.

    Raises:
        UsageFault: it is neither.
    """
    found: list[str] = []
    for word in words:
        keys = [word] if word in KEYS else list(word)
        if not KEYS.issuperset(keys):
            raise UsageFault(
                f"{word!r} is no key and no row of keys",
                expected="0 to 9, *, # in any number, or one of "
                + " ".join(sorted(key for key in KEYS if len(key) > 1)),
            )
        found += keys
    return found


def _tell(record: Record, stream: TextIO) -> None:
    """Print what a person at the bench would want to see go by."""
    if not isinstance(record.event, SipMessage | AmiEvent | RtpStreamSeen | LampChanged):
        print(f"{record.source}: {record.event}", file=stream)


def _act(bench: Bench, options: argparse.Namespace) -> None:
    if options.action == "power":
        outlet = bench.lab.phones[options.name].outlet
        for on in {"on": [True], "off": [False], "cycle": [False, True]}[options.to]:
            bench.pdus[outlet.pdu].set(outlet.outlet, on=on)
        return
    target = bench.phones[options.name]
    if options.action == "keys":
        if target.spec.virtual:
            target.bring_up()
        target.keypad.type(options.keys)
    elif options.action == "reset":
        (code,) = (code for code in ResetCode if str(code) == options.code)
        since = target.factory_reset(code)
        target.wait_flashed(since=since)
        target.wait_registered(since=since)
    else:
        if target.spec.virtual:
            target.bring_up()
        look(bench, options)
