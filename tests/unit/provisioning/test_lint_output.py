"""What lint prints, what it is told to overlook, and that nothing makes it fall over."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from urllib.parse import unquote

import pytest
from good_root import SEP, good
from hypothesis import given
from hypothesis import strategies as st

from harness.cli import main
from harness.lab import load_lab
from harness.provisioning.lint import (
    RULES,
    as_catalogue,
    as_json,
    as_sarif,
    as_text,
    lint,
    tree_of,
)
from harness.provisioning.render import trace_tree

ROOT = Path(__file__).parents[3]
ARTICLE = ROOT / "tests" / "data" / "article"
TEMPLATES = ROOT / "configs" / "templates"
KPML = b"<device><sipProfile>\n%s<kpml>3</kpml>\n</sipProfile></device>"


def rules(content: bytes) -> list[str]:
    return [f.rule for f in lint(tree_of({"SEP0024C4ABCDEF.cnf.xml": content}, whole=False))]


def test_the_articles_own_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", str(ARTICLE)]) == 1
    told = capsys.readouterr().out
    # The same placeholder in nine places is one paragraph.
    assert told.count("_USER_ was never replaced") == 1
    for part in (
        "SEP0024C4ABCDEF.cnf.xml:136: warning: pcPort is 1: the PC port is off",
        "SEP0024C4ABCDEF.cnf.xml:84: warning: kpml is 3",
        "SEP0024C4ABCDEF.cnf.xml:154: warning: Germany/g3-tones.xml is not staged",
        "SEP0024C4ABCDEF.cnf.xml:107: error: _PASSWORD_ was never replaced",
        "SEP0024C4ABCDEF.cnf.xml:97: error: _USER_ was never replaced",
        "also in lines 100, 101, 106, 113",
        "sip.conf:1, ",
        "dhcpd.conf:3: error: _TFTPSERVER_ was never replaced",
    ):
        assert part in told


def test_the_same_mistake_in_many_files_is_one_paragraph() -> None:
    files = {f"SEP0024C4AB{n:04X}.cnf.xml": KPML % b"" for n in range(200)}
    told = as_text([each for each in lint(tree_of(files, whole=False)) if each.rule == "kpml"])
    assert told.splitlines()[:2] == [
        "SEP0024C4AB0000.cnf.xml:2: warning: kpml is 3 [kpml]",
        "    also in SEP0024C4AB0001.cnf.xml:2, SEP0024C4AB0002.cnf.xml:2, "
        "SEP0024C4AB0003.cnf.xml:2, SEP0024C4AB0004.cnf.xml:2 and 195 more places",
    ]
    assert told.splitlines()[-1] == "0 errors, 200 warnings, 0 notes"


def test_several_faults_of_form_at_once() -> None:
    content = b"<device>\n<a>1 & 2</a>\n<b><c></b>\n</device>"
    found = lint(tree_of({"SEP0024C4ABCDEF.cnf.xml": content}, whole=False))
    told = {each.line: each.found for each in found if each.rule == "xml-not-well-formed"}
    assert {2, 3} <= told.keys()
    assert told[2] == "an & that is no entity; a plain one is &amp;"


def test_what_a_broken_file_seems_to_lack_is_not_told() -> None:
    whole = b"<device><sipProfile><sipLines></sipLines></sipProfile></device>"
    assert {"no-first-line", "no-dial-template"} <= {*rules(whole)}
    assert rules(whole.replace(b"</sipLines>", b"</siplines>")).count("xml-not-well-formed") > 0
    lacking = {"no-first-line", "no-dial-template", "no-server"}
    assert not lacking & {*rules(whole.replace(b"</sipLines>", b"</siplines>"))}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"R&D", "an & that is no entity; a plain one is &amp;"),
        (b"under < 5", "a < that begins no tag; a plain one is &lt;"),
    ],
)
def test_a_bare_sign_is_told_in_plain_words(text: bytes, says: str) -> None:
    content = b"<device>\n<a>" + text + b"</a>\n</device>"
    found = lint(tree_of({"SEP0024C4ABCDEF.cnf.xml": content}, whole=False))
    assert says in [each.found for each in found if each.rule == "xml-not-well-formed"]


LAUGHS = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(12))
BOMB = f'<!DOCTYPE d [<!ENTITY l0 "ha">{LAUGHS}]><device a="&l12;">&l12;</device>'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
def test_an_entity_is_never_expanded(encoding: str) -> None:
    text = BOMB if encoding == "utf-8" else f'<?xml version="1.0" encoding="{encoding}"?>{BOMB}'
    found = lint(tree_of({SEP: text.encode(encoding)}, whole=False))
    told = [each.found for each in found if each.rule == "xml-not-well-formed"]
    assert any("DOCTYPE is declared" in each for each in told)


def test_nothing_outside_the_file_is_read(tmp_path: Path) -> None:
    outside = tmp_path / "outside.xml"
    outside.write_text("<kpml>3</kpml>", encoding="utf-8")
    text = f'<!DOCTYPE d [<!ENTITY x SYSTEM "file://{outside}">]><device>&x;</device>'
    assert "kpml" not in rules(text.encode())
    text = f'<!DOCTYPE device SYSTEM "file://{outside}"><device/>'
    assert "xml-not-well-formed" in rules(text.encode())
    assert "xml-not-well-formed" not in rules(b"<device><!-- no <!DOCTYPE here --></device>")


def test_a_huge_file_is_not_read_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    huge = tmp_path / SEP
    with huge.open("wb") as file:
        file.truncate(8 << 30)
    assert main(["lint", str(huge)]) == 1
    assert f"{8 << 30} bytes" in capsys.readouterr().out


def test_a_suppression_needs_a_reason() -> None:
    assert "kpml" in rules(KPML % b"")
    assert "kpml" not in rules(KPML % b"<!-- lint: allow kpml our PBX is patched -->\n")
    unreasoned = rules(KPML % b"<!-- lint: allow kpml -->\n")
    assert {"kpml", "suppression"} <= set(unreasoned)
    assert "suppression" in rules(KPML % b"<!-- lint: allow kmpl typing error -->\n")
    assert "kpml" in rules(KPML % b"<!-- lint: allow kpml too far away -->\n\n\n")
    assert "kpml" in rules(KPML % b"<!-- lint: allow boolean-word another rule -->\n")


def test_a_pbx_file_suppresses_by_its_own_comments() -> None:
    tree = good()
    tree["sip.conf"] = tree["sip.conf"].replace(b"nat=no", b"nat=yes")
    assert [each.rule for each in lint(tree_of(tree))] == ["pbx-nat"]
    tree["sip.conf"] = tree["sip.conf"].replace(b"nat=yes", b"nat=yes ; lint: allow pbx-nat TCP")
    assert lint(tree_of(tree)) == []


def required(schema: dict[str, object], value: object, path: str = "$") -> None:
    """Assert that every property the published SARIF 2.1.0 schema requires is there."""
    for name, below in schema.items():
        assert isinstance(value, dict), path
        assert name in value, f"{path}.{name} is required"
        entries = value[name] if isinstance(value[name], list) else [value[name]]
        for index, entry in enumerate(entries):
            if isinstance(below, dict):
                required(below, entry, f"{path}.{name}[{index}]")
            elif isinstance(below, (set, type)):
                good = entry in below if isinstance(below, set) else isinstance(entry, below)
                assert good, f"{path}.{name} is {entry!r}"


#: OASIS SARIF 2.1.0: sections 3.13 (log), 3.14 (run), 3.18 (tool), 3.19 (component), 3.27 (result),
#: 3.49 (reporting descriptor), 3.11 (message). A level is of 3.27.10.
SARIF = {
    "version": {"2.1.0"},
    "runs": {
        "tool": {"driver": {"name": str, "rules": {"id": str}}},
        "results": {
            "message": {"text": str},
            "level": {"none", "note", "warning", "error"},
            "ruleId": set(RULES),
            "locations": {
                "physicalLocation": {
                    "artifactLocation": {"uri": str},
                    "region": {"startLine": int},
                }
            },
        },
    },
}


def test_sarif_has_what_its_schema_requires() -> None:
    tree = {"my phones/SEP0024C4ABCDEF.cnf.xml": KPML % b"", "käse/sip.conf": b"a\x00_USER_"}
    log = json.loads(as_sarif(lint(tree_of(tree))))
    required(SARIF, log)
    results = log["runs"][0]["results"]
    rules = log["runs"][0]["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for result in results:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        place = result["locations"][0]["physicalLocation"]
        assert place["region"]["startLine"] >= 1
        # A URI reference of RFC 3986: nothing but its own characters.
        assert place["artifactLocation"]["uri"].isascii()
        assert " " not in place["artifactLocation"]["uri"]
        assert unquote(place["artifactLocation"]["uri"]) in tree


def test_json_has_every_place() -> None:
    found = lint(tree_of({SEP: KPML % b""}, whole=False))
    told = json.loads(as_json(found))
    assert len(told) == len(found)
    assert {"path", "line", "rule", "severity", "found", "symptom", "fix"} <= set(told[0])


def test_sarif_names_rule_file_and_line() -> None:
    found = lint(tree_of({"SEP0024C4ABCDEF.cnf.xml": KPML % b""}, whole=False))
    log = json.loads(as_sarif(found))
    run = log["runs"][0]
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


@pytest.fixture
def templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(ROOT)
    shutil.copytree(TEMPLATES, tmp_path / "templates")
    return tmp_path / "templates"


def lint_text(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    main(["lint", *arguments])
    return capsys.readouterr().out


def edit(folder: Path, old: str, new: str) -> int:
    """Change a line of the SEP template; return its number."""
    file = folder / "SEP.cnf.xml.j2"
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def test_what_is_wrong_in_a_template_is_told_at_its_own_line(
    templates: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    early = edit(templates, "<rfc2543Hold>{{ rfc2543_hold }}", "<rfc2543Hold>0")
    # Below the loop over the lines: rendered, it stands elsewhere for a phone with more lines.
    late = edit(templates, "<encrConfig>false", "<encrConfig>True")
    in_loop = edit(templates, "<sharedLine>false", "<sharedLine>FALSE")
    told = lint_text(capsys, str(templates))
    for line in (early, late, in_loop):
        assert f"{templates}/SEP.cnf.xml.j2:{line}: " in told
    assert told.count("rfc2543Hold is '0'") == 1


def test_a_mistake_for_one_phone_is_told_once_and_only_for_the_asked_template(
    templates: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = edit(templates, "<phoneLabel>{{ phone_label }}", "<phoneLabel>{{ phone_label }} long")
    told = lint_text(capsys, str(templates))
    assert f"SEP.cnf.xml.j2:{line}: warning: phoneLabel 'desk-7942 long'" in told
    assert f"SEP.cnf.xml.j2:{line}: warning: phoneLabel 'desk-7962 long'" in told
    assert "phoneLabel" not in lint_text(capsys, str(templates / "dialplan.xml.j2"))


def test_a_template_suppresses_by_its_own_comments(
    templates: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "[kpml]" in lint_text(capsys, str(templates))
    edit(templates, "<kpml>", "{# lint: allow kpml our PBX is patched #}<kpml>")
    assert "[kpml]" not in lint_text(capsys, str(templates))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("<kpml>{{ kpml }}", "<kpml>{{ kpml }", "unexpected '}'"),
        ("<kpml>{{ kpml }}", "<kpml>{{ kmpl }}", "'kmpl' is undefined"),
        ("<kpml>{{ kpml }}", "<kpml>{% if %}", "Expected an expression"),
        ("<kpml>{{ kpml }}", "<kpml>{{ kpml | upcase }}", "No filter named 'upcase'"),
    ],
)
def test_a_template_that_cannot_be_rendered_is_a_finding(
    templates: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, says: str
) -> None:
    line = edit(templates, old, new)
    assert main(["lint", str(templates)]) == 1
    out = capsys.readouterr().out
    assert f"{templates}/SEP.cnf.xml.j2:{line}: error: " in out
    assert says in out
    assert "[template-error]" in out


def test_two_broken_templates_are_told_at_once(
    templates: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(templates, "{{ kpml }}", "{{ kpml")
    (templates / "dialplan.xml.j2").write_bytes(b"<DIALTEMPLATE>\n\xff")
    told = lint_text(capsys, str(templates))
    assert "SEP.cnf.xml.j2:" in told
    assert "dialplan.xml.j2:2: error: bytes that are no UTF-8" in told


def test_files_beside_templates_are_looked_at_too(
    templates: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"{templates}/SEP.cnf.xml.j2:" in lint_text(capsys, str(templates.parent))
    assert main(["lint", str(templates / "nothing.j2")]) == 2
    (templates / "SEP0024c4abcdef.cnf.xml").write_text("<device/>", encoding="utf-8")
    assert "[file-name]" in lint_text(capsys, str(templates))


def test_marks_of_lines_leave_no_trace(templates: Path) -> None:
    lab = load_lab(ROOT / "lab.yaml")
    for name, file in trace_tree(lab, templates).items():
        source = (templates / file.template).read_text(encoding="utf-8").splitlines()
        text = file.content.decode().splitlines()
        assert "\ue000" not in file.content.decode()
        for number, line in enumerate(text):
            template = source[file.lines[number] - 1]
            if "{" not in template:
                assert line == template, (name, number)


def test_an_installed_load_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", "--installed", "newest", str(ARTICLE)]) == 2
    assert "no firmware release" in capsys.readouterr().err


def test_a_path_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", "nowhere.xml"]) == 2
    assert "cannot read nowhere.xml" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", "term42.default.loads", "dialplan.xml.j2"])
def test_a_folder_with_nothing_to_lint_is_not_called_good(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    if name:
        (tmp_path / name).write_bytes(b"x")
    assert main(["lint", str(tmp_path)]) == 2
    assert f"nothing to lint in {tmp_path}" in capsys.readouterr().err


def test_the_catalogue_page_is_the_codes() -> None:
    page = ROOT / "docs" / "reference" / "lint-rules.md"
    assert page.read_text(encoding="utf-8") == as_catalogue(), (
        "write it again: harness lint --catalogue > docs/reference/lint-rules.md"
    )


def _repeated(*pieces: bytes) -> bytes:
    return b"".join(pieces) * (200_000 // sum(map(len, pieces)))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *((SEP, _repeated(piece)) for piece in (b"<!--", b"<a>", b"{{", b"_A", b"&a;", b"{%")),
        (SEP, b"<device>" + b"".join(b"<e%d/>" % n for n in range(20_000)) + b"</device>"),
        (SEP, b"<device><sipProfile><sipLines>" + b"<line/>" * 20_000),
        ("sip.conf", _repeated(b";--")),
        ("sip.conf", _repeated(b"[a](a)\n")),
        ("dhcpd.conf", _repeated(b"{hardware ethernet 0:0:0:0:0:0")),
        ("dhcpd.conf", _repeated(b"}hardware ethernet 0:0:0:0:0:0")),
        ("dhcpd.conf", _repeated(b"option option-150 code 150 = x;option option-150 y;")),
        ("dialplan.xml", b"<DIALTEMPLATE>" + b"<TEMPLATE/>" * 20_000 + b"</DIALTEMPLATE>"),
    ],
    ids=lambda value: value if isinstance(value, str) else repr(value[-12:]),
)
def test_no_file_of_the_phones_size_takes_long(name: str, content: bytes) -> None:
    began = time.process_time()
    lint(tree_of({SEP: good()[SEP], name: content}))
    assert time.process_time() - began < 6


_NAMES = st.sampled_from(
    [
        *(SEP, "XMLDefault.cnf.xml", "dialplan.xml", "Ringlist.xml", "sip.conf", "pjsip.conf"),
        *("dhcpd.conf", "dnsmasq.conf", "kea-dhcp4.conf", "SIPDefault.cnf", "a.loads", "SEP.xml"),
    ]
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
    found = lint(tree_of(contents))
    assert as_text(found)
    json.loads(as_sarif(found))


_NAME = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1)


@given(st.dictionaries(_NAME | _NAMES, st.binary(max_size=60), max_size=3))
def test_no_folder_makes_the_command_fall_over(
    tmp_path_factory: pytest.TempPathFactory, contents: dict[str, bytes]
) -> None:
    folder = tmp_path_factory.mktemp("root")
    for name, content in contents.items():
        if name not in {".", ".."} and len(name.encode()) < 200 and not name.endswith(".j2"):
            (folder / name).write_bytes(content)
    assert main(["lint", "--format", "json", str(folder)]) in (0, 1, 2)


@given(st.binary(max_size=80))
def test_no_template_makes_it_fall_over(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("templates")
    for file in TEMPLATES.iterdir():
        shutil.copy(file, folder)
    (folder / "dialplan.xml.j2").write_bytes(content)
    assert main(["lint", "--lab", str(ROOT / "lab.yaml"), str(folder)]) in (0, 1)
