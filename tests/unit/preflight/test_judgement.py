"""Safe, risky or breaks: what tips the verdict, and which phones and tests are chosen."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.events import StatusLogRead
from harness.lab import Lab, load_lab
from harness.preflight import Outcome, Trial, judge
from harness.preflight.trial import chosen_tests, representatives
from harness.provisioning import render_tree
from harness.provisioning.diff import Change, diff_trees
from harness.provisioning.elements import Area
from harness.provisioning.lint import Finding, Severity
from harness.runs import RunResult, TestResult, Verdict
from harness.timeline import Timeline

ROOT = Path(__file__).parents[3]
NAME = "SEP0024C4ABCDEF.cnf.xml"
PHONE = "desk-7942"
FINDING = Finding("a", 1, "kpml", Severity.WARNING, "", "found", "symptom", "fix")


def trial(tmp_path: Path, status: str = "", **verdicts: Verdict) -> Trial:
    timeline = Timeline()
    if status:
        timeline.observer("web", PHONE)(StatusLogRead(status))
    run = RunResult("r", "lab", 0.0, {PHONE: "virtual"}, tmp_path)
    run.results = [
        TestResult(name, {PHONE: "virtual"}, verdict, f"{name} says why", "", 0, 0, 0, 0)
        for name, verdict in verdicts.items()
    ]
    return Trial(run, tuple(timeline.records(0)))


@pytest.fixture(scope="module")
def tree() -> dict[str, bytes]:
    return render_tree(load_lab(ROOT / "lab.yaml"))


def change(tree: dict[str, bytes], old: str, new: str, name: str = NAME) -> list[Change]:
    assert old in tree[name].decode()
    return diff_trees(tree, {**tree, name: tree[name].replace(old.encode(), new.encode())})


@pytest.fixture
def codec(tree: dict[str, bytes]) -> list[Change]:
    return change(tree, "g711alaw", "g722")


def test_no_change_is_safe() -> None:
    assert judge([], [FINDING], None, None).outcome is Outcome.SAFE


def test_what_passed_before_and_fails_now_breaks(codec: list[Change], tmp_path: Path) -> None:
    old = trial(tmp_path / "old", "12:00 usual", a=Verdict.PASSED, b=Verdict.PASSED)
    new = trial(
        tmp_path / "new",
        "12:00 usual\nUnprovisioned",
        a=Verdict.PASSED,
        b=Verdict.PRODUCT_FAULT,
    )
    judgement = judge(codec, [], old, new)
    assert judgement.outcome is Outcome.BREAKS
    assert judgement.reasons == ("b: b says why", f"{PHONE} (virtual) showed: Unprovisioned")
    assert judgement.evidence == (
        tmp_path / "old" / "report.html",
        tmp_path / "new" / "report.html",
    )


@pytest.mark.parametrize("before", [Verdict.PRODUCT_FAULT, Verdict.BENCH_FAULT, None])
def test_what_never_passed_proves_nothing(
    codec: list[Change], tmp_path: Path, before: Verdict | None
) -> None:
    old = trial(tmp_path, **({"a": before} if before else {}))
    judgement = judge(codec, [], old, trial(tmp_path, a=Verdict.PRODUCT_FAULT))
    assert judgement.outcome is Outcome.RISKY


@pytest.mark.parametrize("now", [Verdict.BENCH_FAULT, Verdict.INCONCLUSIVE])
def test_a_bench_fault_never_breaks_a_template(
    codec: list[Change], tmp_path: Path, now: Verdict
) -> None:
    judgement = judge(codec, [], trial(tmp_path, a=Verdict.PASSED), trial(tmp_path, a=now))
    assert judgement.outcome is Outcome.RISKY
    assert judgement.evidence


@pytest.mark.parametrize(
    ("severity", "outcome"),
    [
        (Severity.ERROR, Outcome.RISKY),
        (Severity.WARNING, Outcome.RISKY),
        (Severity.NOTE, Outcome.SAFE),
    ],
)
def test_what_lint_finds_anew_is_a_doubt(
    codec: list[Change], tmp_path: Path, severity: Severity, outcome: Outcome
) -> None:
    finding = Finding("t.j2", 7, "kpml", severity, "", "found", "symptom", "fix")
    passed = trial(tmp_path, a=Verdict.PASSED)
    judgement = judge(codec, [finding], passed, passed)
    assert judgement.outcome is outcome
    assert ("t.j2:7" in str(judgement)) is (outcome is Outcome.RISKY)


def test_what_no_test_can_see_is_never_called_safe(tree: dict[str, bytes], tmp_path: Path) -> None:
    passed = trial(tmp_path, a=Verdict.PASSED)
    port = judge(change(tree, "<pcPort>1", "<pcPort>0"), [], passed, passed)
    assert port.outcome is Outcome.RISKY
    assert "no test can see it: PC port (0 on, 1 off): 1 → 0" in str(port)
    default = change(tree, "SIP42.9-3-1SR4-1S", "SIP42.9-4-2SR3-1S", "XMLDefault.cnf.xml")
    assert judge(default, [], passed, passed).outcome is Outcome.RISKY
    label = judge(change(tree, "<phoneLabel>desk-7942", "<phoneLabel>lobby"), [], passed, passed)
    assert label.outcome is Outcome.SAFE
    assert "no test can see it, and little hangs on it: phone label" in str(label)


@pytest.mark.parametrize(
    ("load", "says"),
    [
        ("SIP42.8-5-2S", "a downgrade"),
        ("SIP42.8-4-1S", "older than the floor 8.5(2)"),
    ],
)
def test_another_load_is_judged_by_the_way_to_it(
    tree: dict[str, bytes], tmp_path: Path, load: str, says: str
) -> None:
    passed = trial(tmp_path, a=Verdict.PASSED)
    old = "<loadInformation>SIP42.9-3-1SR4-1S"
    judgement = judge(change(tree, old, f"<loadInformation>{load}"), [], passed, passed)
    assert judgement.outcome is Outcome.RISKY
    assert says in str(judgement)
    up = judge(change(tree, old, "<loadInformation>SIP42.9-4-2SR3-1S"), [], passed, passed)
    assert up.outcome is Outcome.SAFE


def test_only_the_tests_a_change_can_touch() -> None:
    assert chosen_tests([]) == "test_2"
    assert chosen_tests([Area.DTMF]) == "test_4"
    assert chosen_tests([Area.TRANSFER, Area.REGISTRATION]) == "test_2 or test_5"
    for area in Area:
        (file,) = [*(ROOT / "tests" / "regression").glob(f"{chosen_tests([area])}_*.py")]
        assert file.is_file()


LAB = """
power: {p: {outlets: 8}}
keypads: {k1: {}, k2: {}, k3: {}, k4: {}, k5: {}}
peers: {alice: {extension: "211", tone: 440}}
provisioning: {sites: {north: {}, south: {}}}
phones:
"""
ROW = """
  {name}: {{model: {model}, mac: 00:24:C4:00:00:0{n}, address: 192.0.2.{n}, outlet: p/{n},
    keypad: k{n}, tone: 1{n}00, site: {site}, load: {load}, lines: [{{user: "30{n}"}}]}}
