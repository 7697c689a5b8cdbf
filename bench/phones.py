"""Many phones fetching a firmware set at once: the client side of the measurement, one process.

Reads one job as JSON from standard input and answers with one JSON object. Each phone has an
address of its own and fetches file after file, each from a new port, in plain ``octet`` blocks of
512 bytes, as a 7962 with 9.4(2) was captured. The loop is bare epoll and compares whole headers,
so that little of what is measured is the client; digests are taken after the clock has stopped.
"""

from __future__ import annotations

import hashlib
import json
import select
import socket
import struct
import sys
import time
from dataclasses import dataclass, field
from typing import Any

_BLOCK = 512
_PATIENCE = 2.0
_TRIES = 5
_NUMBERS = 1 << 16
#: What a DATA packet begins with, and what acknowledges it, for each block number.
_HEADERS = [struct.pack("!HH", 3, number) for number in range(_NUMBERS)]
_ACKNOWLEDGEMENTS = [struct.pack("!HH", 4, number) for number in range(_NUMBERS)]


class TransferFailed(Exception):
    """The server refused, fell silent, or ended a file early."""


@dataclass(slots=True)
class Phone:
    """One phone on its way through the files it wants."""

    address: str
    server: tuple[str, int]
    files: list[str]
    digests: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    bodies: list[list[bytes]] = field(default_factory=list)
    resent: int = 0
    socket: socket.socket = field(init=False)
    connected: bool = False
    block: int = 1
    last: bytes = b""
    asked: float = 0.0
    heard: float = 0.0
    tries: int = 0

    def ask(self) -> None:
        """Request the next file, from a new port."""
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((self.address, 0))
        self.socket.setblocking(False)
        self.connected = False
        self.block = 1
        self.bodies.append([])
        name = self.files[len(self.bodies) - 1]
        self.last = b"\0\1" + name.encode() + b"\0octet\0"
        self.asked = self.heard = time.perf_counter()
        self.tries = 0
        self.socket.sendto(self.last, self.server)

    def receive(self) -> bool:
        """Take one datagram and acknowledge it; True when the file is complete."""
        if not self.connected:
            packet, tid = self.socket.recvfrom(_BLOCK + 4)
            # From here on the kernel keeps strangers out, and addresses cost nothing.
            self.socket.connect(tid)
            self.connected = True
        else:
            packet = self.socket.recv(_BLOCK + 4)
        number = self.block & 0xFFFF
        if not packet.startswith(_HEADERS[number]):
            if packet[:2] != b"\0\3":
                raise TransferFailed(f"{self.address}: {packet[:80]!r}")
            # A block seen before: its acknowledgement is on the way already.
            return False
        self.bodies[-1].append(packet)
        self.last = _ACKNOWLEDGEMENTS[number]
        self.socket.send(self.last)
        self.block += 1
        return len(packet) < _BLOCK + 4

    def again(self) -> None:
        """Send the last packet again.

        Raises:
            TransferFailed: it was sent too often.
        """
        self.tries += 1
        self.resent += 1
        if self.tries > _TRIES:
            raise TransferFailed(f"{self.address}: silence at block {self.block}")
        self.heard = time.perf_counter()
        if self.connected:
            self.socket.send(self.last)
        else:
            self.socket.sendto(self.last, self.server)


def fetch_all(phones: list[Phone]) -> float:
    """Let all phones fetch all their files; return the seconds it took.

    Raises:
        TransferFailed: a transfer did not end well.
    """
    poll = select.epoll()
    by_descriptor: dict[int, Phone] = {}

    def ask(phone: Phone) -> None:
        phone.ask()
        by_descriptor[phone.socket.fileno()] = phone
        poll.register(phone.socket, select.EPOLLIN)

    started = time.perf_counter()
    for phone in phones:
        ask(phone)
    while by_descriptor:
        ready = poll.poll(_PATIENCE / 2)
        now = time.perf_counter()
        for descriptor, _ in ready:
            phone = by_descriptor[descriptor]
            phone.heard = now
            if not phone.receive():
                continue
            phone.seconds.append(time.perf_counter() - phone.asked)
            del by_descriptor[descriptor]
            poll.unregister(descriptor)
            phone.socket.close()
            if len(phone.bodies) < len(phone.files):
                ask(phone)
        if not ready:
            for phone in by_descriptor.values():
                if now - phone.heard > _PATIENCE:
                    phone.again()
    return time.perf_counter() - started


def perform(job: dict[str, Any]) -> dict[str, Any]:
    """Do one measurement: ``server`` [address, port], ``phones`` addresses, ``files`` names."""
    server = (str(job["server"][0]), int(job["server"][1]))
    phones = [Phone(address, server, list(job["files"])) for address in job["phones"]]
    cpu = time.process_time()
    try:
        seconds = fetch_all(phones)
    except (TransferFailed, OSError) as error:
        return {"error": str(error)}
    cpu = time.process_time() - cpu
    transfers = []
    for phone in phones:
        for name, body, took in zip(phone.files, phone.bodies, phone.seconds, strict=True):
            content = b"".join(packet[4:] for packet in body)
            digest = hashlib.sha256(content).hexdigest()
            transfers.append({"file": name, "size": len(content), "sha256": digest, "s": took})
    resent = sum(phone.resent for phone in phones)
    return {"seconds": seconds, "client_cpu": cpu, "resent": resent, "transfers": transfers}


if __name__ == "__main__":
    json.dump(perform(json.load(sys.stdin)), sys.stdout)
