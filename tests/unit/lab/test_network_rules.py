"""What lab.yaml may say of the bench network; each fault where it stands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import UsageFault
from harness.lab import load_lab

ROOT = Path(__file__).parents[3]
NAMESPACE = (ROOT / "lab.namespace.yaml").read_text(encoding="utf-8")
LOOPBACK = (ROOT / "lab.yaml").read_text(encoding="utf-8")

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(text: str) -> Path:
        path = tmp_path / "lab.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return to_file


def test_the_shipped_namespace_lab_is_sound() -> None:
    lab = load_lab(ROOT / "lab.namespace.yaml")
    assert lab.network.dhcp
    assert str(lab.network.network) == "10.42.0.0/24"
    assert lab.is_virtual


def test_hardware_may_be_answered_on_its_own_interface() -> None:
    lab = load_lab(ROOT / "lab.example-hardware.yaml")
    assert (lab.network.dhcp, lab.network.namespace) == (True, "")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (NAMESPACE.replace("interface: phones", "interface: lo"), "network.dhcp: no phone can ask"),
        (NAMESPACE.replace("dhcp: true", "dhcp: false"), "network.namespace: its phones have no"),
        (NAMESPACE.replace("  namespace: bench", ""), "never on the machine's own network"),
        (NAMESPACE.replace("kind: virtual", "kind: hardware", 1), "desk-7942.kind: a phone"),
        (NAMESPACE.replace("address: 10.42.0.42", "address: 10.43.0.42"),
         "phones.desk-7942.address: 10.43.0.42 is not in 10.42.0.0/24"),
        (NAMESPACE.replace("address: 10.42.0.2\n", "address: 10.9.0.2\n"), "pbx.address: 10.9.0.2"),
        (LOOPBACK.replace("  interface: lo", "  interface: eth0\n  dhcp: true"),
         "phones.desk-7942: a virtual phone asks for a lease in network.namespace only"),
        (NAMESPACE.replace("namespace: bench", "namespace: My Bench"), "network.namespace"),
    ],
)  # fmt: skip
def test_a_network_that_cannot_be_is_refused(write: Write, text: str, told: str) -> None:
    with pytest.raises(UsageFault) as caught:
        load_lab(write(text))
    assert told in str(caught.value)
    assert "lab.yaml:" in str(caught.value)
