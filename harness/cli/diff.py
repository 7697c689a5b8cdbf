"""Say what changes for which phones between two rendered trees or two template folders.

Template folders (with *.j2) are rendered for the phones of lab.yaml. Exit code 1 when something
changes for a phone.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.cli.options import add_lab_option
from harness.errors import UsageFault
from harness.lab import Lab, load_lab
from harness.provisioning import render_tree
from harness.provisioning.diff import as_json, as_text, diff_trees

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    add_lab_option(parser)
    parser.add_argument("old", metavar="OLD", help="folder or file before the change")
    parser.add_argument("new", metavar="NEW", help="folder or file after it")
    parser.add_argument("--format", choices=["text", "json"], default="text")
    parser.add_argument("--phones", action="store_true", help="name every phone")


def run(options: argparse.Namespace) -> int:
    """Compare; 0 when nothing changes.

    Raises:
        UsageFault: a path cannot be read.
    """
    lab = load_lab(Path(options.lab)) if Path(options.lab).exists() else None
    changes = diff_trees(_tree(Path(options.old), lab), _tree(Path(options.new), lab))
    if options.format == "json":
        print(as_json(changes))
    else:
        phones = lab.phones.values() if lab is not None else ()
        models = {spec.host_name: str(spec.model) for spec in phones}
        print(as_text(changes, models, every=options.phones))
    return int(bool(changes))


def _tree(path: Path, lab: Lab | None) -> dict[str, bytes]:
    if path.is_file():
        return {path.name: path.read_bytes()}
    if not path.is_dir():
        raise UsageFault(f"there is nothing at {path}", hint="give a folder or a file")
    if any(path.glob("*.j2")):
        if lab is None:
            raise UsageFault("templates need the phones of a lab", hint="give --lab FILE")
        return render_tree(lab, path)
    files = sorted(each for each in path.rglob("*") if each.is_file())
    return {each.relative_to(path).as_posix(): each.read_bytes() for each in files}
