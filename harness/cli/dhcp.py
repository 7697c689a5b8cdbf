"""Write the DHCP configuration of lab.yaml's phones for dnsmasq, ISC dhcpd or Kea."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from harness.cli.options import add_lab_option
from harness.lab import load_lab
from harness.provisioning.dhcp import FORMATS, check_configuration, plan_for, render_dhcp

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    add_lab_option(parser)
    parser.add_argument("program", choices=sorted(FORMATS))
    parser.add_argument(
        "--interface", default="", metavar="NAME", help="the one to answer on (dnsmasq and Kea)"
    )
    parser.add_argument("--check", action="store_true", help="by the program's own test")


def run(options: argparse.Namespace) -> int:
    """Print the configuration.

    Raises:
        BenchFault: it shall be checked and the program is not installed.
        UsageFault: the program refuses it.
    """
    plan = plan_for(load_lab(Path(options.lab)), interface=options.interface)
    text = render_dhcp(plan, options.program)
    if options.check:
        check_configuration(text, options.program)
    print(text, end="")
    if options.program == "kea" and not options.interface:
        print("without --interface NAME Kea answers on none", file=sys.stderr)
    return 0