"""


@pytest.fixture
def kinds(tmp_path: Path) -> Lab:
    rows = [
        ("a", "7942G", "north", "SIP42.9-3-1SR4-1S"),
        ("b", "7942G", "north", "SIP42.9-3-1SR4-1S"),
        ("c", "7962G", "north", "SIP42.9-3-1SR4-1S"),
        ("d", "7942G", "south", "SIP42.9-3-1SR4-1S"),
        ("e", "7942G", "north", "SIP42.8-5-2S"),
    ]
    text = LAB + "".join(
        ROW.format(n=n, name=name, model=model, site=site, load=load)
        for n, (name, model, site, load) in enumerate(rows, start=1)
    )
    (tmp_path / "lab.yaml").write_text(text, encoding="utf-8")
    return load_lab(tmp_path / "lab.yaml")


def test_one_phone_of_each_kind_is_tried(kinds: Lab) -> None:
    old = render_tree(kinds)
    new = {name: body.replace(b"<kpml>3", b"<kpml>0") for name, body in old.items()}
    assert representatives(kinds, diff_trees(old, new)) == ["a", "c", "d", "e"]
    only = {**old, "SEP0024C4000003.cnf.xml": new["SEP0024C4000003.cnf.xml"]}
    assert representatives(kinds, diff_trees(old, only)) == ["c"]
    # The second phone of a kind is another one when more of it changes.
    more = new["SEP0024C4000002.cnf.xml"].replace(b"g711alaw", b"g722")
    changes = diff_trees(old, new | {"SEP0024C4000002.cnf.xml": more})
    assert representatives(kinds, changes) == ["a", "b", "c", "d", "e"]


def test_phones_that_get_different_values_are_two_kinds(kinds: Lab) -> None:
    files = ("SEP0024C4000001.cnf.xml", "SEP0024C4000002.cnf.xml")
    shape = b"<device><sipProfile><phoneLabel>%s</phoneLabel><preferredCodec>%s</preferredCodec>"
    shape += b"</sipProfile></device>"
    old = dict.fromkeys(files, shape % (b"desk", b"g711alaw"))
    alike = [shape % (b"one", b"g722"), shape % (b"two", b"g722")]
    apart = [shape % (b"one", b"g722"), shape % (b"one", b"g729a")]
    assert representatives(kinds, diff_trees(old, dict(zip(files, alike, strict=True)))) == ["a"]
    assert representatives(kinds, diff_trees(old, dict(zip(files, apart, strict=True)))) == [
        "a",
        "b",
    ]


def test_a_file_all_phones_share_touches_every_kind(kinds: Lab) -> None:
    old = render_tree(kinds)
    new = old | {"dialplan.xml": old["dialplan.xml"].replace(b'"3"', b'"5"')}
    assert representatives(kinds, diff_trees(old, new)) == ["a", "c", "d", "e"]
