"""The little of MicroPython's ``machine`` that firmware/hardware.py uses: says what it is told."""


class Pin:
    OUT, IN, PULL_UP = "out", "in", "pull-up"

    def __init__(self, number, *how, value=None):
        self.number = number
        print("pin", number, *how, value)

    def value(self, level=None):
        if level is None:
            return 0
        print("pin", self.number, "=", level)
        return None


class PWM:
    def __init__(self, pin, freq, duty_u16):
        self._number = pin.number
        print("pwm", self._number, freq, duty_u16)

    def duty_u16(self, duty):
        print("pwm", self._number, "=", duty)


class ADC:
    def __init__(self, pin):
        print("adc", pin.number)

    def read_u16(self):
        return 4711


class WDT:
    def __init__(self, timeout):
        print("wdt", timeout)

    def feed(self):
        print("fed")
