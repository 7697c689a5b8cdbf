"""The users of a running Asterisk: replaced in its configuration, and read back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from harness.errors import BenchFault, UsageFault
from harness.pbx.ami import AmiClient
from harness.pbx.channel_driver import ChannelDriver
from harness.pbx.render import Endpoint, asterisk_codec

__all__ = ["Users"]

_RELOAD_SECONDS = 10.0
#: Between two looks at what chan_sip makes of its file, which it tells nobody.
_LOOK_SECONDS = 0.02


class Users:
    """Who may register, and what with.

    Args:
        endpoints: every user at the start.
        driver: how this Asterisk speaks SIP.
        write: writes the configuration files again.
    """

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        driver: ChannelDriver,
        write: Callable[[Sequence[Endpoint]], None],
    ) -> None:
        self._now = {endpoint.user: endpoint for endpoint in endpoints}
        self._shipped = dict(self._now)
        self._driver = driver
        self._write = write
        self._reloads = 0
        self._reloaded = threading.Condition()

    @property
    def names(self) -> set[str]:
        """Every user."""
        return set(self._now)

    @property
    def endpoints(self) -> list[Endpoint]:
        """Every user as it is now."""
        return list(self._now.values())

    def reload_ended(self) -> None:
        """Take note that the module said it has loaded its files again."""
        with self._reloaded:
            self._reloads += 1
            self._reloaded.notify_all()

    def with_codecs(self, user: str, names: Sequence[str]) -> Endpoint | None:
        """Return a user with exactly these codecs (none: the shipped ones); None if it is so.

        Raises:
            UsageFault: no such user or codec.
        """
        if user not in self._shipped:
            raise UsageFault(
                f"no user {user!r} at the PBX", hint=f"choose from: {', '.join(self._shipped)}"
            )
        codecs = tuple(asterisk_codec(name) for name in names) or self._shipped[user].codecs
        now = self._now[user]
        return replace(now, codecs=codecs) if now.codecs != codecs else None

    def change(self, endpoint: Endpoint, ami: AmiClient, says: Callable[[], Sequence[str]]) -> None:
        """Replace a user, or add one, while Asterisk runs; returns when it has taken it.

        Raises:
            BenchFault: it did not; with what its log ``says``.
        """
        self._now[endpoint.user] = endpoint
        self._write(self.endpoints)
        if self._taken(endpoint, ami):
            return
        wanted = ", ".join(endpoint.codecs)
        file = self._driver.endpoint_file
        raise BenchFault(
            f"the endpoint {endpoint.user} did not change to codecs {wanted}",
            device="pbx",
            state=" | ".join(says()),
            expected=f"a reload of {file} within {_RELOAD_SECONDS:.0f} s",
            hint=f"read the PBX log of this run for a refused {file}",
        )

    def _taken(self, endpoint: Endpoint, ami: AmiClient) -> bool:
        with self._reloaded:
            before = self._reloads
        # The response only says that the reload was asked for; its end is an event.
        ami.action("Reload", Module=self._driver.module, within=_RELOAD_SECONDS)
        deadline = time.monotonic() + _RELOAD_SECONDS
        with self._reloaded:
            done = self._reloaded.wait_for(lambda: self._reloads > before, _RELOAD_SECONDS)
        while done and not self._driver.allows(ami, endpoint.user, endpoint.codecs):
            # chan_sip reads its file after that event, in a thread of its own, and says nothing
            # when it has: only reading back tells.
            done = time.monotonic() < deadline
            with self._reloaded:
                self._reloaded.wait(_LOOK_SECONDS)
        return done
