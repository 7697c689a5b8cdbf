"""A PDU whose network restarts, a keypad whose cable is pulled while it holds a key down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from night import SUITE, Night, lab_text, night

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

#: Seconds. A minute is survived in the same way: the harness waits for what it lost up to 90 s.
AWAY_S = 6.0


@pytest.mark.parametrize(
    ("driver", "told"),
    [
        ("", "no connection to TCPIP0::127.0.0.1"),
        ("driver: snmp, mib: apc-rpdu2, ", "it does not answer when asked for outlet 1"),
    ],
    ids=["scpi", "snmp"],
)
def test_a_pdu_away_for_a_while_costs_one_test(tmp_path: Path, driver: str, told: str) -> None:
    seeded = {"pdus": {"pdu-1": {"away": [2, AWAY_S]}}}
    lab = lab_text(seeded, pdu=driver, subnet=2)
    done = night(tmp_path, lab, "--suite", str(SUITE), "-k", "before or off_and_on or after")
    assert done.said("fault fired: pdu-1 away"), "the fault never fired"
    assert done.said("pdu-1: its network is back")
    assert done.verdicts == ["passed", "bench fault", "passed"], done.output
    assert done.code == 3
    during = done.results[1]
    assert during["reason"].startswith(f"pdu-1: {told}"), during
    assert "state:" in during["detail"]
    # Given up well before it was back: the test was told, the next one has the patience.
    assert during["duration"] < AWAY_S + 2.0
    assert [record["event"]["part"] for record in done.of_kind("part back")] == ["pdu-1"]
    # The outlet that was left off is on again, confirmed, and the phone on it is in a call.
    switched = [record["event"]["on"] for record in done.of_kind("outlet switched")]
    assert switched[-2:] == [False, True]
    assert switched.count(True) == 2
    done.assert_nothing_is_lost()


def reset_with_the_cable_pulled(tmp_path: Path, keypad: str, subnet: int) -> Night:
    seeded: dict[str, Any] = {"keypads": {"keypad-1": {"unplug_on": ["#"], "unplugged_s": AWAY_S}}}
    lab = lab_text(seeded, keypad=keypad, subnet=subnet)
    done = night(tmp_path, lab, "-k", "factory_reset or console_shows")
    assert done.said("fault fired: keypad-1 unplug_on: the cable is pulled"), "it never fired"
    assert done.verdicts == ["bench fault", "passed"], done.output
    assert done.code == 3
    during = done.results[0]
    assert during["reason"].startswith("keypad-1: its serial port "), during
    assert " is gone: " in during["reason"]
    (lost,) = done.of_kind("part lost")
    assert (lost["event"]["part"], lost["event"]["phone"]) == ("keypad-1", "desk")
    assert done.seconds_to_verdict(lost) < 3.0
    (back,) = done.of_kind("part back")
    assert back["mono"] - lost["mono"] > AWAY_S - 1.0
    done.assert_nothing_is_lost()
    return done


def test_a_matrix_without_its_host_lets_go_of_the_key_itself(tmp_path: Path) -> None:
    done = reset_with_the_cable_pulled(tmp_path, "", 4)
    assert done.said("keypad-1: heard nothing for 2 s, lets go of keys: #")
    assert done.said("keypad-1 has let go of # while it was away")


def test_a_gantry_is_homed_and_lifted_when_it_is_back(tmp_path: Path) -> None:
    done = reset_with_the_cable_pulled(tmp_path, "driver: grbl, ", 5)
    assert "the stylus may still be down" in done.results[0]["detail"], done.results[0]
    # It holds the key until somebody plugs it in, and lifts before anything else is done.
    moves = [record for record in done.records if record["kind"] in {"key pressed", "key released"}]
    assert [(r["kind"], r["event"]["key"]) for r in moves[:2]] == [
        ("key pressed", "#"),
        ("key released", "#"),
    ]
    (back,) = done.of_kind("part back")
    assert moves[1]["seq"] < back["seq"]
