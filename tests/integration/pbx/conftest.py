from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from harness.lab import PBX_KINDS, PbxKind, PbxSpec
from harness.pbx import Asterisk, Endpoint
from harness.timeline import Timeline

PHONE = Endpoint("201", "right-password", kind="phone", callerid="Desk 201")
PEER = Endpoint("211", "peer-password", callerid="alice")


@pytest.fixture
def timeline() -> Timeline:
    return Timeline()


@pytest.fixture(params=PBX_KINDS)
def kind(request: pytest.FixtureRequest) -> PbxKind:
    """The Asterisk in use; a test for one alone parametrises it itself."""
    given: PbxKind = request.param
    return given


@pytest.fixture
def make_pbx(
    timeline: Timeline, tmp_path: Path, kind: PbxKind
) -> Iterator[Callable[..., Asterisk]]:
    """Builds Asterisk on an address of this room's own; stops them all at the end."""
    made: list[Asterisk] = []

    def make(
        address: str = "127.43.4.2", endpoints: tuple[Endpoint, ...] = (PHONE, PEER)
    ) -> Asterisk:
        pbx = Asterisk(
            PbxSpec(kind=kind, address=IPv4Address(address)),
            endpoints,
            timeline.observer("pbx"),
            tmp_path / f"pbx-{len(made)}",
            device_of={"201": "desk-7942"},
        )
        made.append(pbx)
        return pbx

    yield make
    for pbx in made:
        pbx.stop()


@pytest.fixture
def pbx(make_pbx: Callable[..., Asterisk]) -> Asterisk:
    started = make_pbx()
    started.start()
    return started
