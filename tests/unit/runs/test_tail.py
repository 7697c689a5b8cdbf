"""Growing files: whole lines, each once, whatever moment one looks at them."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from harness.events import Note, Record
from harness.evidence import redact_file
from harness.runs.tail import LineTail, TimelineTail


def line(number: int, text: str) -> str:
    return json.dumps(Record(number, 1.0, 2.0, "s", "", "", Note(text)).as_dict()) + "\n"


def test_a_torn_line_waits_until_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "timeline.jsonl"
    tail = TimelineTail(path)
    assert tail.new_records() == []
    first, second = line(0, "a"), line(1, "b")
    with path.open("a") as file:
        file.write(first + second[:20])
        file.flush()
        assert [r.seq for r in tail.new_records()] == [0]
        assert tail.new_records() == []
        file.write(second[20:])
        file.flush()
        assert [r.seq for r in tail.new_records()] == [1]
    assert tail.unread == 0


@given(st.binary(max_size=60).map(lambda raw: raw.replace(b"\r", b"")), st.data())
def test_every_cut_gives_the_same_lines(content: bytes, data: st.DataObject) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        tail, found, at = LineTail(path), [], 0
        while at < len(content):
            step = data.draw(st.integers(1, len(content) - at))
            with path.open("ab") as file:
                file.write(content[at : at + step])
            at += step
            found += tail.new_lines()
        assert found == content.split(b"\n")[:-1]


def test_a_file_written_again_without_its_secrets_is_not_told_again(tmp_path: Path) -> None:
    path = tmp_path / "timeline.jsonl"
    path.write_text(line(0, "the password is OpenSesame99") + line(1, "b"))
    tail = TimelineTail(path)
    assert len(tail.new_records()) == 2
    redact_file(path, {"OpenSesame99"})
    assert "OpenSesame99" not in path.read_text()
    assert tail.new_records() == []
    with path.open("a") as file:
        file.write(line(2, "c"))
    assert [r.seq for r in tail.new_records()] == [2]


def test_what_is_no_record_is_left_out_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "timeline.jsonl"
    other = line(0, "a").replace('"note"', '"of a later version"')
    path.write_bytes(
        b"\xff\xfe\n[]\n\n7\n" + other.encode() + b'{"kind": "note"}\n' + line(5, "b").encode()
    )
    tail = TimelineTail(path)
    assert [r.seq for r in tail.new_records()] == [5]
    assert tail.unread == 6
