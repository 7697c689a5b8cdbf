"""A version of lab.yaml and its templates: the working tree, or a commit."""

from __future__ import annotations

import io
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UsageFault
from harness.lab import Lab, load_lab
from harness.provisioning.render import TEMPLATES

__all__ = ["Version", "at_reference", "working_tree"]


@dataclass(frozen=True, slots=True)
class Version:
    """One version: its name, its inventory, and its folder of templates (None: the shipped)."""

    name: str
    lab: Lab
    lab_file: Path
    templates: Path | None


def working_tree(lab_file: Path) -> Version:
    """Return what is in the folder now."""
    lab = load_lab(lab_file)
    folder = lab_file.parent / (lab.provisioning.templates or TEMPLATES)
    return Version("now", lab, lab_file, folder if folder.is_dir() else None)


def at_reference(lab_file: Path, reference: str, directory: Path) -> Version:
    """Return a commit's lab.yaml and templates, written into ``directory``.

    Raises:
        UsageFault: no repository, no such commit, or the lab file is not in it.
    """
    root = Path(_git(lab_file.parent, "rev-parse", "--show-toplevel").decode().strip())
    inside = lab_file.resolve().relative_to(root)
    _git(root, "rev-parse", "--verify", "--quiet", f"{reference}^{{commit}}", told=reference)
    archive = _git(root, "archive", "--format=tar", reference)
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        for member in files.getmembers():
            # git archives no path outside the repository; Debian 12's tarfile has no filters yet.
            content = files.extractfile(member) if _wanted(member.name) else None
            if content is not None:
                target = directory / member.name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content.read())
    old_lab = directory / inside
    if not old_lab.is_file():
        raise UsageFault(f"{reference} has no {inside}", hint="give a commit that has the lab file")
    found = working_tree(old_lab)
    return Version(reference, found.lab, old_lab, found.templates)


def _wanted(name: str) -> bool:
    return name.endswith((".yaml", ".yml", ".j2", ".xml"))


def _git(folder: Path, *arguments: str, told: str = "") -> bytes:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, check=False
        )
    except FileNotFoundError as error:
        raise UsageFault("git is not installed", hint="apt-get install git") from error
    if done.returncode:
        text = done.stderr.decode("utf-8", "replace").strip()
        raise UsageFault(
            f"there is no commit {told}" if told else f"git {arguments[0]}: {text}",
            hint="give a commit, tag or branch of the repository lab.yaml is in",
        )
    return done.stdout
