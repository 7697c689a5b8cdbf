"""The serial port of a controller: opened with a sentence when it cannot be, read in a thread.

A port is a device of this machine, or a URL of pyserial: ``rfc2217://host:port`` and
``socket://host:port`` are serial ports of other machines, behind ser2net or a terminal server.
What follows ``#`` in a URL says to people whose port it is.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar
from urllib.parse import urldefrag

import serial

from harness.errors import BenchFault
from harness.lab.place_spec import WHO_HOLDS

__all__ = ["SerialLink"]

M = TypeVar("M")

#: A ser2net has no modem lines to set on some devices, and says so; labgrid ignores it, too.
_RFC2217 = "?ign_set_control&timeout=3"
#: What pyserial makes of a port that is closed while it reads or writes.
_CLOSED_UNDER_IT = (TypeError, AttributeError, ValueError)
_PLUG = "is it plugged in? is another program using the port? see dmesg and lab.yaml"
_FAR = "does its ser2net run over there, is the network up? after # is whose port it is"


class SerialLink(Generic[M]):
    """A port for one driver alone, its messages taken in a thread; it may go, and come back.

    What derives from it sets up what its thread needs and then calls :meth:`_open`.

    Args:
        port: the serial device, or a URL.
        name: the keypad's name in lab.yaml.
        baud: line speed.
        answer_s: seconds a write may take; a URL's takes what the network does.
        expected: what should be there, for the fault.
        unplugged: what to do when it goes by itself.
        lost: told why, when it went by itself.
    """

    def __init__(
        self,
        port: str,
        name: str,
        baud: int,
        answer_s: float,
        *,
        expected: str,
        unplugged: str,
        lost: Callable[[str], None],
    ) -> None:
        self._port = port
        self._name = name
        self._baud = baud
        self._answer_s = answer_s
        self._expected = expected
        self._unplugged = unplugged
        self._lost = lost
        self._changed = threading.Condition()
        self._gone = ""
        self._handed_over = ""
        self._write_lock = threading.Lock()
        self._closing = threading.Event()

    @property
    def gone(self) -> str:
        """Why the port is gone; empty while it is there."""
        return self._gone

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closing.is_set()

    def check(self) -> None:
        """Make sure that the port is there.

        Raises:
            BenchFault: it is gone.
        """
        if self._gone or self._closing.is_set():
            raise self._gone_fault()

    def reopen(self) -> None:
        """Open the port again after it was gone; what the controller did meanwhile is unknown.

        Raises:
            BenchFault: it is not back, or no longer ours.
        """
        if self._handed_over:
            raise self._gone_fault()
        self._let_go()
        self._open()

    def give_up(self, why: str) -> None:
        """Take the port for gone: what is behind it does not answer as it should."""
        with self._changed:
            self._gone = why
            self._changed.notify_all()

    def hand_over(self, why: str) -> None:
        """Let go of a port that is no longer ours; whoever uses it from now on is told why."""
        self._handed_over = why
        self.give_up(why)
        self._stop_reading()

    def regain(self, port: str) -> None:
        """Let `reopen` open a port that is ours again, maybe another one; until then it is gone."""
        with self._changed:
            self._port, self._handed_over = port, ""

    def close(self) -> None:
        """Let go of the port."""
        self._closing.set()
        with self._changed:
            self._changed.notify_all()
        self._let_go()

    def _doing(self) -> str:
        """What is under way, for a fault."""
        raise NotImplementedError

    def _feeder(self) -> Callable[[bytes], Iterable[M]]:
        """Return what makes messages of the bytes of a port that was just opened."""
        raise NotImplementedError

    def _take(self, message: M) -> None:
        """Take a message, in the reader's thread."""
        raise NotImplementedError

    def _open(self) -> None:
        far = "://" in self._port
        try:
            self._serial = self._connect_far() if far else self._connect()
        except (serial.SerialException, OSError, ValueError) as error:
            raise BenchFault(
                f"its serial port {self._port} cannot be opened: {error}",
                device=self._name,
                state="not connected",
                expected=self._expected,
                hint=_FAR if far else _PLUG,
            ) from error
        self._gone = self._handed_over
        self._reader = threading.Thread(
            target=self._read, args=(self._serial,), name=f"{self._name}-reader", daemon=True
        )
        self._reader.start()

    def _connect(self) -> serial.Serial:
        return serial.Serial(
            self._port, self._baud, timeout=None, write_timeout=self._answer_s, exclusive=True
        )

    def _connect_far(self) -> serial.Serial:
        url = urldefrag(self._port).url
        if url.startswith("rfc2217://") and "?" not in url:
            url += _RFC2217
        return serial.serial_for_url(url, self._baud, timeout=None)

    def _let_go(self) -> None:
        """End the reader's wait and close the port; harmless when its device is gone."""
        self._stop_reading()
        if self._reader is not threading.current_thread():
            self._reader.join(2.0)
        with contextlib.suppress(serial.SerialException, OSError):
            self._serial.close()

    def _stop_reading(self) -> None:
        """Let a read in another thread return: cancelled on a device, by closing on a URL."""
        with contextlib.suppress(serial.SerialException, OSError, AttributeError):
            if hasattr(self._serial, "cancel_read"):
                self._serial.cancel_read()
            else:
                self._serial.close()

    def _write(self, data: bytes) -> None:
        self.check()
        try:
            with self._write_lock:
                self._serial.write(data)
        except (serial.SerialException, OSError, *_CLOSED_UNDER_IT) as error:
            self._lose(str(error))
            raise self._gone_fault() from error

    def _read(self, port: serial.Serial) -> None:
        feed = self._feeder()
        # A read that was cancelled returns: of a port that was given up, nobody reads on.
        while not self._closing.is_set() and not self._gone:
            try:
                data = port.read(max(1, port.in_waiting))
            except (serial.SerialException, OSError, *_CLOSED_UNDER_IT) as error:
                if not self._closing.is_set():
                    self._lose(str(error))
                return
            for message in feed(data):
                self._take(message)

    def _lose(self, why: str) -> None:
        with self._changed:
            first, self._gone = not self._gone, self._gone or why
            self._changed.notify_all()
        if first and not self._closing.is_set():
            self._lost(f"its serial port {self._port} is gone: {why}")

    def _gone_fault(self) -> BenchFault:
        hint = _FAR if "://" in self._port else self._unplugged
        if self._handed_over:
            hint = WHO_HOLDS
        return BenchFault(
            f"its serial port {self._port} is gone: {self._gone or 'the driver was closed'}",
            device=self._name,
            state=self._doing(),
            expected="the port to stay while the bench is up",
            hint=hint,
        )
