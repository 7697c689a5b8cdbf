"""A folder of firmware as it was unpacked: which load it is."""

from __future__ import annotations

from pathlib import Path

from harness.errors import UsageFault
from harness.provisioning.firmware.verify import verify_folder

__all__ = ["load_in"]


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
