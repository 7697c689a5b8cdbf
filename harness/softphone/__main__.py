"""The peer's own process: ``python -m harness.softphone``.

One thread owns pjsua2: it pumps the library's events and reads commands, both in turn, because
callbacks on library threads crash under Python (pjproject #2685). The first line of standard
input is the peer's spec; commands follow; reports go out, one line of JSON each. The process ends
when standard input does.
"""

from __future__ import annotations

import ctypes
import os
import selectors
import sys
import time
from collections.abc import Callable

from harness.errors import BenchFault, HarnessError, UsageFault
from harness.softphone.messages import (
    Alive,
    Command,
    Leave,
    Message,
    PeerSpec,
    Ready,
    Unusable,
    decode,
    encode,
)

__all__ = ["main"]

#: Milliseconds until the next look at standard input and at digits that are due, in a call.
_PUMP_MS = 10
#: Seconds until the next look at the library's timers without one; a command and a SIP message are
#: met at once. Each look costs processor time, and a rack has three peers for each phone.
_IDLE_S = 0.1
_CHUNK = 65536
#: Seconds between signs of life.
_ALIVE_S = 0.5


def main() -> None:
    """Read the spec, then serve commands until standard input ends."""
    # pjlib writes to standard output before it can be told not to, so the reports get their own
    # descriptor and everything else goes where the errors go.
    reports = os.dup(1)
    os.dup2(2, 1)

    def say(message: Message) -> None:
        left = encode(message)
        while left:
            left = left[os.write(reports, left) :]

    spec = decode(sys.stdin.buffer.readline())
    if not isinstance(spec, PeerSpec):
        raise TypeError(f"the first line must be a PeerSpec, not {type(spec).__name__}")
    try:
        _serve(spec, say)
    except HarnessError as error:
        usage = isinstance(error, UsageFault)
        say(Unusable(error.summary, error.expected, error.hint, usage))
    except BrokenPipeError:
        # Whoever started this process is gone, so nobody is left to tell.
        os._exit(0)
    # libDestroy takes a second and there is nothing left to save but the log's buffer.
    ctypes.CDLL(None).fflush(None)
    sys.stderr.flush()
    os._exit(0)


def _serve(spec: PeerSpec, say: Callable[[Message], None]) -> None:
    from harness.softphone.library import pj
    from harness.softphone.softphone import Softphone

    try:
        softphone = Softphone(spec, say)
    except pj.Error as error:
        raise BenchFault(
            f"pjsua2 did not start on {spec.address}: {error.reason}",
            expected=f"a free SIP port and RTP from {spec.rtp_port} on {spec.address}",
            hint=f"does this host have the address {spec.address}? read {spec.directory}/pjsua.log",
        ) from error
    say(Ready(softphone.local, softphone.endpoint.libVersion().full))
    selector = selectors.DefaultSelector()
    os.set_blocking(0, False)
    selector.register(0, selectors.EVENT_READ)
    selector.register(softphone.sip_socket(), selectors.EVENT_READ)
    buffered = b""
    told = 0.0
    while True:
        ready = selector.select(0 if softphone.in_call else _IDLE_S)
        softphone.pump(_PUMP_MS if softphone.in_call else 0)
        if time.monotonic() - told >= _ALIVE_S:
            told = time.monotonic()
            say(Alive())
        if not any(key.fd == 0 for key, _ in ready):
            continue
        received = os.read(0, _CHUNK)
        if not received:
            softphone.leave()
            return
        *lines, buffered = (buffered + received).split(b"\n")
        for line in lines:
            command = decode(line)
            if isinstance(command, Command):
                softphone.obey(command)
            if isinstance(command, Leave):
                return


if __name__ == "__main__":
    main()
