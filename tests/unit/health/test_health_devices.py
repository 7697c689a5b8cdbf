"""Each check of a device, through the real drivers, against twins and against nobody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from harness.errors import Inconclusive
from harness.health import Finding, State
from harness.health.check import run_checks
from harness.health.devices import Devices, keypad_check, pdu_check, phone_check
from harness.health.stations import reasons
from harness.lab import Lab, load_lab
from harness.phone.windows import WindowClosed
from harness.phone.windows.pages import DeviceInformation
from harness.power import OutletState
from harness.timeline import Timeline

LAB = """
network: {host: 127.60.2.1}
virtual:
  speed: 40
  seeded:
    pdus: {pdu-2: {silent: true}}
    keypads: {keypad-2: {silent: true}}
power:
  pdu-1: {address: virtual, outlets: 2}
  pdu-2: {address: virtual, outlets: 1, timeout_s: 0.2}
  pdu-3:
    {driver: snmp, mib: apc-rpdu2, address: "127.60.2.9:1161", timeout_s: 0.2,
     credentials: {community: PHONE_BENCH_TEST_COMMUNITY}}
keypads:
  keypad-1: {port: virtual}
  keypad-2: {port: virtual}
  keypad-3: {port: /dev/nowhere}
  gantry-1: {driver: grbl, port: virtual}
  gantry-2: {driver: grbl, port: /dev/not-there}
peers: {}
phones:
  one:
    {model: 7942G, mac: "0024C4ABCDE1", address: 127.60.2.41, outlet: pdu-1/1, keypad: keypad-1,
     tone: 1090, lines: [{user: "201"}]}
  two:
    {model: 7962G, mac: "0024C4ABCDE2", address: 127.60.2.42, outlet: pdu-1/2, keypad: keypad-2,
     tone: 1370, lines: [{user: "202"}]}
  three:
    {model: 7962G, mac: "0024C4ABCDE3", address: 127.60.2.43, outlet: pdu-2/1, keypad: gantry-1,
     tone: 1710, lines: [{user: "203"}]}
  four:
    {model: 7942G, mac: "0024C4ABCDE4", address: 127.60.2.44, outlet: pdu-3/1, keypad: gantry-2,
     kind: hardware, tone: 730, lines: [{user: "204"}]}
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    path = tmp_path_factory.mktemp("lab") / "lab.yaml"
    path.write_text(LAB, encoding="utf-8")
    return load_lab(path)


@pytest.fixture(scope="module")
def started(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devices]:
    # pdu-3 has credentials that are not there, which its own test is about.
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PHONE_BENCH_TEST_COMMUNITY", raising=False)
        devices = Devices(lab, Timeline())
        devices.start(tmp_path_factory.mktemp("twins"))
        yield devices
        devices.stop()


def of(findings: list[Finding]) -> list[tuple[str, State, str]]:
    return [(finding.check, finding.state, finding.found) for finding in findings]


def test_a_pdu_says_who_it_is_and_how_each_named_outlet_is(started: Devices) -> None:
    found = run_checks([pdu_check(started, "pdu-1")])
    assert of(found) == [
        ("answers (virtual)", State.OK, "Phone Bench,Virtual PDU,pdu-1,1.0"),
        ("outlet 1 of one", State.OK, "off, draws 0.000 A"),
        ("outlet 2 of two", State.OK, "off, draws 0.000 A"),
    ]
    assert [finding.part for finding in found] == ["", "pdu-1/1", "pdu-1/2"]
    assert started.outlets["pdu-1/2"] is OutletState.OFF


def test_a_silent_pdu_is_one_fault_with_its_fix(started: Devices) -> None:
    (finding,) = run_checks([pdu_check(started, "pdu-2")])
    assert (finding.subject, finding.state) == ("pdu-2", State.FAULT)
    assert finding.fix


def test_credentials_that_are_not_there_are_said_first(started: Devices) -> None:
    (finding,) = run_checks([pdu_check(started, "pdu-3")])
    assert finding.check == "credentials"
    assert "PHONE_BENCH_TEST_COMMUNITY is not set" in finding.found


