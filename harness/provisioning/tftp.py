"""The embedded TFTP server: RFC 1350 with the parser of tftpy, and a log per phone.

What phones send is parsed by tftpy; the loop is ours, because tftpy's own server ends at one bad
datagram, follows links out of its root, takes uploads, and gives up early under load (measured on
0.8.7, see docs/decisions). Phones ask for plain octet transfers of 512-byte blocks, each file from
a new port.
"""

from __future__ import annotations

import logging
import select
import socket
import struct
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tftpy.TftpPacketFactory import TftpPacketFactory
from tftpy.TftpPacketTypes import TftpPacketACK, TftpPacketERR, TftpPacketRRQ, TftpPacketWRQ

from harness.errors import BenchFault
from harness.events import (
    FaultFired,
    FileRefused,
    FileRequested,
    FileServed,
    PartBack,
    PartLost,
)
from harness.provisioning.served_folder import OutsideRoot, ServedFolder
from harness.provisioning.tftp_faults import ErrorAnswer, Fault, Injection, Silence, Truncate
from harness.provisioning.tftp_transfer import Transfer
from harness.timeline import Observer

__all__ = ["TftpServer"]

_FIRST_RESEND = 1.0
#: A phone may erase flash between two blocks for many seconds.
_RESENDS = 15
_OTHER, _NOT_FOUND, _DENIED, _ILLEGAL, _UNKNOWN_TID = 0, 1, 2, 4, 5
_ERROR = 5
_LONGEST = 2048
_NEVER = float("inf")

logging.getLogger("tftpy").setLevel(logging.CRITICAL)


