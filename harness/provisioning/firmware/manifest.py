"""Firmware sets: which files make up a load, and made-up images for benches without real ones.

Real images are never parsed: they are signed, and all a test needs of them is name, size and
order. A manifest states those; ``make_up`` writes stand-ins that only a twin accepts.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from harness.errors import UsageFault

__all__ = ["FirmwareSet", "known_loads", "load_manifest", "make_up", "read_manifest"]

_LOADS_SIZE = 640


@dataclass(frozen=True, slots=True)
class FirmwareSet:
    """One load: its components in the order a phone fetches them, with sizes in bytes."""

    load: str
    boot_loads: tuple[str, ...]
    components: tuple[tuple[str, int], ...]
    sha256: dict[str, str] = field(default_factory=dict)

    @property
    def loads_file(self) -> str:
        """The file ``<loadInformation>`` names, with its suffix."""
        return f"{self.load}.loads"

    @property
    def names(self) -> list[str]:
        """Every file of the set."""
        return [self.loads_file, *self.boot_loads, *(name for name, _ in self.components)]


def known_loads() -> list[str]:
    """Return the loads configs/firmware has a manifest of."""
    folder = files("configs") / "firmware"
    names = (entry.name for entry in folder.iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))


def load_manifest(load: str) -> FirmwareSet:
    """Read the manifest of a load from configs/firmware.

    Raises:
        UsageFault: there is none; the known loads are named.
    """
    folder = files("configs") / "firmware"
    manifest = folder / f"{load}.toml"
    if not manifest.is_file():
        raise UsageFault(
            f"no firmware manifest for the load {load!r}",
            hint=f"known loads: {', '.join(known_loads())}; add configs/firmware/{load}.toml",
        )
    return _read(manifest.read_text(encoding="utf-8"))


def read_manifest(path: Path) -> FirmwareSet:
    """Read a manifest anywhere, such as one of a trusted folder with checksums.

    Raises:
        UsageFault: it cannot be read, or is no manifest.
    """
    hint = "harness firmware verify DIR --record FILE writes one"
    try:
        return _read(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageFault(f"cannot read the manifest {path}: {error}", hint=hint) from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageFault(f"{path} is no firmware manifest: {error!r}", hint=hint) from error


def _read(text: str) -> FirmwareSet:
    content = tomllib.loads(text)
    return FirmwareSet(
        load=content["load"],
        boot_loads=tuple(content["boot_loads"]),
        components=tuple((entry["name"], entry["size"]) for entry in content["file"]),
        sha256=dict(content.get("sha256", {})),
    )


def make_up(firmware: FirmwareSet, directory: Path) -> None:
    """Write stand-ins for every file of a set, of exactly the manifest's sizes."""
    directory.mkdir(parents=True, exist_ok=True)
    index = "\n".join(
        [
            "PHONE-BENCH MADE-UP LOADS 1",
            f"load: {firmware.load}",
            *(f"file: {name}" for name, _ in firmware.components),
            "end",
            "",
        ]
    ).encode()
    for name in (firmware.loads_file, *firmware.boot_loads):
        (directory / name).write_bytes(index.ljust(_LOADS_SIZE, b"\0"))
    for name, size in firmware.components:
        head = f"PHONE-BENCH MADE-UP IMAGE 1\nname: {name}\n".encode()
        padding = bytes(range(256)) * (size // 256 + 1)
        (directory / name).write_bytes((head + padding)[:size])
