"""Secrets by value, in every form a text gives them, and by the key they stand under."""

from __future__ import annotations

import json
from base64 import b64encode
from html import escape
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markupsafe import escape as jinja_escape

from harness.evidence import HIDDEN_LONG, redact, redact_capture, redact_file, secrets_below

#: A sample with every character that one of the forms writes in its own way.
SECRET = "hu<n\"t>e'r&2 x/é+z"


@given(st.text(), st.text(min_size=6).filter(lambda s: not set(s) & set(HIDDEN_LONG)))
def test_no_secret_is_left(text: str, secret: str) -> None:
    said = redact(f"{text}{secret}{text}", [secret])
    assert "[hidden" in said
    assert secret not in said


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        escape(SECRET),
        escape(SECRET, quote=False),
        str(jinja_escape(SECRET)),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        json.dumps(f"<x>{escape(SECRET)}</x>"),
        quote(SECRET, safe=""),
        quote(SECRET),
        urlencode({"x": SECRET}),
        *(b64encode(f"{user}:{SECRET}".encode()).decode() for user in ("a", "ab", "abc")),
    ],
)
def test_every_form_of_a_value(written: str) -> None:
    said = redact(f"before {written} after", [SECRET])
    assert "[hidden]" in said
    assert SECRET not in said
    for part in ("hu<n", "hu&lt;n", "hu%3Cn", "t>e'r", b64encode(SECRET.encode()[2:8]).decode()):
        assert part not in said


@given(
    st.lists(
        st.sampled_from(
            [
                "<authPassword>Blaubeere</authPassword>",
                "secret = Blaubeere",
                "a harmless line about the community",
                '"ssh_password": "Blaubeere"',
                "harness phone --password Blaubeere",
                "Authorization: Basic QmxhdWJlZXJl",
                "İ",
                *("filler " * count for count in (1, 100, 500)),
            ]
        )
    )
)
@example(["secret = Blaubeere", *["filler " * 500] * 2, "secret = Blaubeere"])
def test_what_stands_under_a_key_is_found_wherever_it_is(lines: list[str]) -> None:
    assert redact("\n".join(lines), []) == "\n".join(redact(line, []) for line in lines)


def test_a_value_of_several_lines_is_found() -> None:
    said = redact("x\n" * 5000 + "<authPassword>Blau\nbeere\n</authPassword>" + "\ny" * 5000, [])
    assert "Blau" not in said
    assert "beere" not in said


@pytest.mark.parametrize(
    "line",
    [
        "<authPassword>{}</authPassword>",
        "<authPassword>a&lt;b&amp;{}</authPassword>",
        "&lt;authPassword&gt;a&amp;lt;b{}&lt;/authPassword&gt;",
        "<phonePassword>{}</phonePassword>",
        "&lt;sshPassword&gt;{}&lt;/sshPassword&gt;",
        "secret={}",
        "secret = {}",
        "md5secret => {} ; of 201",
        "password={}",
        '{{"password": "{}"}}',
        '{{"text": "{{\\"community\\": \\"{}\\"}}"}}',
        "&#34;community&#34;: &#34;{}&#34;",
        "snmpget --community {} host",
        "GET /authenticate?UserID=harness&Password={}&devicename=SEP0 HTTP/1.1",
        "ha1={}",
        "HA1 = {}",
        "Authorization: Basic {}==",
    ],
)
def test_what_stands_under_a_key_goes_and_nothing_beside_it(line: str) -> None:
    value = "Zx81Zx81"
    said = redact(line.format(value), [])
    assert value not in said
    before, _, after = line.format("\0").partition("\0")
    before = before.removesuffix("a&lt;b&amp;").removesuffix("a&amp;lt;b")
    assert said.startswith(before)
    assert said.rstrip("=").endswith(after.rstrip("="))
    assert redact(said, []) == said, "a second time changes nothing"


@pytest.mark.parametrize(
    "line",
    [
        'Digest username="201", realm="asterisk", nonce="7a", response="0123abcd", cnonce="9"',
        "the password is wrong; no secret, no community: look at sip.conf",
        "export PDU_1_COMMUNITY=…",
        "4 passwords=", "<authPassword></authPassword>",
        "a Basic call in both directions",
    ],
)  # fmt: skip
def test_what_a_fault_is_read_from_stays(line: str) -> None:
    assert redact(line, []) == line


def test_the_longer_of_two_nested_secrets_goes_first() -> None:
    assert redact("abcdefgh abcdef", ["abcdef", "abcdefgh"]) == "[hidden] [hidden]"


def test_a_short_one_is_hidden_as_a_word_only() -> None:
    """A phonePassword is four digits: a port or a byte count may hold them."""
    assert redact("7391 at 10.0.0.1:47391", ["7391"]) == "[hidden] at 10.0.0.1:47391"


def test_logins_that_all_the_world_knows_are_not_hidden() -> None:
    line = "Content-Type: application/x-cisco-remotecc-request+xml 1234"
    assert redact(line, ["cisco", "1234"]) == line


def test_one_longer_than_a_phone_keeps_is_told_apart() -> None:
    secret = "x7" * 20
    assert redact(f"<authPassword>{secret}</authPassword>", [secret]).count(HIDDEN_LONG) == 1
    assert redact(f"secret={secret}", []) == f"secret={HIDDEN_LONG}"
    # The phone's own log has what it keeps.
    assert redact(f"log {secret[:31]}!", [secret]) == f"log {HIDDEN_LONG}!"
    assert len(HIDDEN_LONG) > 31


def test_a_capture_keeps_its_lengths(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(b"\xff" + SECRET.encode() + b" " + quote(SECRET).encode() + b" short \xfe")
    size = path.stat().st_size
    redact_capture(path, [SECRET, "short"])
    data = path.read_bytes()
    assert len(data) == size
    assert SECRET.encode() not in data
    assert quote(SECRET).encode() not in data
    assert b"short" in data


def test_what_a_run_rendered_tells_its_secrets(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "manager.conf").write_text("[harness]\nsecret = abc_DEF-1\n")
    (tmp_path / "SEP.cnf.xml").write_text(
        "<a><authPassword>zx&lt;vbn</authPassword><sshPassword>cisco</sshPassword></a>"
    )
    (tmp_path / "notes.bin").write_bytes(b"secret=ignored\xff")
    assert secrets_below(tmp_path) == {"abc_DEF-1", "zx<vbn"}


def test_a_file_is_rewritten_only_when_it_must_be(tmp_path: Path) -> None:
    path = tmp_path / "timeline.jsonl"
    path.write_text("login zxcvbnm\n")
    path.chmod(0o600)
    before = path.stat().st_ino
    redact_file(path, ["qwertz"])
    assert path.stat().st_ino == before
    redact_file(path, ["zxcvbnm"])
    assert path.read_text() == "login [hidden]\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["timeline.jsonl"]
