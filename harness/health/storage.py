"""Files on this machine: the folder that runs are kept in, and the phones' firmware."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator

from harness.errors import HarnessError
from harness.health.finding import Finding, State, faults_of
from harness.health.registry import HOST, Situation, host_check
from harness.provisioning.firmware import firmware_set
from harness.recovery import lost_journals

__all__ = ["firmware", "killed_runs", "runs_folder"]

#: Bytes a night may need: captures of calls are about 10 MB a phone, with room to keep many.
_LEAST_FREE = 1 << 30


@host_check("runs folder")
def runs_folder(situation: Situation) -> Iterator[Finding]:
    """Runs can be written, and there is room for them."""
    folder = situation.runs_dir.resolve()
    # The first night makes it: until then the folder above decides.
    there = next(path for path in (folder, *folder.parents) if path.exists())
    check = f"runs folder {folder}"
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"x")
        free = shutil.disk_usage(there).free
    except OSError as error:
        yield Finding(
            HOST, check, State.FAULT, f"cannot be written: {error.strerror}",
            f"give {there} to the user who runs this, or name one by --runs-dir",
        )  # fmt: skip
        return
    well = free >= _LEAST_FREE
    yield Finding(
        HOST, check, State.OK if well else State.FAULT,
        f"{free / 1e9:.1f} GB free" if well else f"only {free / 1e6:.0f} MB free",
        f"make room: remove old runs from {folder}, or name another folder by --runs-dir",
    )  # fmt: skip


@host_check("firmware")
def firmware(situation: Situation) -> Iterator[Finding]:
    """Every load of the lab is there whole; real files for phones of hardware."""
    lab = situation.lab
    for load in dict.fromkeys(phone.load or lab.provisioning.load for phone in lab.phones.values()):
        check = f"firmware {load}"
        try:
            found = firmware_set(lab, load)
        except HarnessError as error:
            yield from faults_of(HOST, check, error)
            continue
        yield Finding(HOST, check, State.OK, f"{len(found.names)} files")


@host_check("killed runs")
def killed_runs(_: Situation) -> Iterator[Finding]:
    """No run was killed that nobody has recovered: a key may be down, an outlet cut."""
    lost = lost_journals()
    for written in lost:
        yield Finding(
            HOST, "killed runs", State.FAULT, f"{written.title}: its process is gone",
            "harness recover",
        )  # fmt: skip
    if not lost:
        yield Finding(HOST, "killed runs", State.OK, "none to recover")
