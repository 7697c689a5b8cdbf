"""The command line: parse, call, print. Nothing is decided here.

Each command is a module of this room with ``configure(parser)`` and ``run(options)``; it is
imported only when it is asked for: ``harness --help`` must answer before a person wonders whether
it hangs, and pytest, pyvisa and pydantic are slow to import.
"""

from __future__ import annotations

import argparse
import difflib
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

__all__ = ["COMMANDS", "INTERRUPTED", "build_parser", "main"]

#: What each command is for, by its name; the module is harness.cli.NAME.
COMMANDS = {
    "nightly": "run the regression suite and write a report",
    "recover": "make the bench safe after a run that was killed",
    "doctor": "check host and devices, all faults at once",
    "schema": "print the JSON Schema of lab.yaml, or a page with every key",
    "render": "write the configuration files of every phone",
    "lint": "say what is wrong with configuration files, before a phone does",
    "diff": "say what changes for which phones between two sets of files",
    "firmware": "check a folder of firmware, plan an upgrade",
    "validate": "judge a template change on the bench before rollout",
    "dhcp": "write the DHCP configuration for dnsmasq, ISC dhcpd or Kea",
    "diagnose": "say why it failed, from what a user sent",
    "repro": "make a user's report happen on the bench, explained and cured",
    "watch": "follow a live network and explain what goes wrong",
    "serve": "a page in the browser with the bench live and the last nights",
    "phone": "drive one phone by hand",
    "keypad": "calibrate a gantry, check every key of a phone",
    "lock": "who has the bench, and since when; take it from one that hangs",
    "runs": "past nights: list, compare, first bad, flips, trends",
    "evidence": "one zip of a run, to open in a browser or to send",
    "twin": "replay a recording of real phones and list where the twins differ",
    "report": "write the report of a run again, and say where",
}

#: Exit code after Ctrl-C, as shells have it (128 and the signal's number); also after SIGTERM.
INTERRUPTED = 130

_EXIT_CODES = """\
exit codes: 0 all well, 1 product fault, 2 mistake in lab.yaml or arguments, 3 bench fault,
4 inconclusive, 70 a bug of the harness (docs/reference/exit-codes.md)"""


def _help() -> str:
    width = max(map(len, COMMANDS)) + 2
    return "\n".join(
        [
            "usage: harness COMMAND [--help] ...",
            "",
            "Lab test harness for Cisco 7942G/7962G SIP phones with Asterisk.",
            "",
            *(f"  {name:{width}}{purpose}" for name, purpose in COMMANDS.items()),
            "",
            _EXIT_CODES,
        ]
    )


def build_parser(name: str) -> argparse.ArgumentParser:
    """Return the parser of one of `COMMANDS`."""
    command = import_module(f"harness.cli.{name}")
    parser = argparse.ArgumentParser(
        prog=f"harness {name}",
        description=command.__doc__,
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.configure(parser)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    name, *rest = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if name in {"-h", "--help"}:
        print(_help())
        return 0
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, n=1)
        meant = f"; did you mean {near[0]}?" if near else "."
        print(f"harness: there is no command {name!r}{meant} See harness --help.", file=sys.stderr)
        return 2
    from harness.errors import HarnessBug, HarnessError
    from harness.termination import orderly_sigterm

    try:
        parser = build_parser(name)
        parsed = parser.parse_args(rest)
        with orderly_sigterm():
            code: int = import_module(f"harness.cli.{name}").run(parsed)
        sys.stdout.flush()
    except HarnessError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted; everything recorded so far is kept", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # head or less has seen enough: no more is written, and Python finds nothing to flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception:  # noqa: BLE001 (Python's own exit code would be 1: a product fault)
        traceback.print_exc()
        print(f"harness {name}: a bug of the harness; please report these lines", file=sys.stderr)
        return HarnessBug.exit_code
    return code
