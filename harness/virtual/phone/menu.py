"""The settings menu, as far as keys typed blind go.

``**#`` unlocks it (the padlock on the display opens; with a phonePassword it is asked for first),
``**#**`` restarts. Under Network Configuration a TFTP server can be set by hand, which then beats
DHCP: item 32 Alternate TFTP Yes, item 33 TFTP Server 1, ``*`` types the dot, Validate, Save (users'
notes; Cisco 7942G administration guide). Which soft key is which is inferred.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable

__all__ = ["SettingsMenu"]

_SECONDS = 30.0
_UNLOCK = "**#"
_RESTART = "**#**"
_KEYS = frozenset("0123456789*#")
_NETWORK = "2"
_ALTERNATE, _SERVER = "32", "33"


class SettingsMenu:
    """Open with the settings key, closed by keys that are not its own, or by time.

    Args:
        restart: called when the restart keys were typed.
        save_tftp: called with the TFTP server set by hand, empty for the one of DHCP.
        password: the phonePassword, empty when there is none.
        tftp: the server set by hand so far.
    """

    def __init__(
        self,
        restart: Callable[[], None],
        save_tftp: Callable[[str], None] = lambda _: None,
        password: str = "",
        tftp: str = "",
    ) -> None:
        self._restart = restart
        self._save_tftp = save_tftp
        self._password = password
        self._saved = tftp
        self._typed = ""
        self._timer: asyncio.TimerHandle | None = None
        self._asking: str | None = None
        self._in_network = False
        self._item = ""
        self._entry: str | None = None
        self._alternate, self._server = bool(tftp), tftp
        self.is_open = False
        self.unlocked = False

    def open(self) -> None:
        """The settings key was pressed."""
        self._forget()
        self.is_open = True
        self._alternate, self._server = bool(self._saved), self._saved
        self._timer = asyncio.get_running_loop().call_later(_SECONDS, self.close)

    def close(self) -> None:
        """Back to the telephone; it locks again."""
        self._forget()
        if self._timer is not None:
            self._timer.cancel()

    def _forget(self) -> None:
        self.is_open = self.unlocked = self._in_network = False
        self._typed = self._item = ""
        self._asking = self._entry = None

    def key(self, name: str) -> None:
        """Take one key."""
        if name.startswith("soft"):
            self._soft(name)
        elif name not in _KEYS:
            self.close()
        elif self._entry is not None:
            self._entry += "." if name == "*" else name
        else:
            self._digit(name)

    def _digit(self, key: str) -> None:
        self._typed += key
        if self._typed.endswith(_RESTART):
            self.close()
            self._restart()
        elif self._typed.endswith(_UNLOCK):
            self._asking = "" if self._password else None
            self.unlocked = not self._password
        elif self._asking is not None:
            self._asking += key
        elif self._in_network:
            self._item = self._typed[-2:] if self._typed[-2:] in (_ALTERNATE, _SERVER) else ""
        elif key == _NETWORK:
            self._in_network = True

    def _soft(self, name: str) -> None:
        if name == "soft1" and self._asking is not None:
            self.unlocked, self._asking = self._asking == self._password, None
        elif name == "soft1" and self._entry is not None:
            self._validate()
        elif name == "soft1" and self.unlocked and self._item == _ALTERNATE:
            self._alternate = True
        elif name == "soft2" and self.unlocked and self._item == _ALTERNATE:
            self._alternate = False
        elif name == "soft1" and self.unlocked and self._item == _SERVER:
            self._entry = ""
        elif name == "soft3" and self.unlocked and self._in_network:
            self._saved = self._server if self._alternate else ""
            self._save_tftp(self._saved)

    def _validate(self) -> None:
        typed, self._entry = self._entry or "", None
        try:
            self._server = str(ipaddress.IPv4Address(typed))
        except ValueError:
            self._server = self._saved

    def lines(self) -> list[str]:
        """What the display shows while it is open."""
        if not self.is_open:
            return []
        shown = [f"Settings {'unlocked' if self.unlocked else 'locked'}"]
        if self._asking is not None:
            return [*shown, f"Unlock password {'*' * len(self._asking)}"]
        if self._in_network:
            shown.append(f"32 Alternate TFTP {'Yes' if self._alternate else 'No'}")
            shown.append(f"33 TFTP Server 1 {self._server if self._entry is None else self._entry}")
        return shown
