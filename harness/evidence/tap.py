"""One tcpdump on one interface: started, read as it goes, ended, and what it said of itself."""

from __future__ import annotations

import fcntl
import os
import subprocess

from harness.evidence.frames import Frame, PcapSplitter
from harness.evidence.tcpdump import dropped, ending, last_line, tcpdump_command

__all__ = ["Tap"]

_PIPE_BYTES = 1 << 20


class Tap:
    """Packets of one interface, as they come through the pipe of a tcpdump.

    Args:
        interface: network device, like ``lo`` or ``eth1``.
        filter_expression: BPF.

    Raises:
        OSError: tcpdump cannot be run.
    """

    def __init__(self, interface: str, filter_expression: str) -> None:
        self._process = subprocess.Popen(
            tcpdump_command(interface, filter_expression),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # Ctrl-C belongs to the harness: the capture must outlive it to see the end.
            start_new_session=True,
        )
        assert self._process.stdout is not None  # noqa: S101 - asked for above
        assert self._process.stderr is not None  # noqa: S101
        #: To select on.
        self.pipe = self._process.stdout.fileno()
        self.errors = self._process.stderr.fileno()
        fcntl.fcntl(self.pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._splitter = PcapSplitter()
        self._complaint = b""

    @property
    def header(self) -> bytes:
        """The pcap file header, which comes once socket and filter are set; empty until then."""
        return self._splitter.header

    @property
    def link_type(self) -> int:
        """What its frames begin with, as soon as there is a header."""
        return self._splitter.link_type

    def read(self) -> list[Frame] | None:
        """Return the frames that have come, once the pipe is readable; None at its end.

        Raises:
            UsageFault: the bytes are not classic pcap.
        """
        chunk = os.read(self.pipe, _PIPE_BYTES)
        return self._splitter.feed(chunk) if chunk else None

    def moved(self, frame: Frame, seconds: float) -> Frame:
        """Return a frame as if it had been captured so much later."""
        return self._splitter.moved(frame, seconds)

    def hear(self) -> bool:
        """Take what it says, once there is something; False when it will say no more."""
        said = os.read(self.errors, 4096)
        self._complaint = (self._complaint + said)[-4096:]
        return bool(said)

    def terminate(self) -> None:
        """Ask it to end; what it took so far still comes through the pipe."""
        self._process.terminate()

    def last_words(self) -> str:
        """Say why it ended, once :meth:`hear` has returned False."""
        return last_line(self._text) or ending(self._process)

    @property
    def dropped(self) -> int:
        """How many packets the kernel dropped, by its closing words."""
        return dropped(self._text)

    def close(self) -> None:
        """Wait for its end and close the pipes."""
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    @property
    def _text(self) -> str:
        return self._complaint.decode(errors="replace")
