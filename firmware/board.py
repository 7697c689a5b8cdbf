"""What is wired to what, and what the parts can bear: the keypad's board as data.

Change this file, not the logic, when you wire another board; docs/how-to/build-the-keypad.md has
the drawing, which is made from it. Pins are GPIO numbers of the RP2040.
"""

FIRMWARE = "rp2040-1.0.0"

# --- coils: one at each crossing of a row driver (to +12 V) and a column driver (to ground) -----

ROW_PINS = (0, 1, 2, 3, 4, 5)
COLUMN_PINS = (6, 7, 8, 9, 10, 11)
#: KEYS[row][column]. No coil there: "". Keys that share a row or a column can be down together.
KEYS = (
    ("1", "2", "3", "*", "0", "#"),
    ("4", "5", "6", "7", "8", "9"),
    ("line1", "line2", "line3", "line4", "line5", "line6"),
    ("soft1", "soft2", "soft3", "soft4", "navup", "navdown"),
    ("settings", "services", "messages", "directories", "volup", "voldown"),
    ("speaker", "headset", "mute", "hold", "hook", ""),
)

#: What one coil draws at full voltage, and what a driver output and the supply may deliver.
COIL_MA = 250
DRIVER_MA = 500
SUPPLY_MA = 1000
#: Two coils on one row hang on one row driver, so the weaker of the two sets the limit.
MOST_DOWN = min(DRIVER_MA, SUPPLY_MA) // COIL_MA

#: A plunger needs full current to move and much less to stay. Heat goes with the current squared.
PULL_IN_MS = 60
HOLD_PERCENT = 35
PWM_HZ = 20_000
#: The coil's duty rating (25 % ED): the mean share of full heat it bears for ever.
RATED_PERCENT = 25
#: How long a cold coil bears full current at a stretch.
LONGEST_FULL_MS = 10_000
#: No key is down longer. A factory reset holds # until the lamps walk: minutes on some loaders.
LONGEST_DOWN_MS = 420_000

# --- lamps: phototransistors on a 16-channel analogue multiplexer before one ADC ----------------

MUX_PINS = (12, 13, 14, 15)
MUX_SETTLE_US = 20
ADC_PIN = 26
#: A line lamp shines red, green, or both, which is amber: one sensor behind a red filter, one
#: behind a green one. The others have one colour each (from memory), and one sensor.
LAMPS = (
    ("line1", (0, 1), ""),
    ("line2", (2, 3), ""),
    ("line3", (4, 5), ""),
    ("line4", (6, 7), ""),
    ("line5", (8, 9), ""),
    ("line6", (10, 11), ""),
    ("mwi", (12,), "red"),
    ("headset", (13,), "green"),
    ("mute", (14,), "red"),
    ("speaker", (15,), "green"),
)

#: Used for each lamp that calibration.json does not name. Levels are 0 to 65535.
#: dark: each sensor's level when the lamp is off. on, off: lit above, dark again below, counted
#: from the dark level, all sensors of the lamp together. red_below, green_above: percent of the
#: light that came through the green filter; between them is amber.
CALIBRATION = {"dark": (2000, 2000), "on": 9000, "off": 6000, "red_below": 25, "green_above": 75}
#: How far beyond its bound the share of green must go before a lit lamp is another colour.
SHARE_HYSTERESIS = 5
#: A colour counts when it has stayed so long; sensors of one lamp never switch in the same instant.
SETTLE_MS = 12

# --- the rest -----------------------------------------------------------------------------------

#: Without a frame from the host for so long all keys are let go.
WATCHDOG_MS = 2000
#: Without a turn of the main loop for so long the chip resets, and a reset chip drives no coil.
RESET_MS = 500
#: To ground while the board starts: no keypad, but MicroPython's prompt, for mpremote.
MAINTENANCE_PIN = 22
