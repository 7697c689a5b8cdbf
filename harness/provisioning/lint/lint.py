"""Run the rules over a tree, apply suppressions."""

from __future__ import annotations

from harness.provisioning.lint import (  # noqa: F401 (importing a rule registers it)
    rules_dhcp,
    rules_features,
    rules_files,
    rules_form,
    rules_lines,
    rules_loads,
    rules_pbx,
    rules_servers,
    rules_values,
)
from harness.provisioning.lint.document import Document
from harness.provisioning.lint.finding import Finding
from harness.provisioning.lint.rule import RULES, Rule
from harness.provisioning.lint.rules_form import Suppression
from harness.provisioning.lint.tree import Tree

__all__ = ["all_rules", "is_suppressed", "lint"]


def all_rules() -> list[Rule]:
    """Return every rule, in the order of the catalogue."""
    return list(RULES.values())


def lint(tree: Tree) -> list[Finding]:
    """Return what is wrong, sorted by file and line.

    A finding is left out where its line, or the one above, says ``lint: allow RULE REASON`` in a
    comment. A suppression that gives no reason, or names no rule, is itself a finding.
    """
    found = {finding for rule in all_rules() for finding in rule.check(tree)}
    documents = {document.path: document for document in tree.documents}
    return sorted(
        finding for finding in found if not is_suppressed(finding, documents.get(finding.path))
    )


def is_suppressed(finding: Finding, document: Document | None) -> bool:
    """Tell whether a file allows a finding at its line, with a reason."""
    if document is None or finding.rule == Suppression.id:
        return False
    return bool(document.allowed.get(finding.line, {}).get(finding.rule))
