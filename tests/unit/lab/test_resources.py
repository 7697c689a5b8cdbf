"""What of a lab is locked, and which phones belong together."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.lab import Lab, PositionSpec, load_lab
from harness.lab.resources import (
    SELECTING_DIALECTS,
    bench_resources,
    keypad_resources,
    service_resources,
    station_groups,
    station_resources,
)
from harness.power.dialects import DIALECTS

ROOT = Path(__file__).parents[3]


def lab_of(name: str, **changes: str) -> Lab:
    lab = load_lab(ROOT / name)
    for what, value in changes.items():
        group, _, entry = what.partition("__")
        entries = dict(getattr(lab, group))
        key, _, attribute = entry.partition("__")
        key = key.replace("_", "-")
        entries[key] = entries[key].model_copy(update={attribute: value})
        lab = lab.model_copy(update={group: entries})
    return lab


def names(resources: list) -> list[str]:  # type: ignore[type-arg]
    return sorted(each.name for each in resources)


def test_twins_need_their_addresses_and_nothing_else() -> None:
    lab = lab_of("lab.yaml")
    assert names(service_resources(lab)) == [
        "http:127.42.0.1:6970", "pbx:127.42.0.2", "tftp:127.42.0.1:69"
    ]  # fmt: skip
    assert names(station_resources(lab)) == ["twin:127.42.0.42", "twin:127.42.0.62"]
    assert names(station_resources(lab, ["desk-7962"])) == ["twin:127.42.0.62"]
    assert names(bench_resources(lab)) == names(service_resources(lab) + station_resources(lab))
    assert keypad_resources(lab, "keypad-1") == []


def test_an_address_is_one_of_this_network() -> None:
    inode = Path("/proc/self/ns/net").stat().st_ino
    assert {each.key.rpartition("@")[2] for each in bench_resources(lab_of("lab.yaml"))} == {
        str(inode)
    }


def test_a_network_of_its_own_clashes_with_nobodys() -> None:
    assert bench_resources(lab_of("lab.namespace.yaml")) == []


def test_hardware_is_locked_as_what_it_is() -> None:
    lab = lab_of("lab.example-hardware.yaml")
    services, stations = service_resources(lab), station_resources(lab)
    assert {"dhcp:eth1", "tftp:192.0.2.1:69"} <= set(names(services))
    assert set(names(stations)) == {
        "phone:0024C4ABCDEF", "phone:0024C4ABCDF0", "phone:0024C4ABCDF1", "phone:0024C4ABCDF2",
        "outlet:192.0.2.10/1", "outlet:192.0.2.11/1.7",
        # An HMP is told the outlet first: commands of two harnesses would mix.
        "pdu:tcpip0::192.0.2.12::5025::socket",
        "serial:/dev/serial/by-id/usb-MicroPython_Board_in_FS_mode_0001-if00",
        "serial:/dev/ttyACM1", "serial:/dev/ttyUSB0", "serial:/dev/ttyACM2",
        # Its outlet and its keypad: labgrid leases them as one.
        "place:desk-1",
    }  # fmt: skip
    # The same device anywhere on this machine, whatever network the harness is in.
    assert not any("@" in each.key for each in stations)
    assert names(keypad_resources(lab, "gantry-1")) == [
        "serial:/dev/ttyACM2",
        "serial:/dev/ttyUSB0",
    ]


def test_a_serial_device_is_one_by_whatever_name(tmp_path: Path) -> None:
    (tmp_path / "ttyACM1").touch()
    (tmp_path / "by-id").symlink_to(tmp_path / "ttyACM1")
    lab = lab_of("lab.example-hardware.yaml", keypads__keypad_1__port=str(tmp_path / "by-id"))
    assert names(keypad_resources(lab, "keypad-1")) == [f"serial:{tmp_path / 'ttyACM1'}"]


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=lambda each: each.name)
def test_a_supply_that_selects_first_is_locked_whole(dialect: object) -> None:
    selects = bool(dialect.select)  # type: ignore[attr-defined]
    assert (dialect.name in SELECTING_DIALECTS) is selects  # type: ignore[attr-defined]


def test_phones_with_nothing_in_common_are_apart() -> None:
    assert station_groups(lab_of("lab.yaml")) == (("desk-7942",), ("desk-7962",))
    lab = lab_of("lab.example-hardware.yaml")
    assert station_groups(lab) == (
        ("rack-7942",), ("rack-7962",), ("bench-7942",), ("remote-7942",)
    )  # fmt: skip


def test_phones_that_share_something_belong_together() -> None:
    # keypad-2 of the third phone is the port of the second phone's light sensor.
    lab = lab_of("lab.example-hardware.yaml", keypads__keypad_2__port="/dev/ttyACM2")
    assert station_groups(lab) == (
        ("rack-7942",), ("rack-7962", "bench-7942"), ("remote-7942",)
    )  # fmt: skip
    # And over a third one.
    lab = lab.model_copy(
        update={"keypads": {**lab.keypads, "keypad-1": lab.keypads["keypad-2"]}}
    )  # fmt: skip
    assert station_groups(lab) == (
        ("rack-7942", "rack-7962", "bench-7942"), ("remote-7942",)
    )  # fmt: skip


def test_phones_on_one_outlet_belong_together() -> None:
    lab = lab_of(
        "lab.yaml", phones__desk_7962__outlet=lab_of("lab.yaml").phones["desk-7942"].outlet
    )
    assert station_groups(lab) == (("desk-7942", "desk-7962"),)
    # Of hardware, whoever has one of them has the outlet of both.
    lab = lab_of("lab.example-hardware.yaml")
    lab = lab_of(
        "lab.example-hardware.yaml", phones__bench_7942__outlet=lab.phones["rack-7962"].outlet
    )
    assert station_groups(lab) == (
        ("rack-7942",), ("rack-7962", "bench-7942"), ("remote-7942",)
    )  # fmt: skip
    one, other = (set(names(station_resources(lab, [n]))) for n in ("rack-7962", "bench-7942"))
    assert [each.partition(":")[0] for each in one & other] == ["outlet"]


def test_phones_under_one_gantry_belong_together_with_all_its_lines() -> None:
    positions = {"rack-7962": PositionSpec(corner=(0, 0), sensor="/dev/ttyACM2"),
             "bench-7942": PositionSpec(corner=(300, 0), sensor="/dev/ttyACM3")}  # fmt: skip
    lab = lab_of("lab.example-hardware.yaml", phones__bench_7942__keypad="gantry-1")
    gantry = lab.keypads["gantry-1"].model_copy(update={"sensor": "", "positions": positions})
    lab = lab.model_copy(update={"keypads": {**lab.keypads, "gantry-1": gantry}})
    assert station_groups(lab) == (
        ("rack-7942",), ("rack-7962", "bench-7942"), ("remote-7942",)
    )  # fmt: skip
    lines = ["serial:/dev/ttyACM2", "serial:/dev/ttyACM3", "serial:/dev/ttyUSB0"]
    assert names(keypad_resources(lab, "gantry-1")) == lines
    assert {*lines} <= {*names(station_resources(lab, ["bench-7942"]))}


def test_phones_on_a_supply_for_one_at_a_time_belong_together() -> None:
    lab = lab_of("lab.example-hardware.yaml")
    phones = dict(lab.phones)
    second = lab.phones["bench-7942"].outlet.model_copy(update={"outlet": "2"})
    phones["rack-7942"] = phones["rack-7942"].model_copy(update={"outlet": second})
    lab = lab.model_copy(update={"phones": phones})
    assert station_groups(lab) == (
        ("rack-7942", "bench-7942"), ("rack-7962",), ("remote-7942",)
    )  # fmt: skip
