"""dnsmasq's log becomes events; where a server may not answer, it is not started."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cli import main
from harness.errors import BenchFault, UsageFault
from harness.events import DhcpMessage
from harness.provisioning.dhcp import DhcpPlan, DhcpServer, Host, render_dhcp
from harness.provisioning.dhcp import server as server_module
from harness.provisioning.dhcp.log import DnsmasqLog
from harness.timeline import Timeline

MAC = "0024C4ABCDEF"
HOST_ADDRESS = IPv4Address("10.42.0.1")
PLAN = DhcpPlan(
    IPv4Network("10.42.0.0/24"),
    HOST_ADDRESS,
    (Host(MAC, f"SEP{MAC}", IPv4Address("10.42.0.42"), "10.42.0.9", (HOST_ADDRESS,)),),
    "eth1",
)

#: dnsmasq 2.90 with log-dhcp, as it answered the phone twin.
EXCHANGE = """\
dnsmasq-dhcp[2883]: 2577223442 available DHCP subnet: 10.42.0.0/255.255.255.0
dnsmasq-dhcp[2883]: 2577223442 vendor class: Cisco Systems, Inc. IP Phone CP-7942G
dnsmasq-dhcp[2883]: 2577223442 client provides name: SEP0024C4ABCDEF
dnsmasq-dhcp[2883]: 2577223442 DHCPDISCOVER(phones) 00:24:c4:ab:cd:ef
dnsmasq-dhcp[2883]: 2577223442 tags: SEP0024C4ABCDEF, known, phones
dnsmasq-dhcp[2883]: 2577223442 DHCPOFFER(phones) 10.42.0.42 00:24:c4:ab:cd:ef
dnsmasq-dhcp[2883]: 2577223442 requested options: 1:netmask, 66:tftp-server, 6:dns-server,
dnsmasq-dhcp[2883]: 2577223442 requested options: 35:arp-timeout
dnsmasq-dhcp[2883]: 2577223442 next server: 10.42.0.1
dnsmasq-dhcp[2883]: 2577223442 broadcast response
dnsmasq-dhcp[2883]: 2577223442 sent size:  1 option: 53 message-type  2
dnsmasq-dhcp[2883]: 2577223442 sent size:  4 option:150 tftp-server-address  10.42.0.1
dnsmasq-dhcp[2883]: 2577223442 sent size: 10 option: 66 tftp-server  10.42.0.1
dnsmasq-dhcp[2883]: 2577223442 available DHCP subnet: 10.42.0.0/255.255.255.0
dnsmasq-dhcp[2883]: 2577223442 vendor class: Cisco Systems, Inc. IP Phone CP-7942G
dnsmasq-dhcp[2883]: 2577223442 client provides name: SEP0024C4ABCDEF
dnsmasq-dhcp[2883]: 2577223442 DHCPREQUEST(phones) 10.42.0.42 00:24:c4:ab:cd:ef
dnsmasq-dhcp[2883]: 2577223442 DHCPACK(phones) 10.42.0.42 00:24:c4:ab:cd:ef sep0024c4abcdef
dnsmasq-dhcp[2883]: 2577223442 sent size:  1 option: 53 message-type  5
dnsmasq-dhcp[2883]: 2577223442 sent size:  4 option:150 tftp-server-address  10.42.0.1
dnsmasq-dhcp[2883]: 289928586 available DHCP subnet: 10.42.0.0/255.255.255.0
dnsmasq-dhcp[2883]: 289928586 DHCPRELEASE(phones) 10.42.0.42 00:24:c4:ab:cd:ef
"""


def read(text: str) -> list[DhcpMessage]:
    log = DnsmasqLog()
    messages = [message for line in text.splitlines() for message in log.feed(line)]
    return [*messages, *log.flush()]


def test_an_exchange_is_told_from_both_sides() -> None:
    discover, offer, request, ack, release = read(EXCHANGE)
    assert [one.message for one in (discover, offer, request, ack, release)] == [
        "DISCOVER",
        "OFFER",
        "REQUEST",
        "ACK",
        "RELEASE",
    ]
    assert {one.mac for one in (discover, offer, request, ack, release)} == {MAC}
    assert discover.options == {
        "60": "Cisco Systems, Inc. IP Phone CP-7942G",
        "12": "SEP0024C4ABCDEF",
        "55": "1,66,6,35",
    }
    sent = {"siaddr": "10.42.0.1", "53": "2", "150": "10.42.0.1", "66": "10.42.0.1"}
    assert offer.options == sent
    assert ack.options == {"53": "5", "150": "10.42.0.1"}
    assert ack.address == "10.42.0.42"
    assert release.options == {}


def test_nothing_is_told_twice_or_before_it_is_whole() -> None:
    log = DnsmasqLog()
    lines = EXCHANGE.splitlines()[:13]
    assert [message for line in lines for message in log.feed(line)] == []
    assert [one.message for one in log.flush()] == ["DISCOVER", "OFFER"]
    assert log.flush() == []


def test_a_stranger_gets_no_address_and_that_is_told() -> None:
    line = "dnsmasq-dhcp[9]: 77 DHCPDISCOVER(phones) 02:00:00:00:00:01 no address available"
    (message,) = read(line)
    assert (message.mac, message.remark) == ("020000000001", "no address available")
    assert str(message) == "DHCPDISCOVER no address available"


@given(st.lists(st.sampled_from(EXCHANGE.splitlines()) | st.text(max_size=60), max_size=30))
def test_lines_in_any_order_are_no_crash(lines: list[str]) -> None:
    read("\n".join(lines))


def test_an_empty_option_is_not_sent() -> None:
    bare = replace(PLAN, hosts=(replace(PLAN.hosts[0], option_66="", option_150=()),))
    dnsmasq = render_dhcp(bare, "dnsmasq")
    assert "dhcp-option" not in dnsmasq
    assert "dhcp-host=00:24:c4:ab:cd:ef" in dnsmasq
    assert "tftp-server-name" not in render_dhcp(bare, "isc")
    (subnet,) = json.loads(render_dhcp(bare, "kea"))["Dhcp4"]["subnet4"]
    assert subnet["reservations"][0]["option-data"] == []


def test_kea_without_an_interface_answers_nobody_and_that_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).parents[3])
    assert main(["dhcp", "kea"]) == 0
    assert "without --interface NAME Kea answers on none" in capsys.readouterr().err
    assert main(["dhcp", "kea", "--interface", "lo"]) == 0
    assert not capsys.readouterr().err


def test_only_the_named_interface_is_answered_on() -> None:
    lines = render_dhcp(PLAN, "dnsmasq").splitlines()
    assert {"interface=eth1", "except-interface=lo", "bind-interfaces"} <= set(lines)
    assert not any(line.startswith("listen-address") for line in lines)
    kea = json.loads(render_dhcp(PLAN, "kea"))["Dhcp4"]
    assert kea["interfaces-config"] == {"interfaces": ["eth1"]}


ADDRESSES = [
    {"ifname": "eth0", "addr_info": [{"local": "192.0.2.7"}]},
    {"ifname": "eth1", "addr_info": [{"local": "10.42.0.1"}]},
]


def start(monkeypatch: pytest.MonkeyPatch, folder: Path, plan: DhcpPlan, way_out: str) -> None:
    """Start on a machine with eth0, eth1 and eth2, of which eth1 has the host's address."""

    def ip(*arguments: str) -> str:
        if "route" in arguments:
            return json.dumps([{"dst": "default", "dev": way_out}])
        if "link" in arguments:
            return json.dumps([{"ifname": name} for name in ("lo", "eth0", "eth1", "eth2")])
        return json.dumps(ADDRESSES)

    monkeypatch.setattr(server_module, "ip", ip)
    DhcpServer(plan, folder, Timeline().observer("dhcp"), {}).start()


