"""The three reset codes on the twin, by robot and lamps, and what each of them takes away."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack

import pytest
from phone_station import HOST, OTHER, Station

from harness.errors import ProductFault
from harness.events import LampChanged, LampColour, Note
from harness.keypad import Keypad
from harness.phone import ResetCode
from harness.phone.factory_reset import FactoryReset

pytestmark = pytest.mark.integration
FLASH = json.dumps(
    {"load": "SIP42.9-3-1SR4-1S", "config": "<device/>", "alternate_tftp": OTHER, "host_key": ""}
)


@pytest.mark.parametrize(
    ("code", "model", "server_after"),
    [
        (ResetCode.SOFT, "7962G", "tftp"),
        (ResetCode.FORMAT, "7942G", "tftp"),
        (ResetCode.KEEP_NETWORK, "7942G", "tftp-2"),
    ],
    ids=str,
)
def test_a_tftp_server_set_by_hand_goes_with_all_but_one_code(
    open_station: Callable[..., Station], code: ResetCode, model: str, server_after: str
) -> None:
    """It beats DHCP before the reset; the load is gone after each; formats end in green."""
    with ExitStack() as stack:
        at = open_station(model=model, flash=FLASH)
        at.second_server(stack)
        since = at.timeline.mark()
        at.phone.power_cycle()
        at.wait_booted(since)
        assert set(at.asked(since)) == {"tftp-2"}, "the one set by hand beats DHCP"
        assert json.loads(at.state.read_text())["config"] != "<device/>"

        since = at.phone.factory_reset(code)
        flash = json.loads(at.state.read_text())
        assert (flash["load"], flash["config"], flash["host_key"]) == ("", "", "")
        at.phone.wait_flashed(since=since)
        assert set(at.asked(since)) == {server_after}
        green = at.timeline.events(
            LampChanged, since=since, where=lambda event: event.colour is LampColour.GREEN
        )
        assert bool(green) is code.formats
        assert HOST != OTHER


class Clumsy:
    """A robot that slips on the first key the first time it types a code."""

    def __init__(self, keypad: Keypad, slips: int) -> None:
        self._keypad = keypad
        self._slips = slips

    def type(self, keys: str) -> None:
        if self._slips:
            self._slips -= 1
            keys = f"0{keys}"
        self._keypad.type(keys)

    def __getattr__(self, name: str) -> object:
        return getattr(self._keypad, name)


@pytest.mark.parametrize("slips", [1, 2])
def test_a_wrong_key_is_tried_once_more_and_told(
    open_station: Callable[..., Station], slips: int
) -> None:
    """The phone boots normally then; the boot loader takes minutes besides, and is waited for."""
    at = open_station(boot_loader_s=240)
    phone = at.phone
    reset = FactoryReset(
        "desk", phone.spec.facts, Clumsy(phone.keypad, slips), at.timeline,  # type: ignore[arg-type]
        at.bench.deadlines, phone.power_off, phone.power_on,
    )  # fmt: skip
    if slips == 1:
        reset.perform(ResetCode.SOFT)
    else:
        with pytest.raises(ProductFault, match="did not walk red"):
            reset.perform(ResetCode.SOFT)
    told = at.timeline.events(Note, where=lambda note: "begun again" in note.text)
    assert [note.text for note in told] == [
        "the code was not taken, the phone booted normally: begun again (1 of 2 tries used)"
    ]
    refused = at.timeline.events(Note, where=lambda note: "wrong reset code" in note.text)
    assert len(refused) == slips, "the fault never fired"


def test_the_network_menu_by_keys(open_station: Callable[..., Station]) -> None:
    """Settings, unlocked with the password, Alternate TFTP Yes, address, Save, restart."""
    with ExitStack() as stack:
        at = open_station()
        at.second_server(stack)
        since = at.phone.power_cycle()
        at.wait_booted(since)
        at.phone.unlock_settings("1234")
        keypad = at.phone.keypad
        for keys, soft in (("2", ""), ("32", "soft1"), ("33", "soft1")):
            keypad.type(keys)
            if soft:
                keypad.tap(soft)
        keypad.type(OTHER.replace(".", "*"))
        keypad.tap("soft1")
        keypad.tap("soft3")
        # The settings key leaves the menu.
        keypad.tap("settings")
        since = at.phone.restart()
        at.wait_booted(since)
        assert set(at.asked(since)) == {"tftp-2"}
        assert at.bench.phone_web("desk").network_configuration().tftp_server == OTHER
