"""The phone twin's parts: how it reads its files, its codes, its messages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageFault
from harness.virtual.phone.config import ConfigError, PhoneConfig, parse_config, parse_default
from harness.virtual.phone.defects import DEFECTS, Defects
from harness.virtual.phone.dialplan import UNMATCHED_SECONDS, parse_dial_plan
from harness.virtual.phone.firmware import generation, is_older, parse_loads
from harness.virtual.phone.flash import Flash
from harness.virtual.phone.reset import CodeEntry, ResetKind
from harness.virtual.phone.sip import sdp
from harness.virtual.phone.sip.digest import authorization
from harness.virtual.phone.sip.identity import Identity
from harness.virtual.phone.sip.message import Message, parse_message, tag_of, uri_of
from harness.virtual.phone.softkeys import Display, soft_key

LINE = """<line button="1"><featureID>9</featureID><proxy>{proxy}</proxy><name>201</name>
<authName>201</authName><authPassword>{password}</authPassword></line>"""


def config(
    *,
    servers: str = "<ports><sipPort>5070</sipPort></ports>"
    "<processNodeName>127.0.0.9</processNodeName>",
    proxy: str = "USECALLMANAGER",
    password: str = "secret",
    profile: str = "",
    generation: int = 9,
) -> PhoneConfig:
    text = f"""<device><devicePool><callManagerGroup><members><member><callManager>{servers}
    </callManager></member></members></callManagerGroup></devicePool>
    <sipProfile>{profile}<sipLines>{LINE.format(proxy=proxy, password=password)}</sipLines>
    </sipProfile></device>"""
    return parse_config(text.encode(), generation, 2, "127.0.0.1")


def test_servers_and_lines() -> None:
    read = config()
    assert read.servers == (("127.0.0.9", 5070),)
    assert [line.name for line in read.lines] == ["201"]


def test_a_port_after_the_node_lands_on_the_next_server() -> None:
    node = "<processNodeName>127.0.0.9</processNodeName>"
    read = config(servers=f"{node}<ports><sipPort>5070</sipPort></ports>")
    assert read.servers == (("127.0.0.9", 5060),)


def test_without_a_server_that_resolves_the_tftp_server_is_asked() -> None:
    read = config(servers="<processNodeName>pbx.example</processNodeName>")
    assert read.servers == (("127.0.0.1", 5060),)
    assert any("No Valid Unified CMs" in problem for problem in read.problems)


@pytest.mark.parametrize(("generation", "lines"), [(9, 0), (8, 1)])
def test_an_address_as_proxy_registers_only_before_9(generation: int, lines: int) -> None:
    assert len(config(proxy="127.0.0.9", generation=generation).lines) == lines


def test_a_password_keeps_31_characters() -> None:
    (line,) = config(password="x" * 40).lines
    assert line.auth_password == "x" * 31


@pytest.mark.parametrize(("text", "meant"), [("true", True), ("TRUE", False), ("1", False)])
def test_only_the_exact_word_is_true(text: str, meant: bool) -> None:
    profile = f"<sipCallFeatures><rfc2543Hold>{text}</rfc2543Hold></sipCallFeatures>"
    assert config(profile=profile).rfc2543_hold is meant


@pytest.mark.parametrize(
    ("word", "payload"), [("g711alaw", 8), ("g722", 9), ("alaw", None), ("none", None)]
)
def test_codecs_have_the_phones_names(word: str, payload: int | None) -> None:
    assert config(profile=f"<preferredCodec>{word}</preferredCodec>").preferred_codec == payload


@pytest.mark.parametrize(
    ("word", "offered", "sent_to_one_with", "sent_to_one_without"),
    [
        ("avt", 101, 96, None),
        ("avt_always", 101, 96, 101),
        ("none", None, None, None),
        ("out", 101, 96, None),
    ],
)
def test_digits_go_as_dtmfoutofband_says(
    word: str, offered: int | None, sent_to_one_with: int | None, sent_to_one_without: int | None
) -> None:
    read = config(profile=f"<dtmfOutofBand>{word}</dtmfOutofBand>")
    assert read.offered_dtmf == offered
    assert read.sent_dtmf(96) == sent_to_one_with
    assert read.sent_dtmf(None) == sent_to_one_without
    body = sdp.build("127.0.0.9", 16384, [8, 0], read.offered_dtmf, "sendrecv", 1, 1)
    assert ("telephone-event" in body) is (offered is not None)
    parsed = sdp.parse(body)
    assert parsed is not None
    assert parsed.dtmf == offered


def test_lines_outside_the_profile_are_not_there() -> None:
    text = (
        f"<device><sipLines>{LINE.format(proxy='USECALLMANAGER', password='x')}</sipLines></device>"
    )
    read = parse_config(text.encode(), 9, 2, "127.0.0.1")
    assert not read.lines
    assert "sipMinCfgCheck():Line 1 not configured.." in read.problems


@given(st.binary(max_size=300))
def test_no_bytes_crash_the_parsers(content: bytes) -> None:
    for parse in (
        lambda: parse_config(content, 9, 2, "127.0.0.1"),
        lambda: parse_default(content, 434, "127.0.0.1"),
    ):
        try:
            parse()
        except ConfigError:
            continue
    parse_dial_plan(content)
    parse_loads(content)
    message = parse_message(content)
    if message is not None:
        message.encode()
    sdp.parse(content.decode("latin-1"))


def test_entities_are_refused_unread() -> None:
    bomb = b'<!DOCTYPE d [<!ENTITY a "aaaa">]><device>&a;</device>'
    with pytest.raises(ConfigError):
        parse_config(bomb, 9, 2, "127.0.0.1")


ARTICLE_PLAN = b"""<DIALTEMPLATE>
  <TEMPLATE MATCH="2.." Timeout="0" User="Phone"/>
  <TEMPLATE MATCH="*" Timeout="3" User="Phone"/>
