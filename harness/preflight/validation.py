"""The whole pre-flight, from two versions to one verdict."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from harness.errors import UsageFault
from harness.preflight.judgement import Judgement, Outcome, judge
from harness.preflight.trial import Trial, chosen_tests, representatives, try_out
from harness.preflight.version import Version
from harness.provisioning import render_tree
from harness.provisioning.diff import as_text, diff_trees
from harness.provisioning.diff.changes import ALL_PHONES
from harness.provisioning.lint import Finding, lint, tree_of

__all__ = ["validate"]


def validate(
    old: Version,
    new: Version,
    directory: Path,
    *,
    suite: Path,
    say: Callable[[str], None],
    baseline: Trial | None = None,
    max_failures: int = 4,
) -> Judgement:
    """Judge the change from one version to another.

    Args:
        old: the version in use.
        new: the version to judge.
        directory: gets the evidence of both nights.
        suite: the regression tests.
        say: told what is going on, a line at a time.
        max_failures: a trial ends after so many.
        baseline: a trial of the old version with all tests, where one was made already.

    Raises:
        UsageFault: the old version cannot be rendered.
        BenchFault: a trial left no result.
    """
    before = render_tree(old.lab, old.templates)
    try:
        after = render_tree(new.lab, new.templates)
    except UsageFault as fault:
        return Judgement(Outcome.BREAKS, (f"no file can be rendered: {fault}",))
    changes = diff_trees(before, after)
    say(as_text(changes))
    known = {_what(finding) for finding in lint(tree_of(before))}
    findings = [each for each in lint(tree_of(after)) if _what(each) not in known]
    for finding in findings:
        say(str(finding))
    if not changes:
        return judge(changes, findings, None, None)
    every = [spec.host_name for spec in new.lab.phones.values()]
    touched = {phone for change in changes for phone in change.phones}
    phones = representatives(new.lab, every if ALL_PHONES in touched else sorted(touched))
    if not phones:
        return judge(changes, findings, None, None)
    tests = chosen_tests({area for change in changes for area in change.element.areas})
    say(f"trying on {', '.join(phones)}: {tests}")
    first = baseline or try_out(old, phones, tests, directory / "old", suite=suite, say=say)
    second = try_out(
        new, phones, tests, directory / "new", suite=suite, say=say, max_failures=max_failures
    )
    return judge(changes, findings, first, second)


def _what(finding: Finding) -> tuple[str, str, str]:
    return finding.rule, finding.path, finding.found
