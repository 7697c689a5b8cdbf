"""The rendered configuration, read back the way Asterisk reads it."""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from jinja2 import Environment, StrictUndefined, UndefinedError

from harness.errors import UsageFault
from harness.lab import PbxSpec
from harness.pbx import Asterisk, Endpoint
from harness.pbx.chan_pjsip import ChanPjsip
from harness.pbx.chan_sip import ChanSip
from harness.pbx.channel_driver import ChannelDriver
from harness.pbx.render import ECHO_TEST, asterisk_codec, render_configuration
from harness.timeline import Timeline

Section = dict[str, list[str]]
PHONE = Endpoint("201", "pw-phone", ("alaw", "g722"), "phone", "Desk 201")
PEER = Endpoint("211", "pw-peer")
SPEC = PbxSpec(
    address=IPv4Address("127.43.4.2"), sip_port=5070, ami_port=5039, rtp_start=12000, rtp_end=12099
)


def read(path: Path) -> list[tuple[str, Section]]:
    """Read a .conf file: sections may repeat, so may keys; ``;`` starts a comment."""
    sections: list[tuple[str, Section]] = []
    for raw in path.read_text(encoding="utf-8").splitlines():
        line = raw.partition(";")[0].strip()
        if not line:
            continue
        if match := re.fullmatch(r"\[(.+)\]", line):
            sections.append((match[1], {}))
            continue
        key, arrow, value = re.split(r"(=>?)", line, maxsplit=1)
        assert arrow, f"not a setting: {line}"
        assert sections, f"outside any section: {line}"
        sections[-1][1].setdefault(key.strip(), []).append(value.strip())
    return sections


def test_every_secret_it_was_given_is_known(tmp_path: Path) -> None:
    pbx = Asterisk(SPEC, [PHONE, PEER], Timeline().observer("pbx"), tmp_path)
    manager = pbx.secrets - {"pw-phone", "pw-peer"}
    assert len(manager) == 1
    assert len(pbx.secrets) == 3


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    render(tmp_path, [PHONE, PEER])
    return tmp_path


@pytest.fixture
def etc16(tmp_path: Path) -> Path:
    render(tmp_path, [PHONE, PEER], SPEC.of_kind("asterisk16"))
    return tmp_path


def render(folder: Path, endpoints: list[Endpoint], spec: PbxSpec = SPEC) -> None:
    driver: ChannelDriver = ChanPjsip() if spec.kind == "asterisk22" else ChanSip()
    render_configuration(
        folder,
        spec,
        endpoints,
        driver=driver,
        ami_user="harness",
        ami_secret="s3cret",
    )


def pjsip(etc: Path, name: str, kind: str) -> Section:
    (found,) = [s for n, s in read(etc / "pjsip.conf") if n == name and s["type"] == [kind]]
    return found


def test_every_file_parses_and_nothing_half_written_stays(etc: Path) -> None:
    names = sorted(path.name for path in etc.iterdir())
    assert names == [
        "asterisk.conf", "confbridge.conf", "extensions.conf", "logger.conf", "manager.conf",
        "modules.conf", "pjsip.conf", "rtp.conf",
    ]  # fmt: skip
    for name in names:
        assert read(etc / name)
        text = (etc / name).read_text()
        assert "{" not in text.replace("${", "")


def test_transports_are_bound_to_the_pbx_address_only(etc: Path) -> None:
    for protocol in ("udp", "tcp"):
        transport = pjsip(etc, f"transport-{protocol}", "transport")
        assert transport["bind"] == ["127.43.4.2:5070"]
        assert transport["protocol"] == [protocol]
    assert "0.0.0.0" not in (etc / "pjsip.conf").read_text()


def test_a_phone_is_answered_where_it_listens_not_where_it_sent_from(etc: Path) -> None:
    phone = pjsip(etc, "201", "endpoint")
    assert phone["force_rport"] == ["no"]
    assert phone["rewrite_contact"] == ["no"]
    assert phone["rtp_symmetric"] == ["no"]


@pytest.mark.parametrize("user", ["201", "211"])
def test_media_stays_at_the_pbx(etc: Path, user: str) -> None:
    endpoint = pjsip(etc, user, "endpoint")
    assert endpoint["direct_media"] == ["no"]
    assert endpoint["dtmf_mode"] == ["rfc4733"]
    assert endpoint["media_address"] == ["127.43.4.2"]
    assert endpoint["bind_rtp_to_media_address"] == ["yes"]
    assert endpoint["context"] == ["from-internal"]


def test_codecs_password_and_name_are_the_endpoints_own(etc: Path) -> None:
    phone, peer = pjsip(etc, "201", "endpoint"), pjsip(etc, "211", "endpoint")
    assert (phone["disallow"], phone["allow"]) == (["all"], ["alaw,g722"])
    assert peer["allow"] == ["alaw,ulaw,g722"]
    assert phone["callerid"] == ['"Desk 201" <201>']
    assert peer["callerid"] == ['"211" <211>']
    assert pjsip(etc, "201", "auth")["password"] == ["pw-phone"]
    assert pjsip(etc, "211", "auth")["username"] == ["211"]


