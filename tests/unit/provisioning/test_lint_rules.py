"""Every rule finds its mistake in a good tree, and keeps still at what only looks like it."""

from __future__ import annotations

import pytest
from good_root import SEP, good

from harness.models import ModelName
from harness.provisioning.lint import RULES, Finding, Severity, lint, tree_of

PJ = "pjsip.conf"
DEFAULT = "XMLDefault.cnf.xml"
SPEED_DIAL = "<speedDialNumber>9</speedDialNumber>"
PRINTER = "host printer { hardware ethernet 00:11:22:33:44:55; }\n"
TFTP_FOR_ALL = """option tftp-server-name "192.0.2.1";
host e { hardware ethernet 00:24:c4:ab:cd:ee; }
"""
LINE_2 = '<line button="2"><featureID>{}</featureID>{}</line></sipLines>'
RING = "<Ring><DisplayName>A</DisplayName><FileName>{}</FileName></Ring></C"

#: Rule, file, what is replaced, by what.
MISTAKES = [
    ("xml-not-well-formed", SEP, "</deviceProtocol>", "</deviceProtokol>"),
    ("xml-not-well-formed", DEFAULT, "</loadInformation404>", "</loadInformation>"),
    ("xml-not-well-formed", SEP, "<phoneLabel>desk-7942", "<phoneLabel>R&D"),
    ("wrong-root", SEP, "device>", "gadget>"),
    ("placeholder", SEP, "<name>201", "<name>_USER_"),
    ("placeholder", SEP, "<name>201", "<name>{{ user }}"),
    ("placeholder", SEP, "<name>201", "<name>%MAC%"),
    ("placeholder", SEP, "<name>201", "<name>${USER}"),
    ("placeholder", SEP, "short7pw", "CHANGEME"),
    ("placeholder", "sip.conf", "short7pw", "_PASSWORD_"),
    ("other-family-load", SEP, "SIP42.9-3-1SR4-1S", "SCCP42.9-3-1SR4-1S"),
    ("other-family-load", SEP, "SIP42.9-3-1SR4-1S", "P0S3-8-12-00"),
    ("other-family-load", DEFAULT, "SIP42.9-3-1SR4-1S", "SIP45.9-3-1SR4-1S"),
    ("other-family-load", SEP, "SIP42.9-3-1SR4-1S", "apps42.9-3-1ES26"),
    ("protocol-not-sip", SEP, "<deviceProtocol>SIP", "<deviceProtocol>SCCP"),
    ("protocol-not-sip", SEP, "<deviceProtocol>SIP", "<deviceProtocol>sip"),
    ("default-file", DEFAULT, "loadInformation434", "loadInformation435"),
    ("lines-outside-profile", SEP, "sipProfile>", "sipprofile>"),
    ("no-first-line", SEP, "<featureID>9", "<featureID>2"),
    ("no-first-line", SEP, 'button="1"', 'button="2"'),
    ("no-first-line", SEP, "<name>201", "<name>"),
    ("button-out-of-range", SEP, 'button="1"', 'button="7"'),
    ("button-out-of-range", SEP, 'button="1"', 'button="0"'),
    ("button-out-of-range", SEP, "</sipLines>", LINE_2.format(1, "").replace('"2"', '"1"')),
    ("line-feature", SEP, "</sipLines>", LINE_2.format(9, "")),
    ("line-feature", SEP, "</sipLines>", LINE_2.format(2, "")),
    ("line-feature", SEP, "</sipLines>", LINE_2.format(99, "")),
    ("password-length", SEP, "short7pw", "p" * 32),
    ("password-length", SEP, "short7pw", "p" * 13),
    ("password-characters", SEP, "short7pw", "p&amp;ss word"),
    ("password-characters", SEP, "short7pw", "pässwort"),
    ("password-characters", SEP, "short7pw", "short7pw "),
    ("line-proxy", SEP, "USECALLMANAGER", "192.0.2.2"),
    ("line-proxy", SEP, "USECALLMANAGER", ""),
    ("names-differ", SEP, "<contact>201", "<contact>202"),
    ("no-second-call", SEP, "<sharedLine>", "<busyTrigger>1</busyTrigger><sharedLine>"),
    ("no-second-call", SEP, "<sharedLine>", "<maxNumCalls>1</maxNumCalls><sharedLine>"),
    ("label-length", SEP, "<phoneLabel>desk-7942", "<phoneLabel>Front Desk"),
    ("label-length", SEP, "<phoneLabel>desk-7942", "<phoneLabel>1234567890123"),
    ("label-length", SEP, "<featureLabel>Desk 201", "<featureLabel>" + "x" * 31),
    ("boolean-word", SEP, "<semiAttendedTransfer>true", "<semiAttendedTransfer>TRUE"),
    ("boolean-word", SEP, "<natEnabled>false", "<natEnabled>1"),
    ("inverted-switch", SEP, "<pcPort>0", "<pcPort>1"),
    ("inverted-switch", SEP, "<sshAccess>0", "<sshAccess>1"),
    ("inverted-switch", SEP, "<webAccess>0", "<webAccess>true"),
    ("codec-name", SEP, "g711alaw", "alaw"),
    ("codec-name", SEP, "g711alaw", "g729"),
    ("dtmf-mode", SEP, "<dtmfOutofBand>avt", "<dtmfOutofBand>none"),
    ("dtmf-mode", SEP, "<dtmfOutofBand>avt", "<dtmfOutofBand>rfc2833"),
    ("kpml", SEP, "<kpml>0", "<kpml>3"),
    ("transport", SEP, "<transportLayerProtocol>2", "<transportLayerProtocol>5"),
    ("transport", SEP, "<transportLayerProtocol>2", "<transportLayerProtocol>udp"),
    ("transport", SEP, "<transportLayerProtocol>2", "<transportLayerProtocol>3"),
    ("security-mode", SEP, "<deviceSecurityMode>1", "<deviceSecurityMode>3"),
    ("register-timer", SEP, "<timerRegisterExpires>3600", "<timerRegisterExpires>24"),
    ("no-register", SEP, "<registerWithProxy>true", "<registerWithProxy>1"),
    ("media-ports", SEP, "<startMediaPort>16384", "<startMediaPort>16385"),
    ("media-ports", SEP, "<stopMediaPort>32766", "<stopMediaPort>16000"),
    ("service-uri", SEP, "x-cisco-serviceuri-cfwdall", "x--serviceuri-cfwdall"),
    ("service-uri", SEP, "x-cisco-serviceuri-cfwdall", "x-serviceuri-cfwdall"),
    ("service-uri", SEP, "x-cisco-serviceuri-cfwdall", "cfwdall"),
    ("service-uri", SEP, "x-cisco-serviceuri-gpickup", "x-cisco-serviceuri-meetme"),
    ("conference", SEP, "<cnfJoinEnabled>false", "<cnfJoinEnabled>true"),
    ("authentication-url", SEP, "http://192.0.2.1/authenticate", ""),
    ("too-long", SEP, "<directoryURL>", "<directoryURL>http://" + "a" * 249),
    ("too-long", SEP, "<processNodeName>127.42.0.2", "<processNodeName>pbx." + "a" * 47),
    ("time-zone", SEP, "W. Europe Standard/Daylight Time", "Europe/Berlin"),
    ("time-zone", SEP, "W. Europe Standard/Daylight Time", "W. Europe Standard Time"),
    ("no-server", SEP, "<processNodeName>127.42.0.2", "<processNodeName>"),
    ("no-server", SEP, "<processNodeName>127.42.0.2", "<processNodeName>pbx.example"),
    ("no-server", SEP, "<processNodeName>127.42.0.2", "<processNodeName>127.42.0.256"),
    ("port-range", SEP, "<sipPort>5060", "<sipPort>506000"),
    ("port-range", SEP, "<voipControlPort>5060", "<voipControlPort>sip"),
    ("outbound-proxy", SEP, "<outboundProxy>", "<outboundProxy>192.0.2.9"),
    ("load-name", SEP, "SIP42.9-3-1SR4-1S<", "SIP42.9-3-1SR4-1S.loads<"),
    ("load-not-staged", SEP, "SIP42.9-3-1SR4-1S", "SIP42.9-4-2SR3-1S"),
    ("load-not-staged", SEP, "SIP42.9-3-1SR4-1S", "sip42.9-3-1SR4-1S"),
    ("load-not-staged", "SIP42.9-3-1SR4-1S.loads", "jar42sip", "Jar42sip"),
    ("locale-not-staged", SEP, "<networkLocale>Germany", "<networkLocale>Spain"),
    ("locale-not-staged", SEP, "<name>English_United_Kingdom", "<name>english_united_kingdom"),
    ("template-not-staged", SEP, "<dialTemplate>dialplan.xml", "<dialTemplate>DialPlan.xml"),
    ("template-not-staged", SEP, "</sipProfile>", "<softKeyFile>s.xml</softKeyFile></sipProfile>"),
    ("no-dial-template", SEP, "<dialTemplate>dialplan.xml", "<dialTemplate>"),
    ("no-catch-all", "dialplan.xml", 'MATCH="*"', 'MATCH="0."'),
    ("dial-row", "dialplan.xml", 'Timeout="3"', 'Timeout="soon"'),
    ("dial-row", "dialplan.xml", 'MATCH="2.."', 'PATTERN="2.."'),
    ("dial-row", "dialplan.xml", "<TEMPLATE", "<template"),
    ("ring-file", "Ringlist.xml", "</C", RING.format("a.raw")),
    ("ring-file", "Ringlist.xml", "</C", RING.format("SIP42.9-3-1SR4-1S.loads")),
    ("ring-file", "Ringlist.xml", "</C", RING.format("rings/a.raw")),
    ("misspelt-element", SEP, "preferredCodec>", "preferedCodec>"),
    ("misspelt-element", SEP, "sipLines>", "siplines>"),
    ("misspelt-element", SEP, "authPassword>", "authpassword>"),
    ("number-word", SEP, "<timerT1>500", "<timerT1>soon"),
    ("number-range", SEP, "<dtmfAvtPayload>101", "<dtmfAvtPayload>8"),
    ("caller-id-hidden", SEP, "<callerIdBlocking>2", "<callerIdBlocking>3"),
    ("date-template", SEP, "D.M.Y", "DD.MM.YYYY"),
    ("ntp-mode", SEP, "<ntpMode>Unicast", "<ntpMode>client"),
    ("encrypted-config", SEP, "<encrConfig>false", "<encrConfig>true"),
    ("settings-locked", SEP, "<settingsAccess>1", "<settingsAccess>0"),
    ("load-server", SEP, "<loadServer>", "<loadServer>192.0.2.7"),
    ("silence-suppression", SEP, "<enableVad>false", "<enableVad>true"),
    (
        "nat-spelling",
        SEP,
        "<natAddress>",
        "<natReceivedProcessing>true</natReceivedProcessing><natAddress>",
    ),
    ("file-name-length", SEP, "<dialTemplate>", "<dialTemplate>" + "d" * 60),
    ("pbx-user", "sip.conf", "[201]", "[301]"),
    ("pbx-user", SEP, "<authName>201", "<authName>desk"),
    ("pbx-user", PJ, "type=aor\nmax_contacts=1", "type=aor"),
    ("pbx-user", PJ, "aors=201\n", ""),
    ("pbx-user", PJ, "username=201", "username=202"),
    ("pbx-password", "sip.conf", "short7pw", "another1"),
    ("pbx-password", PJ, "short7pw", "another1"),
    ("pbx-codec", "sip.conf", "allow=alaw", "allow=g711alaw"),
    ("pbx-codec", "sip.conf", "\nallow=alaw", ""),
    ("pbx-codec", "sip.conf", "allow=alaw", "allow=ulaw"),
    ("pbx-codec", PJ, "allow=alaw", "allow=!all,gsm"),
    ("pbx-codec", PJ, "allow=alaw\n", ""),
    ("pbx-nat", "sip.conf", "nat=no", "nat=force_rport,comedia"),
    ("pbx-nat", "sip.conf", "nat=no", "nat=yes"),
    ("pbx-nat", "sip.conf", "nat=no\n", ""),
    ("pbx-nat", PJ, "force_rport=no\n", ""),
    ("pbx-nat", PJ, "force_rport=no", "force_rport=no\nrewrite_contact=yes"),
    ("pbx-transport", SEP, "<transportLayerProtocol>2", "<transportLayerProtocol>1"),
    ("pbx-transport", "sip.conf", "nat=no", "nat=no\ntransport=tcp"),
    ("pbx-transport", PJ, "protocol=udp", "protocol=tcp"),
    ("pbx-port", SEP, "<sipPort>5060", "<sipPort>5160"),
    ("pbx-port", "sip.conf", "nat=no", "nat=no\nbindport=5160"),
    ("pbx-port", "sip.conf", "nat=no", "nat=no\nudpbindaddr=0.0.0.0:5160"),
    ("pbx-port", PJ, "bind=0.0.0.0:5060", "bind=0.0.0.0:5160"),
    ("pbx-expiry", "sip.conf", "nat=no", "nat=no\nmaxexpiry=20"),
    ("pbx-expiry", PJ, "max_contacts=1", "max_contacts=1\nmaximum_expiration=10"),
    ("pbx-control-port", SEP, "<voipControlPort>5060", "<voipControlPort>5070"),
    ("pbx-control-port", PJ, "max_contacts=1", "contact=sip:201@192.0.2.5:5062"),
    ("dhcp-host", "dhcpd.conf", "cd:ef", "cd:aa"),
    ("dhcp-tftp", "dhcpd.conf", 'option tftp-server-name "192.0.2.1";', ""),
    ("dhcp-tftp", "dhcpd.conf", 'tftp-server-name "192.0.2.1"', "option-150 192.0.2.1"),
    ("dhcp-tftp", "dhcpd.conf", "host d", "option option-150 code 150 = text;\nhost d"),
    ("dhcp-tftp", "dhcpd.conf", "tftp-server-name", "root-path"),
]
#: A fixed address makes chan_sip call the port it was told.
STATIC = {"pbx-control-port": ("sip.conf", "type=friend", "type=friend\nhost=192.0.2.5\nport=5060")}

