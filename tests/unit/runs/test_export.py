"""A run exported: opens by itself, holds no secret in any form, and can be diagnosed again."""

from __future__ import annotations

import json
import struct
import zipfile
from base64 import b64encode
from html import escape
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from urllib.parse import quote

import pytest

from harness.cli import main
from harness.cli.repro import _once, _scenario
from harness.diagnosis import Confidence, Diagnosis
from harness.errors import UsageFault
from harness.events import (
    Event,
    FileRefused,
    FileRequested,
    LampChanged,
    LampColour,
    LogLine,
    Note,
    SipMessage,
)
from harness.evidence import Material, write_bundle
from harness.runs import RunResult, TestResult, Verdict
from harness.runs.export import export_run
from harness.timeline import Timeline

PHONE, PBX = "10.0.0.42", "10.0.0.1"
#: Each as a different file tells it; the last is in no file but the lab's, or the environment's.
LINE, MANAGER, SHELL, LONG, COMMUNITY = (
    "k<Ey&7\"q'Z", "Abc_dEf-123x", "s3cret-shell", "longpass" * 5, "publ1c-not",
)  # fmt: skip
SECRETS = (LINE, MANAGER, SHELL, LONG, COMMUNITY)


def forms(secret: str) -> set[bytes]:
    written = {secret, escape(secret), escape(secret, quote=False), quote(secret, safe="")}
    written |= {json.dumps(each)[1:-1] for each in tuple(written)} | {secret[:31]}
    basic = {
        b64encode(f"{user}:{secret}".encode())[len(user) + 4 : -4]
        for user in ("a", "ab", "harness")
    }
    return {each.encode() for each in written} | basic


def register(cseq: int, port: int) -> SipMessage:
    text = "\r\n".join(
        [
            f"REGISTER sip:{PBX} SIP/2.0",
            f"Via: SIP/2.0/UDP {PHONE}:5060;branch=z9hG4bK00000065",
            f"From: <sip:201@{PBX}>;tag=1",
            f"To: <sip:201@{PBX}>",
            "Call-ID: a@phone",
            f"CSeq: {cseq} REGISTER",
            f"Contact: <sip:201@{PHONE}:5060>",
            f"X-Odd: {LINE}",
            "",
            "",
        ]
    )
    end = f"{PHONE}:{port}"
    return SipMessage(
        end, f"{PBX}:5060", text.split("\r\n")[0], "a@phone", f"{cseq} REGISTER", text
    )


def challenge(cseq: int, port: int) -> SipMessage:
    text = "\r\n".join(
        [
            "SIP/2.0 401 Unauthorized",
            f"Via: SIP/2.0/UDP {PHONE}:5060;branch=z9hG4bK00000065;received={PHONE}",
            f"From: <sip:201@{PBX}>;tag=1",
            f"To: <sip:201@{PBX}>;tag=2",
            "Call-ID: a@phone",
            f"CSeq: {cseq} REGISTER",
            'WWW-Authenticate: Digest realm="asterisk",nonce="1",algorithm=MD5',
            "",
            "",
        ]
    )
    return SipMessage(
        f"{PBX}:5060", f"{PHONE}:{port}", text.split("\r\n")[0], "a@phone", f"{cseq} REGISTER", text
    )


def told() -> list[Event]:
    login = b64encode(f"harness:{SHELL}".encode()).decode()
    return [
        LampChanged("line1", LampColour.AMBER, 1),
        FileRequested("SEP0024C4ABCDEF.cnf.xml", PHONE, 49152),
        *[event for n in (101, 102, 103) for event in (register(n, 49194), challenge(n, 49194))],
        Note(f"<authPassword>{escape(LINE)}</authPassword> {LONG} {quote(LINE)}"),
        Note('Digest username="201", response="0123456789abcdef"'),
        LogLine("phone", f"GET /CGI/Execute Authorization: Basic {login}"),
        Note(f"snmpset -v2c --community {COMMUNITY} pdu"),
    ]


