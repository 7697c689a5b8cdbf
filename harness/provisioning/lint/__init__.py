"""What is wrong with a configuration, told before a phone reads it.

One small class per mistake, each with its symptom on the phone, its cure and its source. Rules
look at files only; what really happens to a phone is shown on the bench, elsewhere.
"""

from harness.provisioning.lint.document import Document, Kind, read_document
from harness.provisioning.lint.finding import Finding, Severity
from harness.provisioning.lint.lint import all_rules, lint
from harness.provisioning.lint.report import as_catalogue, as_json, as_sarif, as_text
from harness.provisioning.lint.rule import RULES, DocumentRule, Rule
from harness.provisioning.lint.templates import at_templates, lint_templates, models_of
from harness.provisioning.lint.tree import Tree, read_tree, tree_of

__all__ = [
    "RULES",
    "Document",
    "DocumentRule",
    "Finding",
    "Kind",
    "Rule",
    "Severity",
    "Tree",
    "all_rules",
    "as_catalogue",
    "as_json",
    "as_sarif",
    "as_text",
    "at_templates",
    "lint",
    "lint_templates",
    "models_of",
    "read_document",
    "read_tree",
    "tree_of",
]