#: Rule, file, what is replaced, by what: right, however near to the mistake.
NEAR_MISSES = [
    ("xml-not-well-formed", SEP, "<phoneLabel>desk-7942", "<phoneLabel>R&amp;D"),
    ("wrong-root", SEP, "<device>", "<!-- <gadget> --><device>"),
    ("placeholder", SEP, "<device>", "<device><!-- put the name for _USER_ -->"),
    ("placeholder", SEP, "<directoryURL>", "<directoryURL>http://x/?q=%AB%CD%20my_user_name"),
    ("placeholder", "sip.conf", "nat=no", "nat=no\nsetvar=A=${EXTEN}\n; set _USER_ below"),
    ("other-family-load", SEP, "SIP42.9-3-1SR4-1S", "SIP42.8-5-4S"),
    (
        "other-family-load", DEFAULT, "</Default>",
        "<loadInformation8>P003-8-12-00</loadInformation8></Default>",
    ),
    ("protocol-not-sip", SEP, "<deviceProtocol>SIP", "<deviceProtocol> SIP "),
    ("default-file", DEFAULT, "</Default>", "<loadInformation8></loadInformation8></Default>"),
    ("lines-outside-profile", SEP, "<sipLines>", "<!-- lines --><sipLines>"),
    ("no-first-line", SEP, 'button="1"', 'button="1" lineIndex="1"'),
    ("button-out-of-range", SEP, "</sipLines>", LINE_2.format(2, SPEED_DIAL)),
    ("line-feature", SEP, "</sipLines>", LINE_2.format(21, SPEED_DIAL)),
    ("password-length", SEP, "short7pw", "p" * 12),
    ("password-characters", SEP, "short7pw", "Sh0rt-7_pw!"),
    ("line-proxy", SEP, "</sipLines>", LINE_2.format(2, SPEED_DIAL)),
    ("names-differ", SEP, "<displayName>Desk 201", "<displayName>Front desk"),
    (
        "no-second-call", SEP, "<sharedLine>",
        "<maxNumCalls>4</maxNumCalls><busyTrigger>2</busyTrigger><sharedLine>",
    ),
    ("label-length", SEP, "<phoneLabel>desk-7942", "<phoneLabel>123456789012"),
    ("boolean-word", SEP, "<remoteCcEnable>true", "<remoteCcEnable>True"),
    ("inverted-switch", SEP, "<garp>0", "<garp>1"),
    ("codec-name", SEP, "g711alaw", "iLBC"),
    ("dtmf-mode", SEP, "<dtmfOutofBand>avt", "<dtmfOutofBand>avt_always"),
    ("kpml", SEP, "<kpml>0", "<kpml>00"),
    ("transport", SEP, "<transportLayerProtocol>2", "<transportLayerProtocol>4"),
    ("security-mode", SEP, "<deviceSecurityMode>1", "<deviceSecurityMode>0"),
    ("register-timer", SEP, "<timerRegisterExpires>3600", "<timerRegisterExpires>25"),
    ("no-register", SEP, "<registerWithProxy>true", "<registerWithProxy> true "),
    ("media-ports", SEP, "<startMediaPort>16384", "<startMediaPort>10000"),
    ("service-uri", SEP, "x-cisco-serviceuri-cfwdall", ""),
    ("conference", SEP, "<cnfJoinEnabled>false", "<cnfJoinEnabled>TRUE"),
    ("authentication-url", SEP, "<authenticationURL>http:", "<authenticationURL>https:"),
    ("too-long", SEP, "<directoryURL>", "<directoryURL>http://" + "a" * 248),
    ("time-zone", SEP, "W. Europe Standard/Daylight Time", "New Zealand Standard/Daylight Time"),
    ("no-server", SEP, "<processNodeName>127.42.0.2", "<processNodeName>10.0.0.255"),
    ("port-range", SEP, "<voipControlPort>5060", "<voipControlPort>65535"),
    ("outbound-proxy", SEP, "<outboundProxy>", "<outboundProxy>USECALLMANAGER"),
    ("load-name", SEP, "SIP42.9-3-1SR4-1S<", "SIP42.9-4-2SR3-1S<"),
    ("load-not-staged", SEP, "<loadInformation>SIP42.9-3-1SR4-1S", "<loadInformation>"),
    ("locale-not-staged", SEP, "<networkLocale>Germany", "<networkLocale>"),
    ("template-not-staged", SEP, "</sipProfile>", "<softKeyFile></softKeyFile></sipProfile>"),
    ("no-dial-template", SEP, "<dialTemplate>dialplan.xml", "<dialTemplate>other.xml"),
    ("no-catch-all", "dialplan.xml", 'MATCH="*"', 'MATCH=".*"'),
    ("dial-row", "dialplan.xml", 'Timeout="3"', 'TIMEOUT="10"'),
    ("ring-file", "Ringlist.xml", "</C", RING.format("chime.raw")),
    ("misspelt-element", SEP, "<versionStamp>", "<newFeature>1</newFeature><versionStamp>"),
    ("misspelt-element", SEP, "<natAddress>", "<natRecievedProcessing/><natAddress>"),
    ("number-word", SEP, "<timerT1>500", "<timerT1> 500 "),
    ("number-range", SEP, "<dtmfAvtPayload>101", "<dtmfAvtPayload>96"),
    ("caller-id-hidden", SEP, "<callerIdBlocking>2", "<callerIdBlocking>0"),
    ("date-template", SEP, "D.M.Y", "M/D/YYA"),
    ("ntp-mode", SEP, "<ntpMode>Unicast", "<ntpMode>directedbroadcast"),
    ("encrypted-config", SEP, "<encrConfig>false", "<encrConfig>"),
    ("settings-locked", SEP, "<settingsAccess>1", "<settingsAccess>"),
    ("load-server", SEP, "<loadServer>", "<loadServer> "),
    ("silence-suppression", SEP, "<enableVad>false", "<enableVad>TRUE"),
    (
        "nat-spelling",
        SEP,
        "<natAddress>",
        "<natReceivedProcessing>true</natReceivedProcessing>"
        "<natRecievedProcessing>true</natRecievedProcessing><natAddress>",
    ),
    ("file-name-length", SEP, "<dialTemplate>", "<dialTemplate>" + "d" * 52),
    ("pbx-user", "sip.conf", "[201]", "[201](!)\n[201](201)"),
    ("pbx-user", PJ, "[201-auth]", "[201-auth](+)\n[201-auth]"),
    ("pbx-password", "sip.conf", "secret=short7pw", "secret = short7pw ; the phone's"),
    ("pbx-password", PJ, "[201-auth]", ";-- [201-auth]\npassword=old --;\n[201-auth]"),
    ("pbx-codec", "sip.conf", "allow=alaw", "allow=ulaw,alaw"),
    ("pbx-codec", PJ, "allow=alaw", "allow=!all,g722,alaw"),
    ("pbx-nat", "sip.conf", "nat=no", "nat=never"),
    ("pbx-nat", SEP, "<transportLayerProtocol>2", "<transportLayerProtocol>1"),
    ("pbx-transport", "sip.conf", "nat=no", "nat=no\ntransport=tcp,udp\ntcpenable=yes"),
    ("pbx-transport", PJ, "[201]\ntype=e", "[tcp]\ntype=transport\nprotocol=tcp\n[201]\ntype=e"),
    ("pbx-port", "sip.conf", "nat=no", "nat=no\nbindport=5160\nbindport=5060"),
    ("pbx-expiry", "sip.conf", "nat=no", "nat=no\nmaxexpiry=60"),
    ("pbx-control-port", PJ, "max_contacts=1", "contact=sip:201@192.0.2.5"),
    ("dhcp-host", "dhcpd.conf", "00:24:c4:ab:cd:ef", "0:24:C4:AB:CD:EF"),
    ("dhcp-host", "dhcpd.conf", "host d", PRINTER + "host d"),
    ("dhcp-tftp", "dhcpd.conf", "host d", TFTP_FOR_ALL + "host d"),
    ("dhcp-tftp", "dhcpd.conf", 'tftp-server-name "192.0.2.1"', "root-path; next-server 192.0.2.1"),
]  # fmt: skip


