"""The console's commands typed at the real Asterisks, and what comes back as types."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from raw_sip import RawPhone, offer

from harness.errors import BenchFault
from harness.events import AmiEvent, Registered
from harness.pbx import Asterisk, PjsipConsole, SipConsole
from harness.timeline import Timeline

pytestmark = pytest.mark.integration

on_22 = pytest.mark.parametrize("kind", ["asterisk22"], indirect=True)
on_16 = pytest.mark.parametrize("kind", ["asterisk16"], indirect=True)

PBX = ("127.43.4.2", 5060)
PHONE_IP = "127.43.4.42"


@pytest.fixture
def phone(pbx: Asterisk, timeline: Timeline) -> Iterator[RawPhone]:
    """Registered, and alone in the conference room."""
    with RawPhone("201", "right-password", PHONE_IP, PBX) as raw:
        assert raw.register().status == 200
        timeline.wait_for(Registered, within=3.0)
        assert raw.call("290", offer(PHONE_IP, 8)).status == 200
        timeline.wait_for(AmiEvent, within=3.0, where=lambda e: e.name == "ConfbridgeJoin")
        yield raw


@on_16
def test_the_commands_of_the_how_tos(pbx: Asterisk, phone: RawPhone) -> None:
    with pbx.console() as console:
        assert isinstance(console, SipConsole)
        peers = {peer.name: peer for peer in console.peers()}
        users = {user.username: user for user in console.users()}
        peer = console.peer("201")
        dialogs = console.dialogs()
        assert console.peer("no-such-peer") is None
    assert set(peers) == set(users) == {"201", "211"}
    assert (peers["201"].host, peers["201"].port) == (PHONE_IP, phone.port)
    assert not peers["211"].registered
    assert users["201"].secret == "right-password"
    assert users["201"].context == "from-internal"
    assert not peers["201"].force_rport
    assert not users["201"].force_rport
    assert peer is not None
    assert (peer.contact, peer.codecs) == (phone.uri, ("alaw", "ulaw", "g722"))
    assert peer.has_secret
    assert ("201", ("alaw",), "Rx: ACK") in [(d.peer, d.codecs, d.last_message) for d in dialogs]


@on_22
def test_their_counterparts(pbx: Asterisk, phone: RawPhone) -> None:
    with pbx.console() as console:
        assert isinstance(console, PjsipConsole)
        endpoints = {endpoint.user: endpoint for endpoint in console.endpoints()}
        (channel,) = console.sip_channels()
    assert (endpoints["201"].state, endpoints["201"].channels) == ("In use", 1)
    assert (endpoints["211"].state, endpoints["211"].channels) == ("Unavailable", 0)
    assert (channel.name, channel.state) == (pbx.channels_of("201")[0], "Up")
    assert (channel.application, channel.exten) == ("ConfBridge", "290")


def test_a_trace_shows_the_phones_messages_until_it_is_off(
    pbx: Asterisk, phone: RawPhone, timeline: Timeline
) -> None:
    with pbx.console() as console:
        console.trace(PHONE_IP)
        since = timeline.mark()
        phone.register()
        timeline.wait_for(Registered, within=3.0, since=since)
        console.trace()
        traced = pbx.log.read_text(encoding="utf-8")
        assert f"REGISTER sip:{PBX[0]} SIP/2.0" in traced
        assert f"Contact: <{phone.uri}>" in traced
        since = timeline.mark()
        phone.register()
        timeline.wait_for(Registered, within=3.0, since=since)
    after = pbx.log.read_text(encoding="utf-8").removeprefix(traced)
    assert "REGISTER sip:" not in after


def test_a_trace_that_is_not_confirmed_is_a_fault(pbx: Asterisk) -> None:
    with pbx.console() as console, pytest.raises(BenchFault, match="did not confirm"):
        console.trace("no such address")
