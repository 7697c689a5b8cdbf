"""Every page can be found, and every link and path in the documentation leads somewhere."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "tests" / "README.md"])
#: Everything that may name a page by its path from the root.
NAMING = [
    *PAGES,
    *(p for room in ("harness", "fixtures", "tools") for p in (ROOT / room).rglob("*.py")),
]

_FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_PATH = re.compile(r"\bdocs/[\w./-]+\.(?:md|svg|json)\b")
_HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def links(page: Path) -> list[str]:
    text = re.sub(r"`[^`\n]*`", lambda code: "x" * len(code[0]), prose(page))
    found: list[str] = _LINK.findall(text)
    return [each for each in found if not re.match(r"[a-z]+:", each)]


def prose(page: Path) -> str:
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings as GitHub and most renderers make them."""
    seen: Counter[str] = Counter()
    found = set()
    for heading in _HEADING.findall(prose(page)):
        slug = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    dead = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


def test_every_page_is_in_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / link).resolve() for link in links(index)}
    every = set((ROOT / "docs").rglob("*.md")) - {index, ROOT / "docs" / "decisions" / "README.md"}
    assert sorted(map(name, every - linked)) == []


def test_every_page_that_is_named_by_its_path_exists() -> None:
    dead = {
        f"{name(path)}: {named}"
        for path in NAMING
        for named in _PATH.findall(path.read_text(encoding="utf-8"))
        if not (ROOT / named).exists()
    }
    assert dead == set()


def test_the_readme_leads_to_the_index() -> None:
    assert "docs/README.md" in links(ROOT / "README.md")
