"""A real night with a failure: its evidence, its numbers, and what may leave the house."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from base64 import b64encode
from html import escape
from pathlib import Path
from urllib.parse import quote

import pytest

from harness.cli import main
from harness.cli.repro import _scenario

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]

LINE, PEER, SHELL, SETTINGS, COMMUNITY = (
    "Kx&7pq9RzA", "Pe+er=pass1", "Sh3ll-pass-9", "73914628", "c0mmun1ty-x",
)  # fmt: skip
LAB = f"""
name: evidence
network: {{interface: lo, host: 127.61.1.1}}
virtual: {{speed: 40, seeded: {{phones: {{desk: [wrong-password]}}}}}}
power:
  pdu-1:
    driver: snmp
    mib: apc-rpdu2
    outlets: 2
    credentials: {{file: pdu.secret}}
keypads:
  keypad-1: {{port: virtual}}
  keypad-2: {{port: virtual}}
pbx: {{address: 127.61.1.2}}
provisioning:
  values: {{ssh_password: {SHELL}, phone_password: "{SETTINGS}"}}
peers:
  alice: {{extension: "211", tone: 440, address: 127.61.1.3, password: "{PEER}"}}
phones:
  desk:
    model: 7942G
    mac: 00:24:C4:AB:CD:EF
    address: 127.61.1.42
    outlet: pdu-1/1
    keypad: keypad-1
    tone: 1090
    lines: [{{user: "201", password: "{LINE}"}}]
  good:
    model: 7962G
    mac: 00:24:C4:AB:CD:F0
    address: 127.61.1.62
    outlet: pdu-1/2
    keypad: keypad-2
    tone: 1370
    lines: [{{user: "202", password: "{LINE}2"}}]
"""


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One phone has a wrong password; the other makes a call, held and resumed."""
    folder = tmp_path_factory.mktemp("night")
    (folder / "lab.yaml").write_text(LAB)
    (folder / "pdu.secret").write_text(f"community: {COMMUNITY}\n")
    (folder / "pdu.secret").chmod(0o600)
    command = [sys.executable, "-m", "harness.cli", "nightly", "--plain"]
    command += ["--lab", str(folder / "lab.yaml"), "--runs-dir", str(folder / "runs")]
    command += ["-k", "(console_shows and desk) or (hold_silences and good)"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return (folder / "runs" / "latest").resolve()


@pytest.fixture(scope="module")
def bundle(night: Path) -> zipfile.ZipFile:
    lab, out = night.parents[1] / "lab.yaml", night.parents[1] / "out.zip"
    assert main(["evidence", "export", str(night), "--out", str(out), "--lab", str(lab)]) == 0
    return zipfile.ZipFile(out)


def results(night: Path) -> dict[str, dict[str, object]]:
    lines = (night / "results.jsonl").read_text().splitlines()
    return {each["verdict"]: each for each in map(json.loads, lines)}


def test_a_failure_is_kept_whole(night: Path) -> None:
    (folder,) = (night / "tests").glob("*console_shows*")
    kept = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert kept >= {
        "capture.pcap", "ladder.txt", "ladder.html", "timeline.txt", "timeline.html",
        "timeline.jsonl", "pbx.log", "versions.json", "transfers/desk.txt",
        "configs/asterisk/pjsip.conf", "configs/desk/SEP0024C4ABCDEF.cnf.xml",
        "configs/desk/dialplan.xml", "desk/status.txt", "desk/console.txt", "desk/screen.png",
    }  # fmt: skip
    served = (folder / "configs" / "desk" / "SEP0024C4ABCDEF.cnf.xml").read_text()
    assert "<authPassword>[hidden]</authPassword>" in served
    assert "<authName>201</authName>" in served
    assert "SIP42.9-3-1SR4-1S" in (folder / "versions.json").read_text()
    log = (folder / "pbx.log").read_text()
    assert "127.61.1.42" in log
    assert "127.61.1.62" not in log, "the other test's part of the log"
    assert "response=" in (folder / "timeline.jsonl").read_text(), "digest responses stay"


def test_a_pass_is_trimmed_and_told_in_numbers(night: Path) -> None:
    (folder,) = (night / "tests").glob("*hold_silences*")
    kept = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {"capture.pcap", "ladder.txt", "timeline.txt", "rtp.txt", "lamps.txt"} <= kept
    assert not kept & {"timeline.jsonl", "timeline.html", "pbx.log"}
    voice = ["-Y", "frame.cap_len > 100 && udp && !sip && !rtcp"]
    seen = subprocess.run(
        ["tshark", "-r", str(folder / "capture.pcap"), *voice],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert seen.stdout == ""
    table = (folder / "rtp.txt").read_text()
    assert re.search(r"PCMA .* alice 0\.0-", table)
    assert re.search(r"PCMA .* good 0\.0-", table)
    numbers = results(night)["passed"]["measurements"]
    assert isinstance(numbers, dict)
    assert 0 < numbers["resume_gap_ms"] < 1500
    assert 3.5 < numbers["mos"] <= 4.41
    assert 0 <= numbers["jitter_ms"] < 30
    assert 0 < numbers["pbx_delay_ms"] < 50
    for report in ("report.html", "junit.xml"):
        assert "resume_gap_ms" in (night / report).read_text()


def test_no_secret_leaves(night: Path, bundle: zipfile.ZipFile) -> None:
    manager = re.search(r"(?m)^secret = (\S+)", (night / "pbx/etc/manager.conf").read_text())
    assert manager is not None
    secrets = {LINE, f"{LINE}2", PEER, SHELL, SETTINGS, COMMUNITY, manager[1]}
    raw = b"".join(path.read_bytes() for path in (night / "tftp").glob("SEP*"))
    assert escape(LINE).encode() in raw, "the phones were given what is searched for"
    assert SHELL.encode() in raw
    contents = {name: bundle.read(name) for name in bundle.namelist()}
    kept = [path for path in (night / "tests").rglob("*") if path.is_file()]
    kept += [night / "report.html", night / "junit.xml"]
    contents |= {str(path): path.read_bytes() for path in kept}
    for secret in secrets:
        forms = {secret, escape(secret), quote(secret, safe=""), json.dumps(secret)[1:-1]}
        forms |= {b64encode(f"{user}:{secret}".encode()).decode() for user in ("cisco", "harness")}
        for name, content in contents.items():
            assert not [form for form in forms if form.encode() in content], name
    tops = {name.partition("/")[0] for name in contents if not name.startswith("/")}
    assert not tops & {"tftp", "pbx", "twins", "peers", "session.pcap"}


def test_the_bundle_opens_by_itself(bundle: zipfile.ZipFile, night: Path) -> None:
    page = bundle.read("index.html").decode()
    links = re.findall(r'(?:href|src)="([^"]*)"', page)
    assert any(link.endswith("screen.png") for link in links)
    assert {link.replace("%5B", "[").replace("%5D", "]") for link in links} <= set(
        bundle.namelist()
    )
    assert "http" not in "".join(links)
    for name in bundle.namelist():
        assert str(night).encode() not in bundle.read(name), name


def test_the_bundle_is_understood(
    bundle: zipfile.ZipFile, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diagnose", str(bundle.filename), "--json"]) == 0
    found = {each["rule"] for each in json.loads(capsys.readouterr().out)}
    assert "password-refused" in found
    assert _scenario(str(bundle.filename)).name == "registering-long-password"
