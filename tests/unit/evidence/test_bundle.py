from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageFault
from harness.events import Note, Record, SipMessage
from harness.evidence.bundle import redact, timeline_text, write_bundle
from harness.evidence.capture import capture_filter
from harness.lab import load_lab
from harness.timeline import read_timeline

SECRET = 'p<"s>s&\\w'
DIGEST = 'Authorization: Digest username="201", response="0123456789abcdef0123456789abcdef"'


def record(number: int, event: Note | SipMessage) -> Record:
    return Record(number, float(number), 1000.0 + number, "capture", "desk", "t", event)


def records() -> list[Record]:
    text = f"REGISTER sip:y SIP/2.0\r\n{DIGEST}\r\nX: {SECRET}\r\n\r\n"
    end = "192.0.2.42:5060"
    message = SipMessage(end, "192.0.2.2:5060", "REGISTER sip:y SIP/2.0", "c", "1 REGISTER", text)
    return [record(0, message), record(1, Note(f"login {SECRET} refused"))]


def test_no_secret_is_left_and_the_digest_stays(tmp_path: Path) -> None:
    pcap = tmp_path / "test" / "capture.pcap"
    pcap.parent.mkdir()
    pcap.write_bytes(b"head" + SECRET.encode() + b"tail")
    bundle = write_bundle(pcap.parent, records(), {}, {SECRET, ""}, pcap)
    for path in bundle.folder.glob("*.*"):
        data = path.read_bytes()
        for form in (SECRET, json.dumps(SECRET)[1:-1], "p&lt;", "s&gt;s"):
            assert form.encode() not in data, path
    assert pcap.read_bytes() == b"head" + b"*" * len(SECRET) + b"tail"
    assert "response=" in bundle.timeline_jsonl.read_text()
    assert "0123456789abcdef" in bundle.ladder_html.read_text()
    assert "REGISTER" in bundle.ladder.read_text()
    assert len(read_timeline(bundle.timeline_jsonl)) == 2


def test_without_a_capture_there_is_still_a_bundle(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "new", [], {}, [], tmp_path / "none.pcap")
    assert bundle.pcap is None
    assert bundle.timeline_text.read_text() == ""


def test_a_folder_that_cannot_be_is_the_users(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageFault, match="cannot write the evidence"):
        write_bundle(tmp_path / "file" / "below", [], {}, [])


def test_timeline_text_names_who_saw_what() -> None:
    lines = timeline_text(records()).splitlines()
    assert len(lines) == 2
    assert "capture" in lines[0]
    assert "desk" in lines[0]
    assert "192.0.2.42:5060 > 192.0.2.2:5060" in lines[0]


@given(st.text(), st.text(min_size=1).filter(lambda s: not set(s) & set("[hidden]")))
def test_redaction_leaves_no_secret(text: str, secret: str) -> None:
    said = redact(f"{text}{secret}{text}", [secret])
    assert "[hidden]" in said
    assert secret not in said


def test_the_longer_of_two_nested_secrets_goes_first() -> None:
    assert redact("abcdef abc", ["abc", "abcdef"]) == "[hidden] [hidden]"


def test_the_filter_takes_sip_rtp_and_tftp_requests_of_this_lab_only() -> None:
    lab = load_lab(Path(__file__).parents[3] / "lab.yaml")
    expression = capture_filter(lab)
    for part in (
        "host 127.42.0.42",
        "host 127.42.0.62",
        "host 127.42.0.3",
        "port 5060",
        "udp portrange 16384-32766",
        "udp portrange 10000-10999",
        "udp dst port 69",
    ):
        assert part in expression
