"""The phone's flash: all that survives a power cut."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

__all__ = ["Flash"]

#: What is kept, by the name of the attribute.
_KEPT = ("load", "components", "config", "alternate_tftp", "host_key", "newest")


class Flash:
    """What is kept, written whole at any moment.

    Attributes:
        load: the installed load; empty after a factory reset: the list of images is gone.
        components: file names of its images.
        newest: the load last flashed; a reset deletes the list of images, not what the boot
            loader knows of them [inferred from article, comment 9].
        config: the last good configuration.
        alternate_tftp: a TFTP server set by hand, which beats what DHCP says; else empty.
        host_key: the SSH server's private key.
    """

    def __init__(self, path: Path, factory_load: str) -> None:
        self._path = path
        self.load = self.newest = factory_load
        self.components: list[str] = []
        self.config = ""
        self.alternate_tftp = ""
        self.host_key = ""
        if path.exists():
            content = json.loads(path.read_text(encoding="utf-8"))
            for name in _KEPT:
                setattr(self, name, content.get(name, getattr(self, name)))
        else:
            self.save()

    def tftp_servers(self, leased: Sequence[str]) -> list[str]:
        """Return the TFTP servers in force: the one set by hand, else those of the lease."""
        return [self.alternate_tftp] if self.alternate_tftp else list(leased)

    def save(self) -> None:
        """Write it down."""
        fresh = self._path.with_suffix(".new")
        kept = {name: getattr(self, name) for name in _KEPT}
        fresh.write_text(json.dumps(kept), encoding="utf-8")
        os.replace(fresh, self._path)  # noqa: PTH105

    def wipe(self) -> None:
        """Forget load, configuration, keys and network settings, as a factory reset does."""
        self.load = self.config = self.host_key = self.alternate_tftp = ""
        self.components = []
        self.save()
