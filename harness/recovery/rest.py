"""Outlets as lab.yaml declares them for the time when nobody uses the bench."""

from __future__ import annotations

from harness.errors import BenchFault
from harness.lab import Rest
from harness.power import OutletState, Power

__all__ = ["put_at_rest"]


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
