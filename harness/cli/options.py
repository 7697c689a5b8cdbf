"""Options that several commands take."""

from __future__ import annotations

import argparse

__all__ = ["add_lab_option"]


def add_lab_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--lab FILE``."""
    parser.add_argument("--lab", default="lab.yaml", metavar="FILE", help="inventory of the bench")
