"""The rule: one class for each mistake, found by its identifier."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from harness.provisioning.lint.document import Document, Kind, Value
from harness.provisioning.lint.finding import Finding, Severity
from harness.provisioning.lint.tree import Tree

__all__ = ["RULES", "DocumentRule", "Rule"]

#: Every rule by its identifier, in the order of definition.
RULES: dict[str, Rule] = {}


class Rule(ABC):
    """One mistake. A subclass states what it is and finds it; defining it registers it."""

    id: ClassVar[str]
    severity: ClassVar[Severity] = Severity.ERROR
    title: ClassVar[str]
    symptom: ClassVar[str]
    fix: ClassVar[str]
    source: ClassVar[str]

    def __init_subclass__(cls, *, abstract: bool = False) -> None:
        super().__init_subclass__()
        if not abstract:
            RULES[cls.id] = cls()

    @abstractmethod
    def check(self, tree: Tree) -> Iterator[Finding]:
        """Yield what is wrong in a set of files."""

    def finding(
        self,
        document: Document,
        where: Value | int,
        found: str,
        *,
        severity: Severity | None = None,
        fix: str = "",
    ) -> Finding:
        """Make a finding of this rule."""
        line, key = (where.line, where.key) if isinstance(where, Value) else (where, "")
        return Finding(
            path=document.path,
            line=line,
            rule=self.id,
            severity=severity or self.severity,
            key=key,
            found=found,
            symptom=self.symptom,
            fix=fix or self.fix,
        )


class DocumentRule(Rule, abstract=True):
    """A rule that looks at one file at a time, of certain kinds."""

    kinds: ClassVar[tuple[Kind, ...]] = (Kind.PHONE,)

    def check(self, tree: Tree) -> Iterator[Finding]:
        """Look at every file of the kinds."""
        for document in tree.documents:
            if document.kind in self.kinds:
                yield from self.look(document, tree)

    @abstractmethod
    def look(self, document: Document, tree: Tree) -> Iterator[Finding]:
        """Yield what is wrong in one file."""