@pytest.fixture
def night(tmp_path: Path) -> Path:
    """A run of two tests, one failed; with everything raw that a real one leaves beside it."""
    directory = tmp_path / "runs" / "20261125-000000-lab-asterisk22"
    raw = {
        "tftp/SEP0024C4ABCDEF.cnf.xml": f"<device><authPassword>{escape(LINE)}</authPassword>"
        f"<sshPassword>{SHELL}</sshPassword></device>",
        "pbx/etc/manager.conf": f"[harness]\nsecret = {MANAGER}\n",
        "pbx/etc/pjsip.conf": f"[201]\ntype = auth\npassword = {LONG}\n",
        "twins/desk.json": json.dumps({"password": LONG}),
        "tests/t_fails/pbx-crash/core": LINE,
        "tests/t_fails/desk/console.txt": f"1: NOT 00:00:01 login {SHELL} {LINE}\n",
        "phones/desk/status.txt": f"wrong password {LONG[:31]}\n",
        "session.pcap": LINE,
    }
    for name, text in raw.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    timeline = Timeline(directory / "timeline.jsonl")
    run = RunResult(directory.name, "lab", 1000.0, {"desk": "virtual"}, directory, ended=1090.0)
    run.versions["asterisk"] = f"22 of {directory}"
    for name, verdict in (("passes", Verdict.PASSED), ("fails", Verdict.PRODUCT_FAULT)):
        timeline.test = f"tests/test_a.py::test_{name}"
        first = timeline.mark()
        # A pass shows a failure that a rule knows, as the tests of known limits do.
        asserted = FileRefused("Germany/g3-tones.xml", PHONE, 49153, 1, "not found")
        asked = FileRequested("Germany/g3-tones.xml", PHONE, 49153)
        for event in told() if name == "fails" else [Note("all well"), asked, asserted]:
            timeline.append(event, source="capture", device="desk")
        folder = directory / "tests" / f"t_{name}"
        folder.mkdir(exist_ok=True)
        (folder / "capture.pcap").write_bytes(
            b"\xd4\xc3\xb2\xa1\2\0\4\0" + bytes(8) + b"\0\0\4\0\x65\0\0\0"
        )
        texts = {"pbx.log": f"[2026-11-25 00:00:00] NOTICE[1] x.c: {LINE} in {directory}\n"}
        bundle = write_bundle(
            folder,
            Material(
                timeline.test, timeline.records(first), pcap=folder / "capture.pcap", texts=texts
            ),
            whole=verdict is not Verdict.PASSED,
        )
        files = {w: str(p.relative_to(directory)) for w, p in bundle.files.items()}
        run.add(
            TestResult(
                timeline.test, {"desk": "virtual"}, verdict, f"{name} {LINE}",
                f"log {directory}/pbx/asterisk.log {SHELL}", 1000.0, 1.5, first, timeline.mark(),
                folder / "capture.pcap", bundle.ladder_html, measurements={"boot_s": 1.5},
                files=files | {"gone": "tests/t_passes/gone.txt"},
            )
        )  # fmt: skip
    # As if every file had been written by somebody who knew nothing of secrets.
    page = directory / "tests" / "t_fails" / "timeline.html"
    page.write_text(page.read_text() + escape(LINE) + MANAGER + json.dumps(LINE))
    capture = directory / "tests" / "t_fails" / "capture.pcap"
    frame = f"{LINE} {COMMUNITY} {quote(LINE)}".encode()
    record = struct.pack("<IIII", 1, 0, len(frame), len(frame)) + frame
    capture.write_bytes(capture.read_bytes() + record)
    timeline.close()
    return directory


@pytest.fixture
def bundle(night: Path, tmp_path: Path) -> zipfile.ZipFile:
    export_run(night, tmp_path / "out.zip", secrets={COMMUNITY})
    return zipfile.ZipFile(tmp_path / "out.zip")


def test_no_form_of_any_secret_is_in_the_bundle(night: Path, bundle: zipfile.ZipFile) -> None:
    planted = b"".join(path.read_bytes() for path in night.rglob("*") if path.is_file())
    for secret in SECRETS:
        assert secret.encode() in planted
        for form in forms(secret):
            for name in bundle.namelist():
                assert form not in bundle.read(name), (name, form)
    assert b"0123456789abcdef" in bundle.read("index.html"), "digest responses stay"


