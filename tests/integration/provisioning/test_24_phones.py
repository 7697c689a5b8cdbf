"""A whole bench after a power cut: 24 phones fetch a firmware set in the same moment."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.errors import ProductFault
from harness.events import FileRequested
from harness.provisioning import TftpServer, load_manifest, make_up
from harness.provisioning.tftp_faults import DropBlock
from harness.provisioning.transfer_log import as_table, assert_order, transfers
from harness.timeline import Timeline, read_timeline

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[3]
HOST = "127.52.7.1"
PHONES = {f"127.52.8.{number}": f"desk-{number}" for number in range(1, 25)}


class Served:
    def __init__(self, top: Path) -> None:
        self.firmware = load_manifest("SIP42.9-3-1SR4-1S")
        self.root = top / "root"
        make_up(self.firmware, self.root)
        #: As a phone asks after a factory reset.
        self.order = [self.firmware.boot_loads[0], *(name for name, _ in self.firmware.components)]
        self.timeline = Timeline(top / "timeline.jsonl")
        self.server = TftpServer(self.root, HOST, 0, self.timeline.observer("tftp"), PHONES)
        self.server.start()

    def fetched_by(self, phones: list[str]) -> dict[str, Any]:
        """Let phones, in a process of their own, fetch the set; what arrived, as digests."""
        job = {"server": [HOST, self.server.port], "phones": phones, "files": self.order}
        done = subprocess.run(
            [sys.executable, "-m", "bench.phones"],
            cwd=ROOT,
            input=json.dumps(job),
            stdout=subprocess.PIPE,
            text=True,
            timeout=100,
            check=True,
        )
        outcome: dict[str, Any] = json.loads(done.stdout)
        assert "error" not in outcome, outcome
        return outcome

    def digest(self, name: str) -> str:
        return hashlib.sha256((self.root / name).read_bytes()).hexdigest()

    def wait_for_all(self, phones: list[str]) -> None:
        """The last acknowledgements may still be on their way to the server."""
        names = [PHONES[phone] for phone in phones]
        assert self.timeline.wait_until(
            lambda seen: all(len(transfers(seen, name)) == len(self.order) for name in names),
            within=5.0,
        )


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path)
    yield made
    made.server.stop()
    made.timeline.close()


def test_each_of_24_phones_gets_the_whole_set_and_a_log(served: Served) -> None:
    outcome = served.fetched_by(list(PHONES))
    got = [(each["file"], each["sha256"]) for each in outcome["transfers"]]
    assert got == [(name, served.digest(name)) for _ in PHONES for name in served.order]

    served.wait_for_all(list(PHONES))
    sizes = {path.name: path.stat().st_size for path in served.root.iterdir()}
    assert served.timeline.path is not None
    # What counts is what a killed run would have left on disk.
    written = read_timeline(served.timeline.path)
    for phone in PHONES.values():
        rows = transfers(written, phone)
        told = [(row.name, row.size, row.blocks, row.outcome) for row in rows]
        assert told == [
            (name, sizes[name], sizes[name] // 512 + 1, "served") for name in served.order
        ], as_table(rows)
        assert all(row.duration > 0 for row in rows), as_table(rows)
        asked = [event.name for event in served.timeline.events(FileRequested, device=phone)]
        assert_order(asked, served.order, phone=phone)
        with pytest.raises(ProductFault, match="another order"):
            assert_order(asked, served.order[::-1], phone=phone)


def test_one_phones_lost_block_costs_the_others_nothing(served: Served) -> None:
    victim, *others = PHONES
    image = served.firmware.components[0][0]
    injection = served.server.inject(DropBlock(1000), image, victim)
    outcome = served.fetched_by(list(PHONES))
    assert {each["sha256"] for each in outcome["transfers"] if each["file"] == image} == {
        served.digest(image)
    }
    assert injection.fired == 1
    served.wait_for_all(list(PHONES))
    rows = {phone: transfers(served.timeline.records(), PHONES[phone]) for phone in PHONES}
    assert [row.resent for row in rows[victim] if row.name == image] == [1]
    assert all(row.resent == 0 for phone in others for row in rows[phone])
