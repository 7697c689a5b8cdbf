"""The actions of ``harness phone`` that only look: status, info, console, screenshot, ssh."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.bench import Bench
from harness.errors import HarnessError
from harness.phone.windows import WindowClosed

__all__ = ["look"]


def look(bench: Bench, options: argparse.Namespace) -> None:
    """Print what one window of a phone shows.

    Raises:
        WindowClosed: the window that was asked for is shut.
    """
    name = options.name
    if options.action == "status":
        _status(bench, name)
    elif options.action == "info":
        _info(bench, name)
    elif options.action == "console":
        for line in bench.phone_web(name).console_log():
            print(f"{line.time} {line.level} {line.task}: {line.text}" if line.task else line.text)
    elif options.action == "screenshot":
        file = options.file or Path(f"{name}.png")
        file.write_bytes(bench.phone_web(name).screenshot())
        print(f"{file}: its display")
    else:
        with bench.phone_console(name, login=options.login) as console:
            for command in options.commands:
                print(console.run(command))


def _status(bench: Bench, name: str) -> None:
    target = bench.phones[name]
    outlet = target.spec.outlet
    print(f"outlet {outlet}: {target.power.state(outlet.outlet)}")
    lamps = target.keypad.lamps() if target.keypad.senses.lamps else {}
    for lamp, colour in sorted(lamps.items()):
        print(f"lamp {lamp}: {colour}")
    try:
        for message in bench.phone_web(name).status_messages():
            print(message)
    except WindowClosed as closed:
        print(closed.summary)


def _info(bench: Bench, name: str) -> None:
    web = bench.phone_web(name)
    for page in (web.device_information, web.network_configuration, web.ethernet_information):
        try:
            print(page(), end="\n\n")
        except WindowClosed:
            raise
        except HarnessError as missing:
            print(missing.summary, end="\n\n")
    try:
        print(web.active_stream())
    except WindowClosed:
        raise
    except HarnessError as none:
        print(none.summary)
