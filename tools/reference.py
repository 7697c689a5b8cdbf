"""Write the pages of docs/ that are made from code: ``make reference``.

tests/unit/docs demands that what is in the repository is what this writes.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
# Run as a script, this folder is on the path and the project is not.
sys.path.insert(0, str(ROOT))

from fixtures.plugin import MARKERS, pytest_addoption  # noqa: E402
from harness.cli import COMMANDS, build_parser  # noqa: E402
from harness.diagnosis.report import as_catalogue as diagnosis_rules  # noqa: E402
from harness.events import EVENT_KINDS, LampColour, Record  # noqa: E402
from harness.lab.schema import as_reference, as_schema  # noqa: E402
from harness.provisioning.lint import as_catalogue as lint_rules  # noqa: E402
from harness.virtual.confirmations import read_confirmations  # noqa: E402
from harness.virtual.fidelity import BEHAVIOURS, Behaviour, Grade  # noqa: E402

__all__ = ["PAGES"]

#: The kinds of pages, in the order a newcomer needs them: folder, heading, what they are for.
_KINDS = (
    ("tutorial", "Tutorial", "To begin with, once."),
    ("how-to", "How-to", "Something has to be done."),
    ("reference", "Reference", "To look something up."),
    ("explanation", "Explanation", "To understand what a result is worth."),
    ("decisions", "Decisions", "Why it is as it is, what was turned down, and what it costs."),
)


def cli_page() -> str:
    """Every command and sub-command with its arguments."""
    parts = [
        "# Command line",
        "",
        "Written by `make reference` from the commands' own parsers; a test keeps it equal.",
        "Exit codes: [exit-codes.md](exit-codes.md).",
    ]
    for name in COMMANDS:
        parser = build_parser(name)
        parts += ["", f"## harness {name}"]
        parts += ["", _plain(parser.description or "").strip()]
        parts += _arguments(parser)
        for action, help_text, inner in _actions(parser):
            parts += ["", f"### harness {name} {action}", "", _sentence(help_text)]
            parts += _arguments(inner)
    return "\n".join(parts) + "\n"


def _actions(
    parser: argparse.ArgumentParser,
) -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    for group in parser._actions:
        if isinstance(group, argparse._SubParsersAction):
            helps = {each.dest: each.help or "" for each in group._choices_actions}
            for name, inner in group.choices.items():
                yield name, helps[name], inner


def _arguments(parser: argparse.ArgumentParser) -> list[str]:
    rows = []
    for action in parser._actions:
        if isinstance(action, (argparse._HelpAction, argparse._SubParsersAction)):
            continue
        rows.append((_argument(action), _code(_default(action)), _plain(action.help or "")))
    return ["", *_table(("argument", "default", "meaning"), rows)] if rows else []


def _argument(action: argparse.Action) -> str:
    value = action.metavar or (action.option_strings and action.dest.upper()) or action.dest
    if action.choices is not None:
        value = " or ".join(str(choice) for choice in action.choices if choice)
    shown = str(value)
    if action.nargs in {"+", "*"}:
        shown = f"{shown}..."
    if action.nargs in {"?", "*"}:
        shown = f"[{shown}]"
    if action.nargs == 0:
        shown = ""
    named = [f"{each} {shown}".rstrip() for each in action.option_strings] or [shown]
    return ", ".join(_code(each) for each in named)


def _default(action: argparse.Action) -> str:
    value = action.default
    if value in (None, "", False, 0) or value == [] or value is argparse.SUPPRESS:
        return ""
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


class _Options:
    """Stands for pytest's parser and its group, and keeps what it is told."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, str]] = []

    def getgroup(self, _name: str) -> _Options:
        return self

    def addoption(self, name: str, **told: Any) -> None:
        choices = [choice for choice in told.get("choices", ()) if choice]
        name = f"{name} {' or '.join(choices)}" if choices else f"{name} {name[2:].upper()}"
        self.rows.append((_code(name), _code(told.get("default", "")), told["help"]))


def fixtures_page() -> str:
    """The fixtures, markers and options of the pytest plug-in."""
    options = _Options()
    pytest_addoption(options)  # type: ignore[arg-type]
    markers = [line.partition(": ") for line in MARKERS]
    parts = [
        "# The pytest plug-in",
        "",
        "Written by `make reference` from the plug-in's code; a test keeps it equal.",
        "A test that takes `phone`, `station_phone`, `pdu`, `keypad` or a window runs once for",
        "each phone of the lab; `station` is that phone's name.",
        "",
        "## Fixtures",
        "",
        *_table(("fixture", "gives", "lives for", "what it is"), sorted(fixtures())),
        "",
        "## Markers",
        "",
        *_table(("marker", "meaning"), [(_code(name), text) for name, _, text in markers]),
        "",
        "## Options",
        "",
        *_table(("option", "default", "meaning"), options.rows),
    ]
    return "\n".join(parts) + "\n"


def fixtures() -> Iterator[tuple[str, str, str, str]]:
    """Read name, type, scope and docstring of each fixture from the source."""
    for path in sorted((ROOT / "fixtures").glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.FunctionDef):
                continue
            marks = [each for each in node.decorator_list if "pytest.fixture" in ast.unparse(each)]
            if not marks:
                continue
            scope = "run" if "session" in ast.unparse(marks[0]) else "test"
            given = ast.unparse(node.returns) if node.returns is not None else ""
            if given.startswith("Iterator["):
                given = given.removeprefix("Iterator[").removesuffix("]")
            text = " ".join(_plain(ast.get_docstring(node) or "").split())
            yield _code(node.name), _code(given), scope, text


