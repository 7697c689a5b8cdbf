"""From a cold outlet to a provisioned phone: power, factory reset, re-flash, files."""

from __future__ import annotations

import pytest

from fixtures.session import Measure
from harness.events import OutletSwitched
from harness.evidence import Evidence
from harness.phone import Phone, PhoneState, ResetCode
from harness.power import OutletState, Power
from harness.provisioning import Provisioning
from harness.timeline import Mark, Timeline


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


def reset_and_register(phone: Phone, provisioning: Provisioning, kind: ResetCode) -> Mark:
    """Keys, lamps, every file in order and size, registration; returns the mark of power-on."""
    expected = provisioning.expected_after_reset(phone.name)
    since = phone.factory_reset(kind)
    phone.wait_flashed(since=since)
    phone.wait_registered(since=since)
    assert provisioning.fetched(phone.name, since=since) == expected
    return since


def test_factory_reset_flashes_provisions_and_registers(
    station_phone: Phone, provisioning: Provisioning, evidence: Evidence, measure: Measure
) -> None:
    """The main line of the night."""
    since = reset_and_register(station_phone, provisioning, ResetCode.SOFT)
    assert station_phone.registered_event(since=since).contact
    measure("reset_s", evidence.boot_time(station_phone.address, since=since))


# The two codes that format the flash leave a phone dark for more than five minutes each. A night
# tries one of them per model, so that it does not grow by both on every phone.


@pytest.mark.models("7942G")
def test_format_code_wipes_everything(station_phone: Phone, provisioning: Provisioning) -> None:
    reset_and_register(station_phone, provisioning, ResetCode.FORMAT)


@pytest.mark.models("7962G")
def test_keep_network_code_wipes_the_rest(station_phone: Phone, provisioning: Provisioning) -> None:
    reset_and_register(station_phone, provisioning, ResetCode.KEEP_NETWORK)


def test_power_cycle_boots_without_flashing_again(
    station_phone: Phone, provisioning: Provisioning, evidence: Evidence, measure: Measure
) -> None:
    station_phone.bring_up()
    since = station_phone.power_cycle()
    station_phone.wait_registered(since=since)
    assert provisioning.fetched(station_phone.name, since=since) == (
        provisioning.expected_boot(station_phone.name)
    )
    measure("boot_s", evidence.boot_time(station_phone.address, since=since))
    measure("registration_ms", evidence.registration_time(station_phone.address, since=since))
