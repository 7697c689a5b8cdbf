"""A short night of two phones, and one test for both together."""

from __future__ import annotations

import os

from fixtures.calls import Connect
from harness.bench import Bench
from harness.phone import Phone
from harness.sip import Peer


def test_registers(phone: Phone, bench: Bench) -> None:
    assert bench.pbx.contacts(phone.extension)
    # A side has what its phones need, and nothing else.
    if "PYTEST_XDIST_WORKER" in os.environ:
        assert list(bench.phones) == [phone.name]
        assert list(bench.keypads) == [bench.lab.phones[phone.name].keypad]


def test_may_end(phone: Phone, may_end: None) -> None:
    assert phone.name


def test_call(phone: Phone, caller: Peer, call_out: Connect) -> None:
    call, _ = call_out(phone, caller)
    phone.hang_up(call)


def test_both(phones: dict[str, Phone], bench: Bench) -> None:
    assert [bench.pbx.contacts(phone.extension) for phone in phones.values()].count([]) == 0
