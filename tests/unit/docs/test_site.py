"""The pages as a site: built strictly, whole without a network, the same as in the repository."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from lxml import html
from markdown_it import MarkdownIt
from mkdocs.commands.build import build
from mkdocs.config import load_config

from tools.doc_pages import PAGES, ROOT
from tools.site_hooks import in_site

CONFIGURATION = ROOT / "tools" / "mkdocs.yml"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built") / "site"
    build(load_config(str(CONFIGURATION), site_dir=str(folder)))
    return folder


def page_of(site: Path, page: Path) -> html.HtmlElement:
    uri = in_site(page.relative_to(ROOT).as_posix())
    name = re.sub(r"(?<![^/])README\.md$", "index.md", uri).removesuffix(".md") + ".html"
    (main,) = html.parse(site / name).xpath("//div[@role='main']")
    return main


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_site_shows_what_the_repository_shows(page: Path, site: Path) -> None:
    """Two readers of Markdown: what only one takes for a list, table or block is a mistake."""
    reader = MarkdownIt("commonmark").enable("table")
    text = reader.render(page.read_text(encoding="utf-8"))
    expected, main = html.fromstring(f"<div>{text}</div>"), page_of(site, page)
    for kind in ("li", "pre", "tr", "td", "a", "img", "h1", "h2", "h3"):
        count = len(expected.findall(f".//{kind}"))
        assert len(main.findall(f".//{kind}")) == count, f"{kind}: {count} in the repository"


def test_every_link_of_the_site_leads_into_it(site: Path) -> None:
    dead, outside = set(), set()
    for page in site.rglob("*.html"):
        for element in html.parse(page).xpath("//*[@href or @src]"):
            for name in ("href", "src"):
                path, _, _ = element.get(name, "").partition("#")
                if re.match(r"[a-z]+:", path) and element.tag != "a":
                    outside.add(path)
                elif path and not re.match(r"[a-z]+:", path):
                    target = (page.parent / path).resolve()
                    if site not in target.parents or not target.exists():
                        dead.add(f"{page.relative_to(site)}: {path}")
    # 404.html is served from anywhere, so its links begin at the top.
    assert {each for each in dead if not each.startswith("404.html: /")} == set()
    assert outside == set()


def test_no_style_or_script_is_fetched_from_elsewhere(site: Path) -> None:
    fetched = {
        f"{file.relative_to(site)}: {found[0]}"
        for kind in ("*.css", "*.js", "*.html")
        for file in site.rglob(kind)
        for found in re.finditer(
            r"(@import|url\(|fetch\(|\.src ?=)\s*[\"']?(https?:)?//[^\s\"')]+",
            file.read_text(encoding="utf-8"),
        )
    }
    assert fetched == set()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The pages and what they lead to, to be spoilt."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    for pattern in ("*.md", "*.yaml", "tests/*.md", "tools/*.yml", "tools/site_hooks.py"):
        for file in ROOT.glob(pattern):
            (tmp_path / file.relative_to(ROOT)).parent.mkdir(exist_ok=True)
            shutil.copy(file, tmp_path / file.relative_to(ROOT))
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    return tmp_path


def strict_build(copy: Path) -> tuple[int, str]:
    command = [sys.executable, "-m", "mkdocs", "build", "-f", "tools/mkdocs.yml"]
    told = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    return told.returncode, told.stderr


@pytest.mark.parametrize(
    ("page", "mistake"),
    [
        ("docs/README.md", "[a](how-to/no-such-page.md)"),
        ("docs/tutorial/virtual-bench-in-ten-minutes.md", "[a](../../no-such-file.yaml)"),
        ("docs/README.md", "[a](how-to/add-a-pdu.md#no-such-heading)"),
        ("docs/README.md", "[a](/no-such-page.md)"),
        ("README.md", "[a](docs/no-such-page.md)"),
        ("ARCHITECTURE.md", "[a](README.md#no-such-heading)"),
    ],
)
def test_a_link_that_leads_nowhere_stops_the_build(copy: Path, page: str, mistake: str) -> None:
    assert strict_build(copy)[0] == 0
    with (copy / page).open("a", encoding="utf-8") as file:
        file.write(f"\n{mistake}\n")
    code, told = strict_build(copy)
    assert code != 0
    assert "no-such" in told


def test_a_page_that_the_index_lacks_stops_the_build(copy: Path) -> None:
    (copy / "docs" / "how-to" / "forgotten.md").write_text("# Forgotten\n", encoding="utf-8")
    code, told = strict_build(copy)
    assert code != 0
    assert "how-to/forgotten.md" in told
