"""The console's driver against scripted logins: what it takes for open, closed and refused."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import BenchFault, HarnessError, ProductFault
from harness.phone import PhoneConsole, WindowClosed
from harness.phone.windows import ConsoleLogin

SCRIPT = str(Path(__file__).with_name("ssh_script.py"))


def open_console(scenario: str, password: str = "outer", login: str = "debug") -> PhoneConsole:
    return PhoneConsole(
        "desk", "192.0.2.42", "cisco", password, ConsoleLogin(login, login), within=3.0,
        program=(sys.executable, SCRIPT, scenario),
    )  # fmt: skip


@pytest.mark.parametrize("scenario", ["plain", "bytewise"])
def test_two_logins_then_commands(scenario: str) -> None:
    with open_console(scenario) as console:
        assert console.run("show strace") == "price: 5 $ \nshow strace done"
        assert console.run("help").endswith("help done")


@pytest.mark.parametrize(
    ("make", "kind", "says"),
    [
        (lambda: open_console("refused"), WindowClosed, "its console is closed.*refused"),
        (lambda: open_console("denied"), ProductFault, "refuses the login"),
        (lambda: open_console("plain", password="wrong"), ProductFault, "refuses the login"),
        (lambda: open_console("plain", login="guess"), ProductFault, "refuses the login"),
        (lambda: open_console("too-new"), BenchFault, "cannot speak with it"),
        (lambda: open_console("hangs"), ProductFault, "did not answer"),
        (
            lambda: PhoneConsole("desk", "192.0.2.42", "c", "p", program=("no-such-ssh",)),
            BenchFault,
            "has no 'no-such-ssh'",
        ),
    ],
    ids=["closed", "denied", "outer", "second", "too-new", "hangs", "no-ssh"],
)
def test_what_hinders_is_told(
    make: Callable[[], PhoneConsole], kind: type[HarnessError], says: str
) -> None:
    with pytest.raises(kind, match=says) as told:
        make()
    assert "outer" not in str(told.value), "no password in an error"


def test_a_shell_that_hangs_up_is_told() -> None:
    with open_console("plain") as console, pytest.raises(ProductFault, match="hung up"):
        console.run("hang up")