def changed(rule: str, name: str, old: str, new: str) -> dict[str, bytes]:
    tree = good(PJ if name == PJ else "sip.conf")
    if rule in STATIC and name != PJ:
        file, before, after = STATIC[rule]
        tree[file] = tree[file].replace(before.encode(), after.encode())
    text = tree[name].decode()
    assert old in text
    tree[name] = text.replace(old, new).encode()
    return tree | {"chime.raw": b"\xff" * 480}


def found_in(tree: dict[str, bytes], rule: str, **more: str) -> list[Finding]:
    return [each for each in lint(tree_of(tree, **more)) if each.rule == rule]  # type: ignore[arg-type]


@pytest.mark.parametrize("pbx", ["sip.conf", "pjsip.conf"])
def test_nothing_is_wrong_with_a_good_tree(pbx: str) -> None:
    assert lint(tree_of(good(pbx))) == []


@pytest.mark.parametrize(("rule", "name", "old", "new"), MISTAKES)
def test_a_mistake_is_found_where_it_is(rule: str, name: str, old: str, new: str) -> None:
    found = found_in(changed(rule, name, old, new), rule)
    assert found
    assert all(each.line >= 1 and each.symptom and each.fix for each in found)


@pytest.mark.parametrize(("rule", "name", "old", "new"), NEAR_MISSES)
def test_what_is_right_is_left_alone(rule: str, name: str, old: str, new: str) -> None:
    assert found_in(changed(rule, name, old, new), rule) == []


