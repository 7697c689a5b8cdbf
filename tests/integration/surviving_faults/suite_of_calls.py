"""The tests of the nights in this folder: calls that end well, and calls in which something dies.

Not collected by itself: a night is given it by ``--suite``.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fixtures.calls import Connect
from fixtures.witness import Hearing
from harness.events import Note
from harness.phone import Phone
from harness.sip import Peer
from harness.timeline import Timeline


def call(phone: Phone, caller: Peer, hearing: Hearing, connect: Connect) -> None:
    leg, outgoing = connect(phone, caller)
    both = {phone.name: [caller.name], caller.name: [phone.name]}
    hearing({phone.name: None, caller.name: outgoing}, both)
    phone.hang_up(leg)
    outgoing.wait_state("ended", within=5.0)


def test_before(phone: Phone, caller: Peer, hearing: Hearing, call_in: Connect) -> None:
    call(phone, caller, hearing, call_in)


@pytest.mark.parametrize("what", ["first", "second", "third", "fourth"])
def test_in_call(
    phone: Phone, caller: Peer, call_in: Connect, timeline: Timeline, what: str
) -> None:
    """The night's test does it to the bench once this step is told; whoever waits sees it end."""
    leg, _ = call_in(phone, caller)
    with timeline.step(f"in call {what}", device=phone.name):
        timeline.wait_for(
            Note, within=15.0, where=lambda note: note.text == "never", expected="a fault to fire"
        )
    phone.hang_up(leg)


def test_somebody_makes_room(station: str) -> None:
    """Not on the bench, so it is run, and recorded nowhere, while the disk is full.

    The station keeps it among the others: pytest puts tests with one first.
    """
    Path(os.environ["FILLER"]).unlink()


def test_off_and_on(station_phone: Phone) -> None:
    since = station_phone.power_cycle()
    station_phone.wait_registered(since=since)


def test_after(phone: Phone, caller: Peer, hearing: Hearing, call_in: Connect) -> None:
    call(phone, caller, hearing, call_in)