def test_folders_of_secrets_are_left_out(bundle: zipfile.ZipFile) -> None:
    tops = {PurePosixPath(name).parts[0] for name in bundle.namelist()}
    assert tops == {
        "index.html", "junit.xml", "timeline.jsonl", "results.jsonl", "run.json", "tests", "phones",
    }  # fmt: skip
    assert not [name for name in bundle.namelist() if name.endswith("/core")]


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]


def test_it_opens_anywhere_and_every_link_leads_into_it(
    night: Path, bundle: zipfile.ZipFile
) -> None:
    page = _Links()
    page.feed(bundle.read("index.html").decode())
    assert "tests/t_fails/ladder.html" in page.links
    assert "tests/t_fails/timeline.html" in page.links
    assert set(page.links) <= set(bundle.namelist())
    for name in bundle.namelist():
        assert str(night).encode() not in bundle.read(name), name


def test_one_test_alone(night: Path, tmp_path: Path) -> None:
    (result,) = export_run(night, tmp_path / "one.zip", test="passes", secrets={COMMUNITY})
    assert result.verdict is Verdict.PASSED
    names = zipfile.ZipFile(tmp_path / "one.zip").namelist()
    assert "tests/t_passes/ladder.txt" in names
    assert not [name for name in names if "t_fails" in name]
    text = zipfile.ZipFile(tmp_path / "one.zip").read("index.html").decode()
    assert "all well" in text
    with pytest.raises(UsageFault, match="no test named 'never'"):
        export_run(night, tmp_path / "none.zip", test="never")


def test_the_bundle_is_diagnosed_and_its_scenario_found(
    night: Path, bundle: zipfile.ZipFile, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(bundle.filename)
    assert main(["diagnose", path, "--json"]) == 0
    found = [each["rule"] for each in json.loads(capsys.readouterr().out)]
    assert found == ["answer-to-source-port"]
    assert main(["diagnose", str(night), "--json"]) == 0
    assert [each["rule"] for each in json.loads(capsys.readouterr().out)] == found
    assert _scenario(path).expect.diagnosis == "answer-to-source-port"


def test_what_many_tests_failed_by_is_told_once() -> None:
    causes = [
        Diagnosis(rule, device, cause, "", Confidence.LIKELY, (), "")
        for rule, device, cause in (
            ("no-answer", "a", "first"), ("load-missing", "a", "x"), ("no-answer", "a", "again"),
            ("no-answer", "b", "another"),
        )
    ]  # fmt: skip
    assert [each.cause for each in _once(causes)] == ["first", "x", "another"]


def test_a_bundle_in_which_all_passed_asks_for_no_scenario(night: Path, tmp_path: Path) -> None:
    export_run(night, tmp_path / "good.zip", test="passes")
    with pytest.raises(UsageFault, match=r"all tests of .*good\.zip passed"):
        _scenario(str(tmp_path / "good.zip"))


def test_a_bundle_unpacked_without_its_results_is_evidence_too(
    bundle: zipfile.ZipFile, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle.extractall(tmp_path / "mail")
    assert main(["diagnose", str(tmp_path / "mail" / "tests" / "t_fails"), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["rule"] == "answer-to-source-port"


def test_by_the_command(
    night: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["evidence", "export", str(night), "--lab", "none.yaml"]) == 0
    assert f"evidence-{night.name}.zip: 2 tests" in capsys.readouterr().out
    assert main(["evidence", "export", night.name, "--test", "fails", "--out", "a.zip"]) == 0
    assert main(["evidence", "export", "never"]) == 2
    assert "no run at" in capsys.readouterr().err


def test_numbers_reach_every_report(night: Path, bundle: zipfile.ZipFile) -> None:
    assert b"boot_s <b>1.5</b>" in bundle.read("index.html")
    assert b'name="measured boot_s" value="1.5"' in bundle.read("junit.xml")
    assert b'"boot_s": 1.5' in bundle.read("results.jsonl")


def test_a_result_that_names_no_files_is_diagnosed_from_the_timeline(
    night: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Runs recorded before evidence was kept by test."""
    lines = [json.loads(line) for line in (night / "results.jsonl").read_text().splitlines()]
    for line in lines:
        del line["files"], line["streams"]
    (night / "results.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    assert main(["diagnose", str(night), "--json"]) == 0
    assert "answer-to-source-port" in capsys.readouterr().out
