"""Stands in for the RP2040's pins under MicroPython's unix port: records drivers, feeds sensors.

Told by the environment: ``KEYPAD_ORDERS`` and ``KEYPAD_RECORD`` are the descriptors of two pipes,
``KEYPAD_BOARD`` is JSON of board constants to change.
"""

import json
import os
import select
import time

import board

for name, value in json.loads(os.getenv("KEYPAD_BOARD") or "{}").items():
    setattr(board, name, value)


class Hardware:
    ticks = staticmethod(time.ticks_ms)
    difference = staticmethod(time.ticks_diff)

    def __init__(self):
        self._levels = [1000] * 16
        self._orders = open("/proc/self/fd/" + os.getenv("KEYPAD_ORDERS"), "rb")
        self._record = open("/proc/self/fd/" + os.getenv("KEYPAD_RECORD"), "wb")
        self._poll = select.poll()
        self._poll.register(self._orders, select.POLLIN)

    def in_maintenance(self):
        return bool(os.getenv("KEYPAD_MAINTENANCE"))

    def arm(self):
        self._write("arm")

    def feed(self):
        while self._poll.poll(0):
            words = self._orders.readline().split()
            if not words:
                raise SystemExit  # the test has gone
            if words[0] == b"level":
                self._levels[int(words[1])] = int(words[2])
            elif words[0] == b"mark":
                self._write("mark " + words[1].decode())
            elif words[0] == b"break":
                raise OSError("broken on purpose")

    def row(self, row, on):
        self._write(f"row {row} {int(on)}")

    def column(self, column, percent):
        self._write(f"column {column} {percent}")

    def all_off(self):
        self._write("off")

    def level(self, channel):
        return self._levels[channel]

    def _write(self, what):
        self._record.write(b"%d %s\n" % (time.ticks_us(), what))
