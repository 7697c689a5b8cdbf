"""Say what a phone will suffer from in rendered files, templates, TFTP roots or PBX files.

Give what belongs together at once: a TFTP root with sip.conf, pjsip.conf and dhcpd.conf is also
checked across its files. Templates (*.j2) are rendered for the phones of lab.yaml first. Exit code
1 when an error is found.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.cli.options import add_lab_option
from harness.errors import UsageFault
from harness.lab import load_lab
from harness.provisioning.firmware import Release
from harness.provisioning.lint import (
    Severity,
    as_catalogue,
    as_json,
    as_sarif,
    as_text,
    lint,
    lint_templates,
    models_of,
    read_tree,
)

__all__ = ["configure", "run"]

_FORMATS = {"text": as_text, "json": as_json, "sarif": as_sarif}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    add_lab_option(parser)
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files, folders, TFTP roots")
    parser.add_argument("--format", choices=sorted(_FORMATS), default="text")
    parser.add_argument("--installed", default="", metavar="LOAD", help="what the phones hold now")
    parser.add_argument("--catalogue", action="store_true", help="print all rules and end")


def run(options: argparse.Namespace) -> int:
    """Lint; 1 when there is an error, else 0.

    Raises:
        UsageFault: a path cannot be read, none was given, or there is nothing to lint.
    """
    if options.catalogue:
        print(as_catalogue(), end="")
        return 0
    paths = [Path(path) for path in options.paths]
    if not paths:
        raise UsageFault("nothing to lint", hint="give files or folders: harness lint PATH...")
    if options.installed:
        Release.parse(options.installed)
    lab_file = Path(options.lab)
    templates = [each for path in paths for each in _templates(path)]
    # The phones' models are known where there is a lab; a vendor's own files need none.
    lab = load_lab(lab_file) if lab_file.is_file() else None
    models = {} if lab is None else models_of(lab)
    # A folder may hold both: templates, and files that are served as they are.
    plain = [path for path in paths if path.suffix != ".j2"]
    tree = read_tree(plain, models=models, installed=options.installed)
    if not tree.documents and not templates:
        raise UsageFault(
            f"nothing to lint in {', '.join(options.paths)}",
            hint="a folder should hold .xml, .cnf or .conf files, or templates with SEP.cnf.xml.j2;"
            " firmware is for harness firmware verify",
        )
    findings = lint(tree)
    for folder, only in templates:
        lab = lab or load_lab(lab_file)
        findings += lint_templates(lab, folder, only=only, installed=options.installed)
    print(_FORMATS[options.format](findings))
    return int(any(finding.severity is Severity.ERROR for finding in findings))


def _templates(path: Path) -> list[tuple[Path, str]]:
    """Return the folders of templates at or below a path, and the one template asked for."""
    if path.suffix == ".j2" and not path.is_dir():
        if not path.is_file():
            raise UsageFault(f"cannot read {path}", hint="give files or folders that exist")
        return [(path.parent, path.name)]
    folders = {each.parent for each in path.rglob("SEP*.j2")} if path.is_dir() else set()
    return [(folder, "") for folder in sorted(folders)]
