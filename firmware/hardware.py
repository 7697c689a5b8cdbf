"""The RP2040's pins: the only module that knows them. Everything here is one small deed."""

import time

import board
from machine import ADC, PWM, WDT, Pin


class Hardware:
    """Rows, columns, light sensors, the chip's own watchdog."""

    def __init__(self):
        self._rows = [Pin(number, Pin.OUT, value=0) for number in board.ROW_PINS]
        self._columns = [
            PWM(Pin(number), freq=board.PWM_HZ, duty_u16=0) for number in board.COLUMN_PINS
        ]
        self._mux = [Pin(number, Pin.OUT, value=0) for number in board.MUX_PINS]
        self._adc = ADC(Pin(board.ADC_PIN))
        self._maintenance = Pin(board.MAINTENANCE_PIN, Pin.IN, Pin.PULL_UP)
        self._watchdog = None

    ticks = staticmethod(time.ticks_ms)
    difference = staticmethod(time.ticks_diff)

    def in_maintenance(self):
        """Tell whether the maintenance jumper is set."""
        return self._maintenance.value() == 0

    def arm(self):
        """Start the chip's watchdog; only a reset stops it."""
        self._watchdog = WDT(timeout=board.RESET_MS)

    def feed(self):
        """Tell the chip's watchdog that the main loop turns."""
        if self._watchdog is not None:
            self._watchdog.feed()

    def row(self, row, on):
        """Switch a row driver."""
        self._rows[row].value(1 if on else 0)

    def column(self, column, percent):
        """Set a column driver's share of on-time."""
        self._columns[column].duty_u16(65535 * percent // 100)

    def all_off(self):
        """Switch every driver off."""
        for pin in self._rows:
            pin.value(0)
        for pwm in self._columns:
            pwm.duty_u16(0)

    def level(self, channel):
        """Read one light sensor, 0 to 65535."""
        for bit, pin in enumerate(self._mux):
            pin.value(channel >> bit & 1)
        time.sleep_us(board.MUX_SETTLE_US)
        return self._adc.read_u16()
