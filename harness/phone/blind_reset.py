"""A factory reset in front of a robot without light sensors: time and TFTP instead of lamps."""

from __future__ import annotations

from collections.abc import Callable

from harness.errors import BenchFault, Inconclusive
from harness.events import FileRequested
from harness.timeline import Mark, Timeline

__all__ = ["hold_blindly", "see_reset_begin"]

#: Seconds # is held when nobody sees the amber walk: boot loaders take from half a minute to
#: minutes until it (users' notes on 7941/7961); holding on during the walk is harmless [inferred].
_HOLD_S = 120.0
#: What a phone asks for in a normal boot, and not after a reset.
_NORMAL_BOOT = ("CTLSEP", "ITLSEP", "ITLFile", "SEP", "XMLDefault")


def hold_blindly(
    timeline: Timeline, phone: str, keypad: str, device: Callable[[float], float], since: Mark
) -> None:
    """Keep # down until any boot loader walks amber; a phone that asks for files did not feel it.

    Raises:
        BenchFault: it boots normally, so the press was lost.
    """
    with timeline.step("hold # unseen", device=phone):
        asked: list[FileRequested] = []

        def booting(_: object) -> bool:
            asked[:] = timeline.events(FileRequested, device=phone, since=since)
            return bool(asked)

        if timeline.wait_until(booting, within=device(_HOLD_S), since=since, device=phone):
            raise BenchFault(
                f"key # did not reach the phone: it booted normally and asked for {asked[0].name}",
                device=keypad,
                state="# was held at power-on",
                expected="no file request while # is held",
                hint="calibrate the keypad and see: harness keypad test",
            )


def see_reset_begin(
    timeline: Timeline, phone: str, keypad: str, device: Callable[[float], float], since: Mark
) -> None:
    """After the code was typed: a phone that goes on to a normal boot did not take it.

    Raises:
        Inconclusive: it did not, and robot or phone may be to blame. A phone that asks for
            anything else, or nothing, is left to the caller.
    """
    with timeline.step("see what it asks for", device=phone):
        asked: list[FileRequested] = []

        def asking(_: object) -> bool:
            asked[:] = timeline.events(FileRequested, device=phone, since=since)
            return bool(asked)

        timeline.wait_until(asking, within=device(900), since=since, device=phone)
        if asked and asked[0].name.startswith(_NORMAL_BOOT):
            raise Inconclusive(
                "it booted normally after the reset code",
                device=phone,
                state=f"asked for {asked[0].name}; {keypad} sees neither keys nor lamps",
                expected="its boot loads, or proof that every key of the code was pressed",
                hint="harness keypad test shows whether the robot is to blame; a sensor for it in "
                "lab.yaml shows the lamps",
            )
