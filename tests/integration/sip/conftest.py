from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.sip import Peer
from harness.timeline import Timeline

ADDRESS = "127.43.5.3"
PARTIES = {"alice": ("211", 440), "bob": ("212", 620), "carol": ("213", 850)}
TONES = {name: tone for name, (_, tone) in PARTIES.items()}


@pytest.fixture(scope="session")
def party(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Peer]]:
    """Three peers without a PBX; they call each other by URI."""
    timeline = Timeline()
    workdir: Path = tmp_path_factory.mktemp("peers")
    peers = {
        name: Peer(
            name, extension, tone, ADDRESS, "none", None, timeline.observer(name, name), workdir,
            15000 + 100 * index,
        )
        for index, (name, (extension, tone)) in enumerate(PARTIES.items())
    }  # fmt: skip
    try:
        for peer in peers.values():
            peer.start()
        yield peers
    finally:
        for peer in peers.values():
            peer.stop()


@pytest.fixture
def peers(party: dict[str, Peer]) -> Iterator[dict[str, Peer]]:
    for peer in party.values():
        peer.set_codecs("PCMA", "PCMU", "G722")
        peer.auto_answer(False)
    yield party
    for peer in party.values():
        peer.hang_up_all()


@pytest.fixture
def tones() -> dict[str, int]:
    return TONES
