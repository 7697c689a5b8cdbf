"""Mail a night to whom its exit code concerns: `notify.command` of lab.yaml.

Reads the night's summary as JSON on standard input and gives a message to sendmail. A night that
passed is told to nobody. Standard library only.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from email.message import EmailMessage
from typing import Any

#: Who acts and what it is, by exit code (docs/reference/exit-codes.md).
CONCERNS = {
    1: ("developers", "product fault"),
    2: ("lab", "lab.yaml or the arguments cannot be used"),
    3: ("lab", "bench fault"),
    4: ("lab", "inconclusive"),
    70: ("lab", "a bug of the harness"),
}


def message(summary: dict[str, Any], to: dict[str, str]) -> EmailMessage | None:
    """The mail, or nothing when nobody has to act."""
    code = summary["exit_code"]
    if code in {0, 130}:
        return None
    who, what = CONCERNS.get(code, ("lab", f"exit code {code}"))
    nights = summary["nights"]
    mail = EmailMessage()
    mail["To"] = to[who]
    runs = ", ".join(night["run"] for night in nights) or "no test ran"
    mail["Subject"] = f"phone bench: {what} ({runs})"
    lines = []
    for night in nights:
        counts = ", ".join(f"{number} {verdict}" for verdict, number in night["verdicts"].items())
        lines.append(f"{night['run']} on {night['bench']}: {counts}")
        lines += [f"  {each['kind']}: {each['of']} {each['told']}" for each in night["changes"]]
        lines += [f"  note: {note}" for note in night["notes"]]
    mail.set_content("\n".join(lines) + "\n")
    return mail


def main() -> int:
    """Send it; sendmail's exit code is this one's."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--developers", required=True, metavar="ADDRESS")
    parser.add_argument("--lab", required=True, metavar="ADDRESS")
    parser.add_argument("--sendmail", default="/usr/sbin/sendmail", metavar="PROGRAM")
    options = parser.parse_args()
    mail = message(json.load(sys.stdin), {"developers": options.developers, "lab": options.lab})
    if mail is None:
        return 0
    told = subprocess.run([options.sendmail, "-t"], input=mail.as_bytes(), check=False)
    return told.returncode


if __name__ == "__main__":
    sys.exit(main())
