"""A new release on every phone, by the load its own file names, before all else is tried on it."""

from __future__ import annotations

import time

import pytest

from fixtures.session import Measure
from harness.bench import Bench
from harness.phone import Phone
from harness.provisioning import Provisioning


@pytest.mark.needs_firmware
def test_upgrade_by_load_information(
    station_phone: Phone, provisioning: Provisioning, bench: Bench, measure: Measure
) -> None:
    """The phone fetches the whole set in order, registers, and says it runs the new load.

    A phone that holds the release already asks for none of it.
    """
    firmware = provisioning.firmware(station_phone.name)
    names = [firmware.loads_file, *(name for name, _ in firmware.components)]
    started = time.monotonic()
    since = station_phone.power_cycle()
    station_phone.wait_registered(since=since, within=1800)
    measure("upgrade_s", time.monotonic() - started)
    fetched = [each for each in provisioning.fetched(station_phone.name, since=since)
               if each.name in names]  # fmt: skip
    assert [each.name for each in fetched] in (names, [])
    sizes = dict(firmware.components)
    assert all(each.size == sizes[each.name] for each in fetched if each.name in sizes)
    assert station_phone.load_in_register(since=since) == firmware.load
    assert bench.phone_web(station_phone.name).device_information().load == firmware.load