def events_page() -> str:
    """Every kind of event, its fields and its meaning."""
    ours = [each for each in EVENT_KINDS.values() if each.__module__ == Record.__module__]
    parts = [
        "# Events",
        "",
        "Written by `make reference` from harness/events.py; a test keeps it equal.",
        "A line of a run's timeline is one of these, as JSON.",
        "",
        "## Envelope",
        "",
        _paragraphs(Record.__doc__),
        "",
        *_table(
            ("field", "type"),
            [(_code(f.name), _code(str(f.type))) for f in fields(Record) if f.name != "event"]
            + [("`kind`", "`str`: one of the kinds below"), ("`event`", "its fields")],
        ),
        "",
        f"A `LampColour` is {' or '.join(_code(str(each)) for each in LampColour)}.",
    ]
    for event in ours:
        parts += ["", f"## {event.kind}", "", _paragraphs(event.__doc__), ""]
        parts += _table(
            ("field", "type"), [(_code(f.name), _code(str(f.type))) for f in fields(event)]
        )
    return "\n".join(parts) + "\n"


_FIDELITY = """\
# How true the twins are

Written by `make reference` from harness/virtual/fidelity.py; a test keeps it equal.

A green night on a virtual bench shows that the harness, the templates, Asterisk and the peers work
with a phone that behaves as written here. It shows nothing about what is not in this table, and
about a row no more than its grade allows. That is why every result says `virtual` or `hardware`.

| grade | means |
|---|---|
| sourced | published by the maker, or captured or logged by somebody on this family |
| inferred | follows from something sourced: a sibling model, a close relative's code, a default |
| remembered | known by experience only: the first to look at on hardware |

*On hardware* says by which benches a recording of real phones was seen to agree with a row in full:
[hold the twins against a night](../how-to/compare-with-the-twin.md). A recording of twins never
counts, and what no test shows in full waits for a test.

What the twin does fast: boot, flash and lamps run on a clock of its own, faster than on hardware.
SIP, RTP, TFTP and DHCP keep real time. What no table can tell is left to the first hardware night:
[from boxes to the first green night](../how-to/from-boxes-to-the-first-green-night.md).
"""


def _never(row: Behaviour) -> str:
    return "never" if row.can_be_shown else "never; no test shows all of it"


_COLUMNS = ("row", "behaviour", "where", "source", "grade", "on hardware")


def fidelity_page() -> str:
    """The twins' behaviours with source, grade, and whether hardware ever confirmed them."""
    counts = {grade: sum(each.grade is grade for each in BEHAVIOURS) for grade in Grade}
    told = ", ".join(f"{n or 'none'} {grade}" for grade, n in counts.items())
    confirmed: dict[str, list[str]] = {}
    for each in read_confirmations():
        confirmed.setdefault(each.behaviour, []).append(str(each))
    count = sum(each.key in confirmed for each in BEHAVIOURS)
    ever = f"{count} confirmed on hardware" if count else "**none was ever confirmed on hardware**"
    parts = [_FIDELITY, f"Of {len(BEHAVIOURS)} behaviours: {told}; {ever}."]
    for area in dict.fromkeys(each.area for each in BEHAVIOURS):
        rows = [
            (
                _code(each.key),
                each.does,
                _code(f"harness.virtual.{each.where}"),
                each.source,
                each.grade.value,
                "; ".join(confirmed.get(each.key, ())) or _never(each),
            )
            for each in BEHAVIOURS
            if each.area == area
        ]
        parts += ["", f"## {area}", "", *_table(_COLUMNS, rows)]
    return "\n".join(parts) + "\n"


def index_page() -> str:
    """Every page of docs/, by kind and title."""
    parts = ["# Documentation", "", "Written by `make reference` from the pages' titles."]
    for folder, heading, purpose in _KINDS:
        names = {path.name for path in (ROOT / "docs" / folder).glob("*.md")}
        names |= {Path(page).name for page in PAGES if page.startswith(f"docs/{folder}/")}
        parts += ["", f"## {heading}", "", purpose, ""]
        for name in sorted(names - {"README.md"}):
            if name.endswith(".md"):
                parts.append(f"- [{_title(f'docs/{folder}/{name}')}]({folder}/{name})")
    return "\n".join(parts) + "\n"


def _title(page: str) -> str:
    make = PAGES.get(page)
    text = make() if make is not None else (ROOT / page).read_text(encoding="utf-8")
    return text.partition("\n")[0].removeprefix("# ")


#: The generated pages by their path, each with what makes it.
PAGES: dict[str, Callable[[], str]] = {
    "docs/README.md": index_page,
    "docs/explanation/fidelity.md": fidelity_page,
    "docs/reference/cli.md": cli_page,
    "docs/reference/diagnosis-rules.md": diagnosis_rules,
    "docs/reference/events.md": events_page,
    "docs/reference/lab-yaml.md": as_reference,
    "docs/reference/lab.schema.json": as_schema,
    "docs/reference/lint-rules.md": lint_rules,
    "docs/reference/pytest-plugin.md": fixtures_page,
}


def _plain(text: str) -> str:
    return text.replace("``", "`")


def _paragraphs(text: str | None) -> str:
    lines = (line.strip() for line in _plain(text or "").strip().splitlines())
    return "\n".join(lines).replace(":class:`Record`", "`Record`")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |"]
    lines.append("|" + "---|" * (lines[0].count("|") - 1))
    for row in rows:
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |")
    return lines


def main() -> None:
    """Write every page that is not current."""
    for name, make in PAGES.items():
        path, text = ROOT / name, make()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(name)


if __name__ == "__main__":
    main()
