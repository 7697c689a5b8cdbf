"""Defects planted in a twin on purpose, to show that the suite notices them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

from harness.errors import UsageFault

__all__ = ["DEFECTS", "Defects"]

DEFECTS = {
    "is-a-7940": "it is a 7940, which asks for the files of its own family and never registers",
    "asks-wrong-file": "after a reset it asks for term<xx>.default.load, without the s",
    "reset-does-not-wipe": "shows red, but boots its old load and configuration",
    "ignores-reset-code": "never shows red",
    "skips-dialplan": "never asks for its dial plan",
    "stuck-in-boot": "never asks for any file",
    "wrong-codec-answered": "answers with the last common codec instead of the first",
    "other-codec-sent": "sends another codec than the one it answered",
    "dtmf-doubled": "sends each digit twice",
    "wrong-dtmf-digit": "sends 7 when 4 is pressed",
    "one-way-after-hold": "sends no sound after resuming",
    "answers-but-silent": "answers but never sends sound",
    "transfer-leaves-leg": "does not end its own leg after a transfer",
    "wrong-contact": "registers a Contact with the port one too high",
    "hangs-up-on-conference": "drops the call when the conference REFER is refused",
    "restart-ignored": "does not restart on **#**",
    "wrong-password": "registers with a password cut one character short",
    "stale-load-page": "its device page names the load it left the factory with",
    "later-codecs-swapped": "offers the codecs after the first in the opposite order",
    "no-date-in-register": "registers without a Date header",
    "no-hold-signalling": "stops its own sound on hold but sends no re-INVITE",
}


class Defects:
    """The planted defects of one phone; each says when it acts.

    Args:
        names: the defects; ``NAME@LOAD`` is one that comes with a load and goes with it.
        load: what the phone runs at the moment.

    Raises:
        UsageFault: a name is not known.
    """

    def __init__(self, names: Iterable[str], load: Callable[[], str] = str) -> None:
        self._names = frozenset(names)
        self._load = load
        unknown = {name.partition("@")[0] for name in self._names} - DEFECTS.keys()
        if unknown:
            raise UsageFault(
                f"no defect named {', '.join(sorted(unknown))}",
                hint=f"known: {', '.join(DEFECTS)}",
            )

    def fires(self, name: str) -> bool:
        """Whether the defect is planted; call it only where it would act, because it is logged.

        A planted fault must be seen to fire, or the test that planted it proves nothing.
        """
        if name not in DEFECTS:
            raise KeyError(name)
        if name in self._names or f"{name}@{self._load()}" in self._names:
            print(f"defect fired: {name}", file=sys.stderr, flush=True)  # noqa: T201
            return True
        return False