</DIALTEMPLATE>"""


@pytest.mark.parametrize(
    ("digits", "wait"), [("2", 3.0), ("21", 3.0), ("211", 0.0), ("311", 3.0), ("2111", 3.0)]
)
def test_the_articles_dial_plan(digits: str, wait: float) -> None:
    plan = parse_dial_plan(ARTICLE_PLAN)
    assert plan is not None
    assert plan.wait(digits) == wait


def test_without_a_plan_the_phone_waits_long() -> None:
    plan = parse_dial_plan(b"<dialTemplate/>")
    assert plan is not None
    assert plan.wait("211") == UNMATCHED_SECONDS


@pytest.mark.parametrize("kind", list(ResetKind))
@pytest.mark.parametrize("double", [False, True])
def test_reset_codes_also_with_doubled_keys(kind: ResetKind, double: bool) -> None:
    entry = CodeEntry()
    for key in kind.keys:
        for _ in range(2 if double else 1):
            entry.press(key)
    assert entry.kind is kind
    assert not entry.wrong


@pytest.mark.parametrize("typed", ["124", "4", "1234567899*00#5", "34917"[:4] + "8"])
def test_a_wrong_key_ends_the_entry(typed: str) -> None:
    entry = CodeEntry()
    for key in typed:
        entry.press(key)
    assert entry.wrong or entry.kind is not None
    assert entry.kind is None or typed.startswith("12345678")


def test_loads_are_compared_by_version() -> None:
    assert is_older("SIP42.8-5-2S", "SIP42.9-3-1SR4-1S")
    assert is_older("SIP42.9-3-1SR3-1S", "SIP42.9-3-1SR4-1S")
    assert not is_older("SIP42.9-3-1SR4-1S", "SIP42.9-3-1SR4-1S")
    assert not is_older("SIP42.9-3-1SR4-1S", "")
    assert (generation("SIP42.8-5-2S"), generation("anything")) == (8, 9)


def test_flash_survives_and_wipes(tmp_path: Path) -> None:
    path = tmp_path / "flash.json"
    flash = Flash(path, "SIP42.8-5-2S")
    flash.load = "SIP42.9-3-1SR4-1S"
    flash.save()
    assert Flash(path, "ignored").load == "SIP42.9-3-1SR4-1S"
    flash.wipe()
    assert Flash(path, "ignored").load == ""


def test_an_unknown_defect_is_refused_and_a_known_one_says_that_it_fired(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(UsageFault, match="no defect named made-up"):
        Defects(["made-up"])
    assert not Defects([]).fires("dtmf-doubled")
    assert Defects(["dtmf-doubled"]).fires("dtmf-doubled")
    assert capsys.readouterr().err == "defect fired: dtmf-doubled\n"
    assert all(DEFECTS.values())


def test_a_defect_can_come_with_a_load_and_go_with_it() -> None:
    runs = ["SIP42.9-3-1SR4-1S"]
    planted = Defects(["dtmf-doubled@SIP42.9-4-2SR3-1S"], lambda: runs[-1])
    assert not planted.fires("dtmf-doubled")
    runs.append("SIP42.9-4-2SR3-1S")
    assert planted.fires("dtmf-doubled")
    with pytest.raises(UsageFault):
        Defects(["made-up@SIP42.9-4-2SR3-1S"])


def test_messages_survive_the_wire() -> None:
    message = Message("INVITE sip:211@127.0.0.9 SIP/2.0", body="v=0\r\n")
    message.headers += [
        ("Via", "SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKab"),
        ("CSeq", "7 INVITE"),
    ]
    again = parse_message(message.encode())
    assert again is not None
    assert (again.method, again.cseq, again.branch, again.body) == (
        "INVITE",
        7,
        "z9hG4bKab",
        "v=0\r\n",
    )


def test_compact_and_folded_headers() -> None:
    again = parse_message(
        b"SIP/2.0 200 OK\r\nf: <sip:a@b>;tag=1\r\ni: x\r\nCSeq: 1\r\n  BYE\r\n\r\n"
    )
    assert again is not None
    assert (tag_of(again.get("From")), uri_of(again.get("From"))) == ("1", "sip:a@b")
    assert (again.call_id, again.get("CSeq"), again.status) == ("x", "1 BYE", 200)


def test_digest_of_rfc_2069_style() -> None:
    value = authorization(
        'Digest realm="r", nonce="n", qop="auth"', "REGISTER", "sip:x", "201", "secret"
    )
    assert "qop" not in value
    assert re.search(r'response="[0-9a-f]{32}"', value)
    assert value != authorization('Digest realm="r",nonce="n"', "REGISTER", "sip:x", "201", "secre")


def test_the_offer_is_the_phones() -> None:
    order = sdp.offer_order(config(profile="<preferredCodec>g711alaw</preferredCodec>"))
    assert order == [8, 0, 18, 9, 116]
    body = sdp.build("127.0.0.1", 16384, order, 101, "sendonly", 1, 1)
    lines = body.split("\r\n")
    assert lines.index("m=audio 16384 RTP/AVP 8 0 18 9 116 101") < lines.index("c=IN IP4 127.0.0.1")
    read = sdp.parse(body)
    assert read is not None
    assert (read.port, read.direction, read.dtmf, read.types[0]) == (16384, "sendonly", 101, 8)


def test_the_answer_takes_the_offerers_order() -> None:
    offered = sdp.parse(sdp.build("127.0.0.1", 9, [116, 9, 0, 8], 101, "sendrecv", 1, 1))
    assert offered is not None
    assert sdp.choose(offered, config()) == [9, 0, 8]


def test_identifiers_carry_the_mac() -> None:
    identity = Identity("0024c4abcdef", "127.0.0.1", 5060, "CP-7942G", 434, "SIP42.9-3-1SR4-1S")
    assert identity.user_agent == "Cisco-CP7942G/9.3.1"
    assert identity.tag().startswith("0024c4abcdef")
    assert identity.call_id().startswith("0024c4ab-cdef")
    assert '+u.sip!model.ccm.cisco.com="434"' in identity.contact("201")


def test_soft_keys_turn_pages() -> None:
    assert soft_key(Display.CONNECTED, 0, 3) == "Trnsfer"
    assert soft_key(Display.CONNECTED, 1, 1) == "Confrn"
    assert soft_key(Display.CONNECTED, 2, 1) == "Hold"
    assert soft_key(Display.IDLE, 0, 4) == ""
