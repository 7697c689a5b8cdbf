"""What both Asterisks were seen to answer, read into types.

The recordings in tests/data/console are what ``Console.run`` gave back on Debian's 16.28 and 22.10
with three registered users and two calls up. The terminal leaves empty lines in an answer; they
are part of what has to be read.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.pbx import (
    ConsoleChannel,
    ConsoleEndpoint,
    PjsipChannel,
    SipChannel,
    SipPeer,
    SipUser,
)
from harness.pbx.console import parse_channels
from harness.pbx.console_pjsip import (
    parse_aor_contacts,
    parse_contacts,
    parse_endpoints,
    parse_pjsip_channels,
)
from harness.pbx.console_sip import (
    parse_sip_channels,
    parse_sip_peer,
    parse_sip_peers,
    parse_sip_users,
)

DATA = Path(__file__).parents[2] / "data" / "console"


def recorded(kind: str, command: str) -> str:
    return (DATA / kind / f"{command.replace(' ', '-')}.txt").read_text(encoding="utf-8")


def test_sip_show_peers() -> None:
    peers = parse_sip_peers(recorded("asterisk16", "sip show peers"))
    assert peers == [
        SipPeer("201", "201", "127.58.4.42", 35291, True, False, False, "Unmonitored"),
        SipPeer("202", "202", "127.158.204.162", 34710, True, False, False, "Unmonitored"),
        SipPeer("20312345", "20312345", "127.58.4.43", 34834, True, False, False, "Unmonitored"),
        SipPeer("211", "211", "", 0, True, False, False, "Unmonitored"),
    ]
    assert [peer.registered for peer in peers] == [True, True, True, False]


def test_sip_show_users_cuts_secrets_and_repr_hides_them() -> None:
    users = parse_sip_users(recorded("asterisk16", "sip show users"))
    assert users[:2] == [
        SipUser("202", "another-passwor", "from-internal", False),
        SipUser("201", "right-password", "from-internal", False),
    ]
    assert [user.username for user in users] == ["202", "201", "20312345", "211"]
    assert "passwor" not in repr(users)


def test_sip_show_peer() -> None:
    peer = parse_sip_peer(recorded("asterisk16", "sip show peer 201"))
    assert peer is not None
    assert (peer.name, peer.has_secret, peer.context) == ("201", True, "from-internal")
    assert (peer.host, peer.port) == ("127.58.4.42", 35291)
    assert peer.contact == "sip:201@127.58.4.42:35291"
    assert (peer.expires, peer.codecs) == (3610, ("alaw", "ulaw", "g722"))
    assert (peer.force_rport, peer.user_agent, peer.status) == (False, "", "Unmonitored")
    assert peer.settings["DTMFmode"] == "rfc2833"
    assert peer.settings["Callerid"] == '"Desk 201" <201>'
    assert parse_sip_peer(recorded("asterisk16", "sip show peer 999")) is None


def test_sip_show_channels() -> None:
    dialogs = parse_sip_channels(recorded("asterisk16", "sip show channels"))
    assert len(dialogs) == 5
    assert dialogs[1] == SipChannel(
        "127.58.4.42", "201", "8246389be3a1de7", ("alaw",), False, "Rx: ACK", "201"
    )
    assert [dialog.peer for dialog in dialogs] == ["", "201", "", "", "20312345"]
    assert dialogs[0].codecs == ()


def test_core_show_channels_of_both() -> None:
    assert parse_channels(recorded("asterisk16", "core show channels")) == [
        # Cut by the console: its whole name is SIP/20312345-00000001.
        ConsoleChannel("SIP/20312345-0000000", "*43@from-internal:1", "Up", "Answer()"),
        ConsoleChannel("SIP/201-00000000", "290@from-internal:1", "Up", "Answer()"),
    ]
    assert parse_channels(recorded("asterisk22", "core show channels")) == [
        ConsoleChannel("PJSIP/20312345-00000001", "*43@from-internal:1", "Up", "Answer()"),
        ConsoleChannel("PJSIP/201-00000000", "290@from-internal:1", "Up", "Answer()"),
    ]


def test_pjsip_show_endpoints_contacts_and_channels() -> None:
    assert parse_endpoints(recorded("asterisk22", "pjsip show endpoints")) == [
        ConsoleEndpoint("201", "In use", 1),
        ConsoleEndpoint("202", "Not in use", 0),
        ConsoleEndpoint("20312345", "In use", 1),
        ConsoleEndpoint("211", "Unavailable", 0),
    ]
    contacts = parse_contacts(
        recorded("asterisk22", "pjsip show contacts"),
        lambda aor: parse_aor_contacts(recorded("asterisk22", f"pjsip show aor {aor}")),
    )
    assert [(c.aor, c.host, c.port) for c in contacts] == [
        ("201", "127.58.4.42", 35142),
        ("202", "127.158.204.162", 48717),
        ("20312345", "127.58.4.43", 60492),
    ]
    assert parse_pjsip_channels(recorded("asterisk22", "pjsip show channels")) == [
        PjsipChannel("PJSIP/201-00000000", "Up", "Answer", "290", '"" <>'),
        PjsipChannel("PJSIP/20312345-00000001", "Up", "Answer", "*43", '"" <>'),
    ]


#: One line as chan_sip prints it: fixed widths, each cut (from the recordings' columns).
PEER_LINE = "{:25.25} {:39.39} {:>3} {:10} {:10} {:3} {:<8} {:11} {:32}"
HEADING = recorded("asterisk16", "sip show peers").splitlines()[0]
names = st.from_regex(r"[a-z0-9_-]{1,12}", fullmatch=True)


@given(
    name=names,
    username=names,
    host=st.ip_addresses(v=4).map(str),
    port=st.integers(1, 65535),
    acl=st.booleans(),
    dynamic=st.booleans(),
    status=st.sampled_from(["OK (12 ms)", "UNREACHABLE", "UNKNOWN", "Unmonitored", "LAGGED"]),
    blank=st.booleans(),
)
def test_any_peer_is_read_by_its_columns(
    name: str, username: str, host: str, port: int, acl: bool, dynamic: bool, status: str,
    blank: bool,
) -> None:  # fmt: skip
    line = PEER_LINE.format(
        f"{name}/{username}", host, "D" if dynamic else "", "Yes", "No", "A" if acl else "",
        port, status, "a note",
    )  # fmt: skip
    text = "\n".join([HEADING, *([""] if blank else []), line, "1 sip peers [Monitored: 1 online]"])
    assert parse_sip_peers(text) == [
        SipPeer(name, username, host, port, dynamic, True, False, status)
    ]


@pytest.mark.parametrize(
    "parse", [parse_sip_peers, parse_sip_users, parse_sip_channels, parse_pjsip_channels]
)
@given(text=st.text())
def test_nothing_that_is_no_table_is_taken_for_one(parse: object, text: str) -> None:
    assert callable(parse)
    assert isinstance(parse(text), list)
