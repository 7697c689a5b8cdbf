"""From a cold outlet to a provisioned phone: power, factory reset, re-flash, files."""

from __future__ import annotations

import pytest

from harness.bench import Bench
from harness.events import OutletSwitched
from harness.phone import Phone, PhoneState, ResetCode
from harness.power import OutletState, Power
from harness.provisioning import Provisioning
from harness.timeline import Timeline


def test_power_cut_is_confirmed_by_read_back(
    station_phone: Phone, pdu: Power, timeline: Timeline
) -> None:
    since = timeline.mark()
    station_phone.power_off()
    outlet = station_phone.spec.outlet.outlet
    assert pdu.state(outlet) is OutletState.OFF
    assert station_phone.state is PhoneState.OFF
    station_phone.power_on()
    assert pdu.state(outlet) is OutletState.ON
    switched = timeline.events(OutletSwitched, since=since)
    assert [event.on for event in switched] == [False, True]
    assert all(event.confirmed_by.startswith("read-back") for event in switched)


def test_factory_reset_flashes_provisions_and_registers(
    station_phone: Phone, provisioning: Provisioning, bench: Bench
) -> None:
    """The main line of the night: keys, lamps, every file in order and size, registration."""
    expected = provisioning.expected_after_reset(station_phone.name)
    since = station_phone.factory_reset()
    station_phone.wait_flashed(since=since)
    station_phone.wait_registered(since=since)

    fetched = provisioning.fetched(station_phone.name, since=since)
    assert fetched == expected
    assert station_phone.registered_event(since=since).contact


# The two codes that format the flash leave a phone dark for more than five minutes each. A night
# tries one of them per model, so that it does not grow by both on every phone.


@pytest.mark.models("7942G")
def test_format_code_wipes_everything(station_phone: Phone, provisioning: Provisioning) -> None:
    expected = provisioning.expected_after_reset(station_phone.name)
    since = station_phone.factory_reset(ResetCode.FORMAT)
    station_phone.wait_flashed(since=since)
    station_phone.wait_registered(since=since)
    assert provisioning.fetched(station_phone.name, since=since) == expected


@pytest.mark.models("7962G")
def test_keep_network_code_wipes_the_rest(station_phone: Phone, provisioning: Provisioning) -> None:
    expected = provisioning.expected_after_reset(station_phone.name)
    since = station_phone.factory_reset(ResetCode.KEEP_NETWORK)
    station_phone.wait_flashed(since=since)
    station_phone.wait_registered(since=since)
    assert provisioning.fetched(station_phone.name, since=since) == expected


def test_power_cycle_boots_without_flashing_again(
    station_phone: Phone, provisioning: Provisioning
) -> None:
    station_phone.bring_up()
    since = station_phone.power_cycle()
    station_phone.wait_registered(since=since)
    assert provisioning.fetched(station_phone.name, since=since) == (
        provisioning.expected_boot(station_phone.name)
    )
