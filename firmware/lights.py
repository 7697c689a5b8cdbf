"""What the light sensors see: each lamp's colour, with thresholds, hysteresis and settling.

A line lamp is watched through a red and a green filter. Lit red it shines through the first, green
through the second, amber through both: the share of green tells them apart, whatever the lamp's
brightness. Lamps of one colour have one sensor.
"""


def fault_of(board, calibration):
    """Say what is wrong with the contents of calibration.json, or return ""."""
    if not isinstance(calibration, dict):
        return "calibration.json holds no lamps"
    sensors = {name: len(channels) for name, channels, _ in board.LAMPS}
    for lamp, values in calibration.items():
        if lamp not in sensors:
            return "calibration.json: no lamp " + lamp
        if not isinstance(values, dict) or not set(values) <= set(board.CALIBRATION):
            return f"calibration.json: {lamp} takes " + " ".join(sorted(board.CALIBRATION))
        every = dict(board.CALIBRATION)
        every.update(values)
        dark = every.pop("dark")
        if "dark" in values and (not isinstance(dark, list) or len(dark) != sensors[lamp]):
            return f"calibration.json: dark of {lamp} is a list of {sensors[lamp]}"
        if not all(isinstance(value, int) for value in list(every.values()) + list(dark)):
            return f"calibration.json: {lamp} has a value that is no whole number"
        if not every["off"] < every["on"] or not every["red_below"] < every["green_above"]:
            return f"calibration.json: {lamp} needs off < on and red_below < green_above"
    return ""


class Lamp:
    """One lamp and its sensors.

    Args:
        board: where the limits come from.
        only_colour: the one colour it has, or "" if the share of green tells.
        calibration: its levels and bounds, as ``board.CALIBRATION``.
    """

    def __init__(self, board, only_colour, calibration):
        self._only = only_colour
        self._calibration = calibration
        self._margin = board.SHARE_HYSTERESIS
        self._settle_ms = board.SETTLE_MS
        self._seen = "dark"
        self._seen_since = 0
        #: What it is, once settled.
        self.colour = "dark"

    def see(self, levels, now):
        """Take the sensors' levels; return since when the lamp has a new colour, or None."""
        seen = self._look(levels)
        if seen != self._seen:
            self._seen = seen
            self._seen_since = now
        if seen == self.colour or now - self._seen_since < self._settle_ms:
            return None
        self.colour = seen
        return self._seen_since

    def _look(self, levels):
        dark = self._calibration["dark"]
        light = [max(0, level - dark[index]) for index, level in enumerate(levels)]
        total = sum(light)
        if total <= self._calibration["off" if self._seen != "dark" else "on"]:
            return "dark"
        if self._only:
            return self._only
        share = light[1] * 100 // total
        # The colour it has keeps a margin beyond its own bounds.
        red_below = self._calibration["red_below"]
        green_above = self._calibration["green_above"]
        if self._seen == "red":
            red_below += self._margin
        elif self._seen == "green":
            green_above -= self._margin
        elif self._seen == "amber":
            red_below -= self._margin
            green_above += self._margin
        if share < red_below:
            return "red"
        return "green" if share > green_above else "amber"


class Lights:
    """All lamps; each call looks at one, so that no call takes long."""

    def __init__(self, board, hardware, calibration):
        self._hardware = hardware
        self._lamps = []
        for name, channels, only_colour in board.LAMPS:
            values = dict(board.CALIBRATION)
            values.update(calibration.get(name, {}))
            self._lamps.append((name, channels, Lamp(board, only_colour, values)))
        self._next = 0

    def look(self, now):
        """Look at the next lamp; return (ms, lamp, colour) if it has changed, or None."""
        name, channels, lamp = self._lamps[self._next]
        self._next = (self._next + 1) % len(self._lamps)
        since = lamp.see([self._hardware.level(channel) for channel in channels], now)
        return None if since is None else (since, name, lamp.colour)

    def colours(self):
        """Return (lamp, colour) of every lamp."""
        return [(name, lamp.colour) for name, _, lamp in self._lamps]
