from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from test_quality import PBX, PEER, PHONE, pcap, rtp
from test_recall import udp

from harness.errors import UsageFault
from harness.events import LampChanged, LampColour, Note, Record, SipMessage
from harness.evidence import Material, quality_of, survey, timeline_text, write_bundle
from harness.evidence.capture import capture_filter
from harness.evidence.frames import read_pcap
from harness.lab import load_lab
from harness.timeline import read_timeline

SECRET = 'p<"s>s&\\w'
DIGEST = 'Authorization: Digest username="201", response="0123456789abcdef0123456789abcdef"'


def record(number: int, event: Note | SipMessage | LampChanged) -> Record:
    return Record(number, float(number), 1000.0 + number, "capture", "desk", "t", event)


def records() -> list[Record]:
    text = f"REGISTER sip:y SIP/2.0\r\n{DIGEST}\r\nX: {SECRET}\r\n\r\n"
    end = "192.0.2.42:5060"
    message = SipMessage(end, "192.0.2.2:5060", "REGISTER sip:y SIP/2.0", "c", "1 REGISTER", text)
    return [
        record(0, message),
        record(1, Note(f"login {SECRET} <refused>")),
        record(2, LampChanged("line1", LampColour.AMBER, 7)),
    ]


def material(folder: Path, **more: object) -> Material:
    texts = {"pbx.log": f"secret={SECRET}\n", "configs/desk/SEP.cnf.xml": "<a/>"}
    made = {"test": "t", "records": records(), "secrets": {SECRET, ""}, "texts": texts, **more}
    return Material(**made)  # type: ignore[arg-type]


def call(folder: Path) -> Path:
    packets = [(1000 + n * 0.02, udp(PBX, 10000, PHONE, 16384, rtp(n))) for n in range(60)]
    return pcap(folder, packets)


def test_no_secret_is_left_and_the_digest_stays(tmp_path: Path) -> None:
    capture = pcap(tmp_path, [(1.0, udp(PEER, 1, PBX, 2, b"head" + SECRET.encode() + b"tail"))])
    bundle = write_bundle(tmp_path / "test", material(tmp_path, pcap=capture), whole=True)
    for path in bundle.files.values():
        data = path.read_bytes()
        for form in (SECRET, json.dumps(SECRET)[1:-1], "p&lt;", "s&gt;s"):
            assert form.encode() not in data, path
    assert b"head" + b"*" * len(SECRET) + b"tail" in capture.read_bytes()
    assert "response=" in bundle.files["timeline as JSON"].read_text()
    assert "0123456789abcdef" in bundle.files["ladder as a page"].read_text()
    assert "0123456789abcdef" in bundle.ladder_html
    assert SECRET not in bundle.ladder_html
    assert "REGISTER" in bundle.files["ladder"].read_text()
    assert len(read_timeline(bundle.files["timeline as JSON"])) == 3
    assert "line1  amber" in bundle.files["lamps"].read_text()
    assert (tmp_path / "test/configs/desk/SEP.cnf.xml").read_text() == "<a/>"


def test_a_pass_is_trimmed_and_its_numbers_stay(tmp_path: Path) -> None:
    capture = call(tmp_path)
    before = quality_of(read_pcap(capture))
    size = capture.stat().st_size
    bundle = write_bundle(tmp_path / "test", material(tmp_path, pcap=capture), whole=False)
    assert {"ladder", "timeline", "RTP", "lamps", "capture"} <= set(bundle.files)
    assert not {"timeline as JSON", "timeline as a page", "ladder as a page"} & set(bundle.files)
    assert capture.stat().st_size < size / 2
    again = quality_of(read_pcap(capture))
    assert [(s.packets, s.loss, s.jitter, s.codec) for s in again] == [
        (s.packets, s.loss, s.jitter, s.codec) for s in before
    ]
    assert all(len(packet.payload) == 16 for packet in read_pcap(capture))
    # Length on the wire, as any reader of pcap shows it, is what it was.
    assert capture.read_bytes()[24 + 12 : 24 + 16] == (160 + 12 + 8 + 20).to_bytes(4, "little")


def test_a_failure_keeps_what_was_said(tmp_path: Path) -> None:
    capture = call(tmp_path)
    before = capture.read_bytes()
    write_bundle(tmp_path / "test", material(tmp_path, pcap=capture), whole=True)
    assert capture.read_bytes() == before


def test_numbers_of_a_call_are_the_worst_of_its_streams(tmp_path: Path) -> None:
    told = survey(call(tmp_path), {})
    assert told.measurements() == {"loss_percent": 0.0, "jitter_ms": 0.0, "mos": 4.41}
    assert survey(pcap(tmp_path, []), {}).measurements() == {}


def test_without_a_capture_there_is_still_a_bundle(tmp_path: Path) -> None:
    empty = Material("t", [], pcap=tmp_path / "none.pcap")
    bundle = write_bundle(tmp_path / "new", empty, whole=True)
    assert "capture" not in bundle.files
    assert bundle.files["timeline"].read_text() == ""


def test_a_folder_that_cannot_be_is_the_users(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageFault, match="cannot write the evidence"):
        write_bundle(tmp_path / "file" / "below", Material("t", []), whole=False)


def test_timeline_text_names_who_saw_what() -> None:
    lines = timeline_text(records()).splitlines()
    assert len(lines) == 3
    assert "capture" in lines[0]
    assert "desk" in lines[0]
    assert "192.0.2.42:5060 > 192.0.2.2:5060" in lines[0]


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.rows = 0
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.rows += tag == "tr"
        self.outside += [value or "" for name, value in attrs if name in {"src", "href"}]


def test_the_timeline_as_a_page_is_whole_and_escaped(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "test", material(tmp_path), whole=True)
    text = bundle.files["timeline as a page"].read_text()
    page = _Page()
    page.feed(text)
    assert (page.rows, page.outside) == (3, [])
    assert "&lt;refused&gt;" in text
    assert 'class="dot amber"' in text


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
