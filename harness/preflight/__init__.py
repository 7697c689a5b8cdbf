"""A template change judged before rollout: rendered, linted, compared, tried on the bench.

What is judged here was found elsewhere: rules in ``provisioning``, verdicts by the regression
suite. This room puts old and new side by side and says safe, risky or breaks.
"""

from harness.preflight.judgement import Judgement, Outcome, judge
from harness.preflight.trial import Trial, try_out
from harness.preflight.version import Version, at_reference, working_tree

__all__ = [
    "Judgement",
    "Outcome",
    "Trial",
    "Version",
    "at_reference",
    "judge",
    "try_out",
    "working_tree",
]
