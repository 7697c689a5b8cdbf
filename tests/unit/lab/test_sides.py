"""Which phones are tested side by side, and what each side has for itself."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from harness.errors import UsageFault
from harness.lab import Lab, load_lab
from harness.lab.resources import bench_resources
from harness.lab.sides import share_out, side_lab

ROOT = Path(__file__).parents[3]


def rack(folder: Path, count: int, network: str = "{host: 127.42.0.1}", **values: Any) -> Lab:
    """A lab of twins; ``outlets`` by phone number where they are shared."""
    outlets = values.get("outlets", {})
    net = values.get("net", "127.42.0")
    kind = values.get("kind", "virtual")
    text = f"name: rack\nnetwork: {network}\npower: {{pdu-1: {{address: virtual, outlets: 24}}}}\n"
    text += "keypads:\n"
    text += "".join(f"  keypad-{n}: {{port: virtual}}\n" for n in range(1, count + 1))
    text += f"pbx: {{address: {net}.2, conference_key: {net}.4}}\n"
    text += f"peers: {{alice: {{extension: '211', tone: 440, address: {net}.3}}}}\nphones:\n"
    for number in range(1, count + 1):
        text += (
            f"  p{number}: {{model: 7942G, mac: '00:24:C4:AB:CD:{number:02X}', kind: {kind},"
            f" address: {net}.{100 + number}, outlet: pdu-1/{outlets.get(number, number)},"
            f" keypad: keypad-{number}, tone: {1000 + 50 * number},"
            f" lines: [{{user: '{300 + number}'}}]}}\n"
        )
    path = folder / "lab.yaml"
    path.write_text(text)
    return load_lab(path)


def test_each_phone_has_a_side_unless_fewer_are_wanted(tmp_path: Path) -> None:
    lab = rack(tmp_path, 5)
    assert share_out(lab, list(lab.phones)) == (("p1",), ("p2",), ("p3",), ("p4",), ("p5",))
    assert share_out(lab, list(lab.phones), 2) == (("p1", "p3", "p5"), ("p2", "p4"))
    assert share_out(lab, ["p2", "p4"]) == (("p2",), ("p4",))
    assert share_out(lab, ["p2", "p4"], 9) == (("p2",), ("p4",))
    assert share_out(lab, []) == ()


def test_what_shares_a_device_stays_together(tmp_path: Path) -> None:
    lab = rack(tmp_path, 5, outlets={4: 1, 5: 1})
    assert share_out(lab, list(lab.phones)) == (("p1", "p4", "p5"), ("p2",), ("p3",))
    # The largest group alone is as long as all others together.
    assert share_out(lab, list(lab.phones), 2) == (("p1", "p4", "p5"), ("p2", "p3"))


def test_on_loopback_no_side_has_an_address_of_another(tmp_path: Path) -> None:
    lab = rack(tmp_path, 3)
    sides = [side_lab(lab, [name], number) for number, name in enumerate(lab.phones)]
    assert [str(side.network.host) for side in sides] == ["127.42.1.1", "127.42.2.1", "127.42.3.1"]
    assert str(sides[0].pbx.address) == "127.42.1.2"
    assert str(sides[2].pbx.conference_key) == "127.42.3.4"
    assert str(sides[1].peers["alice"].address) == "127.42.2.3"
    # Its phone is where it was, with its own outlet and its own keypad, and nobody else's.
    assert [list(side.phones) for side in sides] == [["p1"], ["p2"], ["p3"]]
    assert sides[1].phones["p2"] == lab.phones["p2"]
    assert list(sides[1].keypads) == ["keypad-2"]
    # So nothing that is locked for one is locked for another, or for the whole lab's servers.
    keys = [{each.key for each in bench_resources(side)} for side in sides]
    assert not keys[0] & keys[1]
    assert not {k for k in keys[0] if not k.startswith("twin")} & {
        each.key for each in bench_resources(lab)
    }


def test_a_namespace_is_made_for_each_side(tmp_path: Path) -> None:
    network = "{namespace: rack, interface: phones, host: 10.42.0.1, dhcp: true}"
    lab = rack(tmp_path, 2, network, net="10.42.0")
    assert len(share_out(lab, list(lab.phones))) == 2
    side = side_lab(lab, ["p2"], 1)
    assert side.network == lab.network
    assert side.pbx == lab.pbx


def test_on_an_interface_each_side_takes_spare_addresses(tmp_path: Path) -> None:
    spare = ", ".join(f"192.0.2.{n}" for n in range(200, 209))
    network = f"{{interface: eth1, host: 192.0.2.1, dhcp: true, spare: [{spare}]}}"
    lab = rack(tmp_path, 3, network, net="192.0.2", kind="hardware")
    # Host, PBX, conference key and peer are four addresses.
    assert share_out(lab, list(lab.phones)) == (("p1", "p3"), ("p2",))
    sides = [side_lab(lab, ["p1"], 0), side_lab(lab, ["p2"], 1)]
    assert sides[0].network.host == IPv4Address("192.0.2.200")
    assert sides[1].network.host == IPv4Address("192.0.2.204")
    assert sides[1].peers["alice"].address == IPv4Address("192.0.2.207")
    # One server answers DHCP there.
    assert not any(side.network.dhcp for side in sides)
    with pytest.raises(UsageFault, match="addresses for 2 sides") as caught:
        share_out(lab, list(lab.phones), 3)
    assert "--parallel 2" in str(caught.value)


@pytest.mark.parametrize(
    ("network", "values", "told"),
    [
        ("{interface: eth1, host: 192.0.2.1}", {"net": "192.0.2"}, "network.spare: addresses"),
        ("{host: 127.42.0.1}", {"kind": "hardware"}, "servers of several sides"),
        (
            "{interface: eth1, host: 192.0.2.1, spare: [192.0.2.9]}",
            {"net": "192.0.2", "kind": "hardware"},
            "network.dhcp: true",
        ),
        (
            "{interface: eth1, host: 192.0.2.1, dhcp: true, spare: [192.0.2.9]}",
            {"net": "192.0.2", "kind": "hardware"},
            "addresses for 0 sides",
        ),
        ("{host: 127.255.255.1}", {}, "no loopback address"),
        ("{host: 127.41.255.101}", {}, "127.42.0.101 is phones.p1.address"),
    ],
)
def test_what_cannot_be_divided_is_told(
    tmp_path: Path, network: str, values: dict[str, str], told: str
) -> None:
    lab = rack(tmp_path, 2, network, **values)
    with pytest.raises(UsageFault) as caught:
        share_out(lab, list(lab.phones))
    assert told in str(caught.value)
    assert "parallel" in str(caught.value)
