"""What a robot knows by itself of the keys it presses and the lamps it could see."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Senses"]


@dataclass(frozen=True, slots=True)
class Senses:
    """What a driver can vouch for.

    ``keys``: an edge measured at the key proves each press, so a lost, doubled or stuck key is a
    bench fault of the driver's own making. Without it the phone must be the witness.
    ``lamps``: it has light sensors.
    """

    keys: bool
    lamps: bool
