"""Keypad controller: started by MicroPython when the board gets power."""

import gc
import json

import board
import micropython
from clock import Clock
from coils import Coils
from controller import Controller
from hardware import Hardware
from lights import Lights, fault_of
from wire import Wire

#: A collection of garbage takes milliseconds, so it is done when nothing has to be timed.
COLLECT_EVERY_MS = 200
COLLECT_TAKES_MS = 20


def calibration():
    """Return what calibration.json on the board's flash says, and what is wrong with it or ""."""
    try:
        with open("calibration.json") as file:
            found = json.load(file)
    except OSError:
        return {}, ""
    except ValueError:
        return {}, "calibration.json is no JSON"
    fault = fault_of(board, found)
    return ({}, fault) if fault else (found, "")


def run(hardware):
    """Serve the host for ever."""
    clock = Clock(hardware.ticks, hardware.difference)
    wire = Wire()
    coils = Coils(board, hardware)
    calibrated, fault = calibration()
    lights = Lights(board, hardware, calibrated)
    controller = Controller(board, clock.now, coils, lights, wire.send, fault)
    collected = 0
    while True:
        hardware.feed()
        controller.take(wire.receive(1))
        controller.turn()
        wire.pump()
        now = clock.now()
        if now - collected >= COLLECT_EVERY_MS and controller.spare_ms() >= COLLECT_TAKES_MS:
            gc.collect()
            collected = now


def main():
    """Start, unless the maintenance jumper asks for MicroPython's prompt."""
    hardware = Hardware()
    if hardware.in_maintenance():
        return
    # Ctrl-C on the line is a damaged byte, not a wish to stop.
    micropython.kbd_intr(-1)
    hardware.arm()
    try:
        run(hardware)
    finally:
        # Whatever went wrong: no coil stays on. Then nobody feeds the watchdog and the chip resets.
        hardware.all_off()


main()
