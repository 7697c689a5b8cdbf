"""The embedded TFTP server: RFC 1350 with the packets of tftpy, and a log per phone.

The packets are tftpy's; the loop is ours, because tftpy's own server ends at one bad datagram,
follows links out of its root, takes uploads, and gives up early under load (measured on 0.8.7, see
docs/decisions). Phones ask for plain octet transfers of 512-byte blocks, each file from a new port.
"""

from __future__ import annotations

import logging
import selectors
import socket
import struct
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tftpy.TftpPacketFactory import TftpPacketFactory
from tftpy.TftpPacketTypes import TftpPacketACK, TftpPacketDAT, TftpPacketERR, TftpPacketRRQ

from harness.errors import BenchFault
from harness.events import FaultFired, FileRefused, FileRequested, FileServed
from harness.provisioning.tftp_faults import (
    Delay,
    DropBlock,
    DuplicateBlock,
    ErrorAnswer,
    Fault,
    Injection,
    Silence,
    Truncate,
    WrongTid,
)
from harness.timeline import Observer

__all__ = ["TftpServer"]

_BLOCK = 512
_FIRST_RESEND = 1.0
#: A phone may erase flash between two blocks for many seconds.
_RESENDS = 15
_NOT_FOUND, _DENIED, _ILLEGAL, _UNKNOWN_TID = 1, 2, 4, 5

logging.getLogger("tftpy").setLevel(logging.CRITICAL)


@dataclass
class _Transfer:
    """One file on its way to one client, on a socket (TID) of its own."""

    name: str
    client: tuple[str, int]
    socket: socket.socket
    content: bytes
    started: float
    block: int = 0
    resent: int = 0
    tries: int = 0
    due: float = 0.0
    packet: bytes = b""
    injection: Injection | None = None

    @property
    def blocks(self) -> int:
        return len(self.content) // _BLOCK + 1

    def next_packet(self) -> bytes:
        self.block += 1
        packet = TftpPacketDAT()
        # 65536 blocks of 512 bytes are 32 MB; beyond, block numbers wrap as all servers do.
        packet.blocknumber = self.block & 0xFFFF
        start = (self.block - 1) * _BLOCK
        packet.data = self.content[start : start + _BLOCK]
        self.packet = packet.encode().buffer
        return self.packet


