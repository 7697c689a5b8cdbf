"""DHCP messages as bytes (RFC 2131, 2132; long options as RFC 3396 splits them)."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from ipaddress import IPv4Address

__all__ = ["DhcpError", "Kind", "Message", "Option", "addresses"]

_HEAD = struct.Struct("!BBBBIHH4s4s4s4s16s64s128s")
_COOKIE = bytes((99, 130, 83, 99))
_BROADCAST = 0x8000
#: The shortest message a BOOTP relay must pass on (RFC 1542, 2.1).
_SHORTEST = 300
_PAD, _OVERLOAD, _END = 0, 52, 255
_NOWHERE = IPv4Address(0)


class DhcpError(Exception):
    """Bytes that are no DHCP message."""


class Kind(IntEnum):
    """Option 53."""

    DISCOVER = 1
    OFFER = 2
    REQUEST = 3
    DECLINE = 4
    ACK = 5
    NAK = 6
    RELEASE = 7


class Option(IntEnum):
    """The options a 79x2 sends or looks at."""

    NETMASK = 1
    ROUTER = 3
    HOST_NAME = 12
    REQUESTED_ADDRESS = 50
    LEASE_SECONDS = 51
    KIND = 53
    SERVER = 54
    PARAMETERS = 55
    T1 = 58
    T2 = 59
    VENDOR_CLASS = 60
    TFTP_NAME = 66
    TFTP_ADDRESSES = 150


@dataclass(frozen=True, slots=True)
class Message:
    """One message; ``options`` by number, in the order they are sent."""

    op: int
    xid: int
    mac: bytes
    options: Mapping[int, bytes] = field(default_factory=dict)
    broadcast: bool = False
    seconds: int = 0
    ciaddr: IPv4Address = _NOWHERE
    yiaddr: IPv4Address = _NOWHERE
    siaddr: IPv4Address = _NOWHERE
    giaddr: IPv4Address = _NOWHERE

    @property
    def kind(self) -> int:
        """Option 53 as a number; 0 for plain BOOTP."""
        return int.from_bytes(self.options.get(Option.KIND, b""), "big")

    def encode(self) -> bytes:
        """Return the payload of the UDP packet."""
        head = _HEAD.pack(
            self.op,
            1,
            len(self.mac),
            0,
            self.xid,
            self.seconds,
            _BROADCAST if self.broadcast else 0,
            *(one.packed for one in (self.ciaddr, self.yiaddr, self.siaddr, self.giaddr)),
            self.mac,
            b"",
            b"",
        )
        body = b"".join(_pack(code, value) for code, value in self.options.items())
        return (head + _COOKIE + body + bytes((_END,))).ljust(_SHORTEST, b"\0")

    @classmethod
    def decode(cls, content: bytes) -> Message:
        """Read a payload.

        Raises:
            DhcpError: it is too short, no DHCP, or an option runs over the end.
        """
        if len(content) < _HEAD.size + len(_COOKIE):
            raise DhcpError(f"{len(content)} bytes are no DHCP message")
        head = _HEAD.unpack_from(content)
        op, _, length, _, xid, seconds, flags = head[:7]
        if content[_HEAD.size :][:4] != _COOKIE:
            raise DhcpError("no DHCP cookie")
        options: dict[int, bytes] = {}
        _unpack(content[_HEAD.size + 4 :], options)
        overload = int.from_bytes(options.pop(_OVERLOAD, b""), "big")
        if overload & 1:
            _unpack(head[13], options)
        if overload & 2:
            _unpack(head[12], options)
        ciaddr, yiaddr, siaddr, giaddr = (IPv4Address(one) for one in head[7:11])
        return cls(
            op=op,
            xid=xid,
            mac=head[11][: min(length, 16)],
            options=options,
            broadcast=bool(flags & _BROADCAST),
            seconds=seconds,
            ciaddr=ciaddr,
            yiaddr=yiaddr,
            siaddr=siaddr,
            giaddr=giaddr,
        )


def addresses(value: bytes) -> tuple[IPv4Address, ...]:
    """Return the addresses an option holds; a rest shorter than four bytes is left out."""
    ends = range(4, len(value) + 1, 4)
    return tuple(IPv4Address(value[end - 4 : end]) for end in ends)


def _pack(code: int, value: bytes) -> bytes:
    parts = [value[start : start + 255] for start in range(0, len(value), 255)] or [b""]
    return b"".join(bytes((code, len(part))) + part for part in parts)


def _unpack(field_: bytes, options: dict[int, bytes]) -> None:
    at = 0
    while at < len(field_) and field_[at] != _END:
        code = field_[at]
        at += 1
        if code == _PAD:
            continue
        if at >= len(field_) or at + 1 + field_[at] > len(field_):
            raise DhcpError(f"option {code} runs over the end")
        length = field_[at]
        options[code] = options.get(code, b"") + field_[at + 1 : at + 1 + length]
        at += 1 + length
