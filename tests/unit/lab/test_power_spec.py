"""What lab.yaml may say of a PDU: each fault with its place, and no secret in plain text."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UsageFault
from harness.lab import Lab, ScpiPowerSpec, SnmpPowerSpec, load_lab

HEAD = """
keypads: {keypad-1: {port: virtual}}
peers: {}
phones:
  desk:
    {model: 7942G, kind: hardware,
    mac: 00:24:C4:AB:CD:EF,
    address: 127.54.3.42,
    outlet: pdu-1/OUTLET,
    keypad: keypad-1,
    lines: [{user: "201"}]}
power:
  pdu-1:
"""


def lab_of(tmp_path: Path, entry: str, outlet: str = "1") -> Lab:
    path = tmp_path / "lab.yaml"
    lines = "\n".join(f"    {line}" for line in entry.strip().splitlines())
    path.write_text(HEAD.lstrip().replace("OUTLET", outlet) + lines + "\n", encoding="utf-8")
    return load_lab(path)


def fault_of(tmp_path: Path, entry: str, outlet: str = "1") -> str:
    with pytest.raises(UsageFault) as caught:
        lab_of(tmp_path, entry, outlet)
    first, *faults = str(caught.value).replace(f"{tmp_path}/", "").splitlines()
    assert first == f"{len(faults)} fault(s) in lab.yaml"
    return "\n".join(faults)


def test_without_a_driver_it_is_scpi(tmp_path: Path) -> None:
    spec = lab_of(tmp_path, "address: virtual").power["pdu-1"]
    assert isinstance(spec, ScpiPowerSpec)
    assert (spec.dialect, spec.outlet_names[-1], spec.lists_outlets) == ("plain", "8", False)


def test_two_words_make_it_snmp(tmp_path: Path) -> None:
    spec = lab_of(tmp_path, "driver: snmp\nmib: apc-rpdu2").power["pdu-1"]
    assert isinstance(spec, SnmpPowerSpec)
    assert spec.virtual
    assert spec.needs == ("community",)


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        (
            "driver: scpy",
            "13:5: power.pdu-1.driver: no such driver; there are: labgrid, place, scpi,",
        ),
        ("driver: snmp", "12:3: power.pdu-1.mib: this key is required and missing"),
        ("driver: snmp\nmib: apc", "14:5: power.pdu-1.mib: Input should be 'apc-rpdu'"),
        ("driver: scpi\nmib: poe", "14:5: power.pdu-1.mib: no such key here"),
        ("dialect: french", "13:5: power.pdu-1.dialect: Input should be 'plain'"),
        ("driver: labgrid\naddress: x", "12:3: power.pdu-1.backend: this key is required"),
        (
            "driver: labgrid\nbackend: gude",
            "12:3: power.pdu-1: there is no twin for labgrid's backends: give an address",
        ),
        ("driver: tasmota", "12:3: power.pdu-1: there is no twin for tasmota: give an address"),
        ("outlets: 0", "13:5: power.pdu-1.outlets"),
        ("outlets: [a]", "12:3: power.pdu-1: a virtual PDU takes a number of outlets"),
        ("draw_a: -1", "13:5: power.pdu-1.draw_a: Input should be greater than 0 (found -1)"),
        (
            "driver: snmp\nmib: poe\naddress: 192.0.2.1",
            "12:3: power.pdu-1: SNMP v2c needs credentials: community",
        ),
        (
            "driver: snmp\nmib: poe\naddress: 192.0.2.1\nversion: v3",
            "12:3: power.pdu-1: SNMP v3 needs credentials: user, auth_key, priv_key",
        ),
        (
            "driver: snmp\nmib: poe\nversion: v3\nauth: none",
            "12:3: power.pdu-1: privacy needs authentication",
        ),
        ("credentials: {}", "13:5: power.pdu-1.credentials: credentials name either a file"),
        (
            "credentials: {file: a, community: B}",
            "13:5: power.pdu-1.credentials: credentials name either a file",
        ),
    ],
)
def test_faults_are_told_with_their_place(tmp_path: Path, entry: str, fault: str) -> None:
    assert fault_of(tmp_path, entry).startswith(f"lab.yaml:{fault}")


def test_the_outlet_of_a_phone_must_be_among_those_listed(tmp_path: Path) -> None:
    entry = "driver: tasmota\naddress: http://192.0.2.1\noutlets: ['1', relay-2]"
    assert lab_of(tmp_path, entry, "relay-2").power["pdu-1"].lists_outlets
    assert "pdu-1 has outlets 1, relay-2" in fault_of(tmp_path, entry, "2")


@pytest.mark.parametrize(
    "entry",
    [
        "driver: tasmota\naddress: http://admin:hunter2!@192.0.2.1",
        "driver: labgrid\nbackend: rest\naddress: http://admin:hunter2!@192.0.2.1/{index}",
        "driver: snmp\nmib: poe\naddress: 192.0.2.1\ncredentials: {community: hunter2}",
        "driver: snmp\nmib: poe\naddress: 192.0.2.1\ncredentials: hunter2!",
        "driver: snmp\nmib: poe\naddress: 192.0.2.1\ncredentials: {community: [hunter2!]}",
    ],
)
def test_a_secret_in_plain_text_is_refused_and_not_repeated(tmp_path: Path, entry: str) -> None:
    assert "hunter2" not in fault_of(tmp_path, entry)


SNMP = "driver: snmp\nmib: poe\naddress: 192.0.2.1\n"


def test_secrets_come_from_the_environment_and_are_known_for_redaction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = lab_of(tmp_path, SNMP + "credentials: {community: PDU_1_COMMUNITY}")
    monkeypatch.delenv("PDU_1_COMMUNITY", raising=False)
    assert lab.secrets(), "what cannot be fetched is no reason not to redact the rest"
    with pytest.raises(UsageFault, match="PDU_1_COMMUNITY is not set") as caught:
        lab.power["pdu-1"].secrets("pdu-1")
    assert caught.value.device == "pdu-1"
    monkeypatch.setenv("PDU_1_COMMUNITY", "hunter2!")
    assert "hunter2!" in lab.secrets()
    assert "hunter2" not in repr(lab)
    assert "hunter2" not in str(lab.power["pdu-1"].secrets("pdu-1"))
    assert "hunter2" not in lab.model_dump_json()


def test_secrets_come_from_a_file_beside_the_lab_that_only_its_owner_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    file = tmp_path / "pdu.secret"
    file.write_text("community: hunter2!\n")
    file.chmod(0o600)
    lab = lab_of(tmp_path, SNMP + "credentials: {file: pdu.secret}")
    assert "hunter2!" in lab.secrets()
    file.chmod(0o640)
    with pytest.raises(UsageFault, match="others may read") as caught:
        lab.power["pdu-1"].secrets("pdu-1")
    assert caught.value.hint == f"chmod 600 {file}"


@pytest.mark.parametrize("text", ["hunter2!", "[hunter2!]", "community: {a: hunter2!}", "a: [h"])
def test_a_credentials_file_that_is_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "pdu.secret"
    file.touch(0o600)
    file.write_text(text)
    lab = lab_of(tmp_path, SNMP + "credentials: {file: pdu.secret}")
    with pytest.raises(UsageFault) as caught:
        lab.power["pdu-1"].secrets("pdu-1")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None or "hunter2" not in str(caught.value.__cause__)


def test_a_missing_credentials_file(tmp_path: Path) -> None:
    lab = lab_of(tmp_path, SNMP + "credentials: {file: none.secret}")
    with pytest.raises(UsageFault, match="cannot read the credentials file"):
        lab.power["pdu-1"].secrets("pdu-1")


def test_credentials_without_what_the_version_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("U", "bench")
    lab = lab_of(tmp_path, SNMP + "version: v3\ncredentials: {user: U}")
    with pytest.raises(UsageFault, match="no auth_key and no priv_key"):
        lab.power["pdu-1"].secrets("pdu-1")
