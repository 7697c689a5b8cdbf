"""What the console shows, as it was seen on 22.10, and what remains of it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import BenchFault
from harness.pbx import Console, ConsoleChannel, ConsoleContact, ConsoleEndpoint
from harness.pbx.console import parse_channels, plain_output
from harness.pbx.console_pjsip import parse_aor_contacts, parse_contacts, parse_endpoints

CONTACTS = """
  Contact:  <Aor/ContactUri..............................> <Hash....> <Status> <RTT(ms)..>
==========================================================================================

  Contact:  201/sip:201@127.43.4.9:46330                   71380e22bf NonQual        -nan
  Contact:  202/sip:202@127.43.4.62                        81380e22bf Avail         1.234
  Contact:  203/sip:8f6a3b52-0c4e-4a0b-9f51-6b1c7d2e3f40@1 91380e22bf NonQual        -nan

Objects found: 3
"""
ENDPOINTS = """
 Endpoint:  <Endpoint/CID.....................................>  <State.....>  <Channels.>
    I/OAuth:  <AuthId/UserName...........................................................>
==========================================================================================

 Endpoint:  201/201                                              Not in use    0 of inf
     InAuth:  201/201
        Aor:  201                                                1
      Contact:  201/sip:201@127.43.4.9:43064               4cdffb9d91 NonQual        -nan

 Endpoint:  211                                                  In use        2 of inf


Objects found: 2
"""
CHANNELS = """\
Channel                        Location                State   Application(Data)
PJSIP/201-00000001             290@from-internal:2     Up      ConfBridge(290,quiet_bridge)
CBAnn/290-00000000;1           s@default:1             Up      (None)
2 active channels
1 active call
2 calls processed
"""


def test_contacts() -> None:
    asked: list[str] = []

    def whole(aor: str) -> list[str]:
        asked.append(aor)
        return ["sip:8f6a3b52-0c4e-4a0b-9f51-6b1c7d2e3f40@127.43.4.63:5062;transport=udp"]

    assert parse_contacts(CONTACTS, whole) == [
        ConsoleContact("201", "127.43.4.9", 46330, "NonQual"),
        ConsoleContact("202", "127.43.4.62", 5060, "Avail"),
        ConsoleContact("203", "127.43.4.63", 5062, "NonQual"),
    ]
    assert asked == ["203"]


def test_whole_contacts_of_an_aor() -> None:
    text = " authenticate_qualify : false\n contact              : sip:1@a:5060,sip:2@b\n"
    assert parse_aor_contacts(text) == ["sip:1@a:5060", "sip:2@b"]
    assert parse_aor_contacts(" contact              : \n max_contacts  : 1\n") == []


def test_endpoints() -> None:
    assert parse_endpoints(ENDPOINTS) == [
        ConsoleEndpoint("201", "Not in use", 0),
        ConsoleEndpoint("211", "In use", 2),
    ]


def test_channels() -> None:
    assert parse_channels(CHANNELS) == [
        ConsoleChannel(
            "PJSIP/201-00000001", "290@from-internal:2", "Up", "ConfBridge(290,quiet_bridge)"
        ),
        ConsoleChannel("CBAnn/290-00000000;1", "s@default:1", "Up", "(None)"),
    ]


def test_nothing_found() -> None:
    assert parse_contacts("No objects found.\n") == []
    assert parse_endpoints("No objects found.\n") == []
    assert parse_channels("0 active channels\n0 active calls\n") == []


def test_colours_prompts_and_log_lines_are_taken_out() -> None:
    raw = (
        "\r\n\r\r\nvm*CLI> \r\x1b[0KAsterisk 22.10.1\r\n"
        "[2026-11-24 12:48:43.961] \x1b[1;30m    -- \x1b[0mReloading module\r\n"
        "vm*CLI> \r\x1b[0K\x1b[1;32msecond\x1b[0m line\r\n"
        "[2026-11-24 12:48:43.960] NOTICE[30]: sorcery.c:1412 x: maintaining\r\n\r\r\nvm*CLI> "
    )
    assert plain_output(raw) == "Asterisk 22.10.1\nsecond line"


FAKE = r"""
import sys, time
print("vm*CLI> ", end="", flush=True)
for line in sys.stdin:
    word = line.strip()
    if word == "die":
        break
    if word == "hang":
        time.sleep(30)
    elif word == "quiet":
        pass
    elif word == "hello":
        print("\r\x1b[0Kworld\r\n\r\nvm*CLI> ", end="", flush=True)
    else:
        print(f"\r\x1b[0KNo such command '{word}' (type 'core show help')\r\n\r\nvm*CLI> ",
              end="", flush=True)
"""


@pytest.fixture
def fake(tmp_path: Path) -> Callable[..., Console]:
    program = tmp_path / "console.py"
    program.write_text(FAKE, encoding="utf-8")

    def open_(within: float = 5.0) -> Console:
        inner = f"{shlex.quote(sys.executable)} {shlex.quote(str(program))}"
        # The line discipline must hand over what is typed, ended by CR, as lines.
        return Console(["/bin/sh", "-c", f"stty icrnl; exec {inner}"], within)

    return open_


def test_answers_with_and_without_output(fake: Callable[..., Console]) -> None:
    with fake() as console:
        assert console.run("hello") == "world"
        assert console.run("quiet") == ""
        assert console.run("hello") == "world"


def test_a_console_that_dies_is_a_fault(fake: Callable[..., Console]) -> None:
    with fake() as console, pytest.raises(BenchFault, match="ended while asked to 'die'"):
        console.run("die")


def test_a_console_that_hangs_is_a_fault_in_time(fake: Callable[..., Console]) -> None:
    with fake(0.5) as console:
        console.run("quiet")
        with pytest.raises(BenchFault, match="no answer while asked to 'hang'") as fault:
            console.run("hang")
    assert "within 0" in fault.value.expected


def test_a_console_that_never_opens(tmp_path: Path) -> None:
    with pytest.raises(BenchFault, match="ended while asked to 'open the console'") as fault:
        Console(["/bin/sh", "-c", "echo no such container"], 5.0)
    assert "no such container" in fault.value.state
