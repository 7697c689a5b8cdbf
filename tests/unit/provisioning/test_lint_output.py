"""What lint prints, what it is told to overlook, and that nothing makes it fall over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cli import main
from harness.provisioning.lint import RULES, as_catalogue, as_sarif, as_text, lint, tree_of

ROOT = Path(__file__).parents[3]
ARTICLE = ROOT / "tests" / "data" / "article"
KPML = b"<device><sipProfile>\n%s<kpml>3</kpml>\n</sipProfile></device>"


def rules(content: bytes) -> list[str]:
    return [f.rule for f in lint(tree_of({"SEP0024C4ABCDEF.cnf.xml": content}, whole=False))]


def test_the_articles_own_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", str(ARTICLE)]) == 1
    told = capsys.readouterr().out
    for part in (
        "SEP0024C4ABCDEF.cnf.xml:136: warning: pcPort is 1: the PC port is off",
        "SEP0024C4ABCDEF.cnf.xml:84: warning: kpml is 3",
        "SEP0024C4ABCDEF.cnf.xml:154: warning: Germany/g3-tones.xml is not staged",
        "SEP0024C4ABCDEF.cnf.xml:107: error: _PASSWORD_ was never replaced",
        "sip.conf:1: error: _USER_ was never replaced",
        "dhcpd.conf:3: error: _TFTPSERVER_ was never replaced",
    ):
        assert part in told


def test_several_faults_of_form_at_once() -> None:
    content = b"<device>\n<a>1 & 2</a>\n<b><c></b>\n</device>"
    found = lint(tree_of({"SEP0024C4ABCDEF.cnf.xml": content}, whole=False))
    lines = {each.line for each in found if each.rule == "xml-not-well-formed"}
    assert {2, 3} <= lines


def test_an_entity_is_never_expanded() -> None:
    bomb = b'<!DOCTYPE d [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><device>&b;</device>'
    assert "xml-not-well-formed" in rules(bomb)


def test_a_suppression_needs_a_reason() -> None:
    assert "kpml" in rules(KPML % b"")
    assert "kpml" not in rules(KPML % b"<!-- lint: allow kpml our PBX is patched -->\n")
    unreasoned = rules(KPML % b"<!-- lint: allow kpml -->\n")
    assert {"kpml", "suppression"} <= set(unreasoned)
    assert "suppression" in rules(KPML % b"<!-- lint: allow kmpl typing error -->\n")


def test_sarif_names_rule_file_and_line() -> None:
    found = lint(tree_of({"SEP0024C4ABCDEF.cnf.xml": KPML % b""}, whole=False))
    log = json.loads(as_sarif(found))
    run = log["runs"][0]
    assert log["version"] == "2.1.0"
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} == set(RULES)
    kpml = next(result for result in run["results"] if result["ruleId"] == "kpml")
    place = kpml["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "SEP0024C4ABCDEF.cnf.xml"
    assert place["region"]["startLine"] == 2


def test_the_shipped_templates_have_no_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["lint", "configs/templates"]) == 0
    assert "0 errors" in capsys.readouterr().out


def test_a_path_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", "nowhere.xml"]) == 2
    assert "cannot read nowhere.xml" in capsys.readouterr().err


def test_the_catalogue_page_is_the_codes() -> None:
    page = ROOT / "docs" / "reference" / "lint-rules.md"
    assert page.read_text(encoding="utf-8") == as_catalogue(), (
        "write it again: harness lint --catalogue > docs/reference/lint-rules.md"
    )


_NAMES = st.sampled_from(
    ["SEP0024C4ABCDEF.cnf.xml", "XMLDefault.cnf.xml", "dialplan.xml", "sip.conf", "dhcpd.conf"]
)
_PIECES = st.lists(
    st.sampled_from(
        [
            *(b"<device>", b"</device>", b"<sipProfile>", b"<sipLines>", b'<line button="', b'1">'),
            *(
                b"<featureID>9</featureID>",
                b"<authPassword>",
                b"&#0;",
                b"\xff",
                b"<TEMPLATE MATCH='",
            ),
            *(b"[a](!)\n", b"[b](a)\n", b"allow=", b"<!--", b"lint: allow kpml", b"]]>", b"<?x"),
        ]
    )
).map(b"".join)


@given(st.dictionaries(_NAMES, st.one_of(st.binary(max_size=400), _PIECES), max_size=5))
def test_no_input_makes_lint_fall_over(contents: dict[str, bytes]) -> None:
    assert as_text(lint(tree_of(contents)))
