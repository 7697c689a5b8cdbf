"""Every harness command in the documentation is one that the harness takes."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.cli import COMMANDS, build_parser, main
from harness.reproduction.scenario import find

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "tests" / "README.md"])

_FENCED = re.compile(r"^ *```\w*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
#: In the text a command may be cut short (`harness runs`), so only its name is looked at.
_INLINE = re.compile(r"(?<!`)`harness ([a-z]+)\b")
_ENDS_A_COMMAND = {"&&", "||", "|", ";", "&", ">", ">>", "2>", "<"}


def split(line: str) -> Iterator[list[str]]:
    """The harness commands of one line of shell, a list of arguments each."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;<>")
    lexer.whitespace_split = True
    words: list[str] = []
    redirected = False
    for token in [*lexer, ";"]:
        if token in _ENDS_A_COMMAND:
            if words and words[0] == "harness":
                yield words[1:]
            words = []
            redirected = token in {">", ">>", "2>", "<"}
        elif redirected:
            redirected = False
        else:
            words.append(token)


def commands() -> Iterator[tuple[str, list[str]]]:
    for page in PAGES:
        for block in _FENCED.findall(page.read_text(encoding="utf-8")):
            for line in block.replace("\\\n", " ").splitlines():
                if re.match(r"\s*(\$ )?(.*&& )?harness ", line):
                    for words in split(line.strip().removeprefix("$ ")):
                        yield page.relative_to(ROOT).as_posix(), words


FOUND = [(page, words) for page, words in commands() if words]


@pytest.mark.parametrize(
    ("page", "words"), FOUND, ids=[f"{page}: {' '.join(words)}" for page, words in FOUND]
)
def test_the_command_is_taken(
    page: str, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    command, *arguments = words
    assert command in COMMANDS, page
    # [NIGHT] is a placeholder that may be left out.
    given = [re.sub(r"^\[([A-Z]+)\]$", r"\1", each) for each in arguments]
    try:
        build_parser(command).parse_args(given)
    except SystemExit:
        pytest.fail(f"{page}: harness {' '.join(words)}\n{capsys.readouterr().err}")


COMPLAINTS = sorted(
    {words[1] for _, words in FOUND if words[0] == "repro" and re.match(r"[\w -]+$", words[1])}
)


@pytest.mark.parametrize("said", [each for each in COMPLAINTS if not each.startswith("-")])
def test_the_scenario_is_there(said: str) -> None:
    assert find(said).name


@pytest.mark.parametrize(
    "page",
    ["tutorial/virtual-bench-in-ten-minutes.md", "how-to/validate-a-template-change.md"],
)
def test_the_mistake_is_told_as_the_page_shows(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    shutil.copy(ROOT / "lab.yaml", tmp_path)
    template = tmp_path / "configs" / "templates" / "SEP.cnf.xml.j2"
    text = template.read_text(encoding="utf-8")
    template.write_text(text.replace("{{ preferred_codec }}", "g722a"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(["lint", "configs/templates"]) == 1
    told = capsys.readouterr().out
    (shown,) = (
        block
        for block in _FENCED.findall((ROOT / "docs" / page).read_text(encoding="utf-8"))
        if "error:" in block
    )
    assert shown in told


def test_the_commands_are_found() -> None:
    assert ("README.md", ["firmware", "plan", "8.3.1", "9.4.2SR3"]) in FOUND
    assert list(split("harness doctor && harness nightly -k a > x  # why")) == [
        ["doctor"],
        ["nightly", "-k", "a"],
    ]


def test_every_command_named_in_the_text_exists() -> None:
    unknown = {
        f"{page.relative_to(ROOT)}: harness {command}"
        for page in PAGES
        for command in _INLINE.findall(page.read_text(encoding="utf-8"))
        if command not in COMMANDS
    }
    assert unknown == set()
