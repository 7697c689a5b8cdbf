"""Write what the phones of lab.yaml would be served: the same lab gives the same bytes."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.cli.options import add_lab_option
from harness.lab import load_lab
from harness.provisioning import render_tree

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    add_lab_option(parser)
    parser.add_argument("--out", default="rendered", metavar="DIR", help="folder to write to")
    parser.add_argument("--templates", metavar="DIR", help="other templates than the lab's")


def run(options: argparse.Namespace) -> int:
    """Render every file.

    Raises:
        UsageFault: a value or a template is unknown, or a template is wrong.
    """
    templates = Path(options.templates) if options.templates else None
    out = Path(options.out)
    for name, content in render_tree(load_lab(Path(options.lab)), templates).items():
        target = out / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        print(target)
    return 0
