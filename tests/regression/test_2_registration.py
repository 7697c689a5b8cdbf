"""The registration as three witnesses tell it: the wire, the manager interface, the console."""

from __future__ import annotations

from fixtures.session import Measure
from harness.evidence import Evidence
from harness.pbx import Asterisk
from harness.phone import Phone
from harness.provisioning import Provisioning


def test_contact_is_the_phones_own_address(
    phone: Phone, pbx: Asterisk, provisioning: Provisioning
) -> None:
    """Over UDP the contact is voipControlPort, not the port the REGISTER came from."""
    contacts = pbx.contacts(phone.extension)
    assert [contact.host for contact in contacts] == [phone.address]
    if provisioning.value(phone.name, "transport") == "2":
        assert [contact.port for contact in contacts] == [5060]


def test_console_shows_the_contact(phone: Phone, pbx: Asterisk) -> None:
    told = [(contact.host, contact.port) for contact in pbx.contacts(phone.extension)]
    with pbx.console() as console:
        shown = [c for c in console.contacts() if c.aor == phone.extension]
    assert [(c.host, c.port) for c in shown] == told


def test_restart_from_the_settings_menu_comes_back_registered(
    phone: Phone, pbx: Asterisk, evidence: Evidence, measure: Measure
) -> None:
    since = phone.restart()
    accepted = phone.wait_registered(since=since)
    assert accepted.start_line == "SIP/2.0 200 OK"
    assert [contact.host for contact in pbx.contacts(phone.extension)] == [phone.address]
    measure("registration_ms", evidence.registration_time(phone.address, since=since))