def test_the_way_out_of_the_machine_is_never_answered_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(UsageFault, match="eth1 is this machine's way to the rest of the world"):
        start(monkeypatch, tmp_path, PLAN, "eth1")


@pytest.mark.parametrize(
    ("interface", "told"),
    [("eth9", "there is no interface eth9"), ("eth2", "10.42.0.1 is not an address of eth2")],
)
def test_a_wrong_interface_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, interface: str, told: str
) -> None:
    with pytest.raises(BenchFault, match=told):
        start(monkeypatch, tmp_path, replace(PLAN, interface=interface), "eth0")


@pytest.mark.parametrize("end", ["exit 1", "exec 2>&-; exec sleep 30"], ids=["at once", "late"])
def test_what_dnsmasq_refuses_is_told_in_its_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, end: str
) -> None:
    program = tmp_path / "dnsmasq"
    program.write_text(f"#!/bin/sh\necho 'dnsmasq: bad dhcp-host at line 7' >&2\n{end}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(BenchFault, match="does not answer DHCP") as caught:
        start(monkeypatch, tmp_path / "dhcp", PLAN, "eth0")
    assert "bad dhcp-host at line 7" in caught.value.state


def test_without_dnsmasq_the_package_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(server_module.shutil, "which", lambda *_, **__: None)
    with pytest.raises(BenchFault, match="not installed") as caught:
        start(monkeypatch, tmp_path, PLAN, "eth0")
    assert "dnsmasq-base" in caught.value.hint