class TftpServer:
    """Serve one folder, read-only, to any number of phones.

    Args:
        root: the folder; nothing outside is served, also not by a link.
        address: IP address to listen on.
        port: UDP port; 0 takes a free one, see :attr:`port`.
        observe: writes FileRequested, FileServed and FileRefused.
        device_of: the phone's lab name for a client's IP address.
    """

    def __init__(
        self,
        root: Path,
        address: str,
        port: int,
        observe: Observer,
        device_of: Mapping[str, str] | None = None,
    ) -> None:
        self._root = root.resolve()
        self._address = address
        self.port = port
        self._observe = observe
        self._device_of = dict(device_of or {})
        self._selector: selectors.BaseSelector
        self._wake_out: socket.socket
        self._wake_in: socket.socket
        self._listener: socket.socket | None = None
        self._transfers: dict[tuple[str, int], _Transfer] = {}
        self._thread: threading.Thread | None = None
        self._factory = TftpPacketFactory()
        self._injections: tuple[Injection, ...] = ()

    def inject(self, fault: Fault, file: str, address: str = "") -> Injection:
        """Spoil requests for a file, of one phone's address or (empty) of all, from now on.

        Each time it fires is an event; :meth:`heal` takes it back.
        """
        injection = Injection(fault, file, address)
        self._injections = (*self._injections, injection)
        return injection

    def heal(self, injection: Injection) -> None:
        """Take an injected fault back."""
        self._injections = tuple(each for each in self._injections if each is not injection)

    def start(self) -> None:
        """Open the port and serve in a thread.

        Raises:
            BenchFault: the port is taken or not allowed.
        """
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            listener.bind((self._address, self.port))
        except OSError as error:
            listener.close()
            raise BenchFault(
                f"cannot listen on UDP {self._address}:{self.port}: {error.strerror}",
                device="tftp",
                expected="the port free, and the right to open it",
                hint="stop the other TFTP server (ss -lunp), run as root for ports below 1024, "
                "or set network.tftp_port in lab.yaml",
            ) from error
        self.port = listener.getsockname()[1]
        listener.setblocking(False)
        self._listener = listener
        self._selector = selectors.DefaultSelector()
        self._wake_out, self._wake_in = socket.socketpair()
        self._selector.register(listener, selectors.EVENT_READ)
        self._selector.register(self._wake_out, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._serve, name="tftp", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop serving; transfers under way are given up."""
        if self._thread is None or self._listener is None:
            return
        self._wake_in.send(b"x")
        self._thread.join(5.0)
        self._thread = None
        for transfer in list(self._transfers.values()):
            self._drop(transfer)
        self._listener.close()
        self._listener = None
        self._selector.close()
        self._wake_in.close()
        self._wake_out.close()

    def _serve(self) -> None:
        while True:
            for key, _ in self._selector.select(self._patience()):
                if key.fileobj is self._wake_out:
                    return
                if key.fileobj is self._listener:
                    self._accept()
                else:
                    self._continue(key.data)
            self._resend_due()

    def _patience(self) -> float | None:
        due = min((transfer.due for transfer in self._transfers.values()), default=None)
        return None if due is None else max(0.0, due - time.monotonic())

    def _accept(self) -> None:
        if self._listener is None:
            return
        datagram, client = self._listener.recvfrom(2048)
        if client in self._transfers:
            # The phone lost our first block and asks again from the same port.
            self._send(self._transfers[client], again=True)
            return
        try:
            packet = self._factory.parse(datagram)
        except Exception:  # noqa: BLE001 (tftpy raises whatever a bad byte leads to)
            self._error(self._listener, client, _ILLEGAL)
            return
        if not isinstance(packet, TftpPacketRRQ):
            self._refuse(client, getattr(packet, "filename", "") or "", _DENIED, "not a request")
            return
        self._open(str(packet.filename), client)

    def _open(self, name: str, client: tuple[str, int]) -> None:
        self._observe(
            FileRequested(name, client[0], client[1]), device=self._device_of.get(client[0], "")
        )
        injection = next((i for i in self._injections if i.meets(client[0], name)), None)
        fault = injection.fault if injection is not None else None
        if injection is not None and isinstance(fault, Silence | ErrorAnswer):
            self._fire(injection)
            if isinstance(fault, ErrorAnswer):
                self._refuse(client, name, fault.code, "a fault was injected")
            return
        path = (self._root / name.lstrip("/")).resolve() if "\0" not in name else self._root
        if not path.is_relative_to(self._root):
            self._refuse(client, name, _DENIED, "outside the root")
            return
        try:
            content = path.read_bytes()
        except OSError:
            self._refuse(client, name, _NOT_FOUND, "not found")
            return
        if injection is not None and isinstance(fault, Truncate):
            self._fire(injection)
            content = content[: fault.size]
        out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        out.bind((self._address, 0))
        out.setblocking(False)
        transfer = _Transfer(name, client, out, content, time.monotonic())
        transfer.injection = injection
        self._transfers[client] = transfer
        self._selector.register(out, selectors.EVENT_READ, transfer)
        transfer.next_packet()
        self._send(transfer)

    def _continue(self, transfer: _Transfer) -> None:
        if transfer.client not in self._transfers:
            return
        try:
            datagram, sender = transfer.socket.recvfrom(2048)
        except OSError as error:
            # An ICMP refusal: the phone closed its port.
            self._give_up(transfer, 0, f"the phone is gone: {error.strerror}")
            return
        if sender != transfer.client:
            self._error(transfer.socket, sender, _UNKNOWN_TID)
            return
        try:
            packet = self._factory.parse(datagram)
        except Exception:  # noqa: BLE001 (as above)
            return
        if isinstance(packet, TftpPacketERR):
            self._give_up(transfer, packet.errorcode, "the phone sent an error")
        elif isinstance(packet, TftpPacketACK):
            self._acknowledged(transfer, packet.blocknumber)

    def _acknowledged(self, transfer: _Transfer, number: int) -> None:
        if number != transfer.block & 0xFFFF:
            # An old acknowledgement: answering it would double every block from here on
            # (the Sorcerer's Apprentice, RFC 1123 4.2.3.1).
            return
        if transfer.block < transfer.blocks:
            transfer.next_packet()
            self._send(transfer)
            return
        event = FileServed(
            name=transfer.name,
            address=transfer.client[0],
            port=transfer.client[1],
            size=len(transfer.content),
            blocks=transfer.blocks,
            resent=transfer.resent,
            duration=round(time.monotonic() - transfer.started, 4),
        )
        self._drop(transfer)
        self._observe(event, device=self._device_of.get(event.address, ""))

    def _send(self, transfer: _Transfer, *, again: bool = False) -> None:
        if again:
            transfer.resent += 1
            transfer.tries += 1
        else:
            transfer.tries = 0
        transfer.due = time.monotonic() + _FIRST_RESEND
        if not again and self._spoil(transfer):
            return
        try:
            transfer.socket.sendto(transfer.packet, transfer.client)
        except OSError as error:
            self._give_up(transfer, 0, str(error.strerror))

    def _spoil(self, transfer: _Transfer) -> bool:
        """Carry out what was injected for this block; True when it must not be sent now."""
        injection = transfer.injection
        match injection.fault if injection is not None else None:
            case DropBlock(number) if number == transfer.block and injection is not None:
                self._fire(injection)
                return True
            case Delay(seconds) if transfer.block == 1 and injection is not None:
                self._fire(injection)
                transfer.due = time.monotonic() + seconds
                return True
            case DuplicateBlock(number) if number == transfer.block and injection is not None:
                self._fire(injection)
                transfer.socket.sendto(transfer.packet, transfer.client)
            case WrongTid(number) if number == transfer.block and injection is not None:
                self._fire(injection)
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                    stranger.bind((self._address, 0))
                    stranger.sendto(transfer.packet, transfer.client)
            case _:
                return False
        return False

    def _fire(self, injection: Injection) -> None:
        injection.fired += 1
        event = FaultFired(str(injection.fault), injection.file)
        self._observe(event, device=self._device_of.get(injection.address, ""))

    def _resend_due(self) -> None:
        now = time.monotonic()
        for transfer in [t for t in self._transfers.values() if t.due <= now]:
            if transfer.tries >= _RESENDS:
                self._give_up(transfer, 0, f"block {transfer.block} never acknowledged")
            else:
                self._send(transfer, again=True)

    def _refuse(self, client: tuple[str, int], name: str, code: int, reason: str) -> None:
        if self._listener is not None:
            self._error(self._listener, client, code)
        self._observe(
            FileRefused(name, client[0], client[1], code, reason),
            device=self._device_of.get(client[0], ""),
        )

    def _give_up(self, transfer: _Transfer, code: int, reason: str) -> None:
        client = transfer.client
        self._drop(transfer)
        self._observe(
            FileRefused(transfer.name, client[0], client[1], code, reason),
            device=self._device_of.get(client[0], ""),
        )

    def _drop(self, transfer: _Transfer) -> None:
        self._transfers.pop(transfer.client, None)
        self._selector.unregister(transfer.socket)
        transfer.socket.close()

    @staticmethod
    def _error(sender: socket.socket, client: tuple[str, int], code: int) -> None:
        packet = TftpPacketERR()
        packet.errorcode = code
        try:
            sender.sendto(packet.encode().buffer, client)
        except (OSError, struct.error):
            # Nobody is there to be told.
            return
