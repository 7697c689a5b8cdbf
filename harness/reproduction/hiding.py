"""What a reproduction leaves behind is sent to whoever asked: no password stays in it."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

from harness.evidence import redact_capture, redact_file
from harness.runs.export import run_secrets

__all__ = ["hide_secrets"]

_TEXTS = {".txt", ".log", ".json", ".jsonl", ".xml", ".conf", ".cnf", ".yaml"}
#: A twin's flash; it holds the phone's file once more.
_REMOVED = ("twins",)


def hide_secrets(folder: Path, known: Collection[str]) -> None:
    """Hide secrets in all texts and captures of a bench's folder, once the bench is closed.

    The configuration of phone and PBX stays, without them: the cause is read from it.

    Args:
        folder: the bench's folder.
        known: secrets besides those that the folder's own files tell, such as a user's.
    """
    hidden = run_secrets(folder) | set(known)
    for name in _REMOVED:
        shutil.rmtree(folder / name, ignore_errors=True)
    for file in sorted(folder.rglob("*")):
        if file.is_symlink() or not file.is_file():
            continue
        if file.suffix in _TEXTS:
            redact_file(file, hidden)
        elif file.suffix == ".pcap":
            redact_capture(file, hidden)