def test_credentials_that_are_there_are_named_and_never_shown(
    started: Devices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHONE_BENCH_TEST_COMMUNITY", "s3cret-community")
    first, second = run_checks([pdu_check(started, "pdu-3")])
    assert (first.check, first.found) == ("credentials", "community found")
    assert (second.check, second.state) == ("answers (snmp)", State.FAULT)
    assert "s3cret-community" not in f"{first}{second}"


class Stub:
    """A connected PDU that says what a test wants."""

    name, identity = "pdu-1", "Stub 1.0"

    def __init__(self, state: OutletState, amperes: float | None) -> None:
        self._state, self._amperes = state, amperes
        self.closed = False

    def state(self, _: str) -> OutletState:
        return self._state

    def current(self, _: str) -> float | None:
        return self._amperes

    def close(self) -> None:
        self.closed = True


def test_an_outlet_that_cannot_say_is_told_as_unknown(
    started: Devices, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = Stub(OutletState.UNKNOWN, None)
    monkeypatch.setattr("harness.health.devices.open_power", lambda *_, **__: stub)
    devices = Devices(started.lab, Timeline(), pdus=started.pdus)
    _, first, _ = run_checks([pdu_check(devices, "pdu-1")])
    assert first.state is State.UNKNOWN
    assert "draw not measured" in first.found
    assert "draw_a" in first.fix
    assert stub.closed


def test_a_keypad_says_its_firmware_and_its_lamps(started: Devices) -> None:
    assert of(run_checks([keypad_check(started, "keypad-1")])) == [
        ("answers (virtual)", State.OK, "matrix 2 35 twin-1.0.0"),
        ("lamps", State.OK, "10 read: all dark"),
    ]


@pytest.mark.parametrize("name", ["keypad-2", "keypad-3"])
def test_a_keypad_that_is_silent_or_not_there_is_a_fault(started: Devices, name: str) -> None:
    (finding,) = run_checks([keypad_check(started, name)])
    assert (finding.subject, finding.state) == (name, State.FAULT)
    assert finding.fix


def test_a_gantry_homes_and_says_what_it_cannot_see(started: Devices) -> None:
    found = run_checks([keypad_check(started, "gantry-1")])
    assert [(f.check, f.state) for f in found] == [
        ("calibration", State.UNKNOWN),
        ("answers (virtual)", State.OK),
        ("lamps", State.UNKNOWN),
    ]


def test_a_gantry_of_hardware_needs_a_calibration_of_its_own(started: Devices) -> None:
    lab = started.lab
    found = run_checks([keypad_check(started, "gantry-2")])
    assert (found[0].check, found[0].state) == ("calibration", State.FAULT)
    assert found[0].fix == "harness keypad calibrate gantry-2"
    path = lab.beside("gantry-2.calibration.yaml")
    path.write_text("keypad: gantry-9\nmodel: 7942G\npoints: {}\n", encoding="utf-8")
    try:
        found = run_checks([keypad_check(started, "gantry-2")])
    finally:
        path.unlink()
    assert found[0].state is State.OK
    assert (found[1].state, "is of gantry-9" in found[1].found) == (State.FAULT, True)


# Phones

PAGE = b"""<?xml version="1.0" encoding="UTF-8"?>
<DeviceInformation><MACAddress>%s</MACAddress><versionID>SIP42.9-3-1SR4-1S</versionID>
<modelNumber>CP-%s</modelNumber></DeviceInformation>"""


class Window:
    def __init__(self, answer: DeviceInformation | Exception) -> None:
        self._answer = answer

    def device_information(self) -> DeviceInformation:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def page(mac: str = "0024C4ABCDE4", model: str = "7942G") -> DeviceInformation:
    return DeviceInformation.parse(PAGE % (mac.encode(), model.encode()), "four")


def look(lab: Lab, outlet: OutletState, answer: Any) -> list[Finding]:
    devices = Devices(lab, Timeline(), outlets={"pdu-3/1": outlet})
    return run_checks([phone_check(devices, "four", lambda *_: Window(answer))])  # type: ignore[arg-type,return-value]


def test_a_phone_says_its_load(lab: Lab) -> None:
    (finding,) = look(lab, OutletState.ON, page())
    assert finding.state is State.OK
    assert "load SIP42.9-3-1SR4-1S" in finding.found


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (page(mac="0024C4FFFFFF"), "MAC 0024C4FFFFFF, lab.yaml says 0024C4ABCDE4"),
        (page(model="7962G"), "is a CP-7962G, lab.yaml says 7942G"),
    ],
)
def test_another_phone_there_is_a_fault(lab: Lab, answer: DeviceInformation, says: str) -> None:
    (finding,) = look(lab, OutletState.ON, answer)
    assert (finding.state, says in finding.found) == (State.FAULT, True)


@pytest.mark.parametrize(
    ("outlet", "answer", "says"),
    [
        (OutletState.OFF, AssertionError("asked"), "pdu-3/1 is off, so it was not asked"),
        (
            OutletState.ON,
            WindowClosed("its web window is closed"),
            "pdu-3/1 is on; its web window is closed",
        ),
        (OutletState.ON, Inconclusive("its load has no such page"), "has no such page"),
    ],
)
def test_what_a_phone_does_not_say_is_no_fault(
    lab: Lab, outlet: OutletState, answer: Exception, says: str
) -> None:
    (finding,) = look(lab, outlet, answer)
    assert (finding.state, says in finding.found) == (State.UNKNOWN, True)


def test_a_twin_is_not_asked(lab: Lab) -> None:
    (finding,) = run_checks([phone_check(Devices(lab, Timeline()), "one")])
    assert finding.state is State.OK


# Stations


def fault(subject: str, part: str = "", check: str = "answers") -> Finding:
    return Finding(subject, check, State.FAULT, "silent", "mend it", part)


@pytest.mark.parametrize(
    ("findings", "ill"),
    [
        ([], {}),
        ([fault("pdu-1")], {"one": "pdu-1: answers: silent", "two": "pdu-1: answers: silent"}),
        ([fault("pdu-1", "pdu-1/2")], {"two": "pdu-1: answers: silent"}),
        ([fault("keypad-1"), fault("pdu-1", "pdu-1/1")], {"one": "keypad-1: answers: silent"}),
        ([fault("gantry-1", check="calibration")], {}),
        ([Finding("pdu-1", "outlet", State.UNKNOWN, "cannot say")], {}),
        ([fault("host"), fault("one")], {}),
    ],
)
def test_a_station_is_as_ill_as_its_outlet_and_its_keypad(
    lab: Lab, findings: list[Finding], ill: dict[str, str]
) -> None:
    assert reasons(lab, findings) == ill


def test_a_lab_without_a_station_keeps_what_others_need(lab: Lab) -> None:
    less = lab.without_stations({"two", "four"})
    assert list(less.phones) == ["one", "three"]
    assert "pdu-1" in less.power
    assert "pdu-3" not in less.power
    assert "keypad-2" not in less.keypads
    assert "keypad-3" in less.keypads, "what no phone uses is not touched"
    assert list(lab.phones) == ["one", "two", "three", "four"]
