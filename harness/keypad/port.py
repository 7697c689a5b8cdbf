"""The serial port of a controller: opened with a sentence when it cannot be, read in a thread."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable
from typing import TypeVar

import serial

from harness.errors import BenchFault

__all__ = ["close_port", "follow", "open_port"]

M = TypeVar("M")


def open_port(
    port: str, baud: int, device: str, *, write_timeout: float, expected: str
) -> serial.Serial:
    """Open a port for one driver alone; reads wait without a limit.

    Args:
        port: the serial device.
        baud: its speed.
        device: the keypad's name in lab.yaml.
        write_timeout: seconds a write may take.
        expected: what should be there, for the fault.

    Raises:
        BenchFault: it cannot be opened.
    """
    try:
        return serial.Serial(port, baud, timeout=None, write_timeout=write_timeout, exclusive=True)
    except (serial.SerialException, OSError, ValueError) as error:
        raise BenchFault(
            f"its serial port {port} cannot be opened: {error}",
            device=device,
            state="not connected",
            expected=expected,
            hint="is it plugged in? is another program using the port? see dmesg and lab.yaml",
        ) from error


def follow(
    port: serial.Serial,
    closing: threading.Event,
    feed: Callable[[bytes], Iterable[M]],
    take: Callable[[M], None],
    lose: Callable[[str], None],
) -> None:
    """Read until the driver closes or the port goes.

    Args:
        port: the open port.
        closing: set when the driver wants the end.
        feed: makes messages of bytes.
        take: gets each message.
        lose: told why, when the port went by itself.
    """
    while not closing.is_set():
        try:
            data = port.read(max(1, port.in_waiting))
        except (serial.SerialException, OSError, TypeError) as error:
            # TypeError: what pyserial makes of a port closed under its select.
            if not closing.is_set():
                lose(str(error))
            return
        for message in feed(data):
            take(message)


def close_port(port: serial.Serial, reader: threading.Thread) -> None:
    """End the reader's wait and close the port; harmless when its device is gone."""
    with contextlib.suppress(serial.SerialException, OSError, AttributeError):
        port.cancel_read()
    if reader is not threading.current_thread():
        reader.join(2.0)
    with contextlib.suppress(serial.SerialException, OSError):
        port.close()
