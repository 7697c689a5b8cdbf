"""The whole pre-flight, from two versions to one verdict."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

from harness.deadlines import Patience
from harness.errors import UsageFault
from harness.lab.reservation import reserve
from harness.lab.resources import bench_resources
from harness.preflight.judgement import Judgement, Outcome, judge
from harness.preflight.trial import Trial, chosen_tests, representatives, try_out
from harness.preflight.version import Version
from harness.provisioning.diff import as_text, diff_trees
from harness.provisioning.lint import Finding, at_templates, lint, models_of, tree_of
from harness.provisioning.lint import as_text as lint_text
from harness.provisioning.render import TEMPLATES, Rendered, trace_tree

__all__ = ["validate"]


def _indent(text: str) -> str:
    """Set a text off from the line that announces it."""
    return textwrap.indent(text, "  ")


def validate(
    old: Version,
    new: Version,
    directory: Path,
    *,
    suite: Path,
    say: Callable[[str], None],
    baseline: Trial | None = None,
    max_failures: int = 4,
    wait: float = 0.0,
) -> Judgement:
    """Judge the change from one version to another.

    Args:
        old: the version in use.
        new: the version to judge.
        directory: gets the evidence of both nights.
        suite: the regression tests.
        say: told what is going on, a line at a time.
        max_failures: a trial ends after so many.
        wait: seconds to wait for whoever uses the bench.
        baseline: a trial of the old version with all tests, where one was made already.

    Raises:
        UsageFault: the old version cannot be rendered.
        BenchFault: a trial left no result, or another harness has the bench.
    """
    before = trace_tree(old.lab, old.templates)
    try:
        after = trace_tree(new.lab, new.templates)
    except UsageFault as fault:
        return Judgement(Outcome.BREAKS, (f"no file can be rendered: {fault}",))
    changes = diff_trees(_contents(before), _contents(after))
    say("what changes:")
    say(_indent(as_text(changes, {each.host_name: each.model for each in new.lab.phones.values()})))
    usual = {_what(finding) for finding in _findings(old, before)}
    findings = [each for each in _findings(new, after) if _what(each) not in usual]
    if findings:
        say("what lint says of the new version and not of the old:")
        say(_indent(lint_text(findings)))
    if not changes:
        return judge(changes, findings, None, None)
    phones = representatives(new.lab, changes)
    if not phones:
        return judge(changes, findings, None, None)
    tests = chosen_tests({area for change in changes for area in change.element.areas})
    say(f"trying both versions on {', '.join(phones)}: {tests}")
    # A phone that is new has no old version to compare with.
    known_phones = [phone for phone in phones if phone in old.lab.phones]
    first = baseline
    # Both trials are compared: nobody else gets the bench between them.
    both = bench_resources(old.lab) + bench_resources(new.lab)
    patience = Patience(wait)
    with reserve(both, reason=f"validates against {old.name}", within=patience.left, say=say):

        def trial(version: Version, on: list[str], name: str, failures: int = 4) -> Trial:
            return try_out(
                version,
                on,
                tests,
                directory / name,
                suite=suite,
                say=say,
                max_failures=failures,
                wait=patience.left,
            )

        if first is None and known_phones:
            first = trial(old, known_phones, "old")
        second = trial(new, phones, "new", max_failures)
    return judge(changes, findings, first, second)


def _contents(rendered: Mapping[str, Rendered]) -> dict[str, bytes]:
    return {name: file.content for name, file in rendered.items()}


def _findings(version: Version, rendered: Mapping[str, Rendered]) -> list[Finding]:
    found = lint(tree_of(_contents(rendered), models=models_of(version.lab)))
    return at_templates(found, rendered, version.templates or Path(TEMPLATES))


def _what(finding: Finding) -> tuple[str, str, str]:
    # The line moves with every edit above it, and each version's templates lie elsewhere.
    return finding.rule, Path(finding.path).name, finding.found
