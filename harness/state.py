"""Where what outlives a run is kept for the next one on this machine: locks and journals."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from harness.errors import UsageFault

__all__ = ["STATE_VARIABLE", "state_folder"]

#: Names another folder, as for two users who shall not see each other, or for tests.
STATE_VARIABLE = "PHONE_BENCH_STATE"
#: Kept over a reboot, which does not switch an outlet back, and open to every user of the bench.
_FOLDER = Path("/var/tmp/phone-bench")  # noqa: S108
_EVERYBODY = 0o1777


def state_folder() -> Path:
    """Return the folder, made when it is missing; every user of this machine may write there.

    Raises:
        UsageFault: it cannot be made.
    """
    folder = Path(os.environ.get(STATE_VARIABLE) or _FOLDER)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageFault(
            f"{folder} cannot be made: {error.strerror}",
            hint=f"name a folder for locks and journals by {STATE_VARIABLE}",
        ) from error
    # Only its owner may; for everybody else it is so already.
    with suppress(PermissionError):
        folder.chmod(_EVERYBODY)
    return folder
