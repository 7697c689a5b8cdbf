"""Lamps tell of power what they can, and no more."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.deadlines import Deadlines
from harness.events import LampColour
from harness.phone import LampEffect
from harness.power import OutletState

DARK = {"line1": LampColour.DARK, "line2": LampColour.DARK}
LIT = {"line1": LampColour.DARK, "line2": LampColour.AMBER}


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (DARK, LIT, OutletState.ON),
        (LIT, LIT, OutletState.ON),
        (LIT, DARK, OutletState.OFF),
        (DARK, DARK, OutletState.UNKNOWN),
        ({}, {}, OutletState.UNKNOWN),
    ],
)
def test_dark_proves_nothing_unless_it_was_lit(
    before: dict[str, LampColour], after: dict[str, LampColour], shown: OutletState
) -> None:
    lamps = before
    keypad = cast(Any, SimpleNamespace(lamps=lambda: lamps))
    effect = LampEffect({"desk": keypad}, Deadlines())
    look = effect.start()
    lamps = after
    assert look() is shown


def test_a_boot_may_take_minutes_and_darkness_seconds() -> None:
    effect = LampEffect({"desk": cast(Any, None)}, Deadlines())
    assert effect.name == "lamps of desk"
    assert effect.within(on=True) >= 300.0
    assert effect.within(on=False) <= 5.0


@pytest.mark.parametrize(
    ("one", "other", "shown"),
    [
        (DARK, LIT, OutletState.ON),
        (LIT, DARK, OutletState.ON),
        (DARK, DARK, OutletState.OFF),
    ],
)
def test_phones_on_one_outlet_tell_of_it_together(
    one: dict[str, LampColour], other: dict[str, LampColour], shown: OutletState
) -> None:
    lamps = {"desk-1": LIT, "desk-2": DARK}
    keypads = {
        name: cast(Any, SimpleNamespace(lamps=lambda name=name: lamps[name])) for name in lamps
    }
    effect = LampEffect(keypads, Deadlines())
    assert effect.name == "lamps of desk-1 and desk-2"
    look = effect.start()
    lamps |= {"desk-1": one, "desk-2": other}
    assert look() is shown
