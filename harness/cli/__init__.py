"""The command line: parse, call, print. Nothing is decided here.

Rooms are imported inside the commands: ``harness --help`` must answer before a person wonders
whether it hangs, and pytest, pyvisa and pydantic are slow to import.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

__all__ = ["main"]

EPILOG = """\
exit codes: 0 all well, 1 product fault, 2 mistake in lab.yaml or arguments, 3 bench fault,
4 inconclusive, 70 a bug of the harness (docs/reference/exit-codes.md)
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="harness",
        description="Lab test harness for Cisco 7942G/7962G SIP phones with Asterisk.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--lab", default="lab.yaml", metavar="FILE", help="inventory of the bench")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    nightly = commands.add_parser(
        "nightly", parents=[common], help="run the regression suite and write a report"
    )
    nightly.add_argument("--phones", default="", help="comma-separated names; default: all")
    nightly.add_argument("--runs-dir", default="runs", metavar="DIR", help="where runs are kept")
    nightly.add_argument("--suite", default="tests/regression", metavar="PATH")
    nightly.add_argument("-k", dest="keyword", default="", help="only tests that match")
    nightly.add_argument("--plain", action="store_true", help="plain lines, no live view")

    doctor = commands.add_parser(
        "doctor", parents=[common], help="check host and devices, all faults at once"
    )
    doctor.add_argument("--json", action="store_true", help="machine-readable output")

    phone = commands.add_parser("phone", parents=[common], help="drive one phone by hand")
    phone.add_argument("name", help="its name in lab.yaml")
    actions = phone.add_subparsers(dest="action", metavar="ACTION", required=True)
    power = actions.add_parser("power", help="switch or cycle its outlet")
    power.add_argument("to", choices=["on", "off", "cycle"])
    keys = actions.add_parser("keys", help="tap keys, e.g. settings '**#**'")
    keys.add_argument("keys", nargs="+")
    reset = actions.add_parser("reset", help="factory reset by the key sequence")
    reset.add_argument("--code", choices=["soft", "format", "format-keep-network"], default="soft")
    actions.add_parser("status", help="outlet and lamps")

    report = commands.add_parser("report", help="write the report of a run again, and say where")
    report.add_argument("run", nargs="?", default="latest", help="run id; default: the latest")
    report.add_argument("--runs-dir", default="runs", metavar="DIR")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    from harness.errors import HarnessError

    try:
        if options.command == "nightly":
            from harness.cli.nightly import nightly

            return nightly(options)
        if options.command == "doctor":
            from harness.cli.doctor import doctor

            return doctor(options)
        if options.command == "phone":
            from harness.cli.phone import phone

            return phone(options)
        from harness.cli.report import report

        return report(options)
    except HarnessError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted; everything recorded so far is kept", file=sys.stderr)
        return 130
