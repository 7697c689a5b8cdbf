"""Options that several commands take."""

from __future__ import annotations

import argparse

__all__ = ["add_lab_option", "add_wait_option"]


def add_lab_option(parser: argparse.ArgumentParser, *, default: str = "lab.yaml") -> None:
    """Add ``--lab FILE``; an action's own has no default, so that its command's stays."""
    parser.add_argument("--lab", default=default, metavar="FILE", help="inventory of the bench")


def add_wait_option(parser: argparse.ArgumentParser, *, default: float | str = 0.0) -> None:
    """Add ``--wait SECONDS`` for a bench that somebody else uses; its default as with --lab."""
    parser.add_argument(
        "--wait",
        default=default,
        type=float,
        metavar="SECONDS",
        help="for whoever uses the bench",
    )
