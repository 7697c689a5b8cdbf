"""What distinguishes the phone models we drive: facts, each with its source.

Numbers: chan-sccp's device table (product enumeration used in ``loadInformation<n>`` and in
the ``+u.sip!model.ccm.cisco.com`` Contact parameter). Boot loader files: Cisco's firmware
zip for the 7942/7962. Lines: Cisco 7942G/7962G data sheets.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["PHONE_MODELS", "ModelName", "PhoneModel"]


class ModelName(StrEnum):
    """The phone models the harness drives."""

    CP7942G = "7942G"
    CP7962G = "7962G"


@dataclass(frozen=True, slots=True)
class PhoneModel:
    """One phone model: its numbers on the wire and the keys on its case."""

    name: ModelName
    number: int
    lines: int
    boot_loads: str

    @property
    def product(self) -> str:
        """Name in User-Agent and DHCP option 60, e.g. ``CP-7942G``."""
        return f"CP-{self.name}"


PHONE_MODELS: dict[ModelName, PhoneModel] = {
    ModelName.CP7942G: PhoneModel(ModelName.CP7942G, 434, 2, "term42.default.loads"),
    ModelName.CP7962G: PhoneModel(ModelName.CP7962G, 404, 6, "term62.default.loads"),
}
