"""Names of the keys and lamps of a 7942G/7962G (Cisco 7962G/7942G User Guide, "Your phone")."""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import UsageFault

__all__ = ["KEYS", "LAMPS", "keys_of"]

#: Every key a robot can reach. A 7942G has line1 and line2 only; ``hook`` is the handset cradle.
KEYS: frozenset[str] = frozenset(
    (
        *"0123456789*#",
        *(f"line{number}" for number in range(1, 7)),
        *(f"soft{number}" for number in range(1, 5)),
        "speaker",
        "headset",
        "mute",
        "hold",
        "settings",
        "services",
        "messages",
        "directories",
        "navup",
        "navdown",
        "volup",
        "voldown",
        "hook",
    )
)

#: Every lamp a sensor can watch; ``mwi`` is the message lamp on the handset.
LAMPS: tuple[str, ...] = (
    *(f"line{number}" for number in range(1, 7)),
    "mwi",
    "headset",
    "mute",
    "speaker",
)


def keys_of(keys: str | Sequence[str], device: str) -> list[str]:
    """Split ``123#`` or ``["settings", "1"]`` into keys and check each.

    Raises:
        UsageFault: there is no such key.
    """
    found = list(keys)
    for key in found:
        if key not in KEYS:
            raise UsageFault(
                f"there is no key {key!r}",
                device=device,
                expected="one of " + " ".join(sorted(KEYS)),
                hint='keys with a name go in a list: type(["settings", "*"])',
            )
    return found
