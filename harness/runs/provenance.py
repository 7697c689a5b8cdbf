"""Which harness made a run: a test can break because of us, too."""

from __future__ import annotations

import subprocess
from pathlib import Path

import harness

__all__ = ["harness_version"]


def harness_version() -> str:
    """Return our version, with the commit where we run from a working tree."""
    root = Path(harness.__file__).parents[1]
    if not (root / ".git").exists():
        return harness.__version__
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=10"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return harness.__version__
    return f"{harness.__version__} ({told.stdout.strip()})"
