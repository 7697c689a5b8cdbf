"""Write what the phones of lab.yaml would be served: the same lab gives the same bytes.

The files hold SIP passwords: keep the folder out of a repository. Nothing in it is removed; files
of phones that are no longer in lab.yaml are named.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from harness.cli.options import add_lab_option
from harness.errors import UsageFault
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
        UsageFault: a value or a template is unknown, a template is wrong, or the folder cannot be
            written to.
    """
    templates = Path(options.templates) if options.templates else None
    out = Path(options.out)
    tree = render_tree(load_lab(Path(options.lab)), templates)
    for name, content in tree.items():
        target = out / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        except OSError as error:
            raise UsageFault(
                f"cannot write {target}: {error.strerror}", hint="give another folder with --out"
            ) from error
        print(target)
    for stale in sorted({*out.glob("SEP*.cnf.xml")} - {out / name for name in tree}):
        print(f"{stale}: of no phone of {options.lab}, left from before", file=sys.stderr)
    return 0
