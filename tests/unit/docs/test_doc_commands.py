"""Every harness command in the documentation is taken; every command is run by some test."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.cli import COMMANDS, build_parser, main
from harness.reproduction.scenario import find
from tests.doc_walks import EXCUSED, WALKS, Why
from tools.doc_pages import PAGES, ROOT, blocks, commands, harness_words

#: In the text a command may be cut short (`harness runs`), so only its name is looked at.
_INLINE = re.compile(r"(?<!`)`harness ([a-z]+)\b")
TYPED = [command for page in PAGES for command in commands(page)]


def harness_commands() -> Iterator[tuple[str, list[str]]]:
    for command in TYPED:
        for words in harness_words(command.text):
            yield command.page, words


FOUND = [(page, words) for page, words in harness_commands() if words]


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
    (shown,) = (block.text for block in blocks(ROOT / "docs" / page) if "error:" in block.text)
    assert shown in told


def test_the_commands_are_found() -> None:
    assert ("README.md", ["firmware", "plan", "8.3.1", "9.4.2SR3"]) in FOUND
    assert list(harness_words("harness doctor && harness nightly -k a > x  # why")) == [
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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_block_says_what_it_is(page: Path) -> None:
    unsaid = [block.text.partition("\n")[0] for block in blocks(page) if not block.language]
    assert unsaid == [], "```sh is typed by the reader, ```text is shown to them"


def test_every_command_is_run_by_a_test_or_excused() -> None:
    walked = {page.name for pages in WALKS.values() for page in pages}
    neither = {
        f"{command.page} ({command.section}): {command.text}"
        for command in TYPED
        if command.page not in walked and not command.look_up(EXCUSED.get(command.page, {}))
    }
    assert neither == set(), (
        "put the page into WALKS, or its command into EXCUSED, of tests/doc_walks"
    )


def test_no_note_outlives_its_command() -> None:
    there = {page: set[str]() for page in EXCUSED}
    for command in TYPED:
        told = {command.text, f"{command.text} ({command.section})"}
        there.setdefault(command.page, set()).update(told)
    notes = [(page, command) for page, told in EXCUSED.items() for command in told]
    for pages in WALKS.values():
        for page in pages:
            for table in (page.codes, page.until, page.before):
                notes += [(page.name, command) for command in table]
    assert [note for note in notes if note[1] not in there.get(note[0], set())] == []


def test_what_runs_elsewhere_is_there() -> None:
    for page, told in EXCUSED.items():
        for command, excuse in told.items():
            assert (excuse.why is Why.ELSEWHERE) == bool(excuse.by), (page, command)
            assert not excuse.by or (ROOT / excuse.by).exists(), (page, command)


TARGETS = sorted(
    {
        command.text.replace("-C /srv/phone-bench ", "")
        for command in TYPED
        if command.text.startswith("make ")
    }
)


@pytest.mark.parametrize("command", TARGETS)
def test_the_target_is_there(command: str) -> None:
    done = subprocess.run(
        [*command.replace("-C /srv/phone-bench ", "").split(), "-n"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
