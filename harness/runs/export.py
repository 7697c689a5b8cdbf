"""A run as one file to send: the report on top, each test's evidence below, no secret in it."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath

from harness.errors import UsageFault
from harness.evidence import redact, redact_capture, secrets_below
from harness.runs.html import write_html
from harness.runs.junit import write_junit
from harness.runs.results import HEAD, RESULTS, RunResult, TestResult, load_run
from harness.timeline import read_timelines

__all__ = ["SHOWN_FOLDERS", "cleaned", "export_run", "may_be_shown", "raw_folders", "run_secrets"]

#: Folders of a run that may be shown. Not twins, tftp, pbx, peers: they hold what it was run with.
SHOWN_FOLDERS = ("tests", "transfers", "phones")
_TEXTS = {".txt", ".log", ".html", ".json", ".jsonl", ".xml", ".conf", ".cnf", ".loads"}
_CAPTURES = {".pcap"}
_PICTURES = {".png"}
_WANTED = _TEXTS | _CAPTURES | _PICTURES
#: Folders whose files tell a run's secrets, in its own folder and in that of each side.
_RAW = ("tftp", "pbx", "twins")
_SIDES = "side-*"
#: What stands under a secret's key may be a word like "no"; hiding that would spoil every text.
_SHORTEST = 4


def raw_folders(directory: Path) -> list[Path]:
    """Return the folders of a run whose files tell its secrets; they need not be there."""
    benches = [directory, *sorted(directory.glob(_SIDES))]
    return [bench / name for bench in benches for name in _RAW]


def run_secrets(directory: Path) -> set[str]:
    """Return the secrets that a run's own files tell: those its phones and its PBX were given."""
    found = set[str]().union(*(secrets_below(folder) for folder in raw_folders(directory)))
    return {value for value in found if len(value) >= _SHORTEST}


def may_be_shown(name: str) -> bool:
    """Whether a file of a run may leave it, by its path below the run's folder."""
    parts = PurePosixPath(name).parts
    return parts[0] in SHOWN_FOLDERS and PurePosixPath(name).suffix in _WANTED


def cleaned(path: Path, directory: Path, secrets: Collection[str]) -> bytes:
    """Return a file of a run as others may see it: no secret, no path of this machine in it.

    Args:
        path: the file.
        directory: the run's folder.
        secrets: the values to hide.
    """
    if path.suffix in _PICTURES:
        return path.read_bytes()
    if path.suffix in _CAPTURES:
        with tempfile.TemporaryDirectory(prefix="phone-bench-") as made:
            copy = Path(made) / "copy.pcap"
            copy.write_bytes(path.read_bytes())
            redact_capture(copy, secrets)
            return copy.read_bytes()
    text = path.read_text(encoding="utf-8", errors="replace")
    return _here(redact(text, secrets), directory).encode()


def export_run(
    directory: Path, target: Path, *, test: str = "", secrets: Collection[str] = ()
) -> list[TestResult]:
    """Write a bundle of a run: ``index.html`` at its top, all links within it.

    Args:
        directory: the run's folder.
        target: the zip to write; replaced when it is there.
        test: only the tests whose name holds this.
        secrets: values to hide besides those that the run's own files tell.

    Returns:
        The results that went into it.

    Raises:
        UsageFault: there is no run, no such test, or the file cannot be written.
    """
    directory = directory.resolve()
    run = load_run(directory)
    chosen = [result for result in run.results if test in result.test]
    if not chosen:
        known = ", ".join(result.name for result in run.results) or "none"
        raise UsageFault(f"the run has no test named {test!r}", hint=f"choose from: {known}")
    hidden = run_secrets(directory) | {each for each in secrets if len(each) >= _SHORTEST}
    files = dict(_files(directory, chosen if test else None))
    run.results = [
        replace(
            result,
            files={what: path for what, path in result.files.items() if path in files},
            detail=_here(result.detail, directory),
            reason=_here(result.reason, directory),
        )
        for result in chosen
    ]
    try:
        with (
            tempfile.TemporaryDirectory(prefix="phone-bench-") as made,
            zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as bundle,
        ):
            _write_heads(run, Path(made), hidden, only=bool(test))
            for file in sorted(Path(made).iterdir()):
                bundle.write(file, file.name)
            for name, path in files.items():
                bundle.writestr(name, cleaned(path, directory, hidden))
    except OSError as error:
        raise UsageFault(f"cannot write {target}: {error.strerror}") from error
    return run.results


def _files(directory: Path, chosen: Collection[TestResult] | None) -> Iterable[tuple[str, Path]]:
    """Yield what may be sent, by its name in the bundle."""
    own = None
    if chosen is not None:
        paths = [path for result in chosen for path in result.files.values()]
        own = {"/".join(path.split("/")[:2]) for path in paths}
    for folder in SHOWN_FOLDERS:
        for path in sorted((directory / folder).rglob("*")):
            name = path.relative_to(directory).as_posix()
            if not may_be_shown(name) or path.is_symlink() or not path.is_file():
                continue
            if own is None or "/".join(name.split("/")[:2]) in own:
                yield name, path


def _write_heads(run: RunResult, made: Path, hidden: set[str], *, only: bool) -> None:
    directory = run.directory
    records = read_timelines(directory)
    if only:
        spans = [(result.first_record, result.last_record) for result in run.results]
        records = [r for r in records if any(first <= r.seq < last for first, last in spans)]
    write_html(run, records, made / "index.html", secrets=hidden)
    write_junit(run, made / "junit.xml", secrets=hidden)
    lines = (json.dumps(record.as_dict(), ensure_ascii=False) for record in records)
    results = (json.dumps(result.as_dict(directory)) for result in run.results)
    heads = {
        "timeline.jsonl": "\n".join(lines) + "\n",
        RESULTS: "\n".join(results) + "\n",
        HEAD: (directory / HEAD).read_text(encoding="utf-8"),
    }
    for name, text in heads.items():
        (made / name).write_text(redact(text, hidden), encoding="utf-8")
    for head in made.iterdir():
        text = head.read_text(encoding="utf-8")
        head.write_text(_here(text, directory), encoding="utf-8")


def _here(text: str, directory: Path) -> str:
    """Leave out where the run lay on the machine it was made on."""
    return text.replace(f"{directory}/", "").replace(str(directory), ".")
