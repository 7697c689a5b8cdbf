"""One file on its way to one phone by TFTP: its packets, and what is injected into them.

This is the part that runs once for each 512-byte block, for 24 phones at once: a packet is a
header and a slice, the acknowledgement that is awaited is kept as the four bytes it will be.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable

from harness.provisioning.tftp_faults import (
    Delay,
    DropBlock,
    DuplicateBlock,
    Injection,
    WrongTid,
)

__all__ = ["Transfer"]

_BLOCK = 512
_DATA, _ACK = 3, 4
_HEADER = struct.Struct("!HH")


class Transfer:
    """A transfer, on a socket (TID) of its own.

    Args:
        name: the file, as it was asked for.
        client: IP address and port of the phone.
        own: the socket, bound and not blocking.
        content: the file.
        now: seconds of ``CLOCK_MONOTONIC``.
        injection: the fault to make in it, if any.
        fire: called when that fault comes about.
    """

    __slots__ = (
        "_fire",
        "awaited",
        "block",
        "blocks",
        "client",
        "content",
        "due",
        "injection",
        "name",
        "packet",
        "resent",
        "socket",
        "started",
        "tries",
        "withheld",
    )

    def __init__(
        self,
        name: str,
        client: tuple[str, int],
        own: socket.socket,
        content: bytes,
        now: float,
        injection: Injection | None,
        fire: Callable[[Injection], None],
    ) -> None:
        self.name = name
        self.client = client
        self.socket = own
        self.content = content
        self.blocks = len(content) // _BLOCK + 1
        self.started = now
        self.injection = injection
        self._fire = fire
        self.block = 0
        self.packet = b""
        #: The acknowledgement of the block under way, as it will come.
        self.awaited = b""
        #: When to send the block again, in seconds of ``CLOCK_MONOTONIC``.
        self.due = now
        self.tries = 0
        self.resent = 0
        #: The first block is being delayed: asking for it again brings it no sooner.
        self.withheld = False
        self.turn_over()

    def turn_over(self) -> bool:
        """Make the next block the one under way; False when the last has been reached."""
        start = self.block * _BLOCK
        if start > len(self.content):
            return False
        self.block += 1
        # 65535 blocks of 512 bytes are 32 MB; beyond, block numbers wrap as all servers do.
        number = self.block & 0xFFFF
        self.packet = _HEADER.pack(_DATA, number) + self.content[start : start + _BLOCK]
        self.awaited = _HEADER.pack(_ACK, number)
        return True

    def send(self) -> None:
        """Send the block under way for the first time, or spoil it as injected.

        Raises:
            OSError: the phone's port is closed, or the network is down.
        """
        if self.injection is None or not self._spoil(self.injection):
            self.socket.sendto(self.packet, self.client)

    def send_again(self) -> None:
        """Send the block under way once more.

        Raises:
            OSError: as :meth:`send`.
        """
        self.withheld = False
        self.resent += 1
        self.tries += 1
        self.socket.sendto(self.packet, self.client)

    def _spoil(self, injection: Injection) -> bool:
        """Carry out what was injected for this block; True when it must not be sent now."""
        match injection.fault:
            case DropBlock(number) if number == self.block:
                self._fire(injection)
                return True
            case Delay(seconds) if self.block == 1:
                self._fire(injection)
                self.due = self.started + seconds
                self.withheld = True
                return True
            case DuplicateBlock(number) if number == self.block:
                self._fire(injection)
                self.socket.sendto(self.packet, self.client)
            case WrongTid(number) if number == self.block:
                self._fire(injection)
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                    stranger.bind((self.socket.getsockname()[0], 0))
                    stranger.sendto(self.packet, self.client)
            case _:
                pass
        return False
