"""Which behaviours of the twins were ever confirmed on hardware: by whose bench, load and run.

The file beside this module is appended to by ``harness twin compare --confirm``, by nothing else.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from harness.errors import UsageFault

__all__ = ["CONFIRMATIONS", "Confirmation", "append_confirmations", "read_confirmations"]

#: Where they are kept unless a command is told otherwise.
CONFIRMATIONS = Path(__file__).with_name("confirmations.toml")
_TABLE = "confirmed"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """One behaviour, seen on hardware: ``date`` as YYYY-MM-DD, ``run`` the run's id."""

    behaviour: str
    bench: str
    model: str
    load: str
    date: str
    run: str

    def __str__(self) -> str:
        return f"{self.bench}: {self.model} with {self.load}, {self.date}"


def read_confirmations(path: Path = CONFIRMATIONS) -> list[Confirmation]:
    """Return what was confirmed, oldest first; nothing when there is no file.

    Raises:
        UsageFault: the file cannot be read, or was written by hand and has other members.
    """
    if not path.exists():
        return []
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8")).get(_TABLE, [])
        return [Confirmation(**row) for row in rows]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError) as error:
        raise UsageFault(
            f"{path} cannot be read: {error}",
            hint="it is written by harness twin compare --confirm; take back what else was done",
        ) from error


def append_confirmations(
    found: Iterable[Confirmation], path: Path = CONFIRMATIONS
) -> list[Confirmation]:
    """Write down what is new, and return it; a run confirms a behaviour of a load once.

    Raises:
        UsageFault: the file cannot be read or written.
    """
    known = {*read_confirmations(path)}
    new = [each for each in dict.fromkeys(found) if each not in known]
    text = "".join(_as_toml(each) for each in new)
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageFault(
            f"{path} cannot be written: {error.strerror}", hint="name another: --confirmations FILE"
        ) from error
    return new


def _as_toml(row: Confirmation) -> str:
    # A JSON string is a TOML basic string, but for the one character TOML wants escaped as well.
    values = asdict(row)
    quoted = {f.name: json.dumps(values[f.name]).replace("\x7f", "\\u007F") for f in fields(row)}
    return f"\n[[{_TABLE}]]\n" + "".join(f"{name} = {value}\n" for name, value in quoted.items())
