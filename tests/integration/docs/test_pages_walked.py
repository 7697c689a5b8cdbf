"""The documentation as its reader follows it: each page's commands, typed in the page's order.

Each walk has a copy of the project and a network of its own, so that the pages' own addresses and
interfaces can be used, and several can be walked at once. What a page shows after a command has
to be in what the command says; ``…`` stands for anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from doc_reader import Reader

from harness.namespaces import ip, namespace
from tests.doc_walks import EXCUSED, WALKS, Page
from tools.doc_pages import ROOT, Command, commands

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


@dataclass(frozen=True)
class Typed:
    """A command as it was typed, how it ended, and what it said."""

    command: Command
    text: str
    shown: str
    code: int
    said: str


def filled(text: str, page: Page, here: Path) -> str:
    """What the page writes, with what the reader has instead."""
    for name, value in page.names.items():
        bounds = rf"(?<![\w]){re.escape(name)}(?![\w-])"
        text = re.sub(bounds, value.replace("{here}", str(here)), text)
    return text


def walk(pages: tuple[Page, ...], folder: Path) -> list[Typed]:
    """Follow pages; every command is tried, also after one that went wrong."""
    typed = []
    with namespace("docs") as network:
        # A cable that is plugged in at this end only.
        ip("-n", network, "link", "add", "eth1", "type", "veth", "peer", "name", "far-end")
        ip("-n", network, "link", "set", "eth1", "up")
        reader = Reader(folder, network)
        for page in pages:
            for command in commands(ROOT / page.name):
                if command.look_up(EXCUSED.get(page.name, {})) is not None:
                    continue
                prepare = command.look_up(page.before)
                if prepare is not None:
                    prepare(reader.project)
                text = filled(command.text, page, reader.here)
                code, said = reader.type(text, command.look_up(page.until) or "")
                shown = filled(command.shown, page, reader.here)
                typed.append(Typed(command, text, shown, code, said))
    return typed


@pytest.fixture(scope="module")
def walks(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[list[Typed]]]]:
    """Every walk that was asked for, all at once: a bench waits more than it works."""
    chosen = {
        item.callspec.params["name"]
        for item in request.session.items
        if isinstance(item, pytest.Function)
        if item.path == Path(__file__) and hasattr(item, "callspec")
    }
    with ThreadPoolExecutor(len(WALKS)) as pool:
        yield {
            name: pool.submit(walk, WALKS[name], tmp_path_factory.mktemp("walk"))
            for name in sorted(chosen)
        }


def missing(shown: str, said: str) -> str:
    """The first line of what a page shows that was not said, in that order; "" if all was."""
    said = " ".join(said.split())
    for line in shown.splitlines():
        for part in line.split("…"):
            wanted = " ".join(part.split())
            if not wanted:
                continue
            before, found, said = said.partition(wanted)
            if not found:
                return f"{line}\nnot in: {before}"
    return ""


@pytest.mark.parametrize(
    ("name", "page"),
    [pytest.param(name, page, id=page.name) for name, pages in WALKS.items() for page in pages],
)
def test_what_the_page_says_is_so(
    name: str, page: Page, walks: dict[str, Future[list[Typed]]]
) -> None:
    wrong = []
    for typed in walks[name].result(timeout=580):
        if typed.command.page != page.name:
            continue
        expected = typed.command.look_up(page.codes) or 0
        lacks = missing(typed.shown, typed.said)
        if typed.code != expected or lacks:
            wrong.append(
                f"$ {typed.text}\n{typed.said}exit code {typed.code}, expected {expected}\n"
                + (f"the page shows: {lacks}" if lacks else "")
            )
    assert not wrong, f"{page.name}\n" + "\n".join(wrong)


def test_what_is_shown_and_not_said_is_found() -> None:
    assert missing("a b\n  c … e\n", "x\na  b\nc d e") == ""
    assert missing("a …\nb\n", "a x b") == ""
    assert missing("a b\nc … f\n", "a b c d e").startswith("c … f")
    assert missing("b\na\n", "a b").startswith("a")
