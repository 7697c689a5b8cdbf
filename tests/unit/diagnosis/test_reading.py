"""What users send: logs in their programs' own forms, captures, folders, rubbish."""

from __future__ import annotations

import json
import struct
import zipfile
from contextlib import suppress
from pathlib import Path
from socket import inet_aton
from tempfile import TemporaryDirectory

import pytest
from clues import PHONE, configuration, register
from hypothesis import given
from hypothesis import strategies as st

from harness.cli import main
from harness.diagnosis import RULES, diagnose, read_case
from harness.diagnosis.reading import read_lines
from harness.diagnosis.report import as_catalogue
from harness.errors import UsageFault
from harness.events import (
    ConnectionRefused,
    FileRefused,
    FileRequested,
    FileServed,
    LogLine,
    Record,
    SipMessage,
)

ROOT = Path(__file__).parents[3]

HPA = """\
Nov 25 10:00:00 srv in.tftpd[11]: RRQ from 10.0.0.42 filename CTLSEP0024C4ABCDEF.tlv
Nov 25 10:00:00 srv in.tftpd[11]: sending NAK (1, File not found) to 10.0.0.42
Nov 25 10:00:01 srv in.tftpd[12]: RRQ from ::ffff:10.0.0.42 filename SEP0024C4ABCDEF.cnf.xml
Nov 25 10:00:05 srv in.tftpd[13]: RRQ from 10.0.0.42 filename /mk-sip.jar
Nov 25 10:00:05 srv in.tftpd[13]: sending NAK (1, File not found) to 10.0.0.42
"""
ATFTPD = """\
Nov 25 10:00:00 srv atftpd[7]: Serving term42.default.loads to 10.0.0.42:49200
Nov 25 10:00:01 srv atftpd[7]: Serving term42.default.loads to 10.0.0.42:49201
Nov 25 10:03:01 srv atftpd[7]: Serving term42.default.loads to 10.0.0.42:49202
Nov 25 10:03:02 srv atftpd[7]: Serving term42.default.loads to 10.0.0.42:49203
"""
DNSMASQ = """\
Nov 25 10:00:00 dnsmasq-tftp[9]: file /srv/tftp/Germany/g3-tones.xml not found for 10.0.0.42
Nov 25 10:00:01 dnsmasq-tftp[9]: sent /srv/tftp/dialplan.xml to 10.0.0.42
"""
CHAN_SIP = """\
<--- SIP read from UDP:10.0.0.42:49194 --->
REGISTER sip:10.0.0.1 SIP/2.0
Via: SIP/2.0/UDP 10.0.0.42:5060;branch=z9hG4bK00000065
From: <sip:201@10.0.0.1>;tag=1
To: <sip:201@10.0.0.1>
Call-ID: a@10.0.0.42
CSeq: {cseq} REGISTER
Content-Length: 0

<------------->
--- (8 headers 0 lines) ---
Sending to 10.0.0.42:49194 (NAT)

<--- Transmitting (NAT) to 10.0.0.42:49194 --->
SIP/2.0 401 Unauthorized
Via: SIP/2.0/UDP 10.0.0.42:5060;branch=z9hG4bK00000065;received=10.0.0.42;rport=49194
From: <sip:201@10.0.0.1>;tag=1
To: <sip:201@10.0.0.1>;tag=as0
Call-ID: a@10.0.0.42
CSeq: {cseq} REGISTER
WWW-Authenticate: Digest algorithm=MD5, realm="asterisk", nonce="1"
Content-Length: 0


<------------>
"""
PJSIP = CHAN_SIP.replace(
    "<--- SIP read from UDP:10.0.0.42:49194 --->",
    "[2026-11-25 10:00:00] VERBOSE[8] res_pjsip_logger.c: "
    "<--- Received SIP request (512 bytes) from UDP:10.0.0.42:49194 --->",
).replace(
    "<--- Transmitting (NAT) to 10.0.0.42:49194 --->",
    "[2026-11-25 10:00:00] VERBOSE[8] res_pjsip_logger.c: "
    "<--- Transmitting SIP response (412 bytes) to UDP:10.0.0.42:49194 --->",
)


def case_of(tmp_path: Path, name: str, text: str) -> list[str]:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return [each.rule for each in diagnose(read_case([tmp_path / name]))]


def test_tftpd_hpa() -> None:
    events = [clue.event for clue in read_lines(HPA.splitlines(), "daemon.log")]
    asked = [e.name for e in events if isinstance(e, FileRequested)]
    refused = [(e.name, e.code) for e in events if isinstance(e, FileRefused)]
    assert asked == ["CTLSEP0024C4ABCDEF.tlv", "SEP0024C4ABCDEF.cnf.xml", "/mk-sip.jar"]
    assert refused == [("CTLSEP0024C4ABCDEF.tlv", 1), ("/mk-sip.jar", 1)]