#: Shown by a test of their own, both ways.
ELSEWHERE = {
    "file-name", "file-too-big", "load-step", "node-before-ports", "other-family", "suppression",
    "template-error",
}  # fmt: skip


def test_every_rule_is_shown_to_find_and_to_keep_still() -> None:
    assert set(RULES) - ELSEWHERE == {rule for rule, *_ in MISTAKES}
    assert set(RULES) - ELSEWHERE == {rule for rule, *_ in NEAR_MISSES}


def test_a_node_before_its_ports_is_found() -> None:
    tree = good()
    text = tree[SEP].decode()
    node = "<processNodeName>127.42.0.2</processNodeName>"
    text = text.replace(node, "").replace("<callManager>", f"<callManager>{node}")
    tree[SEP] = text.encode()
    assert [each.rule for each in lint(tree_of(tree))] == ["node-before-ports"]


@pytest.mark.parametrize(
    "name",
    [
        *("SEP0024c4abcdef.cnf.xml", "SEP0024C4ABCD.cnf.xml", "SEP00:24:C4:AB:CD:EF.cnf.xml"),
        *("sep0024C4ABCDEF.cnf.xml", "SEP0024C4ABCDEF.xml", "SEP0024C4ABCDEF.cnf.xml.txt"),
        *("0024C4ABCDEF.cnf.xml", "phone.xml"),
    ],
)
def test_a_name_no_phone_asks_for(name: str) -> None:
    tree = good()
    assert found_in(tree, "file-name") == []
    tree[name] = tree.pop(SEP)
    assert found_in(tree, "file-name")


