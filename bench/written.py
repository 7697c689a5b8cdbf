"""What was measured, as JSON: with when, and on which machine."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = ["write_result"]


def write_result(target: Path, what: str, **measured: Any) -> None:
    """Write the values of a measurement, and what they are of, to a file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    result = {
        "what": what,
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cores": os.cpu_count(),
            "kernel": platform.release(),
            "python": platform.python_version(),
        },
        **measured,
    }
    target.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