def test_the_articles_tail_of_daemon_log_is_explained(tmp_path: Path) -> None:
    assert case_of(tmp_path, "daemon.log", HPA) == ["locale-missing"]
    assert case_of(tmp_path, "daemon.log", ATFTPD) == ["load-not-newer"]
    assert case_of(tmp_path, "daemon.log", DNSMASQ) == ["locale-missing"]


def test_dnsmasq_names_are_relative_to_the_root() -> None:
    events = [clue.event for clue in read_lines(DNSMASQ.splitlines(), "d")]
    assert [e.name for e in events if isinstance(e, FileServed)] == ["dialplan.xml"]
    assert [e.name for e in events if isinstance(e, FileRefused)] == ["Germany/g3-tones.xml"]


@pytest.mark.parametrize("form", [CHAN_SIP, PJSIP], ids=["chan_sip", "pjsip"])
def test_sip_debug_of_the_console(form: str, tmp_path: Path) -> None:
    text = form.format(cseq=101) + form.format(cseq=102)
    clues = list(read_lines(text.splitlines(), "full"))
    messages = [clue for clue in clues if isinstance(clue.event, SipMessage)]
    assert [clue.where for clue in messages[:2]] == ["full:1", "full:14"]
    assert case_of(tmp_path, "full", text) == ["answer-to-source-port"]


def test_a_proof_names_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "daemon.log").write_text(HPA, encoding="utf-8")
    (found,) = diagnose(read_case([tmp_path]))
    assert [clue.where for clue in found.proof] == ["daemon.log:5"]


def test_a_bundle_is_read_like_its_folder(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "mail.zip", "w") as bundle:
        bundle.writestr("logs/daemon.log", HPA)
    assert [each.rule for each in diagnose(read_case([tmp_path / "mail.zip"]))] == [
        "locale-missing"
    ]


def test_what_timeline_and_capture_both_hold_is_one_clue(tmp_path: Path) -> None:
    """A test's folder: the capture adds only what nobody looks for live, the texts nothing."""
    said = register(101)
    assert isinstance(said.event, SipMessage)
    record = Record(0, 1.0, 1000.0, "capture", "desk", "t", said.event)
    (tmp_path / "timeline.jsonl").write_text(json.dumps(record.as_dict()) + "\n")
    syn, reset = (
        struct.pack("!HHIIBBHHH", *ports, 1, 0, 0x50, flags, 9, 0, 0)
        for ports, flags in (((50000, 5060), 0x02), ((5060, 50000), 0x14))
    )
    packets = [
        packet(
            17,
            PHONE,
            "10.0.0.1",
            struct.pack("!HHHH", 49194, 5060, 8 + len(said.event.text), 0)
            + said.event.text.encode(),
        ),
        packet(6, PHONE, "10.0.0.1", syn),
        packet(6, "10.0.0.1", PHONE, reset),
    ]
    (tmp_path / "capture.pcap").write_bytes(
        struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101) + b"".join(packets)
    )
    for name in ("ladder.txt", "timeline.txt", "rtp.txt", "lamps.txt"):
        (tmp_path / name).write_text("[2026-11-25 10:00:00] NOTICE[1] told again\n")
    (tmp_path / "pbx.log").write_text("[2026-11-25 10:00:00] NOTICE[1] told by Asterisk\n")
    case = read_case([tmp_path])
    assert len(list(case.of(SipMessage))) == 1
    assert len(list(case.of(ConnectionRefused))) == 1
    assert [event.text for _, event in case.of(LogLine)] == [
        "[2026-11-25 10:00:00] NOTICE[1] told by Asterisk"
    ]
    assert not case.files.whole, "what was served is no whole TFTP root"


def packet(protocol: int, source: str, destination: str, body: bytes) -> bytes:
    ends = inet_aton(source) + inet_aton(destination)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, protocol, 0) + ends
    return struct.pack("<IIII", 1000, 0, 20 + len(body), 20 + len(body)) + head + body


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "daemon.log").write_text(HPA, encoding="utf-8")
    assert main(["diagnose", str(tmp_path), "--json"]) == 0
    (plain,) = json.loads(capsys.readouterr().out)
    assert plain["rule"] == "locale-missing"
    (tmp_path / "daemon.log").write_text("all quiet\n", encoding="utf-8")
    assert main(["diagnose", str(tmp_path)]) == 4
    assert "no known failure" in capsys.readouterr().out


def test_a_path_that_is_not_there() -> None:
    with pytest.raises(UsageFault, match="there is no"):
        read_case([Path("/no/such/file")])


