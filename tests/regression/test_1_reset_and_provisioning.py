"""From a cold outlet to a provisioned phone: power, factory reset, re-flash, files."""

from __future__ import annotations

from harness.bench import Bench
from harness.events import OutletSwitched
from harness.phone import Phone, PhoneState
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


def test_power_cycle_boots_without_flashing_again(
    station_phone: Phone, provisioning: Provisioning
) -> None:
    station_phone.bring_up()
    since = station_phone.power_cycle()
    station_phone.wait_registered(since=since)
    assert provisioning.fetched(station_phone.name, since=since) == (
        provisioning.expected_boot(station_phone.name)
    )
