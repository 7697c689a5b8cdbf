"""Steps the nightly tests share."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.bench import Bench
from harness.phone import Phone
from harness.phone.call_control import PhoneCall
from harness.sip import Peer, PeerCall

Connect = Callable[[Phone, Peer], tuple[PhoneCall, PeerCall]]


@pytest.fixture
def call_out(bench: Bench) -> Connect:
    """The phone calls the peer, the peer answers."""

    def connect(phone: Phone, peer: Peer) -> tuple[PhoneCall, PeerCall]:
        call = phone.dial(peer.extension)
        incoming = peer.wait_incoming(within=8.0)
        incoming.answer()
        phone.wait_connected(call)
        incoming.wait_state("confirmed", within=5.0)
        return call, incoming

    return connect


@pytest.fixture
def call_in(bench: Bench) -> Connect:
    """The peer calls the phone, the phone answers."""

    def connect(phone: Phone, peer: Peer) -> tuple[PhoneCall, PeerCall]:
        since = bench.timeline.mark()
        outgoing = peer.dial(phone.extension)
        call = phone.wait_ringing(since=since)
        phone.answer(call)
        outgoing.wait_state("confirmed", within=5.0)
        return call, outgoing

    return connect
