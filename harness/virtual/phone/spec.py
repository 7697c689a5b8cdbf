"""What a phone twin is told when its power comes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from pydantic import Field

from harness.models import PHONE_MODELS, PhoneModel
from harness.virtual.phone.defects import Defects
from harness.virtual.spec import PhoneSpec

__all__ = ["TwinSpec"]


class TwinSpec(PhoneSpec):
    """A phone, its flash file, its clock and the keys that are down at power-on.

    ``interface`` is its network port; without one it has an address of the loopback.
    """

    name: str
    speed: Annotated[float, Field(gt=0)] = 1.0
    flash: Path
    interface: str = ""
    held: tuple[str, ...] = ()

    @property
    def facts(self) -> PhoneModel:
        """What is known of the model."""
        return PHONE_MODELS[self.model]

    @property
    def host_name(self) -> str:
        """``SEP`` and the MAC in upper case."""
        return f"SEP{self.mac.upper()}"

    def planted(self, load: Callable[[], str]) -> Defects:
        """The defects planted in this phone on purpose; ``load`` is what it runs at the moment."""
        return Defects(self.defects, load)
