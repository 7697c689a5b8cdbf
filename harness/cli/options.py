"""Options that several commands take."""

from __future__ import annotations

import argparse

__all__ = ["add_lab_option"]


def add_lab_option(parser: argparse.ArgumentParser, *, default: str = "lab.yaml") -> None:
    """Add ``--lab FILE``; an action's own has no default, so that its command's stays."""
    parser.add_argument("--lab", default=default, metavar="FILE", help="inventory of the bench")
