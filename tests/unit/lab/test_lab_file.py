"""lab.yaml: all faults at once, each with file, line, column and key."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageFault
from harness.lab import load_lab

SHIPPED = Path(__file__).parents[3] / "lab.yaml"


def faults_of(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "lab.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageFault) as caught:
        load_lab(path)
    return str(caught.value).replace(str(path), "lab.yaml").splitlines()


def shipped(**changes: str) -> str:
    text = SHIPPED.read_text(encoding="utf-8")
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return text


def test_the_shipped_lab_is_the_virtual_one() -> None:
    lab = load_lab(SHIPPED)
    assert {name: lab.label(name) for name in lab.phones} == {
        "desk-7942": "virtual",
        "desk-7962": "virtual",
    }
    assert lab.phones["desk-7942"].host_name == "SEP0024C4ABCDEF"
    assert lab.phones["desk-7962"].facts.boot_loads == "term62.default.loads"


def test_the_example_of_hardware_is_valid_and_all_hardware() -> None:
    lab = load_lab(SHIPPED.with_name("lab.example-hardware.yaml"))
    assert not lab.is_virtual
    assert {lab.label(name) for name in lab.phones} == {"hardware"}


def test_one_lab_serves_both_asterisks() -> None:
    lab = load_lab(SHIPPED)
    assert (lab.pbx.kind, lab.pbx.image_name) == ("asterisk22", "localhost/asterisk:22")
    older = lab.with_pbx("asterisk16")
    assert (older.pbx.kind, older.pbx.image_name) == ("asterisk16", "localhost/asterisk:16")
    # The same users with the same passwords, at the same place.
    assert older.secrets() == lab.secrets()
    assert older.pbx.address == lab.pbx.address


def test_an_image_of_ones_own_is_one_kind_only_unless_it_says_version(tmp_path: Path) -> None:
    path = tmp_path / "lab.yaml"
    own = {"kind: asterisk22 ": "image: mine:22\n  kind: asterisk22 "}
    path.write_text(shipped(**own), encoding="utf-8")
    lab = load_lab(path)
    assert lab.with_pbx("asterisk22").pbx.image_name == "mine:22"
    with pytest.raises(UsageFault, match="image mine:22 is that of asterisk22"):
        lab.with_pbx("asterisk16")
    path.write_text(path.read_text().replace("mine:22", "mine:v{version}"), encoding="utf-8")
    assert load_lab(path).with_pbx("asterisk16").pbx.image_name == "mine:v16"


def test_passwords_are_short_and_known_as_secrets() -> None:
    lab = load_lab(SHIPPED)
    assert len(lab.secrets()) == len(lab.phones) + len(lab.peers)
    assert {len(secret) for secret in lab.secrets()} == {10}
    assert not any(secret in repr(lab) for secret in lab.secrets())


def test_every_fault_is_told_at_once_with_its_place(tmp_path: Path) -> None:
    text = shipped(**{"speed: 40": "sped: 40", "7942G\n": "7940G\n", "00:24:C4:AB:CD:F0": "zz"})
    faults = faults_of(tmp_path, text)
    assert faults[0] == "3 fault(s) in lab.yaml"
    assert faults[1].startswith("lab.yaml:10:3: virtual.sped: no such key here")
    assert "Input should be '7942G' or '7962G' (found '7940G')" in faults[2]
    assert "12 hexadecimal digits" in faults[3]


def test_names_that_point_nowhere(tmp_path: Path) -> None:
    text = shipped(**{"pdu-1/2": "pdu-9/2", "keypad: keypad-2": "keypad: keypad-9"})
    told = "\n".join(faults_of(tmp_path, text))
    assert "no PDU named 'pdu-9'; power has: pdu-1" in told
    assert "no keypad named 'keypad-9'" in told


def test_a_twin_does_not_hang_on_hardware(tmp_path: Path) -> None:
    text = shipped(
        **{
            "address: virtual ": "address: TCPIP0::192.0.2.10::5025::SOCKET ",
            "keypad-2: {driver: matrix, port: virtual}": "keypad-2: {port: /dev/ttyACM1}",
        }
    )
    told = "\n".join(faults_of(tmp_path, text))
    for name in ("desk-7942", "desk-7962"):
        assert f"phones.{name}.outlet: a virtual phone needs a virtual PDU, pdu-1 is at" in told
    assert "desk-7962.keypad: a virtual phone needs a virtual keypad, keypad-2 is at /dev/" in told
    assert "desk-7942.keypad" not in told
    text = text.replace("kind: virtual", "kind: hardware")
    (tmp_path / "lab.yaml").write_text(text, encoding="utf-8")
    load_lab(tmp_path / "lab.yaml")


def test_faults_are_told_in_words_of_lab_yaml_and_once(tmp_path: Path) -> None:
    assert faults_of(tmp_path, shipped(**{'user: "201"': "user: 0201"}))[1:] == [
        "lab.yaml:46:10: phones.desk-7942.lines.0.user: text is expected, put it in quotes "
        "(found 201)"
    ]
    assert faults_of(tmp_path, shipped(**{"power:\n": "power: []\nx:\n"}))[1:] == [
        "lab.yaml:12:1: power: keys and values are expected here",
        "lab.yaml:13:1: x: no such key here",
    ]
    assert (
        "at least 1 item"
        in faults_of(tmp_path, shipped(**{'- {user: "201", label: "Desk 201"}': "[]"}))[1]
    )


def test_things_used_twice(tmp_path: Path) -> None:
    text = shipped(
        **{
            '"213"': '"201"',
            "keypad: keypad-2": "keypad: keypad-1",
            "tone: 620": "tone: 440",
            "tone: 1370": "tone: 1090",
        }
    )
    told = "\n".join(faults_of(tmp_path, text))
    assert "201 is already used by phones.desk-7942" in told
    assert "phones.desk-7962.keypad: keypad-1 is already used by desk-7942" in told
    assert "440 Hz is already alice's tone" in told
    assert "1090 Hz is already desk-7942's tone" in told


def test_tones_that_leak_into_one_another(tmp_path: Path) -> None:
    text = shipped(**{"tone: 1370": "tone: 1139", "tone: 850": "tone: 1189"})
    assert faults_of(tmp_path, text)[1:] == [
        "lab.yaml:54:5: phones.desk-7962.tone: 1139 Hz is too near to desk-7942's 1090 Hz: "
        "50 Hz apart can be told"
    ]


def test_phones_may_share_an_outlet(tmp_path: Path) -> None:
    path = tmp_path / "lab.yaml"
    path.write_text(shipped(**{"pdu-1/2": "pdu-1/1"}), encoding="utf-8")
    assert {str(phone.outlet) for phone in load_lab(path).phones.values()} == {"pdu-1/1"}


def test_more_lines_than_the_model_has_keys(tmp_path: Path) -> None:
    line = '      - {user: "201", label: "Desk 201"}\n'
    more = line + '      - {user: "203"}\n      - {user: "204"}\n'
    told = "\n".join(faults_of(tmp_path, shipped(**{line: more})))
    assert "a 7942G has 2 line keys, but 3 lines are given" in told


@pytest.mark.parametrize("text", ["", "- a\n", "a: [\n", "just words"])
def test_what_is_no_lab_file_at_all(tmp_path: Path, text: str) -> None:
    assert "lab.yaml:" in faults_of(tmp_path, text)[0]


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match="--lab FILE"):
        load_lab(tmp_path / "nowhere.yaml")


@given(st.text(max_size=200))
def test_no_text_crashes_the_loader(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("lab") / "lab.yaml"
    path.write_text(text, encoding="utf-8", errors="replace")
    told = ""
    try:
        load_lab(path)
    except UsageFault as error:
        told = str(error)
    assert str(path) in told


def test_a_webhook_is_a_url_and_a_secret(tmp_path: Path) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    file = tmp_path / "lab.yaml"
    file.write_text(text + "notify: {command: tell, webhook: 'https://chat.example/hooks/x'}\n")
    lab = load_lab(file)
    assert "https://chat.example/hooks/x" in lab.secrets()
    assert "hooks" not in repr(lab)
    file.write_text(text + "notify: {webhook: 'chat.example/hooks/x'}\n")
    with pytest.raises(UsageFault, match="begins with http"):
        load_lab(file)
