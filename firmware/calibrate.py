"""Print the light sensors' levels: ``mpremote run calibrate.py``, maintenance jumper set."""

import time

import board
from hardware import Hardware


def main():
    """Print the levels of each lamp once a second, until Ctrl-C."""
    hardware = Hardware()
    while True:
        for name, channels, _ in board.LAMPS:
            print(name, *[hardware.level(channel) for channel in channels])
        print()
        time.sleep(1)


main()
