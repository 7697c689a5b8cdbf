"""Who is to blame when a key had no effect: the robot that should press it, or the phone?

A robot that feels its keys (``senses.keys``) answers that itself. For the others the phone's own
window presses the same keys (``/CGI/Execute`` with ``Key:`` URIs; Cisco Unified IP Phone Services
Application Development Notes 9.1(1), "Internal URI Features"): a phone that obeys the window has
not felt the robot, one that obeys neither is at fault itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from difflib import SequenceMatcher
from typing import Protocol

from harness.errors import BenchFault, HarnessError, Inconclusive
from harness.events import DtmfHeard, Record, SipMessage
from harness.evidence.sip import parse_sip
from harness.keypad import Fate, KeyFault, Keypad
from harness.phone.windows import PhoneWeb
from harness.timeline import Mark, Timeline

__all__ = [
    "KeyWindow",
    "WebKeys",
    "check_digit",
    "dialled_numbers",
    "heard_digits",
    "misdialled",
    "second_opinion",
]

_URIS = {
    "*": "KeyPadStar",
    "#": "KeyPadPound",
    "navup": "NavUp",
    "navdown": "NavDwn",
    "volup": "VolUp",
    "voldown": "VolDwn",
}
#: Seconds until the event of a key that came up again is over and seen, and a bounce as well.
_DIGIT_S = 0.6
_HINT = "calibrate it, then: harness keypad test"


class KeyWindow(Protocol):
    """A way to press a phone's keys without the robot."""

    def press(self, key: str) -> None:
        """Press one key, by its name in `harness.keypad.KEYS`; `HarnessError` when it cannot."""


class WebKeys:
    """Press keys through the phone's web window."""

    def __init__(self, web: PhoneWeb) -> None:
        self._web = web

    def press(self, key: str) -> None:
        """Press one key.

        Raises:
            ProductFault: the phone refused.
            BenchFault: its web window is closed.
        """
        name = _URIS.get(key) or (f"KeyPad{key}" if key.isdecimal() else key.capitalize())
        self._web.execute(f"Key:{name}")


def dialled_numbers(records: Iterable[Record], address: str) -> list[str]:
    """Return the numbers the phone at an address has called, one for each INVITE of a new call."""
    found = []
    for record in records:
        event = record.event
        if (
            isinstance(event, SipMessage)
            and event.start_line.startswith("INVITE sip:")
            and event.source.rpartition(":")[0] == address
        ):
            message = parse_sip(event.text.encode())
            if message is not None and "tag=" not in message.header("to"):
                found.append(event.start_line.removeprefix("INVITE sip:").partition("@")[0])
    return found


def misdialled(keypad: Keypad, typed: str, dialled: str) -> BenchFault:
    """Say which keys were lost, doubled or wrong when the phone dialled another number.

    The number on the wire is what the phone took from its keys, digit by digit.
    """
    faults: list[str] = []
    steps: list[tuple[str, int, int, int, int]] = []
    # A dial plan ends a number that is long enough: a doubled key may push the last ones out.
    doubled = [
        key
        for key in dict.fromkeys(typed)
        if typed.replace(key, 2 * key)[: len(dialled)] == dialled
    ]
    if doubled and len(dialled) >= len(typed):
        faults.append(f"{doubled[0]} doubled")
    elif len(typed) == len(dialled):
        differing = [at for at in range(len(typed)) if typed[at] != dialled[at]]
        steps = [("replace", at, at + 1, at, at + 1) for at in differing]
    else:
        steps = [*SequenceMatcher(None, typed, dialled, autojunk=False).get_opcodes()]
    for tag, a, b, c, d in steps:
        wanted, got = typed[a:b], dialled[c:d]
        if tag == "delete":
            faults.append(f"{wanted} lost")
        elif tag == "insert":
            near = typed[max(0, a - 1) : a + 1]
            faults.append(f"{got} doubled" if set(got) <= set(near) else f"{got} pressed as well")
        elif tag == "replace":
            faults.append(f"{got} pressed for {wanted}")
    return BenchFault(
        f"its keys did not reach the phone as typed: {', '.join(faults)}",
        device=keypad.name,
        state=f"the phone dialled {dialled}",
        expected=typed,
        hint=_HINT,
    )


def second_opinion(
    fault: HarnessError,
    keypad: Keypad,
    window: KeyWindow | None,
    keys: Sequence[str],
    acted: Callable[[], bool],
) -> HarnessError:
    """Return the fault to raise when keys were pressed and the phone did not act.

    Args:
        fault: what to raise if the phone is to blame.
        keypad: the robot that pressed.
        window: another way to press, if there is one.
        keys: what was pressed last.
        acted: waits for the effect once more.
    """
    if keypad.senses.keys:
        return fault
    pressed = " ".join(keys)
    unproven = Inconclusive(
        f"nothing shows whether {pressed} reached the phone",
        device=fault.device,
        state=f"{fault.summary}; {keypad.name} does not feel its keys",
        expected="the phone's own window (webAccess 0, authenticationURL) as a second way to press",
        hint=_HINT,
    )
    if window is None:
        return unproven
    try:
        for key in keys:
            window.press(key)
    except HarnessError as shut:
        unproven.state += f"; its window: {shut.summary}"
        return unproven
    if not acted():
        return fault
    return BenchFault(
        f"{pressed} did not reach the phone",
        device=keypad.name,
        state="the phone acted at once when its own window pressed the same",
        expected=fault.expected,
        hint=_HINT,
    )


def heard_digits(timeline: Timeline, address: str, since: Mark) -> str:
    """Return the RFC 4733 digits the phone at an address has sent, as its PBX heard them.

    What the PBX sends on to others comes later and must not be taken for another digit.
    """
    pbx = next(
        (
            record.event.destination.rpartition(":")[0]
            for record in reversed(timeline.records())
            if isinstance(record.event, SipMessage)
            and record.event.source.rpartition(":")[0] == address
        ),
        "",
    )
    heard = timeline.events(DtmfHeard, since=since, where=lambda event: event.heard_by == pbx)
    return "".join(event.digit for event in heard)


def check_digit(
    timeline: Timeline,
    keypad: Keypad,
    window: KeyWindow | None,
    digit: str,
    address: str,
    since: Mark,
) -> None:
    """After a key was tapped in a call: see that the phone sent its digit, once.

    If it did not, its own window presses the key: when that gives the digit once, the robot is to
    blame; when not, or when it is closed, the digits stand as heard for the test to judge.

    Raises:
        BenchFault: the robot is to blame.
    """
    # Either is an end to wait for: one digit for good, or more than one.
    timeline.wait_until(
        lambda _: len(heard_digits(timeline, address, since)) > 1, within=_DIGIT_S, since=since
    )
    heard = heard_digits(timeline, address, since)
    if heard == digit or window is None:
        return
    again = timeline.mark()
    try:
        window.press(digit)
    except HarnessError:
        return
    timeline.wait_until(
        lambda _: len(heard_digits(timeline, address, again)) > 1, within=_DIGIT_S, since=again
    )
    if heard_digits(timeline, address, again) == digit:
        what = "was lost or is stuck" if not heard else f"arrived as {heard}"
        raise KeyFault(
            f"key {digit} {what}",
            Fate.DOUBLED if heard else Fate.LOST,
            device=keypad.name,
            state="the phone sent the digit once when its own window pressed the key",
            expected=f"one {digit}",
            hint=_HINT,
        )
