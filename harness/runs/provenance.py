"""What made a run: which harness, what phones got, and by whose clock they ran.

A test can break because of us, too.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterable
from pathlib import Path

import harness
from harness.evidence import redact
from harness.lab import Lab
from harness.provisioning import render_phone

__all__ = ["device_speed", "harness_version", "phone_facts"]


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


def phone_facts(lab: Lab, phone: str) -> dict[str, str]:
    """Return what a phone's results are kept by; a changed password is no changed template.

    Raises:
        UsageFault: its file cannot be rendered.
    """
    (content,) = render_phone(lab, phone).values()
    plain = redact(content.decode("utf-8"), lab.secrets())
    spec = lab.phones[phone]
    load = spec.load or lab.provisioning.load
    # The file names the load; a new load is no changed template.
    plain = plain.replace(load, "LOAD")
    return {
        "model": spec.model.value,
        "load": load,
        "templates": hashlib.sha256(plain.encode()).hexdigest()[:12],
    }


def device_speed(lab: Lab, phones: Iterable[str]) -> float:
    """Return how many times faster the clock of these phones runs; 0 when it is not one for all."""
    speeds = {lab.virtual.speed if lab.phones[name].virtual else 1.0 for name in phones}
    return speeds.pop() if len(speeds) == 1 else 0.0
