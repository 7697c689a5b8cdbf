"""The console of the twin through the system's own ssh, with the phone's old algorithms."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest
from phone_station import Station

from harness.errors import ProductFault
from harness.phone import PhoneConsole, WindowClosed
from harness.phone.windows import ConsoleLogin

pytestmark = pytest.mark.integration
ADDRESS = "127.57.2.42"


def test_both_logins_and_what_they_show(open_station: Callable[..., Station]) -> None:
    at = open_station()
    with pytest.raises(WindowClosed, match="its console is closed"):
        at.bench.phone_console("desk")
    at.wait_booted(at.phone.power_cycle())

    with at.bench.phone_console("desk") as console:
        assert "show register" in console.run("help")
        # No PBX answers here, so nothing is registered.
        (line,) = console.registrations()
        assert (line.line, line.provisioned, line.registered) == (1, True, False)
        assert "dialplan.xml: Finished" in console.run("show strace")
        assert "unknown command" in console.run("make coffee")
    with at.bench.phone_console("desk", login="log") as console:
        assert "unknown command" in console.run("show register")

    with pytest.raises(ProductFault, match="refuses the login"):
        PhoneConsole("desk", ADDRESS, "cisco", "wrong")
    with pytest.raises(ProductFault, match="refuses the login"):
        PhoneConsole("desk", ADDRESS, "cisco", "cisco", ConsoleLogin("debug", "bad"))

    # Without the options an ssh of today refuses so old a server: the twin is old indeed.
    plain = subprocess.run(
        ["ssh", "-F", "/dev/null", "-o", "BatchMode=yes", f"cisco@{ADDRESS}"],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=20, check=False,
    )  # fmt: skip
    assert "diffie-hellman-group1-sha1" in plain.stderr