def test_files_of_another_family() -> None:
    names = ("SIPDefault.cnf", "SIP0024C4ABCDEF.cnf", "OS79XX.TXT")
    tree = good() | dict.fromkeys(names, b"image_version: P0S3-8-12-00\n")
    assert {each.path for each in found_in(tree, "other-family")} == set(names)
    assert not found_in(good() | {"SIPphone.txt": b""}, "other-family")


def test_a_file_above_the_phones_limit_is_not_parsed() -> None:
    tree = good()
    tree["dialplan.xml"] += b"<!--" + b"x" * (550_000 - len(tree["dialplan.xml"]) - 7) + b"-->"
    assert len(tree["dialplan.xml"]) == 550_000
    assert not found_in(tree, "file-too-big")
    tree["dialplan.xml"] += b"\n<"
    assert [each.rule for each in lint(tree_of(tree))] == ["file-too-big"]


def test_a_secure_mode_with_its_trust_list() -> None:
    tree = changed("", SEP, "<deviceSecurityMode>1", "<deviceSecurityMode>3")
    assert found_in(tree, "security-mode")
    assert not found_in(tree | {"CTLSEP0024C4ABCDEF.tlv": b""}, "security-mode")


def test_a_file_for_sccp_is_named_once_and_left_alone() -> None:
    tree = changed("", SEP, "<deviceProtocol>SIP", "<deviceProtocol>SCCP")
    tree[SEP] = tree[SEP].replace(b"<featureID>9", b"<featureID>0")
    told = lint(tree_of(tree))
    assert [each.rule for each in told if each.path == SEP] == ["protocol-not-sip"]


