"""What Asterisk says becomes events; the messages are those Asterisk 22.10 was seen to send."""

from __future__ import annotations

import pytest

from harness.events import AmiEvent, Registered, RegistrationFailed, Unregistered
from harness.pbx import AmiMessage
from harness.pbx.witness import Witness

WITNESS = Witness({"201": "desk-7942"})
URI = "sip:201@127.43.4.9:37905"


def manager(**fields: str) -> AmiMessage:
    return AmiMessage({key.replace("_", "-"): value for key, value in fields.items()})


@pytest.mark.parametrize("status", ["NonQualified", "Created", "Reachable", "Updated"])
def test_a_contact_is_a_registration(status: str) -> None:
    message = manager(Event="ContactStatus", ContactStatus=status, URI=URI, AOR="201")
    assert WITNESS.from_manager(message) == (Registered("201", URI), "desk-7942")


def test_a_removed_contact_is_its_end() -> None:
    message = manager(Event="ContactStatus", ContactStatus="Removed", URI=URI, AOR="201")
    assert WITNESS.from_manager(message) == (Unregistered("201", URI), "desk-7942")


@pytest.mark.parametrize("status", ["Unreachable", "Unknown", "Unqualified"])
def test_other_contact_states_say_nothing_of_registration(status: str) -> None:
    message = manager(Event="ContactStatus", ContactStatus=status, URI=URI, AOR="201")
    assert WITNESS.from_manager(message) is None


def test_a_refreshed_contact_is_seen_in_the_log_alone() -> None:
    line = (
        "[2026-11-24 12:57:44.732] DEBUG[30]: res_pjsip_registrar.c:1006 register_aor_core: "
        f"Refreshed contact '{URI}' on AOR '201' with new expiration of 3600 seconds"
    )
    assert WITNESS.from_log(line) == (Registered("201", URI, 3600), "desk-7942")


def test_an_added_contact_in_the_log_is_not_counted_twice() -> None:
    line = f"    -- Added contact '{URI}' to AOR '201' with expiration of 3600 seconds"
    assert WITNESS.from_log(line) is None


def test_chan_sip_tells_each_register_by_its_peer_status() -> None:
    """As 16.28 was seen to send it, for a first REGISTER and for a refresh alike."""
    fields = {"Event": "PeerStatus", "ChannelType": "SIP", "Peer": "SIP/201"}
    came = manager(**fields, PeerStatus="Registered", Address="127.43.4.9:37905")
    assert WITNESS.from_manager(came) == (Registered("201", "sip:127.43.4.9:37905"), "desk-7942")
    went = manager(**fields, PeerStatus="Unregistered")
    assert WITNESS.from_manager(went) == (Unregistered("201", ""), "desk-7942")
    # Told by a security event too, which has the reason.
    assert WITNESS.from_manager(manager(**fields, PeerStatus="Rejected")) is None


@pytest.mark.parametrize("status", ["Reachable", "Registered", "Unregistered"])
def test_a_peer_status_of_chan_pjsip_repeats_its_contact_status(status: str) -> None:
    message = manager(Event="PeerStatus", ChannelType="PJSIP", Peer="PJSIP/201", PeerStatus=status)
    assert WITNESS.from_manager(message) is None


def test_a_channel_of_either_technology_names_its_device() -> None:
    for channel in ("PJSIP/201-0000000a", "SIP/201-0000000a"):
        seen = WITNESS.from_manager(manager(Event="Hold", Channel=channel))
        assert seen is not None
        assert seen[1] == "desk-7942"


@pytest.mark.parametrize(
    "event", ["ChallengeResponseFailed", "InvalidPassword", "InvalidAccountID", "FailedACL"]
)
def test_a_refusal_names_account_reason_and_source(event: str) -> None:
    message = manager(
        Event=event,
        Service="PJSIP",
        AccountID="201",
        RemoteAddress="IPV4/UDP/127.43.4.9/34951",
    )
    failed = RegistrationFailed("201", event, "127.43.4.9:34951")
    assert WITNESS.from_manager(message) == (failed, "desk-7942")


def test_the_harness_own_login_is_no_event() -> None:
    for event in ("SuccessfulAuth", "InvalidPassword"):
        assert WITNESS.from_manager(manager(Event=event, Service="AMI", AccountID="h")) is None


def test_call_events_keep_what_matters_and_name_the_device() -> None:
    message = manager(
        Event="DTMFEnd", Channel="PJSIP/201-0000000a", Digit="5", DurationMs="120", Uniqueid="1.2"
    )
    event = AmiEvent(
        "DTMFEnd", {"Channel": "PJSIP/201-0000000a", "Digit": "5", "DurationMs": "120"}
    )
    assert WITNESS.from_manager(message) == (event, "desk-7942")


def test_a_transfer_is_about_who_transferred() -> None:
    message = manager(
        Event="BlindTransfer",
        TransfererChannel="PJSIP/201-00000001",
        TransfereeChannel="PJSIP/211-00000002",
        Extension="212",
    )
    seen = WITNESS.from_manager(message)
    assert seen is not None
    assert seen[1] == "desk-7942"
    assert isinstance(seen[0], AmiEvent)
    assert seen[0].fields["Extension"] == "212"


def test_a_stranger_belongs_to_no_device() -> None:
    message = manager(Event="Hangup", Channel="PJSIP/999-00000001")
    seen = WITNESS.from_manager(message)
    assert seen is not None
    assert seen[1] == ""


@pytest.mark.parametrize("event", ["Newexten", "VarSet", "RTCPSent", "ChallengeSent", ""])
def test_chatter_is_left_out(event: str) -> None:
    assert WITNESS.from_manager(manager(Event=event, Channel="PJSIP/201-00000001")) is None
