"""What is wrong with a place, from what its coordinator tells of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.errors import BenchFault, HarnessError, UsageFault
from harness.lab import SerialRef
from harness.places.need import Need, PlaceSeen

ME = "bench-a/phone-bench-1-2-me-abcdef"


def resource(cls: str, name: str, **changes: Any) -> dict[str, Any]:
    params: dict[str, Any] = {"extra": {}}
    if cls == "NetworkPowerPort":
        params |= {"model": "simplerest", "host": "http://pdu/{index}", "index": 1}
    else:
        params |= {"host": "bench-b", "port": None}
    made = {"cls": cls, "name": name, "path": f"bench-b/desk-1/{cls}/{name}", "avail": True}
    params |= changes.pop("params", {})
    return made | {"params": params} | changes


POWER = resource("NetworkPowerPort", "power")
KEYPAD = resource("NetworkSerialPort", "keypad")


@pytest.fixture
def seen() -> Callable[..., PlaceSeen]:
    def make(*resources: dict[str, Any], ref: str = "", **told: Any) -> PlaceSeen:
        need = Need("desk-1", {"pdu": ("power",)}, {("keypad", "port"): SerialRef("desk-1", ref)})
        nobody = {"acquired": None, "changed": 1e9, "reserved_for": None, "unmatched": []}
        return PlaceSeen.of(need, nobody | {"resources": resources} | told)

    return make


def only(faults: list[HarnessError]) -> HarnessError:
    (fault,) = faults
    return fault


def test_nothing_is_wrong_with_what_is_there_and_free(seen: Callable[..., PlaceSeen]) -> None:
    place = seen(POWER, KEYPAD)
    assert [*place.lacks(), *place.taken(ME)] == []
    assert place.used == [POWER, KEYPAD]
    assert place.power_ports("pdu")["power"].host == "http://pdu/{index}"


def test_who_has_it_and_since_when(seen: Callable[..., PlaceSeen]) -> None:
    fault = only(list(seen(POWER, KEYPAD, acquired="elsewhere/alice").taken(ME)))
    assert isinstance(fault, BenchFault)
    assert "place desk-1 is held by alice on elsewhere since 2001-09-" in fault.summary
    assert fault.expected == "it free for pdu, keypad"
    assert list(seen(acquired=ME, reserved_for="elsewhere/bob").taken(ME)) != []
    assert list(seen(acquired=ME).taken(ME)) == []


def test_who_is_to_have_it_next(seen: Callable[..., PlaceSeen]) -> None:
    fault = only(list(seen(POWER, KEYPAD, reserved_for="elsewhere/bob").taken(ME)))
    assert fault.summary == "place desk-1 is reserved for elsewhere/bob"
    assert list(seen(reserved_for=ME).taken(ME)) == []


def test_a_name_that_is_not_in_it_is_lab_yamls_mistake(seen: Callable[..., PlaceSeen]) -> None:
    fault = only(list(seen(POWER, KEYPAD, ref="robot").lacks()))
    assert isinstance(fault, UsageFault)
    assert (fault.device, fault.summary) == ("keypad", "place desk-1 has no serial port robot")
    assert fault.state == "it has power (NetworkPowerPort), keypad (NetworkSerialPort)"


def test_what_is_not_exported_is_the_exporters(seen: Callable[..., PlaceSeen]) -> None:
    faults = list(seen(unmatched=["bench-b/desk-1/*"]).lacks())
    assert [type(fault) for fault in faults] == [BenchFault, BenchFault]
    assert {fault.device for fault in faults} == {"pdu", "keypad"}
    assert all("nobody exports bench-b/desk-1/*" in fault.state for fault in faults)


def test_two_serial_ports_want_a_name(seen: Callable[..., PlaceSeen]) -> None:
    two = (POWER, KEYPAD, resource("NetworkSerialPort", "console"))
    fault = only(list(seen(*two).lacks()))
    assert fault.summary == "place desk-1 has more than one serial port (keypad, console)"
    assert "labgrid:PLACE/RESOURCE" in fault.hint
    assert list(seen(*two, ref="console").lacks()) == []


def test_one_port_is_not_two_keypads(seen: Callable[..., PlaceSeen]) -> None:
    place = seen(POWER, KEYPAD)
    place.need.serial["keypad-2", "port"] = SerialRef("desk-1", "keypad")
    fault = only(list(place.lacks()))
    assert (fault.device, fault.summary) == (
        "keypad-2", "serial port keypad of place desk-1 is already keypad's"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"avail": False}, "exporter bench-b says that it is not there"),
        ({"params": {"extra": {"broken": "no ser2net"}}}, "exporter bench-b: no ser2net"),
        ({"params": {"extra": {"proxy_required": True}}}, "reached by ssh only"),
    ],
)
def test_a_port_that_cannot_be_used(
    seen: Callable[..., PlaceSeen], changes: dict[str, Any], says: str
) -> None:
    fault = only(list(seen(POWER, resource("NetworkSerialPort", "keypad", **changes)).lacks()))
    assert fault.summary == "keypad of place desk-1 cannot be used"
    assert says in fault.state


@pytest.mark.parametrize(
    ("params", "url"),
    [
        ({"port": 4001}, "rfc2217://bench-b:4001#desk-1/keypad@bench-b"),
        ({"port": 4001, "host": "fe80::1"}, "rfc2217://[fe80::1]:4001#desk-1/keypad@bench-b"),
        ({"port": 4001, "protocol": "raw"}, "socket://bench-b:4001#desk-1/keypad@bench-b"),
    ],
)
def test_where_its_port_is_served(
    seen: Callable[..., PlaceSeen], params: dict[str, Any], url: str
) -> None:
    place = seen(resource("NetworkSerialPort", "keypad", params=params))
    assert place.url(SerialRef("desk-1")) == url


def test_a_port_that_is_served_nowhere(seen: Callable[..., PlaceSeen]) -> None:
    with pytest.raises(BenchFault, match="exporter bench-b does not serve serial port desk-1/key"):
        seen(KEYPAD).url(SerialRef("desk-1"))
