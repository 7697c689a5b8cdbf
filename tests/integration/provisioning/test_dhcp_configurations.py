"""Each DHCP server's own test takes what is written for it, and refuses what is spoilt."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UsageFault
from harness.lab import load_lab
from harness.provisioning.dhcp import FORMATS, check_configuration, plan_for, render_dhcp

LAB = Path(__file__).parents[3] / "lab.yaml"
#: A mistake each program's own test finds; dnsmasq takes a wrong address for a host's name.
SPOILT = {
    "dnsmasq": ("dhcp-host=", "dhcp-hots="),
    "isc": ("fixed-address 127.42.0.42", "fixed-address 127.42.0."),
    "kea": ("127.42.0.42", "127.42.0.nobody"),
}
#: What it says of that.
WORDS = {
    "dnsmasq": "bad option at line",
    "isc": "configuration line",
    "kea": "127.42.0.nobody",
}


@pytest.mark.parametrize("program", sorted(FORMATS))
def test_the_program_takes_it_and_it_says_both_options(program: str) -> None:
    plan = plan_for(load_lab(LAB))
    text = render_dhcp(plan, program)
    check_configuration(text, program)
    assert text == render_dhcp(plan, program)
    for host in plan.hosts:
        assert host.colons in text
        assert host.name in text
    assert text.count(str(plan.server)) >= 2 * len(plan.hosts)


@pytest.mark.parametrize("program", sorted(FORMATS))
def test_a_spoilt_configuration_is_refused_in_its_words(program: str) -> None:
    right, wrong = SPOILT[program]
    text = render_dhcp(plan_for(load_lab(LAB)), program)
    assert right in text
    text = text.replace(right, wrong)
    with pytest.raises(UsageFault, match="refuses the configuration") as caught:
        check_configuration(text, program)
    told = str(caught.value)
    assert WORDS[program] in told
    assert "/tmp" not in told
    assert len(told) < 400


def test_an_interface_that_is_not_there_says_what_to_do() -> None:
    text = render_dhcp(plan_for(load_lab(LAB), interface="bench-none"), "kea")
    with pytest.raises(UsageFault, match="bench-none") as caught:
        check_configuration(text, "kea")
    assert "--interface" in caught.value.hint
