"""What is a change to a phone, and what only looks like one."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from harness.cli import main
from harness.lab import load_lab
from harness.provisioning import render_tree
from harness.provisioning.diff import as_json, as_text, diff_trees
from harness.provisioning.elements import ELEMENTS, Risk

ROOT = Path(__file__).parents[3]
SEP = "SEP0024C4ABCDEF.cnf.xml"
TREE = render_tree(load_lab(ROOT / "lab.yaml"))
PASSWORD = etree.fromstring(TREE[SEP]).findtext(".//authPassword") or ""


def changed(old: str, new: str, *names: str) -> dict[str, bytes]:
    tree = dict(TREE)
    for name in names or (SEP,):
        text = tree[name].decode()
        assert old in text
        tree[name] = text.replace(old, new).encode()
    return tree


def test_a_change_is_told_by_its_meaning_for_all_its_phones() -> None:
    both = (SEP, "SEP0024C4ABCDF0.cnf.xml")
    found = diff_trees(TREE, changed("g711alaw", "g722", *both))
    assert [str(each) for each in found] == ["preferred codec: g711alaw → g722"]
    assert found[0].phones == ("SEP0024C4ABCDEF", "SEP0024C4ABCDF0")
    assert "on 2 phones" in as_text(found)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<rfc2543Hold>false", "<rfc2543Hold>TRUE"),
        ("<rfc2543Hold>false", "<rfc2543Hold>0"),
        ("<timerT1>500", "<timerT1> 500 ms"),
        ("<timerT1>500</timerT1>", ""),
        ("<device>", "<device>\n\n   <!-- a comment -->"),
        ("<natEnabled>false</natEnabled>", ""),
    ],
)
def test_what_the_phone_reads_alike_is_no_change(old: str, new: str) -> None:
    assert diff_trees(TREE, changed(old, new)) == []


def test_the_riskiest_comes_first() -> None:
    new = changed("<proxy>USECALLMANAGER", "<proxy>192.0.2.2")
    new[SEP] = new[SEP].replace(b"<phoneLabel>desk-7942", b"<phoneLabel>lobby")
    risks = [each.risk for each in diff_trees(TREE, new)]
    assert risks == [Risk.HIGH, Risk.LOW]


def test_a_secret_is_never_shown() -> None:
    new = changed(PASSWORD, "another12")
    found = diff_trees(TREE, new)
    assert [str(each) for each in found] == ["SIP password of line 1: changed"]
    for told in (as_text(found), as_json(found)):
        assert "another12" not in told
        assert PASSWORD not in told


@pytest.mark.parametrize(
    ("tag", "old", "new"),
    [
        ("sshPassword", "hunter2", "hunter3"),
        ("snmpCommunity", "hunter2", "hunter3"),
        ("vpnPswd", "hunter2", "hunter3"),
        ("directoryURL", "http://me:hunter2@pbx/", "http://me:hunter3@pbx/"),
    ],
)
def test_no_secret_of_any_element_is_shown(tag: str, old: str, new: str) -> None:
    trees = [
        {SEP: f"<device><a><{tag}>{value}</{tag}></a></device>".encode()} for value in (old, new)
    ]
    found = diff_trees(*trees)
    assert len(found) == 1
    for told in (as_text(found), as_json(found), repr(found)):
        assert "hunter" not in told


def test_values_of_each_phones_own_are_told_once() -> None:
    def tree(label: str) -> dict[str, bytes]:
        body = "<device><sipProfile><phoneLabel>{}</phoneLabel></sipProfile></device>"
        return {
            f"SEP0024C4AB{n:04X}.cnf.xml": body.format(f"{label}{n}").encode() for n in range(212)
        }

    told = as_text(diff_trees(tree("a"), tree("b"))).splitlines()
    assert told == [
        "low    phone label: a0 → b0 on 1 phone (SEP0024C4AB0000)",
        "low    phone label: other values on 211 more phones",
    ]
    every = as_text(diff_trees(tree("a"), tree("b")), every=True)
    assert len(every.splitlines()) == 212


def test_files_and_phones_that_come_and_go() -> None:
    new = {name: body for name, body in TREE.items() if name != SEP}
    new["Ringlist.xml"] = b"<CiscoIPPhoneRingList><Ring>"
    told = as_text(diff_trees(TREE, new))
    assert "present → absent on 1 phone (SEP0024C4ABCDEF)" in told
    assert "Ringlist.xml: (the file): readable → not well formed" in told


def test_rows_of_a_dial_template_are_told_by_their_pattern() -> None:
    new = changed('MATCH="2.."', 'MATCH="3.."', "dialplan.xml")
    told = [each.path for each in diff_trees(TREE, new)]
    assert told == ["dialplan.xml: TEMPLATE[2..]", "dialplan.xml: TEMPLATE[3..]"]


def shuffled(content: bytes, seed: int) -> bytes:
    """The same elements in another order; lists of one name keep theirs."""
    root = etree.fromstring(content)
    chance = random.Random(seed)
    for parent in root.iter():
        children = list(parent)
        chance.shuffle(children)
        # Ports and node names of servers are read in order: that order is meaning.
        if parent.tag != "callManager":
            parent[:] = children
    return etree.tostring(root, pretty_print=True)


@given(st.integers())
def test_order_is_no_change(seed: int) -> None:
    assert diff_trees(TREE, {**TREE, SEP: shuffled(TREE[SEP], seed)}) == []


_WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
_PATHS = st.sampled_from([path for path in ELEMENTS if not path.startswith(("line", "call"))])


@st.composite
def files(draw: st.DrawFn) -> bytes:
    root = etree.Element("device")
    for path, text in draw(st.dictionaries(_PATHS, _WORDS, max_size=6)).items():
        parent = root
        for step in path.split("/"):
            found = parent.find(step)
            parent = etree.SubElement(parent, step) if found is None else found
        parent.text = "".join(c for c in text if c.isprintable())
    return etree.tostring(root)


@given(files(), files())
def test_a_diff_is_its_own_mirror_and_empty_with_itself(one: bytes, two: bytes) -> None:
    assert diff_trees({SEP: one}, {SEP: one}) == []
    there = {(each.path, each.old, each.new) for each in diff_trees({SEP: one}, {SEP: two})}
    back = {(each.path, each.new, each.old) for each in diff_trees({SEP: two}, {SEP: one})}
    assert there == back


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_no_bytes_make_it_fall_over(one: bytes, two: bytes) -> None:
    as_text(diff_trees({SEP: one, "a.bin": two}, {SEP: two, "dialplan.xml": one}))


def test_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["diff", "configs/templates", "configs/templates"]) == 0
    assert "nothing changes for any phone" in capsys.readouterr().out
    for file in (ROOT / "configs/templates").iterdir():
        text = file.read_text(encoding="utf-8").replace("{{ kpml }}", "0")
        (tmp_path / file.name).write_text(text, encoding="utf-8")
    assert main(["diff", "configs/templates", str(tmp_path)]) == 1
    assert "KPML: 3 → 0 on 2 phones (7942G 1, 7962G 1:" in capsys.readouterr().out
    assert main(["diff", "nowhere", str(tmp_path)]) == 2
