"""The phone's flash: all that survives a power cut."""

from __future__ import annotations

import json
import os
from pathlib import Path

__all__ = ["Flash"]


class Flash:
    """Installed load and last good configuration, written whole at any moment.

    ``load`` is empty after a factory reset: the list of installed images (init.tab) is gone.
    """

    def __init__(self, path: Path, factory_load: str) -> None:
        self._path = path
        self.load = factory_load
        self.config = ""
        if path.exists():
            content = json.loads(path.read_text(encoding="utf-8"))
            self.load = content["load"]
            self.config = content["config"]
        else:
            self.save()

    def save(self) -> None:
        """Write it down."""
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps({"load": self.load, "config": self.config}), encoding="utf-8")
        os.replace(fresh, self._path)  # noqa: PTH105

    def wipe(self) -> None:
        """Forget load and configuration, as a factory reset does."""
        self.load = ""
        self.config = ""
        self.save()
