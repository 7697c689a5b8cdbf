"""Lint of templates: each is rendered for every phone of a lab, and what is wrong in a rendered
file is told at the template's own line, once for all phones it is wrong for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from jinja2 import Environment, TemplateSyntaxError

from harness.errors import UsageFault
from harness.lab import Lab
from harness.models import ModelName
from harness.provisioning.lint.document import Document, read_document
from harness.provisioning.lint.finding import Finding
from harness.provisioning.lint.lint import is_suppressed, lint
from harness.provisioning.lint.tree import TemplateTrouble, Tree, tree_of
from harness.provisioning.render import Rendered, TemplateFault, trace_tree

__all__ = ["at_templates", "lint_templates", "models_of"]


def models_of(lab: Lab) -> dict[str, ModelName]:
    """Return the model of each phone by its host name."""
    return {spec.host_name: spec.model for spec in lab.phones.values()}


def lint_templates(lab: Lab, folder: Path, *, only: str = "", installed: str = "") -> list[Finding]:
    """Return what is wrong with a folder of templates, rendered for a lab's phones.

    Args:
        lab: whose phones and values are filled in.
        folder: the templates.
        only: the file name of one template, when the others were not asked for.
        installed: the load the phones hold now, if known.

    Raises:
        UsageFault: the folder cannot be read, or lab.yaml names an unknown value.
    """
    sources = {each.name: _source(each) for each in sorted(folder.glob("*.j2"))}
    troubles = [trouble for source in sources.values() for trouble in _syntax(source)]
    try:
        rendered = {} if troubles else trace_tree(lab, folder)
    except TemplateFault as fault:
        path = str(folder / fault.template)
        troubles.append(TemplateTrouble(path, fault.line, fault.why))
        rendered = {}
    found = lint(Tree(templates=tuple(troubles)))
    contents = {name: file.content for name, file in rendered.items()}
    files = tree_of(contents, whole=False, models=models_of(lab), installed=installed)
    found += at_templates(lint(files), rendered, folder)
    wanted = str(folder / only)
    return sorted(
        each
        for each in set(found)
        if (not only or each.path == wanted)
        and not is_suppressed(each, sources.get(Path(each.path).name))
    )


def at_templates(
    findings: Iterable[Finding], rendered: Mapping[str, Rendered], folder: Path
) -> list[Finding]:
    """Return findings in rendered files as findings in their templates, each once."""
    moved: dict[Finding, None] = {}
    for finding in findings:
        origin = rendered[finding.path]
        line = origin.lines[min(max(finding.line, 1), len(origin.lines)) - 1]
        moved[replace(finding, path=str(folder / origin.template), line=line)] = None
    return list(moved)


def _source(path: Path) -> Document:
    try:
        return read_document(str(path), path.read_bytes())
    except OSError as error:
        raise UsageFault(
            f"cannot read {path}: {error.strerror}", hint="give a folder of templates"
        ) from error


def _syntax(source: Document) -> Iterator[TemplateTrouble]:
    try:
        Environment(autoescape=True).parse(source.content.decode("utf-8"))
    except TemplateSyntaxError as error:
        yield TemplateTrouble(source.path, error.lineno, error.message or "not a template")
    except UnicodeDecodeError as error:
        line = source.content[: error.start].count(b"\n") + 1
        yield TemplateTrouble(source.path, line, "bytes that are no UTF-8")