def test_a_phone_that_comes_back_replaces_its_contact(etc: Path) -> None:
    aor = pjsip(etc, "201", "aor")
    assert (aor["max_contacts"], aor["remove_existing"]) == (["1"], ["yes"])


def test_manager_listens_where_told_for_this_machine_only(etc: Path) -> None:
    sections = dict(read(etc / "manager.conf"))
    assert sections["general"]["bindaddr"] == ["127.43.4.2"]
    assert sections["general"]["port"] == ["5039"]
    user = sections["harness"]
    assert user["secret"] == ["s3cret"]
    assert user["deny"] == ["0.0.0.0/0.0.0.0"]
    assert user["permit"] == ["127.0.0.0/255.0.0.0", "127.43.4.2/255.255.255.255"]
    assert {"system", "call", "security", "dtmf"} <= set(user["read"][0].split(","))


def test_media_ports(etc: Path) -> None:
    (_, general), *_ = read(etc / "rtp.conf")
    assert (general["rtpstart"], general["rtpend"]) == (["12000"], ["12099"])


def test_dialplan_reaches_everybody_the_room_and_the_echo(etc: Path) -> None:
    plan = dict(read(etc / "extensions.conf"))["from-internal"]["exten"]
    steps = {line.split(",")[0]: line.split(",", 2)[2] for line in plan}
    assert steps["201"].startswith("Dial(PJSIP/201,")
    assert steps["211"].startswith("Dial(PJSIP/211,")
    assert steps[SPEC.conference] == steps[ECHO_TEST] == "Answer()"


def test_the_room_plays_nothing(etc: Path) -> None:
    sections = dict(read(etc / "confbridge.conf"))
    user = sections["quiet_user"]
    assert user["quiet"] == ["yes"]
    for announcement in ("announce_join_leave", "announce_only_user", "announce_user_count"):
        assert user[announcement] == ["no"]
    assert user["music_on_hold_when_empty"] == ["no"]


def test_only_named_modules_load(etc: Path) -> None:
    (_, modules), *_ = read(etc / "modules.conf")
    assert modules["autoload"] == ["no"]
    assert {"chan_pjsip.so", "app_confbridge.so", "res_pjsip_refer.so"} <= set(modules["require"])
    named = modules["require"] + modules["load"]
    assert len(named) == len(set(named))


def test_16_has_the_peer_block_of_the_how_tos(etc16: Path) -> None:
    """Line by line what chan_sip users write for such a phone; nat=no is what makes it work."""
    phone = dict(read(etc16 / "sip.conf"))["201"]
    assert phone == {
        "type": ["friend"],
        "username": ["201"],
        "secret": ["pw-phone"],
        "callerid": ['"Desk 201" <201>'],
        "context": ["from-internal"],
        "nat": ["no"],
        "canreinvite": ["no"],
        "host": ["dynamic"],
        "disallow": ["all"],
        "allow": ["alaw,g722"],
    }


def test_16_is_bound_to_the_pbx_address_only(etc16: Path) -> None:
    general = dict(read(etc16 / "sip.conf"))["general"]
    where = ["127.43.4.2:5070"]
    assert (general["udpbindaddr"], general["tcpbindaddr"]) == (where, where)
    assert (general["media_address"], general["rtpbindaddr"]) == (["127.43.4.2"], ["127.43.4.2"])
    assert general["allowguest"] == ["no"]
    assert "0.0.0.0" not in (etc16 / "sip.conf").read_text()


def test_16_speaks_sip_by_chan_sip_alone(etc16: Path) -> None:
    assert not (etc16 / "pjsip.conf").exists()
    (_, modules), *_ = read(etc16 / "modules.conf")
    named = modules["require"] + modules["load"]
    assert "chan_sip.so" in modules["require"]
    assert not [name for name in named if name.startswith(("chan_pjsip", "res_pjsip"))]
    plan = dict(read(etc16 / "extensions.conf"))["from-internal"]["exten"]
    assert "201,1,Dial(SIP/201,60)" in plan


@pytest.mark.parametrize("bad", ["a;b", "a\nb", "a]b", ""])
def test_a_password_that_would_break_the_file_is_refused(tmp_path: Path, bad: str) -> None:
    with pytest.raises(UsageFault, match="the password of extension '201'"):
        render(tmp_path, [Endpoint("201", bad)])


def test_a_caller_name_cannot_break_out_of_its_quotes(tmp_path: Path) -> None:
    evil = Endpoint("201", "x", callerid='A" <999>\n[evil]')
    render(tmp_path, [evil])
    (callerid,) = pjsip(tmp_path, "201", "endpoint")["callerid"]
    assert callerid.endswith("<201>")
    assert callerid.count('"') == 2
    assert "evil" not in [name for name, _ in read(tmp_path / "pjsip.conf")]


def test_codec_names() -> None:
    assert [asterisk_codec(n) for n in ("PCMA", "PCMU", "G722")] == ["alaw", "ulaw", "g722"]
    with pytest.raises(UsageFault, match="no codec named 'alaw'"):
        asterisk_codec("alaw")


def test_a_value_a_template_lacks_is_an_error_not_a_gap() -> None:
    template = Environment(undefined=StrictUndefined, autoescape=True).from_string("{{ absent }}")
    with pytest.raises(UndefinedError):
        template.render()
