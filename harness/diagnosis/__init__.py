"""Why it failed: one rule for each known failure of these phones.

Clues in, cause, confidence and fix out, with the lines that prove it. A clue is an event of the
timeline or of a file a user sent: capture, log, configuration. Nothing here touches a bench.
"""

from harness.diagnosis.case import Case, Clue
from harness.diagnosis.diagnose import all_rules, diagnose
from harness.diagnosis.diagnosis import Confidence, Diagnosis
from harness.diagnosis.reading import read_case
from harness.diagnosis.report import as_json, as_text
from harness.diagnosis.rule import RULES, Rule

__all__ = [
    "RULES",
    "Case",
    "Clue",
    "Confidence",
    "Diagnosis",
    "Rule",
    "all_rules",
    "as_json",
    "as_text",
    "diagnose",
    "read_case",
]
