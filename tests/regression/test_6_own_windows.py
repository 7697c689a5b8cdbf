"""The phone's own windows as a second witness: what it says of itself agrees with the wire.

A closed window (webAccess or sshAccess 1) makes these tests inconclusive, in one sentence; it costs
no other test its verdict.
"""

from __future__ import annotations

import pytest

from fixtures.calls import Connect
from harness.bench import Bench
from harness.evidence import Evidence
from harness.phone import Phone, PhoneConsole, PhoneWeb, WindowClosed
from harness.provisioning import Provisioning
from harness.sip import Peer


def test_load_by_three_witnesses(
    station_phone: Phone, provisioning: Provisioning, bench: Bench
) -> None:
    """The load that was provisioned, the first REGISTER after a boot and the phone's page agree."""
    since = station_phone.power_cycle()
    station_phone.wait_registered(since=since)
    firmware = provisioning.firmware(station_phone.name)
    assert station_phone.load_in_register(since=since) == firmware.load
    device = bench.phone_web(station_phone.name).device_information()
    assert device.load == firmware.load
    assert f"{device.app_load}.sbn" in [name for name, _ in firmware.components]
    assert device.mac == station_phone.spec.mac


def test_closed_windows_say_so(
    station_phone: Phone, provisioning: Provisioning, bench: Bench
) -> None:
    """With webAccess and sshAccess 1 the phone registers as ever, and its windows are shut."""
    station_phone.mark_dirty()
    with provisioning.overridden(station_phone.name, web_access="1", ssh_access="1"):
        since = station_phone.power_cycle()
        station_phone.wait_registered(since=since)
        with pytest.raises(WindowClosed, match="its web window is closed"):
            bench.phone_web(station_phone.name).status_messages()
        with pytest.raises(WindowClosed, match="its console is closed"):
            bench.phone_console(station_phone.name)


def test_network_page_names_our_servers(phone: Phone, phone_web: PhoneWeb, bench: Bench) -> None:
    network = phone_web.network_configuration()
    assert network.address == phone.address
    assert network.tftp_server == str(bench.lab.network.host)
    assert network.call_managers[:1] == [str(bench.lab.pbx.address)]


@pytest.mark.parametrize(("codec", "payload_type"), [("PCMU", 0), ("G722", 9)])
def test_codec_by_the_phones_own_count(
    phone: Phone,
    caller: Peer,
    evidence: Evidence,
    phone_web: PhoneWeb,
    bench: Bench,
    call_in: Connect,
    codec: str,
    payload_type: int,
) -> None:
    """StreamingStatistics names the codec that the RTP on the wire has."""
    bench.pbx.set_codecs(phone.extension, codec)
    try:
        caller.set_codecs(codec)
        call, outgoing = call_in(phone, caller)
        outgoing.ear.wait_hears({phone.name}, bench.tones, 6.0)
        seen = evidence.codec(phone.address)
        stream = phone_web.active_stream()
        assert seen.rtp_sent == {stream.sender_payload_type} == {payload_type}
        assert seen.rtp_received == {stream.receiver_payload_type} == {payload_type}
        assert (stream.received or 0) > 0
        phone.hang_up(call)
    finally:
        bench.pbx.set_codecs(phone.extension)


def test_console_agrees_that_line_1_is_registered(
    phone: Phone, phone_console: PhoneConsole, bench: Bench
) -> None:
    lines = phone_console.registrations()
    assert [(line.line, line.registered) for line in lines][:1] == [(1, True)]
    assert lines[0].server == f"{bench.lab.pbx.address}:{bench.lab.pbx.sip_port}"


def test_display_and_logs_can_be_read(phone: Phone, phone_web: PhoneWeb) -> None:
    """The status messages tell of this boot; console log and display are there."""
    assert "No Trust List Installed" in phone_web.status_lines()
    assert any(line.sequence is not None for line in phone_web.console_log())
    assert phone_web.screenshot().startswith(b"\x89PNG")


def test_a_call_dialled_from_afar_is_a_call(
    phone: Phone, caller: Peer, phone_web: PhoneWeb, bench: Bench
) -> None:
    """``Dial:`` through CGI/Execute makes the INVITE that keys make."""
    since = bench.timeline.mark()
    phone_web.dial(caller.extension)
    phone.sent(f"INVITE sip:{caller.extension}@", since=since, within=10.0)
    incoming = caller.wait_incoming(within=8.0)
    incoming.answer()
    incoming.wait_state("confirmed", within=5.0)
    incoming.hangup()
