"""What iproute2 says of the switch's ports becomes changes, each told once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.switch import LinkLog

#: ``ip -o monitor link`` of iproute2 6.1, shortened at the right.
DOWN = "5: port1@if2: <NO-CARRIER,BROADCAST,MULTICAST,UP,M-DOWN> mtu 1500 master phones state DOWN"
UP = "5: port1@if2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 master phones state UP"
BRIDGE = "2: phones: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP"


def test_each_change_once_and_only_of_phones() -> None:
    log = LinkLog(frozenset({"port1"}))
    told = [log.feed(line) for line in (DOWN, UP, BRIDGE, UP, DOWN, DOWN, UP)]
    assert [one.up for one in told if one is not None] == [True, False, True]
    assert {one.port for one in told if one is not None} == {"port1"}


@given(st.text())
def test_any_line_is_no_crash(line: str) -> None:
    LinkLog(frozenset({"port1"})).feed(line)
