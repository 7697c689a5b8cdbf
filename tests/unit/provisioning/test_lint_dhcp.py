"""DHCP against the files there are: what the three programs are told is understood, and misses."""

from __future__ import annotations

import pytest
from good_root import ROOT, SEP, good
from hypothesis import given
from hypothesis import strategies as st

from harness.lab import load_lab
from harness.provisioning.dhcp import plan_for, render_dhcp
from harness.provisioning.lint import Finding, Severity, lint, tree_of

FILES = {"isc": "dhcpd.conf", "dnsmasq": "dnsmasq.conf", "kea": "kea-dhcp4.conf"}


def tree(program: str) -> dict[str, bytes]:
    files = good()
    del files["dhcpd.conf"]
    text = render_dhcp(plan_for(load_lab(ROOT / "lab.yaml")), program)
    # The other phone of the lab has a file too.
    files["SEP0024C4ABCDF0.cnf.xml"] = files[SEP].replace(b"201", b"202")
    return files | {FILES[program]: text.encode()}


def found_in(files: dict[str, bytes]) -> list[Finding]:
    return [each for each in lint(tree_of(files)) if each.rule.startswith("dhcp")]


@pytest.mark.parametrize("program", FILES)
def test_what_the_harness_renders_is_right(program: str) -> None:
    assert found_in(tree(program)) == []


@pytest.mark.parametrize("program", FILES)
def test_a_phone_without_an_entry_and_an_entry_without_a_phone(program: str) -> None:
    files = tree(program)
    name = FILES[program]
    text = files[name].decode().replace("00:24:c4:ab:cd:ef", "00:24:c4:ab:cd:ee")
    text = text.replace("00:24:C4:AB:CD:EF", "00:24:C4:AB:CD:EE")
    assert text != files[name].decode()
    told = {
        (each.path, each.found.split(";")[0]) for each in found_in(files | {name: text.encode()})
    }
    assert (SEP, f"no host entry for 0024C4ABCDEF in {name}") in told
    assert (name, "no SEP0024C4ABCDEE.cnf.xml here") in told


@pytest.mark.parametrize("program", FILES)
def test_no_tftp_server_at_all(program: str) -> None:
    files = tree(program)
    name = FILES[program]
    lines = files[name].decode().splitlines()
    without = [line for line in lines if not any(w in line for w in ("tftp", "150", ",66,"))]
    found = found_in(files | {name: "\n".join(without).encode()})
    assert {each.rule for each in found} == {"dhcp-tftp"}


def test_an_address_that_holds_150_is_no_option() -> None:
    files = good()
    files["dhcpd.conf"] = (
        b"host d { hardware ethernet 00:24:c4:ab:cd:ef; fixed-address 192.168.1.150; }\n"
    )
    (found,) = found_in(files)
    assert (found.rule, found.line) == ("dhcp-tftp", 1)


def test_a_comment_is_no_option_and_one_for_all_is_enough() -> None:
    files = good()
    host = b"host d { hardware ethernet 00:24:c4:ab:cd:ef; }\n"
    files["dhcpd.conf"] = b'# option tftp-server-name "192.0.2.1";\n' + host
    assert [each.line for each in found_in(files)] == [2]
    files["dhcpd.conf"] = b'option tftp-server-name "192.0.2.1";\n' + host
    assert found_in(files) == []
    files["dhcpd.conf"] = b"subnet 192.0.2.0 netmask 255.255.255.0 {\n next-server 192.0.2.1;\n}\n"
    (found,) = found_in(files)
    assert found.severity is Severity.NOTE


_WORDS = st.lists(
    st.sampled_from(
        [
            *(
                "{",
                "}",
                "host a",
                "hardware ethernet 00:24:c4:ab:cd:ef",
                "option",
                "code 150 =",
                ";",
            ),
            *(
                "dhcp-host=00:24:c4:ab:cd:ef",
                "dhcp-option=66",
                '"hw-address": "',
                "#",
                "\n",
                "tftp",
            ),
        ]
    )
    | st.text(max_size=10)
).map(" ".join)


@given(st.sampled_from(sorted(FILES.values())), _WORDS)
def test_no_text_makes_it_fall_over(name: str, text: str) -> None:
    lint(tree_of({name: text.encode("utf-8", "replace"), SEP: b"<device/>"}))
