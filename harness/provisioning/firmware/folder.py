"""A folder of firmware as it was unpacked: which load it is, and its files for the phones."""

from __future__ import annotations

import shutil
from pathlib import Path

from harness.errors import UsageFault
from harness.provisioning.firmware.manifest import FirmwareSet
from harness.provisioning.firmware.verify import components_in, verify_folder

__all__ = ["load_in", "read_folder", "stage_folder"]

_BOOT_LOADS = ("term42.default.loads", "term62.default.loads")


def load_in(folder: Path) -> str:
    """Return the load of a whole folder.

    Raises:
        UsageFault: files are missing or wrong, all of them told, or it holds several loads.
    """
    faults = verify_folder(folder)
    if faults:
        told = "\n".join(f"  {fault}" for fault in faults)
        raise UsageFault(
            f"the firmware in {folder} is not whole:\n{told}",
            hint=f"harness firmware verify {folder}",
        )
    loads = sorted(path.stem for path in folder.glob("SIP42.*.loads"))
    if len(loads) != 1:
        raise UsageFault(
            f"{folder} holds {len(loads)} loads: {', '.join(loads) or 'no SIP42.*.loads'}",
            hint="one release a folder: a night tries one",
        )
    return loads[0]


def read_folder(folder: Path, load: str) -> FirmwareSet:
    """Return the set of a load as its own .loads file names it, with the sizes of the files there.

    Raises:
        UsageFault: a file of it cannot be read.
    """
    try:
        names = components_in((folder / f"{load}.loads").read_bytes())
        sizes = tuple((name, (folder / name).stat().st_size) for name in names)
    except OSError as error:
        raise UsageFault(
            f"the load {load} cannot be read from {folder}: {error.strerror}",
            hint=f"harness firmware verify {folder} --load {load}",
        ) from error
    return FirmwareSet(load, _BOOT_LOADS, sizes)


def stage_folder(folder: Path, load: str, root: Path) -> None:
    """Copy the files of a load to where phones are served from.

    Raises:
        UsageFault: a file of it cannot be read.
    """
    root.mkdir(parents=True, exist_ok=True)
    for name in read_folder(folder, load).names:
        try:
            shutil.copyfile(folder / name, root / name)
        except OSError as error:
            raise UsageFault(f"cannot copy {name} from {folder}: {error.strerror}") from error
