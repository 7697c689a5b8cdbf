"""What other processes write is seen as they write it, once, and in their order."""

from __future__ import annotations

import queue
from pathlib import Path

from harness.events import Note, Record
from harness.runs.following import following
from harness.timeline import Timeline


def test_others_are_seen_and_ones_own_is_not(tmp_path: Path) -> None:
    own = Timeline(tmp_path / "timeline.jsonl")
    early = Timeline(tmp_path / "timeline-1-0.jsonl", first=100)
    early.append(Note("before"), source="early")
    seen: queue.Queue[Record] = queue.Queue()
    with following(tmp_path, seen.put, where=lambda path: path != own.path):
        late = Timeline(tmp_path / "timeline-1-1.jsonl", first=200)
        own.append(Note("own"), source="own")
        late.append(Note("one"), source="late")
        assert str(seen.get(timeout=20).event) == "one"
        early.append(Note("two"), source="early")
        assert str(seen.get(timeout=20).event) == "two"
        (tmp_path / "results-1-1.jsonl").write_text('{"no": "record"}\n')
        late.append(Note("three"), source="late")
    # The end waits for what was written before it.
    assert str(seen.get_nowait().event) == "three"
    assert seen.empty()


def test_what_is_shown_is_heard_and_not_kept() -> None:
    mine, other = Timeline(), Timeline(first=50)
    heard: list[Record] = []
    mine.listen(heard.append)
    record = other.append(Note("from elsewhere"), source="late")
    mine.show(record)
    assert heard == [record]
    assert mine.records() == []
