"""What lab.yaml may say of places of labgrid: each mistake with its line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.errors import UsageFault
from harness.lab import Lab, PlacePowerSpec, load_lab
from harness.lab.resources import station_groups

LAB = """\
labgrid: {coordinator: lab-server}
power:
  pdu-1: {driver: place, address: desk-1, outlets: [power]}
keypads:
  keypad-1: {port: "labgrid:desk-1/keypad"}
peers: {}
phones:
  desk:
    {model: 7942G, kind: hardware, mac: 00:24:C4:AB:CD:EF, address: 127.58.1.42,
     outlet: pdu-1/power, keypad: keypad-1, tone: 1090, lines: [{user: "201"}]}
"""
SECOND = """\
  desk-2:
    {model: 7942G, kind: hardware, mac: 00:24:C4:AB:CD:E0, address: 127.58.1.43,
     outlet: pdu-2/1, keypad: keypad-2, tone: 1370, lines: [{user: "202"}]}
"""


def lab_with(tmp_path: Path, *replaced: tuple[str, str], more: str = "") -> Lab:
    text = LAB + more
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "lab.yaml"
    path.write_text(text, encoding="utf-8")
    return load_lab(path)


def test_a_lab_on_another_machine(tmp_path: Path) -> None:
    lab = lab_with(tmp_path)
    pdu, keypad = lab.power["pdu-1"], lab.keypads["keypad-1"]
    assert isinstance(pdu, PlacePowerSpec)
    assert (pdu.outlet_names, pdu.virtual, dict(pdu.ports)) == (("power",), False, {})
    assert (keypad.leases["port"].place, keypad.leases["port"].resource) == ("desk-1", "keypad")
    assert lab.labgrid is not None
    assert lab.labgrid.interpreter == sys.executable


def test_the_lights_of_a_gantry_may_be_in_another_place(tmp_path: Path) -> None:
    gantry = '{driver: grbl, port: /dev/ttyUSB0, sensor: "labgrid:desk-1"}'
    lab = lab_with(tmp_path, ('{port: "labgrid:desk-1/keypad"}', gantry))
    assert {key: ref.place for key, ref in lab.keypads["keypad-1"].leases.items()} == {
        "sensor": "desk-1"
    }


@pytest.mark.parametrize(
    ("replaced", "line", "says"),
    [
        (("labgrid: {coordinator: lab-server}\n", ""), "2:", "to lease it, say labgrid:"),
        (("coordinator: lab-server", "coordinator: http://lab"), "1:", "labgrid.coordinator"),
        (("coordinator: lab-server", "python: python3"), "1:", "coordinator: this key is required"),
        ((", address: desk-1,", ","), "3:", "address: this key is required"),
        (("address: desk-1", "address: virtual"), "3:", "there is no twin for a place"),
        (("address: desk-1", "address: desk 1"), "3:", "power.pdu-1.address"),
        (("labgrid:desk-1/keypad", "labgrid:"), "5:", "labgrid:PLACE or labgrid:PLACE/RESOURCE"),
        (("labgrid:desk-1/keypad", "labgrid:a/b/c"), "5:", "a leased port is written"),
        (("kind: hardware", "kind: virtual"), "10:", "a virtual phone needs"),
    ],
)
def test_mistakes_are_told_with_their_line(
    tmp_path: Path, replaced: tuple[str, str], line: str, says: str
) -> None:
    with pytest.raises(UsageFault) as caught:
        lab_with(tmp_path, replaced)
    told = str(caught.value).splitlines()[1:]
    assert any(
        each.rpartition("lab.yaml:")[2].startswith(line) and says in each for each in told
    ), told


def test_nobody_leads_a_leased_port_into_a_network_of_its_own(tmp_path: Path) -> None:
    network = (
        "network: {namespace: apart, interface: phones, host: 10.58.1.1, dhcp: true}\nlabgrid:"
    )
    with pytest.raises(UsageFault, match=r"no way leads to it out of network\.namespace"):
        lab_with(tmp_path, ("labgrid: {", f"{network} {{"), ("127.58.1.42", "10.58.1.42"))


@pytest.mark.parametrize(
    ("pdu", "groups"),
    [
        ("{driver: place, address: desk-1, outlets: ['1']}", (("desk", "desk-2"),)),
        ("{driver: place, address: desk-2, outlets: ['1']}", (("desk",), ("desk-2",))),
    ],
)
def test_phones_of_one_place_are_one_run_s(
    tmp_path: Path, pdu: str, groups: tuple[tuple[str, ...], ...]
) -> None:
    lab = lab_with(
        tmp_path,
        ("keypads:\n", f"  pdu-2: {pdu}\nkeypads:\n  keypad-2: {{port: /dev/ttyACM1}}\n"),
        more=SECOND,
    )
    assert station_groups(lab) == groups
