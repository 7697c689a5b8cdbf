"""Every rule finds its mistake in a good tree, and nothing in the good tree itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.lab import load_lab
from harness.provisioning import render_tree
from harness.provisioning.lint import RULES, Severity, lint, tree_of

ROOT = Path(__file__).parents[3]
SEP = "SEP0024C4ABCDEF.cnf.xml"
LOADS = b"\0\1SIP42\0jar42sip.9-3-1ES26.sbn\0apps42.9-3-1ES26.sbn\0"
SIP_CONF = b"[general]\nnat=no\n[201]\ntype=friend\nsecret=short7pw\ndisallow=all\nallow=alaw\n"
DHCP = b'host d { hardware ethernet 00:24:c4:ab:cd:ef; option tftp-server-name "192.0.2.1"; }\n'


def good() -> dict[str, bytes]:
    """A whole TFTP root, with the PBX's and the DHCP server's files, that nothing is wrong with."""
    lab = load_lab(ROOT / "lab.yaml")
    line = lab.phones["desk-7942"].lines[0]
    tree = {name: body for name, body in render_tree(lab).items() if "CDF0" not in name}
    text = tree[SEP].decode()
    for old, new in (
        (line.password.get_secret_value(), "short7pw"),
        ("<kpml>3", "<kpml>0"),
        ("<pcPort>1", "<pcPort>0"),
        ("<spanToPCPort>1", "<spanToPCPort>0"),
        ("<cnfJoinEnabled>true", "<cnfJoinEnabled>false"),
        ("<authenticationURL>", "<authenticationURL>http://192.0.2.1/authenticate"),
    ):
        assert old in text, old
        text = text.replace(old, new)
    tree[SEP] = text.encode()
    names = ("jar42sip.9-3-1ES26.sbn", "apps42.9-3-1ES26.sbn", "Germany/g3-tones.xml")
    tree |= dict.fromkeys((*names, "English_United_Kingdom/mk-sip.jar"), b"")
    tree["Germany/g3-tones.xml"] = b"<tones/>"
    tree["SIP42.9-3-1SR4-1S.loads"] = LOADS
    return tree | {"sip.conf": SIP_CONF, "dhcpd.conf": DHCP}


#: Rule, file, what is replaced, by what.
MISTAKES = [
    ("xml-not-well-formed", SEP, "</deviceProtocol>", "</deviceProtokol>"),
    ("wrong-root", SEP, "device>", "gadget>"),
    ("placeholder", SEP, "<name>201", "<name>_USER_"),
    ("placeholder", SEP, "<name>201", "<name>{{ user }}"),
    ("placeholder", SEP, "<name>201", "<name>%USER%"),
    ("other-family-load", SEP, "SIP42.9-3-1SR4-1S", "SCCP42.9-3-1SR4-1S"),
    ("other-family-load", SEP, "SIP42.9-3-1SR4-1S", "P0S3-8-12-00"),
    ("protocol-not-sip", SEP, "<deviceProtocol>SIP", "<deviceProtocol>SCCP"),
    ("lines-outside-profile", SEP, "sipProfile>", "sipprofile>"),
    ("no-first-line", SEP, "<featureID>9", "<featureID>2"),
    ("no-first-line", SEP, 'button="1"', 'button="2"'),
    ("button-out-of-range", SEP, 'button="1"', 'button="7"'),
    ("button-out-of-range", SEP, 'button="1"', 'button="3"'),
    ("password-length", SEP, "short7pw", "p" * 32),
    ("password-length", SEP, "short7pw", "p" * 13),
    ("password-characters", SEP, "short7pw", "p&amp;ss wörd"),
    ("line-proxy", SEP, "USECALLMANAGER", "192.0.2.2"),
    ("names-differ", SEP, "<contact>201", "<contact>202"),
    ("no-second-call", SEP, "<sharedLine>", "<busyTrigger>1</busyTrigger><sharedLine>"),
    ("label-length", SEP, "<phoneLabel>desk-7942", "<phoneLabel>Front Desk"),
    ("boolean-word", SEP, "<semiAttendedTransfer>true", "<semiAttendedTransfer>TRUE"),
    ("inverted-switch", SEP, "<pcPort>0", "<pcPort>1"),
    ("inverted-switch", SEP, "<webAccess>0", "<webAccess>true"),
    ("codec-name", SEP, "g711alaw", "alaw"),
    ("dtmf-mode", SEP, "<dtmfOutofBand>avt", "<dtmfOutofBand>none"),
    ("kpml", SEP, "<kpml>0", "<kpml>3"),
    ("transport", SEP, "<transportLayerProtocol>2", "<transportLayerProtocol>5"),
    ("transport", SEP, "<transportLayerProtocol>2", "<transportLayerProtocol>3"),
    ("security-mode", SEP, "<deviceSecurityMode>1", "<deviceSecurityMode>3"),
    ("register-timer", SEP, "<timerRegisterExpires>3600", "<timerRegisterExpires>20"),
    ("no-register", SEP, "<registerWithProxy>true", "<registerWithProxy>1"),
    ("media-ports", SEP, "<startMediaPort>16384", "<startMediaPort>16385"),
    ("service-uri", SEP, "x-cisco-serviceuri-cfwdall", "x--serviceuri-cfwdall"),
    ("conference", SEP, "<cnfJoinEnabled>false", "<cnfJoinEnabled>true"),
    ("authentication-url", SEP, "http://192.0.2.1/authenticate", ""),
    ("too-long", SEP, "<directoryURL>", "<directoryURL>http://" + "a" * 250),
    ("time-zone", SEP, "W. Europe Standard/Daylight Time", "Europe/Berlin"),
    ("no-server", SEP, "<processNodeName>127.42.0.2", "<processNodeName>"),
    ("no-server", SEP, "<processNodeName>127.42.0.2", "<processNodeName>pbx.example"),
    ("port-range", SEP, "<sipPort>5060", "<sipPort>506000"),
    ("outbound-proxy", SEP, "<outboundProxy>", "<outboundProxy>192.0.2.9"),
    ("load-name", SEP, "SIP42.9-3-1SR4-1S<", "SIP42.9-3-1SR4-1S.loads<"),
    ("load-not-staged", SEP, "SIP42.9-3-1SR4-1S", "SIP42.9-4-2SR3-1S"),
    ("load-not-staged", "SIP42.9-3-1SR4-1S.loads", "jar42sip", "Jar42sip"),
    ("locale-not-staged", SEP, "<networkLocale>Germany", "<networkLocale>Spain"),
    ("template-not-staged", SEP, "<dialTemplate>dialplan.xml", "<dialTemplate>DialPlan.xml"),
    ("no-dial-template", SEP, "<dialTemplate>dialplan.xml", "<dialTemplate>"),
    ("no-catch-all", "dialplan.xml", 'MATCH="*"', 'MATCH="0."'),
    ("dial-row", "dialplan.xml", 'Timeout="3"', 'Timeout="soon"'),
    ("dial-row", "dialplan.xml", 'MATCH="2.."', 'PATTERN="2.."'),
    ("ring-file", "Ringlist.xml", "</C", "<Ring><FileName>a.raw</FileName></Ring></C"),
    ("pbx-user", "sip.conf", "[201]", "[301]"),
    ("pbx-password", "sip.conf", "short7pw", "another1"),
    ("pbx-codec", "sip.conf", "allow=alaw", "allow=g711alaw"),
    ("pbx-codec", "sip.conf", "\nallow=alaw", ""),
    ("pbx-nat", "sip.conf", "nat=no", "nat=force_rport,comedia"),
    ("pbx-transport", SEP, "<transportLayerProtocol>2", "<transportLayerProtocol>1"),
    ("dhcp-host", "dhcpd.conf", "cd:ef", "cd:aa"),
    ("dhcp-host", "dhcpd.conf", "tftp-server-name", "root-path"),
]


def test_nothing_is_wrong_with_a_good_tree() -> None:
    assert lint(tree_of(good())) == []


@pytest.mark.parametrize(("rule", "name", "old", "new"), MISTAKES)
def test_a_mistake_is_found_where_it_is(rule: str, name: str, old: str, new: str) -> None:
    tree = good()
    text = tree[name].decode()
    assert old in text
    tree[name] = text.replace(old, new).encode()
    found = [finding for finding in lint(tree_of(tree)) if finding.rule == rule]
    assert found
    assert found[0].line >= 1
    assert found[0].symptom
    assert found[0].fix


def test_a_node_before_its_ports_is_found() -> None:
    tree = good()
    text = tree[SEP].decode()
    node = "<processNodeName>127.42.0.2</processNodeName>"
    text = text.replace(node, "").replace("<callManager>", f"<callManager>{node}")
    tree[SEP] = text.encode()
    assert [each.rule for each in lint(tree_of(tree))] == ["node-before-ports"]


@pytest.mark.parametrize("name", ["SEP0024c4abcdef.cnf.xml", "SEP0024C4ABCD.cnf.xml"])
def test_a_name_no_phone_asks_for(name: str) -> None:
    tree = good()
    tree[name] = tree.pop(SEP)
    assert "file-name" in {each.rule for each in lint(tree_of(tree))}


def test_files_of_another_family_and_too_big_ones() -> None:
    tree = good() | {"SIPDefault.cnf": b"image_version: P0S3-8-12-00\n"}
    tree["dialplan.xml"] += b"<!--" + b"x" * 560_000 + b"-->"
    assert {"other-family", "file-too-big"} <= {each.rule for each in lint(tree_of(tree))}


def test_every_rule_is_shown_to_find_something() -> None:
    elsewhere = {"file-name", "other-family", "file-too-big", "node-before-ports"}
    assert set(RULES) == {rule for rule, *_ in MISTAKES} | elsewhere


def test_pjsip_answers_to_the_sending_port_by_default() -> None:
    tree = good()
    del tree["sip.conf"]
    conf = "[201]\ntype=endpoint\nallow=alaw\n{}[201-auth]\ntype=auth\nusername=201\n"
    conf += "password=short7pw\n"
    tree["pjsip.conf"] = conf.format("").encode()
    assert [each.rule for each in lint(tree_of(tree))] == ["pbx-nat"]
    tree["pjsip.conf"] = conf.format("force_rport=no\nrewrite_contact=no\n").encode()
    assert lint(tree_of(tree)) == []


def test_severities_differ_within_a_rule() -> None:
    tree = good()
    tree[SEP] = tree[SEP].replace(b"short7pw", b"p" * 13)
    tree["sip.conf"] = tree["sip.conf"].replace(b"short7pw", b"p" * 13)
    assert [each.severity for each in lint(tree_of(tree))] == [Severity.WARNING]
