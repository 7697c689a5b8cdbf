"""What MkDocs cannot know of this repository: the order of its pages, and links that leave docs/.

Pages link as GitHub and an editor follow it, relative to the file. A file outside docs/ that a
page leads to is taken into the site under ``project/``, as a page or as it is; a folder is its
README. What does not exist stays as it was written, so that the strict build refuses it.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from markdown import Extension, Markdown
from markdown.treeprocessors import Treeprocessor
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
#: Where the site has what is outside docs/.
OUTSIDE = "project"
#: Pages of the project that are beside docs/; the index leads to none of them.
PROJECT_PAGES = ("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "tests/README.md")

_HEADING = re.compile(r"^## (.+)$")
_ENTRY = re.compile(r"^- \[(.+)\]\((.+)\)$")
_LINK = re.compile(r"\]\(([^)\s#]+)[^)]*\)")


def in_site(path: str) -> str:
    """Where the site has a file of the repository, below its top."""
    return path.removeprefix("docs/") if path.startswith("docs/") else f"{OUTSIDE}/{path}"


def in_repository(uri: str) -> str:
    """Where the repository has a file of the site."""
    outside = uri.startswith(f"{OUTSIDE}/")
    return uri.removeprefix(f"{OUTSIDE}/") if outside else f"docs/{uri}"


def target(page: str, link: str) -> str:
    """The file in the repository that a link of a page leads to; "" when it is no such link."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc or not parts.path or parts.path.startswith("/"):
        return ""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(page), parts.path))
    if (ROOT / path).is_dir():
        path = f"{path}/README.md"
    return path if (ROOT / path).is_file() and not path.startswith("..") else ""


class _Links(Treeprocessor):
    """Leads each link of the page at hand to where the site has its file."""

    page = ""

    def run(self, root: Element) -> None:
        for element in root.iter():
            name = {"a": "href", "img": "src"}.get(element.tag, "")
            link = element.get(name, "") if name else ""
            if path := target(self.page, link):
                here = posixpath.dirname(in_site(self.page))
                anchor = link[link.index("#") :] if "#" in link else ""
                element.set(name, posixpath.relpath(in_site(path), here or ".") + anchor)


class _LinksExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 (the library's name)
        # After inline patterns (20) have made the links, before MkDocs (0) judges them.
        md.treeprocessors.register(_LINKS, "repository", 5)


_LINKS = _Links()


def slug(heading: str, separator: str) -> str:
    """A heading's anchor as GitHub makes it, so that links hold in both views."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", separator)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Take the order of the pages from the index, and read links as the repository has them."""
    config.nav = list(navigation())
    config.markdown_extensions.append(_LinksExtension())  # type: ignore[arg-type]
    config.mdx_configs["toc"] = {"slugify": slug, **config.mdx_configs.get("toc", {})}
    return config


def navigation() -> Iterator[dict[str, Any]]:
    """The index as MkDocs wants it: its sections, then the project's own pages."""
    yield {"All pages": "README.md"}
    section: list[dict[str, str]] = []
    for line in (ROOT / "docs" / "README.md").read_text(encoding="utf-8").splitlines():
        if heading := _HEADING.match(line):
            section = []
            yield {heading[1]: section}
        elif entry := _ENTRY.match(line):
            folder = posixpath.dirname(entry[2])
            if not section and (ROOT / "docs" / folder / "README.md").exists():
                section.append({"About these": f"{folder}/README.md"})
            section.append({entry[1]: entry[2]})
    yield {"Project": [{name: in_site(name)} for name in PROJECT_PAGES]}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Take into the site what its pages lead to outside docs/."""
    pages = [in_repository(file.src_uri) for file in files.documentation_pages()]
    wanted = set(PROJECT_PAGES)
    for page in [*pages, *PROJECT_PAGES]:
        for link in _LINK.findall((ROOT / page).read_text(encoding="utf-8")):
            path = target(page, link)
            if path and not path.startswith("docs/"):
                wanted.add(path)
    for path in sorted(wanted):
        source = os.fspath(ROOT / path)
        files.append(File.generated(config, in_site(path), abs_src_path=source))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Remember whose links come next."""
    _LINKS.page = in_repository(page.file.src_uri)
    return markdown
