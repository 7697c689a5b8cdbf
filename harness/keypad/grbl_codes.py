"""What GRBL 1.1's numbers mean.

Source: gnea/grbl, doc/csv/error_codes_en_US.csv and doc/csv/alarm_codes_en_US.csv of v1.1: the
short messages, and for alarms what is left of the position.
"""

from __future__ import annotations

__all__ = ["alarm_words", "error_words"]

_ERRORS = {
    1: "expected command letter",
    2: "bad number format",
    3: "invalid statement",
    4: "value < 0",
    5: "setting disabled: homing is not enabled",
    6: "value < 3 usec",
    7: "EEPROM read fail, using defaults",
    8: "not idle",
    9: "G-code lock: locked out during alarm or jog state",
    10: "homing not enabled: soft limits need it",
    11: "line overflow",
    12: "step rate > 30 kHz",
    13: "check door",
    14: "line length exceeded",
    15: "travel exceeded: jog target outside of the machine",
    16: "invalid jog command",
    17: "setting disabled: laser mode requires PWM output",
    20: "unsupported command",
    21: "modal group violation",
    22: "undefined feed rate",
    23: "a command needs an integer value",
    24: "two commands that need axis words",
    25: "repeated word",
    26: "no axis words",
    27: "invalid line number",
    28: "missing value word",
    29: "G59.x is not supported",
    30: "G53 only with G0 and G1",
    31: "unused axis words",
    32: "arc without an axis word in its plane",
    33: "invalid motion target",
    34: "invalid arc radius",
    35: "arc without an offset in its plane",
    36: "unused value words",
    37: "G43.1 for an axis without tool length offset",
    38: "tool number too large",
}

_ALARMS = {
    1: "hard limit triggered, position likely lost",
    2: "soft limit: motion target exceeds machine travel",
    3: "abort during cycle: reset while in motion, position likely lost",
    4: "probe fail: not in the expected state at the start",
    5: "probe fail: no contact within the travel",
    6: "homing fail: reset during the cycle",
    7: "homing fail: safety door opened",
    8: "homing fail: pull-off did not clear the limit switch",
    9: "homing fail: limit switch not found within the search distance",
}


def error_words(code: int) -> str:
    """Return ``error:9 (G-code lock ...)``."""
    return f"error:{code} ({_ERRORS.get(code, 'not in the table of v1.1')})"


def alarm_words(code: int) -> str:
    """Return ``ALARM:2 (soft limit ...)``."""
    return f"ALARM:{code} ({_ALARMS.get(code, 'not in the table of v1.1')})"
