"""``harness schema``: lab.yaml as JSON Schema for editors, or as a page with every key."""

from __future__ import annotations

import argparse

from harness.lab.schema import as_reference, as_schema

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    parser.add_argument("--markdown", action="store_true", help="a page for people instead")


def run(options: argparse.Namespace) -> int:
    """Print it."""
    print(as_reference() if options.markdown else as_schema(), end="")
    return 0
