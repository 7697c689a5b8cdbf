"""The controller's clock: milliseconds since it started, which never jump back."""


class Clock:
    """Count milliseconds across the wrap of MicroPython's ticks, 12.4 days on an RP2040.

    Args:
        ticks: gives the present ticks in milliseconds.
        difference: gives the milliseconds between a later and an earlier reading.
    """

    def __init__(self, ticks, difference):
        self._ticks = ticks
        self._difference = difference
        self._last = ticks()
        self._passed = 0

    def now(self):
        """Return the milliseconds since the start; call it at least once in six days."""
        ticks = self._ticks()
        self._passed += self._difference(ticks, self._last)
        self._last = ticks
        return self._passed