def _zip(path: Path, **inside: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, text in inside.items():
            bundle.writestr(name.replace("__", "."), text)
    return path


def _spoil(path: Path, at: bytes, offset: int, by: bytes) -> Path:
    content = bytearray(path.read_bytes())
    place = content.index(at) + offset
    content[place : place + len(by)] = by
    path.write_bytes(bytes(content))
    return path


def _damaged(name: str, folder: Path) -> Path:
    """A file as it comes out of a mail program that does not mean well."""
    path = folder / name
    if name == "locked.zip":
        _zip(path, a__log=HPA)
        _spoil(path, b"PK\x03\x04", 6, b"\x01")
        return _spoil(path, b"PK\x01\x02", 8, b"\x01")
    if name == "torn.zip":
        return _spoil(_zip(path, a__log=HPA * 50), b"a.log", 5, b"\xff" * 10)
    contents = {
        "cut.pcap": b"\xd4\xc3\xb2\xa1\x02\x00",
        "no.pcap": b"PCAP\0\0",
        "cut.zip": b"PK\x03\x04\x14\0\0\0",
        "daemon.log.1.gz": b"\x1f\x8b\x08\0",
        "wifi.pcap": struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 105)
        + struct.pack("<IIII", 1, 1, 4, 4)
        + b"abcd",
        "timeline.jsonl": b'{"x": 1}\n{"x": 2}\n',
    }
    path.write_bytes(contents[name])
    return path


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("locked.zip", "is locked by a password"),
        ("torn.zip", "is no bundle that can be read"),
        ("cut.zip", "nor a whole zip"),
        ("daemon.log.1.gz", "nor a whole zip"),
        ("no.pcap", "is neither a capture"),
        ("cut.pcap", "ends within its header"),
        ("wifi.pcap", "a link of type 105"),
        ("timeline.jsonl", "is no timeline that can be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_not_taken_for_one_that_shows_nothing(
    name: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diagnose", str(_damaged(name, tmp_path))]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert name in said


def test_a_folder_with_a_zip_in_it_is_read_as_well(tmp_path: Path) -> None:
    _zip(tmp_path / "mail.zip", daemon__log=HPA)
    (tmp_path / "holiday.jpg").write_bytes(bytes(100))
    assert [each.rule for each in diagnose(read_case([tmp_path]))] == ["locale-missing"]


def test_mistakes_in_a_mailed_configuration_come_with_their_fix_under_the_mails_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (sent,) = configuration().values()
    mail = _zip(
        tmp_path / "mail.zip",
        SEP0024C4ABCDEF__cnf__xml=sent.decode(),
        sip__conf="[201]\ntype=friend\nnat=yes\nhost=dynamic\n",
    )
    main(["diagnose", str(mail)])
    told = capsys.readouterr().out
    assert f"{mail}/sip.conf:3: error: [201] has nat=yes" in told
    assert "fix: chan_sip nat=no" in told
    assert "phone-bench-" not in told


def test_a_bundle_whose_run_is_not_whole_is_named_as_it_was_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = _zip(tmp_path / "case.zip", results__jsonl="{}\n")
    assert main(["diagnose", str(bundle)]) == 2
    said = capsys.readouterr().err
    assert f"{bundle} holds no run" in said
    assert "phone-bench-" not in said
    bundle = _zip(tmp_path / "other.zip", results__jsonl="{}\n", run__json="{}")
    assert main(["diagnose", str(bundle)]) == 2
    assert f"{bundle} holds no run" in capsys.readouterr().err


@pytest.mark.parametrize("line", ["2026-13-45 10:00:00 x", "[Nov 99 10:00:00] NOTICE[1] x"])
def test_a_time_there_is_not_is_no_time(line: str) -> None:
    assert {clue.time for clue in read_lines([line], "x")} == {0.0}


@given(st.lists(st.text(max_size=120), max_size=20))
def test_no_log_stops_the_reader(lines: list[str]) -> None:
    list(read_lines(lines, "x"))


@given(st.binary(max_size=400), st.sampled_from(["a.pcap", "a.log", "SEP0.cnf.xml", "sip.conf"]))
def test_no_bytes_stop_the_reader(content: bytes, name: str) -> None:
    for start in (b"", b"\xd4\xc3\xb2\xa1" + bytes(16) + b"\x01\0\0\0"):
        with TemporaryDirectory() as folder:
            (Path(folder) / name).write_bytes(start + content)
            with suppress(UsageFault):
                diagnose(read_case([Path(folder)]))


def test_the_catalogue_is_current() -> None:
    page = ROOT / "docs" / "reference" / "diagnosis-rules.md"
    assert page.read_text(encoding="utf-8") == as_catalogue()


def test_every_rule_is_in_a_test_of_its_own() -> None:
    texts = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("*.py"))
    assert [rule for rule in RULES if f'"{rule}"' not in texts] == []
