"""The serial port of a controller: opened with a sentence when it cannot be, read in a thread."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

import serial

from harness.errors import BenchFault

__all__ = ["SerialLink"]

M = TypeVar("M")


class SerialLink(Generic[M]):
    """A port for one driver alone, its messages taken in a thread; it may go, and come back.

    What derives from it sets up what its thread needs and then calls :meth:`_open`.

    Args:
        port: the serial device.
        name: the keypad's name in lab.yaml.
        baud: line speed.
        answer_s: seconds a write may take.
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
            BenchFault: it is not back.
        """
        self._let_go()
        self._open()

    def give_up(self, why: str) -> None:
        """Take the port for gone: what is behind it does not answer as it should."""
        with self._changed:
            self._gone = why
            self._changed.notify_all()

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
        try:
            self._serial = serial.Serial(
                self._port, self._baud, timeout=None, write_timeout=self._answer_s, exclusive=True
            )
        except (serial.SerialException, OSError, ValueError) as error:
            raise BenchFault(
                f"its serial port {self._port} cannot be opened: {error}",
                device=self._name,
                state="not connected",
                expected=self._expected,
                hint="is it plugged in? is another program using the port? see dmesg and lab.yaml",
            ) from error
        self._gone = ""
        self._reader = threading.Thread(
            target=self._read, args=(self._serial,), name=f"{self._name}-reader", daemon=True
        )
        self._reader.start()

    def _let_go(self) -> None:
        """End the reader's wait and close the port; harmless when its device is gone."""
        with contextlib.suppress(serial.SerialException, OSError, AttributeError):
            self._serial.cancel_read()
        if self._reader is not threading.current_thread():
            self._reader.join(2.0)
        with contextlib.suppress(serial.SerialException, OSError):
            self._serial.close()

    def _write(self, data: bytes) -> None:
        self.check()
        try:
            with self._write_lock:
                self._serial.write(data)
        except (serial.SerialException, OSError) as error:
            self._lose(str(error))
            raise self._gone_fault() from error

    def _read(self, port: serial.Serial) -> None:
        feed = self._feeder()
        while not self._closing.is_set():
            try:
                data = port.read(max(1, port.in_waiting))
            except (serial.SerialException, OSError, TypeError) as error:
                # TypeError: what pyserial makes of a port closed under its select.
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
        return BenchFault(
            f"its serial port {self._port} is gone: {self._gone or 'the driver was closed'}",
            device=self._name,
            state=self._doing(),
            expected="the port to stay while the bench is up",
            hint=self._unplugged,
        )
