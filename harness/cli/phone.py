"""``harness phone NAME ...``: do by hand what the fixtures do."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from harness.bench import Bench, open_bench, open_stations
from harness.cli.options import add_lab_option
from harness.errors import UsageFault
from harness.events import AmiEvent, LampChanged, Record, RtpStreamSeen, SipMessage
from harness.lab import load_lab
from harness.phone import ResetCode
from harness.timeline import Timeline

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    add_lab_option(parser)
    parser.add_argument("name", help="its name in lab.yaml")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    power = actions.add_parser("power", help="switch or cycle its outlet")
    power.add_argument("to", choices=["on", "off", "cycle"])
    keys = actions.add_parser("keys", help="tap keys, e.g. settings '**#**'")
    keys.add_argument("keys", nargs="+")
    reset = actions.add_parser("reset", help="factory reset by the key sequence")
    reset.add_argument("--code", choices=["soft", "format", "format-keep-network"], default="soft")
    actions.add_parser("status", help="outlet and lamps")


def run(options: argparse.Namespace) -> int:
    """Carry out one action on one phone.

    Raises:
        UsageFault: lab.yaml has no such phone.
    """
    lab = load_lab(Path(options.lab))
    if options.name not in lab.phones:
        raise UsageFault(
            f"no phone named {options.name} in {options.lab}",
            hint=f"choose from: {', '.join(lab.phones)}",
        )
    timeline = Timeline()
    timeline.listen(_tell)
    # A reset phone comes to fetch its files: it needs the whole bench, the others a station.
    opened = open_bench if options.action == "reset" else open_stations
    with (
        tempfile.TemporaryDirectory(prefix="phone-bench-") as directory,
        opened(lab, Path(directory), timeline) as bench,
    ):
        _act(bench, options)
    return 0


def _tell(record: Record) -> None:
    """Print what a person at the bench would want to see go by."""
    if not isinstance(record.event, SipMessage | AmiEvent | RtpStreamSeen | LampChanged):
        print(f"{record.source}: {record.event}")


def _act(bench: Bench, options: argparse.Namespace) -> None:
    target = bench.phones[options.name]
    print(f"{target.name}: {target.spec.model}, {target.label}")
    if options.action == "power":
        if options.to in ("off", "cycle"):
            target.power_off()
        if options.to in ("on", "cycle"):
            target.power_on()
    elif options.action == "keys":
        known = {"settings", "services", "messages", "directories", "speaker", "headset", "mute"}
        for word in options.keys:
            named = word in known or word.startswith(("line", "soft", "nav", "vol"))
            if named:
                target.keypad.tap(word)
            else:
                target.keypad.type(word)
    elif options.action == "reset":
        since = target.factory_reset(ResetCode[options.code.upper().replace("-", "_")])
        target.wait_flashed(since=since)
        target.wait_registered(since=since)
    else:
        outlet = target.spec.outlet
        print(f"outlet {outlet}: {target.power.state(outlet.outlet)}")
        lamps = target.keypad.lamps() if target.keypad.senses.lamps else {}
        for lamp, colour in sorted(lamps.items()):
            print(f"lamp {lamp}: {colour}")
