"""The SNMP twin asked by net-snmp's tools, so that pysnmp does not only agree with itself."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.events import Note
from harness.lab import Lab
from harness.timeline import Timeline
from harness.twins import Twins

pytestmark = pytest.mark.integration

COMMAND = "1.3.6.1.4.1.318.1.1.26.9.2.4.1.5.1"
STATE = "1.3.6.1.4.1.318.1.1.26.9.2.3.1.5.1"
LOGIN = {
    "v2c": ["-v2c", "-c", "twin-community"],
    "v3": [
        *("-v3", "-l", "authPriv", "-u", "twin-user", "-a", "SHA", "-A", "twin-auth_key"),
        *("-x", "AES", "-X", "twin-priv_key"),
    ],
}

Ask = Callable[..., str]


@pytest.fixture(params=LOGIN)
def ask(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ask]:
    """Start the bench twins with one SNMP PDU, as lab.yaml would, and ask them by a tool."""
    lab = Lab.model_validate(
        {
            "power": {
                "pdu-1": {"driver": "snmp", "mib": "apc-rpdu2", "version": request.param},
            },
            "keypads": {"keypad-1": {}},
            "peers": {},
            "phones": {
                "desk": {
                    "model": "7942G",
                    "mac": "0024C4ABCDEF",
                    "kind": "hardware",
                    "address": "127.54.5.42",
                    "outlet": "pdu-1/1",
                    "keypad": "keypad-1",
                    "lines": [{"user": "201"}],
                }
            },
        }
    )
    timeline = Timeline()
    twins = Twins(lab, tmp_path, timeline.observer("twins"))
    twins.start()

    def run(tool: str, *words: str, login: list[str] | None = None) -> str:
        address = twins.pdus["pdu-1"]
        options = ["-On", "-t", "1", "-r", "1", *(login or LOGIN[request.param])]
        command = [tool, *options, address, *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        return (done.stdout + done.stderr).strip()

    yield run
    twins.stop()
    assert not [note for note in timeline.events(Note) if "Traceback" in note.text]


def test_get_and_set(ask: Ask) -> None:
    assert "Virtual PDU" in ask("snmpget", "1.3.6.1.2.1.1.1.0")
    assert ask("snmpget", STATE).endswith("INTEGER: 1")
    assert ask("snmpset", COMMAND, "i", "1").endswith("INTEGER: 1")
    assert ask("snmpget", STATE).endswith("INTEGER: 2")
    assert ask("snmpset", COMMAND, "i", "2").endswith("INTEGER: 2")
    assert ask("snmpget", STATE).endswith("INTEGER: 1")


def test_what_it_does_not_have_or_take(ask: Ask) -> None:
    assert "No Such Instance" in ask("snmpget", STATE[:-1] + "9")
    assert "notWritable" in ask("snmpset", STATE, "i", "2")
    assert "wrongValue" in ask("snmpset", COMMAND, "i", "3")
    assert "wrongType" in ask("snmpset", COMMAND, "s", "on")


def test_strangers_are_not_let_in(ask: Ask) -> None:
    assert "Timeout" in ask("snmpget", STATE, login=["-v2c", "-c", "public"])
    stranger = ["-v3", "-l", "noAuthNoPriv", "-u", "stranger"]
    answer = ask("snmpget", STATE, login=stranger)
    assert "Unknown user name" in answer or "Timeout" in answer
