"""A 7940 or 7960 in the place of a 7942: another family, seen only by what it asks for.

Its boot loader reads the name of its image in OS79XX.TXT, and without an image says "Protocol
Application Invalid"; with a SIP image it asks for SIPDefault.cnf and SIP<MAC>.cnf, never for
SEP<MAC>.cnf.xml (Cisco SIP IP Phone 7940/7960 administrator guide; voip-info, "Cisco 7940/7960
firmware"). It is here to show what a bench sees of a wrong phone; it never registers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NoReturn

from harness.virtual.phone.clock import Clock
from harness.virtual.phone.logs import Logs

__all__ = ["LegacyBoot"]

#: Between two tries of the boot loader [remembered].
_RETRY_SECONDS = 60.0


class LegacyBoot:
    """The boot of a 7940: its files, and nothing after them.

    Args:
        get: fetches a file, None when there is none.
        mac: the phone's MAC.
        clock: the phone's clock.
        logs: where it says what it could not find.
    """

    def __init__(
        self, get: Callable[[str], Awaitable[bytes | None]], mac: str, clock: Clock, logs: Logs
    ) -> None:
        self._get = get
        self._mac = mac.upper()
        self._clock = clock
        self._logs = logs

    async def run(self) -> NoReturn:
        """Ask, and ask again."""
        while True:
            named = await self._get("OS79XX.TXT")
            image = named.decode("latin-1").split() if named is not None else []
            if image and await self._get(f"{image[0]}.loads") is not None:
                for name in ("SIPDefault.cnf", f"SIP{self._mac}.cnf", "RINGLIST.DAT"):
                    await self._get(name)
            else:
                self._logs.to_status("Protocol Application Invalid")
            await self._clock.spend(_RETRY_SECONDS)
