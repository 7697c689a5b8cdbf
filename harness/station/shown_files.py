"""Reports and evidence for the browser: nothing else of a run, and nothing beside the runs."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from harness.runs.export import SHOWN_FOLDERS, cleaned, may_be_shown, run_secrets
from harness.runs.page import page_templates

__all__ = ["Shown", "shown_file"]

#: What a run writes for people at its top.
_AT_THE_TOP = {"report.html", "morning.html", "junit.xml"}
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".png": "image/png",
    ".pcap": "application/vnd.tcpdump.pcap",
}
_TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Shown:
    """A file or the list of a folder's files, as a browser gets it."""

    content: bytes
    media_type: str


def shown_file(runs: Path, asked: str, known: AbstractSet[str]) -> Shown | None:
    """Return what may be shown at a path, or None.

    Args:
        runs: the folder of the runs.
        asked: ``RUN/path/of/a/file``, or ``RUN/path/of/a/folder/``, as the browser sent it.
        known: secrets besides those that the run's own files tell.
    """
    run, _, name = asked.partition("/")
    parts = name.removesuffix("/").split("/")
    if any(not part or part.startswith(".") or "\0" in part for part in (run, *parts)):
        return None
    try:
        directory = (runs / run).resolve()
        path = directory.joinpath(*parts)
        # `latest` is a link to a run beside it; any other link leads who knows where.
        if directory.parent != runs.resolve() or path.resolve() != path:
            return None
        if name.endswith("/"):
            return _listed(path, directory) if parts[0] in SHOWN_FOLDERS and path.is_dir() else None
        if not (name in _AT_THE_TOP or may_be_shown(name)) or not path.is_file():
            return None
        content = cleaned(path, directory, run_secrets(directory) | known)
    except OSError:
        # Removed while we look, a name longer than any can be, not readable.
        return None
    return Shown(content, _TYPES.get(path.suffix, _TEXT))


def _listed(folder: Path, directory: Path) -> Shown:
    rows = []
    for path in sorted(folder.iterdir()):
        name = path.relative_to(directory).as_posix()
        if path.is_symlink() or path.name.startswith("."):
            continue
        if path.is_dir():
            rows.append((f"{quote(path.name)}/", f"{path.name}/", ""))
        elif may_be_shown(name):
            rows.append((quote(path.name), path.name, f"{path.stat().st_size} bytes"))
    page = page_templates("harness.station").get_template("folder.html.j2")
    text = page.render(run=directory.name, folder=folder.relative_to(directory), rows=rows)
    return Shown(text.encode(), _TYPES[".html"])
