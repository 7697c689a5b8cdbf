"""The bench as it is to be when nobody uses it: no key down, outlets as lab.yaml declares."""

from __future__ import annotations

from collections.abc import Mapping

from harness.errors import BenchFault, HarnessError
from harness.events import Note
from harness.keypad import Keypad
from harness.lab import Lab, Rest
from harness.power import OutletState, Power
from harness.recovery.devices import WrittenPower
from harness.recovery.journal import Journal
from harness.timeline import Timeline

__all__ = ["make_safe", "put_at_rest"]


def make_safe(
    keypads: Mapping[str, Keypad],
    pdus: Mapping[str, WrittenPower],
    lab: Lab,
    journal: Journal,
    timeline: Timeline,
) -> None:
    """Let every key come up and put at rest what was switched, at the orderly end of a bench.

    What does not follow is told in the timeline, and its journal stays for :func:`recover`.
    """
    for name, keypad in keypads.items():
        try:
            keypad.release_all()
        except HarnessError as error:
            journal.keep()
            timeline.observer(name)(Note(f"its keys may be down: {error.summary}"))
    for name, power in pdus.items():
        rest = lab.power[name].rest
        for outlet, before in power.before.items():
            try:
                put_at_rest(power, outlet, rest, before, power.told.get(outlet))
            except HarnessError as error:
                journal.keep()
                note = Note(f"outlet {outlet} is not at rest ({rest}): {error.summary}")
                timeline.observer(name)(note)


def put_at_rest(
    power: Power, outlet: str, rest: Rest, before: OutletState, told: OutletState | None = None
) -> str:
    """Put an outlet into the state it is to have between runs; nothing is sent when it has it.

    Args:
        power: its device.
        outlet: which one.
        rest: what lab.yaml declares.
        before: what it was before it was first switched.
        told: what it was last told, if that is sure to have arrived: it stands where the device
            cannot say.

    Returns:
        What was done or found, for a person.

    Raises:
        BenchFault: it does not follow, or its device does not answer.
    """
    wanted = OutletState(rest) if rest != "as-found" else before
    if wanted is OutletState.UNKNOWN:
        return "left as it is: what it was before is not known"
    found = power.state(outlet)
    if found is OutletState.UNKNOWN and told is not None:
        found = told
    if found is wanted:
        return f"is {wanted}"
    try:
        power.set(outlet, on=wanted is OutletState.ON)
    except BenchFault:
        # A device that can neither be read nor measured, with nothing beside it to show the state:
        # it took the command, and more cannot be known of it.
        if power.state(outlet) is OutletState.UNKNOWN:
            return f"told to be {wanted}, which its device cannot confirm"
        raise
    return f"was {found}, is {wanted}"
