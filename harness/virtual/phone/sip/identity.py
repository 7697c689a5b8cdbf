"""The identifiers a 79x2 writes: they carry its MAC address (traces of 7961, 7970)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

__all__ = ["Identity"]


@dataclass(frozen=True, slots=True)
class Identity:
    """MAC, model and load of the phone, and the header values made from them."""

    mac: str
    address: str
    port: int
    product: str
    number: int
    load: str
    protocol: str = "udp"

    @property
    def user_agent(self) -> str:
        """``Cisco-CP7942G/9.3.1``: the three-number version, which is not the load's name."""
        version = self.load.partition(".")[2].split("SR")[0].replace("-", ".")
        numbers = [part for part in version.split(".") if part.isdecimal()][:3]
        return f"Cisco-{self.product.replace('-', '')}/{'.'.join(numbers) or '9.3.1'}"

    def tag(self) -> str:
        """A From or To tag: MAC, then random digits."""
        return f"{self.mac}{secrets.token_hex(6)}-{secrets.token_hex(4)}"

    def call_id(self) -> str:
        """A Call-ID: MAC in two parts, random digits, the address."""
        head, tail = self.mac[:8], self.mac[8:]
        parts = (head, f"{tail}{secrets.token_hex(2)}", secrets.token_hex(4), secrets.token_hex(4))
        return f"{'-'.join(parts)}@{self.address}"

    def address_of(self, user: str) -> str:
        """Contact of a call: where this user is reached, in angle brackets."""
        return f"<sip:{user}@{self.address}:{self.port};transport={self.protocol}>"

    def contact(self, user: str, port: int | None = None) -> str:
        """Contact of a REGISTER, with instance and model number."""
        return (
            f"<sip:{user}@{self.address}:{port or self.port};transport={self.protocol}>"
            f';+sip.instance="<urn:uuid:00000000-0000-0000-0000-{self.mac}>"'
            f';+u.sip!model.ccm.cisco.com="{self.number}"'
        )
