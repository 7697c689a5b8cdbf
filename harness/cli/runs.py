"""The nights so far: what each was, what changed between them, and since when.

A night is named by its run, by the beginning of that name, or 'latest'; a test by any part of its
name that only it has.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from harness.cli.table import print_table
from harness.errors import UsageFault
from harness.runs import Verdict
from harness.runs.history import (
    FILE_NAME,
    History,
    Night,
    by_pbx,
    compare,
    flips,
    import_run,
    trends,
)

__all__ = ["configure", "run"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of this command."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--runs-dir", default="runs", metavar="DIR", help="where runs are kept")
    common.add_argument("--history", default="", metavar="FILE", help=f"default: DIR/{FILE_NAME}")
    chosen = argparse.ArgumentParser(add_help=False)
    chosen.add_argument("--bench", default="", help="the lab's name, if there are several")
    chosen.add_argument("--pbx", default="", help="only nights with this Asterisk")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    both = [common, chosen]
    actions.add_parser("list", parents=both, help="the nights, oldest first")
    show = actions.add_parser("show", parents=[common], help="every test of a night")
    show.add_argument("night", metavar="NIGHT", nargs="?", default="latest")
    held = actions.add_parser("compare", parents=[common], help="what changed from A to B")
    held.add_argument("before", metavar="A")
    held.add_argument("after", metavar="B", nargs="?", default="latest")
    fill = actions.add_parser("import", parents=[common], help="take in runs by their folders")
    fill.add_argument("folders", metavar="RUN", nargs="+")
    bad = actions.add_parser("first-bad", parents=both, help="what broke a test, and when")
    bad.add_argument("test", metavar="TEST")
    turning = actions.add_parser("flips", parents=both, help="tests that turn without a cause")
    turning.add_argument("--all", action="store_true", help="also those that never turned")
    way = actions.add_parser("trend", parents=both, help="measurements over the nights")
    way.add_argument("name", metavar="MEASUREMENT", nargs="?", default="")
    way.add_argument("-k", dest="test", default="", help="only tests with this in their name")


def run(options: argparse.Namespace) -> int:
    """Answer from the history.

    Raises:
        UsageFault: no history there, or no such night or test in it.
    """
    path = Path(options.history or Path(options.runs_dir) / FILE_NAME)
    if options.action != "import" and not path.exists():
        raise UsageFault(f"there is no history at {path}", hint="harness runs import RUN...")
    action = {
        "list": _list, "show": _show, "compare": _compare, "import": _import,
        "first-bad": _first_bad, "flips": _flips, "trend": _trend,
    }[options.action]  # fmt: skip
    with History(path) as history:
        return action(history, options)


def _list(history: History, options: argparse.Namespace) -> int:
    rows = [
        (
            night.run_id, _when(night.started), ", ".join(night.benches), night.pbx,
            ", ".join(night.loads), _counts(night),
            "" if night.ended else "did not end",
        )
        for night in history.nights(lab=options.bench, pbx=options.pbx)
    ]  # fmt: skip
    print_table(("night", "started", "bench", "PBX", "load", "verdicts", ""), rows)
    return 0


def _show(history: History, options: argparse.Namespace) -> int:
    night = history.night(options.night)
    print(f"{night.run_id}: {_when(night.started)}, {', '.join(night.benches)}, {night.pbx}")
    for name, value in {**night.versions, **night.seeded}.items():
        print(f"{name}: {value}")
    rows = [
        (
            entry.name, entry.verdict, f"{entry.duration:.1f} s",
            " ".join(f"{name}={value:g}" for name, value in entry.measurements.items()),
            entry.key.model, entry.key.load, entry.key.templates, entry.reason,
        )
        for entry in night.entries
    ]  # fmt: skip
    print_table(
        ("test", "verdict", "took", "measured", "model", "load", "templates", "reason"), rows
    )
    return 0


def _compare(history: History, options: argparse.Namespace) -> int:
    before, after = history.night(options.before), history.night(options.after)
    told = compare(before, after, history.nights(lab=before.lab, before=before.started))
    changes = (
        ("newly failing", told.newly_failing),
        ("newly passing", told.newly_passing),
        ("ended otherwise", told.otherwise),
    )
    rows = [
        (kind, _name(c.test), f"{c.before or 'not run'} → {c.after}", c.reason)
        for kind, several in changes
        for c in several
    ]
    rows += [("slower", _name(each.test), str(each), "") for each in told.slower]
    rows += [("not run", _name(test), "", "") for test in told.missing]
    rows += [("new test", _name(test), "", "") for test in told.added]
    rows += [
        ("retried", _name(t), f"carried out {n + 1} times", "") for t, n in told.retried.items()
    ]
    if rows:
        print_table(("change", "test", "from → to", "reason"), rows)
    else:
        print(f"nothing changed from {before.run_id} to {after.run_id}")
    return int(bool(told.newly_failing))


def _import(history: History, options: argparse.Namespace) -> int:
    for folder in options.folders:
        print(f"{folder}: {import_run(history, Path(folder))} new results")
    return 0


def _first_bad(history: History, options: argparse.Namespace) -> int:
    nights = history.nights(lab=options.bench, pbx=options.pbx)
    test = _one("test", options.test, (e.key.test for night in nights for e in night.entries))
    benches = {e.key.bench for night in nights for e in night.entries if e.key.test == test}
    for bench in sorted(benches):
        for pbx, found in by_pbx(test, [night.only(bench) for night in nights]).items():
            print(f"{_name(test)} on {bench}, {pbx}: {found.answer}")
            for entry in found.between:
                print(f"  in between: {entry.run_id}: {entry.verdict}: {entry.reason}")
            if found.first_bad is not None and found.first_bad.reason:
                print(f"  it says: {found.first_bad.reason}")
                print(f"  evidence: {found.first_bad.evidence}")
    return 0


def _flips(history: History, options: argparse.Namespace) -> int:
    found = flips(history.nights(lab=options.bench, pbx=options.pbx))
    rows = [
        (
            _name(each.key.test), each.key.load, each.key.pbx, each.key.bench,
            f"{each.turned} of {each.pairs}", f"{each.rate:.0%}",
            "{:.0%} to {:.0%}".format(*each.interval),
        )
        for each in found
        if each.turned or options.all
    ]  # fmt: skip
    if not rows:
        print(f"no test turned within one key ({len(found)} keys with two results or more)")
        return 0
    print_table(("test", "load", "PBX", "bench", "turned", "rate", "95 % interval"), rows)
    return 0


def _trend(history: History, options: argparse.Namespace) -> int:
    nights = history.nights(lab=options.bench, pbx=options.pbx)
    found = trends(nights, test=options.test, name=options.name)
    rows = [
        (
            _name(each.test), each.name, each.bench, each.pbx, str(len(each.values)),
            f"{each.values[-1]:.4g}", "; ".join(each.told(change) for change in each.changes),
        )
        for each in found
    ]  # fmt: skip
    if not rows:
        raise UsageFault("no measurement of that name", hint="harness runs show names them")
    print_table(("test", "measurement", "bench", "PBX", "nights", "last", "changes"), rows)
    return 0


def _one(what: str, part: str, names: Iterable[str]) -> str:
    every = list(dict.fromkeys(names))
    found = [name for name in every if name == part or _name(name) == part]
    found = found or [name for name in every if part in name]
    if len(found) != 1:
        some = ", ".join(_name(name) for name in (found or every)[:6]) or "nothing at all"
        told = "several tests have" if found else f"no {what} has"
        raise UsageFault(f"{told} {part!r} in its name", hint=f"there is: {some}")
    return found[0]


def _name(test: str) -> str:
    return test.rpartition("/")[2]


def _when(started: float) -> str:
    return datetime.fromtimestamp(started).astimezone().strftime("%Y-%m-%d %H:%M")


def _counts(night: Night) -> str:
    return ", ".join(f"{n} {verdict}" for verdict in Verdict if (n := night.count(verdict)))
