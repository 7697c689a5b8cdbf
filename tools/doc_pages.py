"""Read the pages of the documentation: fenced blocks, and the shell commands in them.

A block says what it is by its language: ``sh`` is typed by the reader, ``text`` is what is shown
(output, drawings), anything else is a file or a part of one.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

__all__ = ["PAGES", "ROOT", "Block", "Command", "blocks", "commands", "harness_words"]

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "tests" / "README.md"])

_FENCED = re.compile(
    r"^(?P<indent> *)```(?P<language>[\w-]*)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL
)
_HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)
T = TypeVar("T")
_ENDS_A_COMMAND = {"&&", "||", "|", ";", "&", ">", ">>", "2>", "<"}


@dataclass(frozen=True)
class Block:
    """One fenced block: what it is, what stands in it, and under which heading."""

    page: str
    section: str
    language: str
    text: str


@dataclass(frozen=True)
class Command:
    """One shell command of a page and, when a ``text`` block follows its block, what is shown."""

    page: str
    section: str
    text: str
    shown: str = ""

    def look_up(self, table: Mapping[str, T]) -> T | None:
        """What a table has for this command: ``TEXT (SECTION)`` before ``TEXT``."""
        return table.get(f"{self.text} ({self.section})", table.get(self.text))


def blocks(path: Path) -> Iterator[Block]:
    """Read the fenced blocks of a page, from top to bottom."""
    text = path.read_text(encoding="utf-8")
    page = path.relative_to(ROOT).as_posix()
    headings = [(each.start(), each[1]) for each in _HEADING.finditer(text)]
    for found in _FENCED.finditer(text):
        above = [title for start, title in headings if start < found.start()]
        indent = re.compile(f"^{found['indent']}", re.MULTILINE)
        yield Block(page, (above or [""])[-1], found["language"], indent.sub("", found["text"]))


def commands(path: Path) -> Iterator[Command]:
    """Read the shell commands of a page, without their comments."""
    told = [*blocks(path), Block("", "", "", "")]
    for block, after in pairwise(told):
        if block.language != "sh":
            continue
        shown = after.text if after.language == "text" and after.section == block.section else ""
        lines = [re.sub(r"(^|\s)#( .*)?$", "", line).rstrip() for line in _joined(block.text)]
        texts = [line for line in lines if line]
        for text in texts:
            yield Command(block.page, block.section, text, shown if text == texts[-1] else "")


def _joined(text: str) -> list[str]:
    return text.replace("\\\n", " ").splitlines()


def harness_words(line: str) -> Iterator[list[str]]:
    """Read the harness commands of one line of shell, a list of arguments each."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;<>")
    lexer.whitespace_split = True
    words: list[str] = []
    redirected = False
    for token in [*lexer, ";"]:
        if token in _ENDS_A_COMMAND:
            # With its path before it in a unit file or a pipeline; `exec` before that.
            called = words[1:] if words[:1] == ["exec"] else words
            if called and called[0].rpartition("/")[2] == "harness":
                yield called[1:]
            words = []
            redirected = token in {">", ">>", "2>", "<"}
        elif redirected:
            redirected = False
        else:
            words.append(token)
