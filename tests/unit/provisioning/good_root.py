"""A whole TFTP root, with the PBX's and the DHCP server's files, that nothing is wrong with."""

from __future__ import annotations

from pathlib import Path

from harness.lab import load_lab
from harness.provisioning import render_tree

ROOT = Path(__file__).parents[3]
SEP = "SEP0024C4ABCDEF.cnf.xml"
LOADS = b"\0\1SIP42\0jar42sip.9-3-1ES26.sbn\0apps42.9-3-1ES26.sbn\0"
SIP_CONF = b"[general]\nnat=no\n[201]\ntype=friend\nsecret=short7pw\ndisallow=all\nallow=alaw\n"
PJSIP_CONF = b"""[udp]
type=transport
protocol=udp
bind=0.0.0.0:5060
[201]
type=endpoint
aors=201
auth=201-auth
allow=alaw
force_rport=no
[201-auth]
type=auth
username=201
password=short7pw
[201]
type=aor
max_contacts=1
"""
DHCP = b'host d { hardware ethernet 00:24:c4:ab:cd:ef; option tftp-server-name "192.0.2.1"; }\n'


def good(pbx: str = "sip.conf") -> dict[str, bytes]:
    """Return the files by name; ``pbx`` is sip.conf or pjsip.conf."""
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
    return tree | {pbx: SIP_CONF if pbx == "sip.conf" else PJSIP_CONF, "dhcpd.conf": DHCP}
