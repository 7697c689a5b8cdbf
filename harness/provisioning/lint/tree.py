"""A set of files looked at together: a whole TFTP root, or whatever paths were given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import UsageFault
from harness.provisioning.lint.document import Document, Kind, read_document

__all__ = ["Tree", "read_tree", "tree_of"]

_READ = {".xml", ".cnf", ".conf", ".txt", ".sgn"}


@dataclass
class Tree:
    """Documents, and the names of all files a phone could be served.

    ``whole`` tells that a folder was given: only then can a file be said to be missing.
    """

    documents: list[Document] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    contents: dict[str, bytes] = field(default_factory=dict)
    whole: bool = False

    def of(self, kind: Kind) -> list[Document]:
        """Return the documents of one kind."""
        return [document for document in self.documents if document.kind is kind]

    def other_case(self, name: str) -> str | None:
        """Return a staged file that differs from ``name`` in case only."""
        return next((each for each in self.names if each.lower() == name.lower()), None)


def tree_of(contents: Mapping[str, bytes], *, whole: bool = True) -> Tree:
    """Make a tree of files held in memory, by name."""
    documents = [
        read_document(name, content)
        for name, content in sorted(contents.items())
        if Path(name).suffix.lower() in _READ
    ]
    loads = {name: body for name, body in contents.items() if name.endswith(".loads")}
    return Tree(documents, set(contents), loads, whole)


def read_tree(paths: Iterable[Path]) -> Tree:
    """Read files and folders.

    Raises:
        UsageFault: a path is not there or cannot be read.
    """
    tree = Tree()
    for path in paths:
        if path.is_dir():
            tree.whole = True
            for file in sorted(each for each in path.rglob("*") if each.is_file()):
                _add(tree, file, file.relative_to(path).as_posix())
        else:
            _add(tree, path, path.name, asked=True)
    return tree


def _add(tree: Tree, file: Path, name: str, *, asked: bool = False) -> None:
    tree.names.add(name)
    suffix = file.suffix.lower()
    if not asked and suffix not in _READ and suffix != ".loads":
        return
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UsageFault(
            f"cannot read {file}: {error.strerror}", hint="give files or folders that exist"
        ) from error
    if suffix == ".loads":
        tree.contents[name] = content
    else:
        tree.documents.append(read_document(str(file), content))
