"""A short night: first steps of a phone, its factory reset, a call, and one more."""

from __future__ import annotations

from fixtures.calls import Connect
from harness.pbx import Asterisk
from harness.phone import Phone, ResetCode
from harness.sip import Peer


def test_registers(phone: Phone, pbx: Asterisk) -> None:
    assert pbx.contacts(phone.extension)


def test_reset(station_phone: Phone) -> None:
    since = station_phone.factory_reset(ResetCode.SOFT)
    station_phone.wait_flashed(since=since)
    station_phone.wait_registered(since=since)


def test_call(phone: Phone, caller: Peer, call_out: Connect) -> None:
    call, _ = call_out(phone, caller)
    phone.hang_up(call)


def test_still_registered(phone: Phone, pbx: Asterisk) -> None:
    assert pbx.contacts(phone.extension)
