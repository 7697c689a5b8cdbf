"""A set of files looked at together: a whole TFTP root, or whatever paths were given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from harness.errors import UsageFault
from harness.models import ModelName
from harness.provisioning.lint.document import SIZE_LIMIT, Document, Kind, read_document

__all__ = ["TemplateTrouble", "Tree", "read_tree", "tree_of"]

_READ = {".xml", ".cnf", ".conf", ".txt", ".sgn", ".json"}
#: A PBX's file may be larger than a phone's; more than this is no configuration.
_CONF_LIMIT = 16 << 20
_LOADS_LIMIT = 1 << 16


@dataclass(frozen=True, slots=True)
class TemplateTrouble:
    """A template that cannot be rendered: where, and why."""

    path: str
    line: int
    why: str


@dataclass(eq=False)
class Tree:
    """Documents, and the sizes of all files a phone could be served, by name.

    Attributes:
        whole: a folder was given: only then can a file be said to be missing.
        models: the model of a phone by its host name, where a lab file knows it.
        installed: the load the phones hold now, where somebody said so.
        templates: what kept a template from being rendered.
    """

    documents: list[Document] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    whole: bool = False
    models: Mapping[str, ModelName] = field(default_factory=dict)
    installed: str = ""
    templates: tuple[TemplateTrouble, ...] = ()

    @property
    def names(self) -> Iterable[str]:
        """The names of all files there are."""
        return self.sizes.keys()

    def of(self, kind: Kind) -> list[Document]:
        """Return the documents of one kind."""
        return [document for document in self.documents if document.kind is kind]

    def other_case(self, name: str) -> str | None:
        """Return a staged file that differs from ``name`` in case only."""
        return next((each for each in self.sizes if each.lower() == name.lower()), None)

    def missing(self, name: str) -> str:
        """Return that a file is not staged, and which one is in another case."""
        other = self.other_case(name)
        return f"{name} is not staged" + (f"; {other} is, in another case" if other else "")


def tree_of(
    contents: Mapping[str, bytes],
    *,
    whole: bool = True,
    models: Mapping[str, ModelName] | None = None,
    installed: str = "",
) -> Tree:
    """Make a tree of files held in memory, by name."""
    documents = [
        read_document(name, content)
        for name, content in sorted(contents.items())
        if PurePath(name).suffix.lower() in _READ
    ]
    loads = {name: body for name, body in contents.items() if name.endswith(".loads")}
    sizes = {name: len(body) for name, body in contents.items()}
    return Tree(documents, sizes, loads, whole, models or {}, installed)


def read_tree(
    paths: Iterable[Path], *, models: Mapping[str, ModelName] | None = None, installed: str = ""
) -> Tree:
    """Read files and folders.

    Raises:
        UsageFault: a path is not there or cannot be read.
    """
    tree = Tree(models=models or {}, installed=installed)
    for path in paths:
        if path.is_dir():
            tree.whole = True
            for file in sorted(each for each in path.rglob("*") if each.is_file()):
                _add(tree, file, file.relative_to(path).as_posix())
        else:
            _add(tree, path, path.name, asked=True)
    return tree


def _add(tree: Tree, file: Path, name: str, *, asked: bool = False) -> None:
    suffix = file.suffix.lower()
    try:
        tree.sizes[name] = size = file.stat().st_size
        if suffix == ".loads":
            with file.open("rb") as opened:
                tree.contents[name] = opened.read(_LOADS_LIMIT)
            return
        if not asked and suffix not in _READ:
            return
        with file.open("rb") as opened:
            limit = _CONF_LIMIT if suffix in {".conf", ".json"} else SIZE_LIMIT
            content = opened.read(limit)
    except OSError as error:
        raise UsageFault(
            f"cannot read {file}: {error.strerror}", hint="give files or folders that exist"
        ) from error
    document = read_document(str(file), content)
    document.size = max(size, len(content))
    tree.documents.append(document)