@pytest.mark.parametrize(
    ("installed", "says"),
    [
        ("SIP42.8-3-1S", "go through 8.5(2) first"),
        ("SCCP42.8-5-4S", "go through 8.5(2) first"),
        ("SIP42.9-4-2SR3-1S", "is older than the installed"),
        ("SIP42.9-3-1SR4-1S", ""),
        ("SIP42.9-2-1S", ""),
        ("", ""),
    ],
)
def test_the_way_from_the_installed_load(installed: str, says: str) -> None:
    found = found_in(good(), "load-step", installed=installed)
    assert [says in each.found for each in found] == ([True] if says else [])


def test_a_load_below_the_floor_is_refused() -> None:
    tree = changed("", SEP, "SIP42.9-3-1SR4-1S", "SIP42.8-4-1S")
    (found,) = found_in(tree, "load-step", installed="SIP42.9-3-1SR4-1S")
    assert found.severity is Severity.ERROR
    assert "older than the floor 8.5(2)" in found.found


@pytest.mark.parametrize(
    ("model", "button", "severities"),
    [
        (ModelName.CP7942G, 3, [Severity.ERROR]),
        (ModelName.CP7962G, 3, []),
        (ModelName.CP7962G, 6, []),
        (ModelName.CP7962G, 7, [Severity.ERROR]),
        (None, 3, [Severity.NOTE]),
    ],
)
def test_the_buttons_of_a_known_model(
    model: ModelName | None, button: int, severities: list[Severity]
) -> None:
    speed_dial = LINE_2.format(2, SPEED_DIAL)
    tree = changed("", SEP, "</sipLines>", speed_dial.replace('"2"', f'"{button}"'))
    models = {"SEP0024C4ABCDEF": model} if model is not None else {}
    found = [e for e in lint(tree_of(tree, models=models)) if e.rule == "button-out-of-range"]
    assert [each.severity for each in found] == severities


