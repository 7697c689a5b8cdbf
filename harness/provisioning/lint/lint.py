"""Run the rules over a tree, apply suppressions."""

from __future__ import annotations

from collections.abc import Iterable

from harness.provisioning.lint import (  # noqa: F401 (importing a rule registers it)
    rules_files,
    rules_form,
    rules_lines,
    rules_pbx,
    rules_servers,
    rules_values,
)
from harness.provisioning.lint.finding import Finding, Severity
from harness.provisioning.lint.rule import RULES, Rule
from harness.provisioning.lint.tree import Tree

__all__ = ["all_rules", "lint"]


def all_rules() -> list[Rule]:
    """Return every rule, in the order of the catalogue."""
    return list(RULES.values())


def lint(tree: Tree) -> list[Finding]:
    """Return what is wrong, sorted by file and line.

    A finding is left out where its line, or the one above, says ``lint: allow RULE REASON`` in a
    comment. A suppression that gives no reason, or names no rule, is itself a finding.
    """
    found = {finding for rule in all_rules() for finding in rule.check(tree)}
    allowed = {document.path: document.allowed for document in tree.documents}
    kept = (
        finding
        for finding in found
        if not allowed.get(finding.path, {}).get(finding.line, {}).get(finding.rule)
    )
    return sorted([*kept, *_bad_suppressions(tree)])


def _bad_suppressions(tree: Tree) -> Iterable[Finding]:
    for document in tree.documents:
        for line, rules in document.allowed.items():
            for rule, reason in rules.items():
                first = rule not in document.allowed.get(line - 1, {})
                if first and (not reason or rule not in RULES):
                    yield Finding(
                        path=document.path,
                        line=line,
                        rule="suppression",
                        severity=Severity.WARNING,
                        key="",
                        found=f"no rule is named {rule}"
                        if rule not in RULES
                        else f"{rule} is suppressed without a reason",
                        symptom="none",
                        fix="lint: allow RULE and, on the same line, why",
                    )
