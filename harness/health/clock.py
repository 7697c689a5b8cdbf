"""The clock: synchronised, plausible, and without jumps while we look."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Iterator

from harness.health.finding import Finding, State
from harness.health.registry import HOST, Situation, host_check

__all__ = ["Steady", "clock", "kernel_synchronised"]

_LIBC = ctypes.CDLL(None, use_errno=True)
#: From linux/timex.h: adjtimex returns this when the clock is not synchronised.
_TIME_ERROR = 5
_STA_UNSYNC = 0x0040
#: struct timex is 208 bytes on 64-bit Linux; more does no harm.
_TIMEX_BYTES = 512
#: Where ``status`` is in it: after modes (4, padded to 8), offset, freq, maxerror, esterror.
_STATUS_AT = 40
#: Seconds the wall clock may run from the monotonic one: slewing is 500 ppm at most.
_JUMP_S = 0.25


def kernel_synchronised() -> bool | None:
    """Ask the kernel by adjtimex(2), which works without systemd; None when it does not say."""
    timex = ctypes.create_string_buffer(_TIMEX_BYTES)
    answer = _LIBC.adjtimex(timex)
    if answer < 0:
        return None
    status = int.from_bytes(timex.raw[_STATUS_AT : _STATUS_AT + 4], "little")
    return answer != _TIME_ERROR and not status & _STA_UNSYNC


class Steady:
    """Tell whether the wall clock jumped since this was made, by the monotonic one."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def jump(self) -> float:
        """Seconds by which the wall clock was set meanwhile; positive is forwards."""
        return time.time() - time.monotonic() - self._offset

    def finding(self) -> Finding:
        """Return it as a finding."""
        jump = self.jump()
        if abs(jump) < _JUMP_S:
            return Finding(HOST, "clock steady", State.OK, f"{jump * 1000:+.1f} ms meanwhile")
        return Finding(
            HOST, "clock steady", State.FAULT,
            f"the clock was set by {jump:+.1f} s while the checks ran",
            "let one program keep it (chronyd or systemd-timesyncd), and wait until it has settled",
        )  # fmt: skip


@host_check("clock")
def clock(situation: Situation) -> Iterator[Finding]:
    """The clock is kept by somebody, and not before the lab file was written.

    Phones take their time from the harness' side, and reports and captures are dated by it.
    """
    synchronised = kernel_synchronised()
    fix = "apt-get install chrony (or: timedatectl set-ntp true), and let it reach a server"
    if synchronised:
        yield Finding(HOST, "clock synchronised", State.OK, "the kernel says so")
    else:
        unsaid = "the kernel does not say" if synchronised is None else "the kernel says no"
        # Twins live on this very clock; a phone of hardware compares it with its own.
        state = State.UNKNOWN if synchronised is None or situation.lab.is_virtual else State.FAULT
        yield Finding(HOST, "clock synchronised", state, unsaid, fix)
    written = _written(situation)
    now = time.time()
    if now < written:
        yield Finding(
            HOST, "clock plausible", State.FAULT,
            f"it is {(written - now) / 3600:.1f} h before lab.yaml was written", fix,
        )  # fmt: skip


def _written(situation: Situation) -> float:
    source = situation.lab.source
    return source.stat().st_mtime if source is not None and source.exists() else 0.0
