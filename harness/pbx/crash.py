"""What is left of an Asterisk that ended unasked: how it ended, its log, its core file."""

from __future__ import annotations

import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Crash", "ending", "keep_crash", "keep_older"]

_CORE_PATTERN = Path("/proc/sys/kernel/core_pattern")
#: A shell, and a container runtime, tell a death by signal as 128 and its number.
_BY_SIGNAL = 128


@dataclass(frozen=True, slots=True)
class Crash:
    """A crash and where its traces are; ``core`` is a path, or says why there is none."""

    reason: str
    log: Path
    core: Path | str

    def __str__(self) -> str:
        core = self.core if isinstance(self.core, str) else f"core file {self.core}"
        return f"{self.reason}; log {self.log}; {core}"


def ending(process: subprocess.Popen[bytes] | None, within: float) -> str:
    """Say how the container ended; empty when it has not within so many seconds."""
    if process is None:
        return ""
    try:
        code = process.wait(within)
    except subprocess.TimeoutExpired:
        return ""
    if code > _BY_SIGNAL and code - _BY_SIGNAL in set(signal.Signals):
        return f"it was killed by {signal.Signals(code - _BY_SIGNAL).name}"
    return f"its container ended with exit code {code}"


def keep_crash(reason: str, log: Path, cores: Path, folder: Path) -> Crash:
    """Copy the log and move the core file into ``folder``.

    A core file holds every password Asterisk had in memory, so only the owner may open the folder.
    """
    kept = log
    core: Path | str = _why_no_core()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        kept = Path(shutil.copy(log, folder / log.name)) if log.exists() else log
        for found in sorted(cores.glob("*")) if cores.is_dir() else ():
            core = Path(shutil.move(found, folder / found.name))
    except OSError as error:
        core = f"not all of it could be kept: {error.strerror}"
    return Crash(reason, kept, core)


def keep_older(log: Path) -> None:
    """Move the log of an earlier start aside, so that the next one does not write over it."""
    if log.exists():
        number = 1
        while (older := log.with_stem(f"{log.stem}-{number}")).exists():
            number += 1
        log.rename(older)


def _why_no_core() -> str:
    pattern = _CORE_PATTERN.read_text(encoding="utf-8").strip()
    if pattern.startswith("|"):
        return f"no core file here: the kernel gives it to {pattern[1:].split()[0]}"
    if "/" in pattern:
        return f"no core file: kernel.core_pattern is {pattern}, which a read-only root refuses"
    return "no core file"