class TftpServer:
    """Serve one folder, read-only, to any number of phones.

    Args:
        root: the folder; nothing outside is served, also not by a link.
        address: IP address to listen on.
        port: UDP port; 0 takes a free one, see :attr:`port`.
        observe: writes FileRequested, FileServed and FileRefused.
        device_of: the phone's lab name for a client's IP address.
    """

    name = "tftp"

    def __init__(
        self,
        root: Path,
        address: str,
        port: int,
        observe: Observer,
        device_of: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = ServedFolder(root)
        self._address = address
        self.port = port
        self._observe = observe
        self._device_of = dict(device_of or {})
        self._poll: select.epoll
        self._wake_out: socket.socket
        self._wake_in: socket.socket
        self._listener: socket.socket | None = None
        self._transfers: dict[tuple[str, int], Transfer] = {}
        self._by_descriptor: dict[int, Transfer] = {}
        #: No block is due to be sent again before this; looked at instead of every transfer.
        self._next_due = _NEVER
        self._thread: threading.Thread | None = None
        self._factory = TftpPacketFactory()
        self._injections: tuple[Injection, ...] = ()
        self._gone = ""

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
        self._poll = select.epoll()
        self._wake_out, self._wake_in = socket.socketpair()
        self._poll.register(listener, select.EPOLLIN)
        self._poll.register(self._wake_out, select.EPOLLIN)
        self._gone = ""
        self._thread = threading.Thread(target=self._guarded, name="tftp", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop serving; transfers under way are given up."""
        if self._thread is None or self._listener is None:
            return
        with suppress(OSError):
            self._wake_in.send(b"x")
        self._thread.join(5.0)
        self._thread = None
        for transfer in list(self._transfers.values()):
            self._drop(transfer)
        self._listener.close()
        self._listener = None
        self._poll.close()
        self._wake_in.close()
        self._wake_out.close()

    @property
    def gone(self) -> str:
        """Why it serves no more; empty while it does."""
        return self._gone

    def mend(self) -> None:
        """Open the port again after it ended by itself.

        Raises:
            BenchFault: as from :meth:`start`.
        """
        self.stop()
        self.start()
        self._observe(PartBack(self.name))

    def _guarded(self) -> None:
        try:
            self._serve()
        except Exception as error:  # noqa: BLE001 - a dead server must not pass for silent phones
            self._gone = f"the TFTP server ended by itself: {type(error).__name__}: {error}"
            hint = "a bug of the harness or a host without sockets; its end is on the timeline"
            self._observe(PartLost(self.name, self._gone, hint=hint))

    def _serve(self) -> None:
        while True:
            patience = None
            if self._next_due < _NEVER:
                patience = max(0.0, self._next_due - time.monotonic())
            ready = self._poll.poll(patience)
            now = time.monotonic()
            for descriptor, _ in ready:
                transfer = self._by_descriptor.get(descriptor)
                if transfer is not None:
                    self._continue(transfer, now)
                elif descriptor == self._wake_out.fileno():
                    return
                else:
                    self._accept(now)
            if self._next_due <= now:
                self._resend_due(now)

    def _accept(self, now: float) -> None:
        if self._listener is None:
            return
        try:
            datagram, client = self._listener.recvfrom(_LONGEST)
        except OSError:
            # Not there after all, or the ICMP answer to an error we sent.
            return
        try:
            packet = self._factory.parse(datagram)
        except Exception:  # noqa: BLE001 (tftpy raises whatever a bad byte leads to)
            self._error(self._listener, client, _ILLEGAL, "no request")
            return
        if isinstance(packet, TftpPacketERR):
            # Never answer an error by an error: two servers would go on for ever.
            return
        if isinstance(packet, TftpPacketWRQ):
            self._refuse(client, str(packet.filename), _DENIED, "uploads are refused")
            return
        if not isinstance(packet, TftpPacketRRQ):
            self._error(self._listener, client, _ILLEGAL, "no request")
            return
        name = str(packet.filename)
        under_way = self._transfers.get(client)
        if under_way is not None and under_way.name == name:
            # The phone lost our first block and asks again from the same port.
            if not under_way.withheld:
                self._send_again(under_way, now)
            return
        if under_way is not None:
            # Its last acknowledgement was lost, or it changed its mind.
            self._give_up(under_way, _OTHER, f"the phone asked for {name} instead")
        self._open(name, client)

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
        try:
            content = self._folder.read(name)
        except OutsideRoot:
            self._refuse(client, name, _DENIED, "outside the root")
            return
        except OSError:
            self._refuse(client, name, _NOT_FOUND, "not found")
            return
        if injection is not None and isinstance(fault, Truncate):
            self._fire(injection)
            content = content[: fault.size]
        try:
            own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        except OSError as error:
            # No descriptor is left: this phone must wait, the others go on.
            self._refuse(client, name, _OTHER, f"no socket for it: {error.strerror}")
            return
        own.bind((self._address, 0))
        own.setblocking(False)
        now = time.monotonic()
        transfer = Transfer(name, client, own, content, now, injection, self._fire)
        self._transfers[client] = transfer
        self._by_descriptor[own.fileno()] = transfer
        self._poll.register(own, select.EPOLLIN)
        self._send(transfer, now)

    def _continue(self, transfer: Transfer, now: float) -> None:
        try:
            datagram, sender = transfer.socket.recvfrom(_LONGEST)
        except BlockingIOError:
            return
        except OSError as error:
            # An ICMP refusal: the phone closed its port.
            self._give_up(transfer, 0, f"the phone is gone: {error.strerror}")
            return
        if sender != transfer.client:
            self._error(transfer.socket, sender, _UNKNOWN_TID, "unknown transfer ID")
        elif datagram == transfer.awaited:
            self._acknowledged(transfer, now)
        else:
            self._other(transfer, datagram, now)

    def _other(self, transfer: Transfer, datagram: bytes, now: float) -> None:
        """Take what is not the very acknowledgement that was awaited."""
        try:
            packet = self._factory.parse(datagram)
        except Exception:  # noqa: BLE001 (as above)
            return
        if isinstance(packet, TftpPacketERR):
            self._give_up(transfer, packet.errorcode, "the phone sent an error")
        elif isinstance(packet, TftpPacketACK) and packet.blocknumber == transfer.block & 0xFFFF:
            self._acknowledged(transfer, now)
        # An old acknowledgement: answering it would double every block from here on
        # (the Sorcerer's Apprentice, RFC 1123 4.2.3.1).

    def _acknowledged(self, transfer: Transfer, now: float) -> None:
        if transfer.turn_over():
            self._send(transfer, now)
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

    def _send(self, transfer: Transfer, now: float) -> None:
        transfer.tries = 0
        transfer.due = now + _FIRST_RESEND
        try:
            transfer.send()
        except OSError as error:
            self._give_up(transfer, 0, str(error.strerror))
            return
        self._next_due = min(self._next_due, transfer.due)

    def _send_again(self, transfer: Transfer, now: float) -> None:
        transfer.due = now + _FIRST_RESEND
        try:
            transfer.send_again()
        except OSError as error:
            self._give_up(transfer, 0, str(error.strerror))

    def _fire(self, injection: Injection) -> None:
        injection.fired += 1
        event = FaultFired(str(injection.fault), injection.file)
        self._observe(event, device=self._device_of.get(injection.address, ""))

    def _resend_due(self, now: float) -> None:
        for transfer in [each for each in self._transfers.values() if each.due <= now]:
            if transfer.tries >= _RESENDS:
                self._give_up(transfer, 0, f"block {transfer.block} never acknowledged")
            else:
                self._send_again(transfer, now)
        self._next_due = min((each.due for each in self._transfers.values()), default=_NEVER)

    def _refuse(self, client: tuple[str, int], name: str, code: int, reason: str) -> None:
        if self._listener is not None:
            self._error(self._listener, client, code, reason)
        self._observe(
            FileRefused(name, client[0], client[1], code, reason),
            device=self._device_of.get(client[0], ""),
        )

    def _give_up(self, transfer: Transfer, code: int, reason: str) -> None:
        client = transfer.client
        self._drop(transfer)
        self._observe(
            FileRefused(transfer.name, client[0], client[1], code, reason),
            device=self._device_of.get(client[0], ""),
        )

    def _drop(self, transfer: Transfer) -> None:
        self._transfers.pop(transfer.client, None)
        if self._by_descriptor.pop(transfer.socket.fileno(), None) is not None:
            self._poll.unregister(transfer.socket)
            transfer.socket.close()

    @staticmethod
    def _error(sender: socket.socket, client: tuple[str, int], code: int, text: str) -> None:
        # tftpy builds no packet for code 0, which has no text of its own.
        packet = struct.pack("!HH", _ERROR, code) + text.encode() + b"\0"
        try:
            sender.sendto(packet, client)
        except OSError:
            # Nobody is there to be told.
            return
