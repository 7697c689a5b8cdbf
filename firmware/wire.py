"""The host's end of the line: standard input and output, on an RP2040 its USB serial port.

Neither may ever hold up the main loop, which times the keys. MicroPython's writes wait up to half a
second when the host does not read (``mp_usbd_cdc_tx_strn`` in shared/tinyusb/mp_usbd_cdc.c), so one
byte is written when there is room for one, and read when there is one.
"""

import select
import sys

#: What may wait for a host that does not read; further frames are dropped, as on any serial line.
MOST_WAITING = 4096
#: Bytes moved in one turn, so that the turn stays short.
MOST_AT_ONCE = 32


class Wire:
    """Read and write without waiting."""

    def __init__(self):
        self._in = select.poll()
        self._in.register(sys.stdin, select.POLLIN)
        self._out = select.poll()
        self._out.register(sys.stdout, select.POLLOUT)
        self._frames = []
        self._waiting = 0
        self._at = 0
        #: Frames the host did not get because it did not read.
        self.dropped = 0

    def send(self, frame):
        """Put a frame in line."""
        if self._waiting + len(frame) > MOST_WAITING:
            self.dropped += 1
            return
        self._frames.append(frame)
        self._waiting += len(frame)

    def receive(self, wait_ms):
        """Return the bytes that came; wait a little for the first if there is none."""
        got = bytearray()
        while len(got) < MOST_AT_ONCE and self._in.poll(0 if got or self._frames else wait_ms):
            byte = sys.stdin.buffer.read(1)
            if not byte:
                break
            got.extend(byte)
        return got

    def pump(self):
        """Write what the host has room for."""
        written = 0
        while self._frames and written < MOST_AT_ONCE and self._out.poll(0):
            frame = self._frames[0]
            sys.stdout.buffer.write(frame[self._at : self._at + 1])
            written += 1
            self._waiting -= 1
            self._at += 1
            if self._at == len(frame):
                self._frames.pop(0)
                self._at = 0