@pytest.mark.parametrize(
    ("load", "severity"),
    [
        ("SIP42.9-3-1SR4-1S", Severity.ERROR),
        ("SIP42.8-5-4S", Severity.NOTE),
        ("", Severity.WARNING),
    ],
)
def test_an_address_for_a_proxy_breaks_from_9_on(load: str, severity: Severity) -> None:
    tree = changed("", SEP, "<loadInformation>SIP42.9-3-1SR4-1S", f"<loadInformation>{load}")
    tree[SEP] = tree[SEP].replace(b"USECALLMANAGER", b"192.0.2.2")
    assert [each.severity for each in found_in(tree, "line-proxy")] == [severity]


def test_severities_differ_within_a_rule() -> None:
    tree = good()
    tree[SEP] = tree[SEP].replace(b"short7pw", b"p" * 13)
    tree["sip.conf"] = tree["sip.conf"].replace(b"short7pw", b"p" * 13)
    assert [each.severity for each in lint(tree_of(tree))] == [Severity.WARNING]
    off = changed("", SEP, "<natEnabled>false", "<natEnabled>0")
    assert [each.severity for each in found_in(off, "boolean-word")] == [Severity.WARNING]
    on = changed("", SEP, "<natEnabled>false", "<natEnabled>yes")
    assert [each.severity for each in found_in(on, "boolean-word")] == [Severity.ERROR]
